"""Every route: allowed, refused, unauthenticated; wrong method, unknown path, trailing slash."""

from __future__ import annotations

from pathlib import Path

import pytest

from identity.settings import OsloPolicy
from identity.web.application import MODULES
from identity.web.route import PUBLIC, routes_of
from tests.support.gateway import BASE, Cloud, check_error, project

ROUTES = {(route.method, route.path): route for route in routes_of(MODULES)}
GUARDED = [key for key, route in ROUTES.items() if route.policy != PUBLIC]
READS = sorted({path for method, path in ROUTES if method == "GET"})

# Who may ask about the token of `member`, and how an allowed request is answered.
ABOUT_MEMBER = {"GET": 200, "HEAD": 200, "DELETE": 204}
PERSONAS = {
    "admin": ("admin", project("admin"), {"GET", "HEAD", "DELETE"}),
    "the system's admin": ("admin", {"system": {"all": True}}, {"GET", "HEAD", "DELETE"}),
    "the system's reader": ("reader", {"system": {"all": True}}, {"GET", "HEAD"}),
    "a service": ("nova", project("service"), {"GET"}),
    "itself": ("member", project("web"), {"GET", "HEAD", "DELETE"}),
    "a reader of a project": ("reader", project("web"), set()),
    "a member elsewhere": ("stranger", project("shop"), set()),
    "an unscoped admin": ("admin", "unscoped", set()),
}


def test_the_list_of_routes_is_the_known_one():
    assert sorted(ROUTES) == [
        ("DELETE", "/v3/auth/tokens"),
        ("GET", "/"),
        ("GET", "/healthcheck"),
        ("GET", "/metrics"),
        ("GET", "/v3"),
        ("GET", "/v3/"),
        ("GET", "/v3/auth/catalog"),
        ("GET", "/v3/auth/domains"),
        ("GET", "/v3/auth/projects"),
        ("GET", "/v3/auth/system"),
        ("GET", "/v3/auth/tokens"),
        ("HEAD", "/v3/auth/tokens"),
        ("POST", "/v3/auth/tokens"),
    ]


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("method", ABOUT_MEMBER)
def test_who_may_ask_about_another_token(cloud: Cloud, method: str, persona: str):
    name, scope, allowed = PERSONAS[persona]
    subject = cloud.login("member", project("web"))
    caller = cloud.login(name, scope)
    answer = cloud.show(caller.token, subject.token, method=method)
    if method in allowed:
        assert answer.status_code == ABOUT_MEMBER[method]
    elif method == "HEAD":
        assert (answer.status_code, answer.data) == (403, b"")
    else:
        check_error(answer, 403)
    still = cloud.show(subject.token).status_code
    assert still == (401 if method == "DELETE" and method in allowed else 200)


@pytest.mark.parametrize("token", [None, "", "rubbish", "gAAAA" + "A" * 180], ids=["none", "empty", "rubbish", "a likeness"])
@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_no_token_no_answer(shared_cloud: Cloud, method: str, path: str, token: str | None):
    for face in ("", "/main", "/admin", "/krb"):
        answer = shared_cloud.ask(method, face + path, token=token, subject="whatever")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == f'Keystone uri="{BASE}{face}"'
        assert "X-Auth-Token" in answer.headers["Vary"]
        if method != "HEAD":
            assert check_error(answer, 401)["message"] == "The request you have made requires authentication."


@pytest.mark.parametrize("path", [path for method, path in GUARDED if method == "GET" and path != "/v3/auth/tokens"])
def test_every_user_may_ask_for_its_own_scopes(shared_cloud: Cloud, path: str):
    for name, scope in (("admin", project("admin")), ("stranger", project("shop")), ("nobody", None)):
        answer = shared_cloud.ask("GET", path, token=shared_cloud.login(name, scope).token)
        if path == "/v3/auth/catalog" and scope is None:
            check_error(answer, 403)
        else:
            assert answer.status_code == 200
            assert answer.get_json()["links"]["self"] == BASE + path


def test_every_guarded_route_asks_the_policy(cloud: Cloud, tmp_path: Path):
    """A handler that forgot to ask would serve every token holder: under a policy that denies all, none answers."""
    deny = tmp_path / "policy.yaml"
    deny.write_text("".join(f'"{ROUTES[key].policy}": "!"\n' for key in GUARDED))
    strict = cloud.second(oslo_policy=OsloPolicy(policy_file=str(deny)))
    admin = cloud.login("admin", project("admin")).token
    for method, path in GUARDED:
        assert strict.ask(method, path, token=admin, subject=admin).status_code == 403, (method, path)
        assert 403 in ROUTES[method, path].errors, "the declaration must say what the route may answer"
        allowed = cloud.ask("GET" if method == "DELETE" else method, path, token=admin, subject=admin)
        assert allowed.status_code == 200, (method, path)


@pytest.mark.parametrize("path", READS)
def test_head_is_get_without_a_body(shared_cloud: Cloud, path: str):
    token = shared_cloud.login("member", project("web")).token
    full, head = (shared_cloud.ask(method, path, token=token, subject=token) for method in ("GET", "HEAD"))
    assert head.data == b""
    assert head.status_code == full.status_code
    assert head.headers["Content-Type"] == full.headers["Content-Type"]
    if path != "/metrics":  # which has counted the first request meanwhile
        assert head.headers["Content-Length"] == full.headers["Content-Length"] == str(len(full.data))


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "X" * 300])
def test_a_wrong_method_is_told_the_right_ones(shared_cloud: Cloud, path: str, method: str):
    served = {known for known, place in ROUTES if place == path}
    if method in served:
        return
    answer = shared_cloud.ask(method, path)
    check_error(answer, 405)
    told = {name.strip() for name in answer.headers["Allow"].split(",")}
    assert told == served | ({"HEAD"} if "GET" in served else set()) | {"OPTIONS"}


@pytest.mark.parametrize(
    "path", ["/v2.0", "/v3/users", "/v3/auth", "/v3/auth/token", "/V3", "/v3/auth/tokens/x", "/krb/v3/krb/v3", "/favicon.ico"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_a_404_and_never_a_challenge(shared_cloud: Cloud, path: str, method: str):
    for face in ("", "/main", "/krb"):
        answer = shared_cloud.ask(method, face + path, body={} if method == "POST" else None)
        check_error(answer, 404)
        assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("path", [path for path in READS if path not in ("/", "/v3/")])
def test_a_trailing_slash_changes_nothing(shared_cloud: Cloud, path: str):
    token = shared_cloud.login("member", project("web")).token
    bare, slashed = (shared_cloud.ask("GET", asked, token=token, subject=token) for asked in (path, f"{path}/"))
    assert (slashed.status_code, slashed.get_json(silent=True)) == (bare.status_code, bare.get_json(silent=True))


def test_logging_in_with_a_trailing_slash(shared_cloud: Cloud):
    from tests.support.gateway import password_auth

    assert shared_cloud.ask("POST", "/v3/auth/tokens/", body=password_auth("member")).status_code == 201


def test_every_answer_says_what_it_depends_on(shared_cloud: Cloud):
    token = shared_cloud.login("member", project("web")).token
    for path in (*READS, "/nowhere"):
        answer = shared_cloud.ask("GET", path, token=token, subject=token)
        assert "X-Auth-Token" in answer.headers["Vary"], path
        assert answer.headers["X-Openstack-Request-Id"].startswith("req-")
        assert answer.headers["Cache-Control"] == "no-store"


def test_healthcheck_and_metrics_need_no_token_and_tell_no_secret(shared_cloud: Cloud):
    assert shared_cloud.ask("GET", "/healthcheck").get_json() == {"status": "ok", "detail": {}}
    token = shared_cloud.login("member", project("web")).token
    figures = shared_cloud.ask("GET", "/metrics").get_data(as_text=True)
    assert "gatestone_logins_total" in figures
    assert token not in figures and "member" not in figures
