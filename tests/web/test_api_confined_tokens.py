"""Logging in with an application credential, and what such a token may do."""

from __future__ import annotations

from typing import Any

import pytest

from identity.store import application_credentials, grants, projects, users
from identity.store.grants import Grant
from tests.support.gateway import NOW, Cloud, Login, body_of, check_error, password_of, project, token_auth
from tests.web.test_api_application_credentials import HOME, make

HEEDED = {"OpenStack-Identity-Access-Rules": "1.0"}
METHOD = "application_credential"


@pytest.fixture
def member(cloud: Cloud) -> str:
    return cloud.login("member", project("web")).token


def auth(made: dict[str, Any], **values: Any) -> dict[str, Any]:
    return body_of({"methods": [METHOD], METHOD: {"id": made["id"], "secret": made["secret"], **values}})


@pytest.fixture
def service(cloud: Cloud) -> str:
    return cloud.login("nova", project("service")).token


def test_the_token_says_what_it_is(cloud, member, service):
    made = make(cloud, member, roles=[{"name": "reader"}])
    found = cloud.issue(auth(made))
    assert found.shown["methods"] == [METHOD]
    assert found.shown["project"]["id"] == "web"
    assert found.roles == {"reader"}
    assert found.shown[METHOD] == {"id": made["id"], "name": "mine", "restricted": True}
    assert cloud.show(service, found.token).get_json()["token"] == found.shown
    assert cloud.issue(auth(make(cloud, member, name="free", unrestricted=True))).shown[METHOD]["restricted"] is False


@pytest.mark.parametrize(
    "user",
    [{"id": "user-member"}, {"name": "member", "domain": {"id": "default"}}, {"name": "member", "domain": {"name": "Default"}}],
)
def test_by_name_and_user(cloud, member, user):
    made = make(cloud, member)
    assert cloud.issue(body_of({"methods": [METHOD], METHOD: {"name": "mine", "user": user, "secret": made["secret"]}})).roles


@pytest.mark.parametrize(
    "shown",
    [
        {"secret": "wrong"},
        {"secret": ""},
        {"secret": None},
        {"id": "none"},
        {"id": None, "name": "mine", "user": {"id": "user-reader"}},
        {"id": None, "name": "other", "user": {"id": "user-member"}},
        {"id": None, "name": "mine", "user": {"id": "none"}},
    ],
)
def test_every_refusal_is_the_same(cloud, member, shown):
    error = check_error(cloud.post(auth(make(cloud, member), **shown)), 401)
    assert error["message"] == "The request you have made requires authentication."


def test_every_refusal_hashes_once(cloud, member, monkeypatch):
    """Else the time would tell which credentials there are, and whether their secrets are ours (CWE-208)."""
    ours, chosen = make(cloud, member), make(cloud, member, name="chosen", secret="weak")
    hasher = cloud.gateway.plugins[METHOD]._credentials._hasher
    seen = []
    real = hasher.verify
    monkeypatch.setattr(hasher, "verify", lambda stored, secret, **more: seen.append(secret) or real(stored, secret, **more))
    for count, made in enumerate((ours, chosen, {"id": "none", "secret": ""}), 1):
        check_error(cloud.post(auth({**made, "secret": "wrong"})), 401)
        assert len(seen) == count
    cloud.issue(auth(ours))
    assert len(seen) == 3


@pytest.mark.parametrize("scope", ["unscoped", project("web"), {"system": {"all": True}}])
def test_it_has_a_scope_of_its_own(cloud, member, scope):
    made = make(cloud, member)
    identity = {"methods": [METHOD], METHOD: {"id": made["id"], "secret": made["secret"]}}
    assert "scope" in check_error(cloud.post(body_of(identity, scope)), 401)["message"]


def test_beside_a_password_it_still_confines(cloud, member):
    made = make(cloud, member, roles=[{"name": "reader"}])
    secret = {"id": made["id"], "secret": made["secret"]}
    password = {"user": {"id": "user-member", "password": password_of("member")}}
    for methods in (["password", METHOD], [METHOD, "password"]):
        found = cloud.issue(body_of({"methods": methods, "password": password, METHOD: secret}))
        assert found.roles == {"reader"} and found.shown[METHOD]["id"] == made["id"]
    stranger = {"user": {"id": "user-reader", "password": password_of("reader")}}
    check_error(cloud.post(body_of({"methods": ["password", METHOD], "password": stranger, METHOD: secret})), 401)


def test_it_is_exchanged_for_no_other(cloud, member):
    for values in ({}, {"name": "free", "unrestricted": True}):
        token = cloud.issue(auth(make(cloud, member, **values))).token
        for scope in (None, "unscoped", project("web")):
            check_error(cloud.post(token_auth(token, scope)), 403)


def test_it_ends_with_the_credential(cloud, member, service):
    made = make(cloud, member, expires_at="2026-09-21T14:20:00")
    found = cloud.issue(auth(made))
    assert found.shown["expires_at"] == "2026-09-21T14:20:00.000000Z"
    cloud.clock.turn(500)
    check_error(cloud.post(auth(made)), 401)
    check_error(cloud.show(service, found.token), 404)


ENDS = {
    "deleted": lambda cloud, made: cloud.do(application_credentials.remove, made["id"], NOW),
    "role taken": lambda cloud, _: cloud.do(grants.remove, Grant("user", "user-member", "project", "web", "role-member"), NOW),
    "user deleted": lambda cloud, _: cloud.do(users.delete, "user-member", NOW),
    "project deleted": lambda cloud, _: cloud.do(projects.delete, "web", NOW),
}


@pytest.mark.parametrize("how", ENDS)
def test_it_ends_at_once_in_every_worker(cloud, member, service, how):
    made = make(cloud, member)
    token = cloud.issue(auth(made)).token
    other = cloud.second()
    try:
        for worker in (cloud, other):
            assert worker.show(service, token).status_code == 200
        ENDS[how](cloud, made)
        for worker in (cloud, other):
            check_error(worker.show(service, token), 404)
            check_error(worker.ask("GET", "/v3/auth/projects", token=token), 401)
        check_error(cloud.post(auth(made)), 401)
    finally:
        other.close()


def test_its_roles_shrink_with_its_users(cloud, member):
    """What the user loses the credential loses; what the user wins it does not."""
    made = make(cloud, member)
    cloud.do(grants.remove, Grant("user", "user-member", "project", "web", "role-member"), NOW)
    cloud.do(grants.add, Grant("user", "user-member", "project", "web", "role-reader"), NOW)
    cloud.do(grants.add, Grant("user", "user-member", "project", "web", "role-service"), NOW)
    assert cloud.issue(auth(made)).roles == {"reader"}


def confined(cloud: Cloud, token: str, **values: Any) -> Login:
    return cloud.issue(auth(make(cloud, token, **values)))


def test_a_restricted_one_may_look_but_not_make_or_delete(cloud, member):
    made = make(cloud, member)
    token = cloud.issue(auth(made)).token
    assert cloud.ask("GET", HOME, token=token).status_code == 200
    assert cloud.ask("GET", f"{HOME}/{made['id']}", token=token).status_code == 200
    check_error(cloud.ask("POST", HOME, token=token, body={"application_credential": {"name": "child"}}), 403)
    check_error(cloud.ask("DELETE", f"{HOME}/{made['id']}", token=token), 403)


def test_an_unrestricted_one_makes_no_more_than_it_has(cloud, member):
    token = confined(cloud, member, unrestricted=True, roles=[{"name": "reader"}]).token
    assert [role["name"] for role in make(cloud, token, name="child")["roles"]] == ["reader"]
    wanted = {"application_credential": {"name": "more", "roles": [{"name": "member"}]}}
    check_error(cloud.ask("POST", HOME, token=token, body=wanted), 400)


@pytest.mark.parametrize("unrestricted", [False, True])
def test_no_one_manages_trusts(cloud, member, unrestricted):
    token = confined(cloud, member, unrestricted=unrestricted).token
    trust = {"trustor_user_id": "user-member", "trustee_user_id": "user-reader", "impersonation": False}
    check_error(cloud.ask("POST", "/v3/OS-TRUST/trusts", token=token, body={"trust": trust}), 403)
    check_error(cloud.ask("GET", "/v3/OS-TRUST/trusts?trustor_user_id=user-member", token=token), 403)


def test_with_access_rules_it_is_shown_to_those_who_heed_them(cloud, member, service):
    found = confined(cloud, member, access_rules=[{"service": "compute", "path": "/**", "method": "GET"}])
    assert [rule["path"] for rule in found.shown[METHOD]["access_rules"]] == ["/**"]
    for headers in (
        {},
        {"OpenStack-Identity-Access-Rules": "0.9"},
        {"OpenStack-Identity-Access-Rules": "nan"},
        {"OpenStack-Identity-Access-Rules": "x"},
    ):
        for method in ("GET", "HEAD"):
            answer = cloud.ask(method, "/v3/auth/tokens", token=service, subject=found.token, headers=headers)
            assert answer.status_code == 404
    answer = cloud.ask("GET", "/v3/auth/tokens", token=service, subject=found.token, headers=HEEDED)
    assert answer.get_json()["token"] == found.shown


def test_access_rules_hold_on_this_api_too(cloud, member):
    rules = [{"service": "identity", "path": "/v3/users/*/application_credentials", "method": "GET"}]
    rules.append({"service": "compute", "path": "/v3/regions", "method": "GET"})
    token = confined(cloud, member, access_rules=rules).token
    for face in ("", "/main"):
        assert cloud.ask("GET", face + HOME, token=token).status_code == 200
        for method, path in (
            ("GET", "/v3/regions"),
            ("HEAD", HOME),
            ("POST", HOME),
            ("GET", f"{HOME}/x"),
            ("GET", "/v3/auth/projects"),
        ):
            assert cloud.ask(method, face + path, token=token, body={} if method == "POST" else None).status_code == 401
    own = cloud.ask("GET", "/v3/auth/tokens", token=token, subject=token, headers=HEEDED)
    assert own.status_code == 200
