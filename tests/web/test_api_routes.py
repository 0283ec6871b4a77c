"""Every route: allowed, refused, unauthenticated; wrong method, unknown path, trailing slash."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from identity.web.declarations import declared
from identity.web.home import template
from identity.web.route import PUBLIC
from tests.support.gateway import BASE, Cloud, check_error, project

ROUTES = {(route.method, route.path): route for route in declared()}
GUARDED = [key for key, route in ROUTES.items() if route.policy != PUBLIC]
# Paths without variables: those with variables are asked about real things in tests/web/matrix.
READS = sorted({path for method, path in ROUTES if method == "GET" and "<" not in path})
OWN_SCOPES = ["/v3/auth/catalog", "/v3/auth/projects", "/v3/auth/domains", "/v3/auth/system"]

# The API's route table: method, path, group. What is served from it comes from the declarations.
TABLE = Path(__file__).parent / "routes-v3.tsv"
NOT_YET = {
    "federation-auth": "logging in through another identity provider is a capability of its own",
    "federation-saml-idp": "so is vouching for our users elsewhere",
    "OS-OAUTH2": "and so is OAuth 2.0",
}
NOT_YET_EITHER = {("POST", "/v3/ec2tokens"), ("POST", "/v3/s3tokens")}  # they log in with keys that are only kept so far
# Another route's variable may stand for the last word: PATCH /v3/limits/model is about a limit of that name.
SHADOWED = {path for _, path in ROUTES if path == "/v3/limits/model" or path.startswith("/v3/domains/config/")}
OURS = {"/metrics", "/v3/docs", "/v3/openapi.json"}

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


def test_the_served_routes_are_the_apis():
    """The API's own table, but for what is named here."""
    with TABLE.open() as lines:
        table = {(row["method"], row["path"]): row["group"] for row in csv.DictReader(lines, delimiter="\t")}
    served = {(method, template(path)) for method, path in ROUTES}
    served |= {("HEAD", path) for method, path in served if method == "GET"}
    absent = {request: group for request, group in table.items() if request not in served}
    assert {request for request, group in absent.items() if group not in NOT_YET} == NOT_YET_EITHER
    assert {group for group in absent.values()} == {*NOT_YET, "ec2-s3"}
    assert {path for method, path in served - table.keys() if (method, path) != ("HEAD", "/healthcheck")} == OURS


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


@pytest.mark.parametrize("path", OWN_SCOPES)
def test_every_user_may_ask_for_its_own_scopes(shared_cloud: Cloud, path: str):
    for name, scope in (("admin", project("admin")), ("stranger", project("shop")), ("nobody", None)):
        answer = shared_cloud.ask("GET", path, token=shared_cloud.login(name, scope).token)
        if path == "/v3/auth/catalog" and scope is None:
            check_error(answer, 403)
        else:
            assert answer.status_code == 200
            assert answer.get_json()["links"]["self"] == BASE + path


@pytest.mark.parametrize("path", READS)
def test_head_is_get_without_a_body(shared_cloud: Cloud, path: str):
    token = shared_cloud.login("member", project("web")).token
    full, head = (shared_cloud.ask(method, path, token=token, subject=token) for method in ("GET", "HEAD"))
    assert head.data == b""
    assert head.status_code == full.status_code
    assert head.headers["Content-Type"] == full.headers["Content-Type"]
    if path != "/metrics":  # which has counted the first request meanwhile
        assert head.headers["Content-Length"] == full.headers["Content-Length"] == str(len(full.data))


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES} - SHADOWED))
def test_a_wrong_method_is_told_the_right_ones(shared_cloud: Cloud, path: str):
    served = {known for known, place in ROUTES if place == path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "X" * 300} - served:
        answer = shared_cloud.ask(method, path)
        check_error(answer, 405)
        told = {name.strip() for name in answer.headers["Allow"].split(",")}
        assert told == served | ({"HEAD"} if "GET" in served else set()) | {"OPTIONS"}, method


@pytest.mark.parametrize(
    "path", ["/v2.0", "/v3/user", "/v3/auth", "/v3/auth/token", "/V3", "/v3/auth/tokens/x", "/krb/v3/krb/v3", "/favicon.ico"]
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
