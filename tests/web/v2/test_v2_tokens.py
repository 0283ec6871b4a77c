"""Logging in on version 2.0, and what it says of tokens; each token is good on both versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from identity.settings import Identity, Token
from identity.store import grants, users
from tests.support.gateway import NOW, Cloud, check_error, password_of, project, token_auth
from tests.support.old_api import BOTH, OldCloud, old_password_auth


def test_the_answer_of_a_login(shared_old: OldCloud):
    access = shared_old.access("member", "web")
    assert set(access) == {"token", "user", "serviceCatalog", "metadata"}
    token = access["token"]
    assert set(token) == {"id", "issued_at", "expires", "tenant", "audit_ids"}
    assert token["tenant"] == {"id": "web", "name": "web-project", "enabled": True}
    assert datetime.fromisoformat(token["expires"]).timestamp() == int(NOW) + 3600
    assert datetime.fromisoformat(token["issued_at"]).timestamp() == int(NOW)
    assert len(token["audit_ids"]) == 1
    assert access["user"] == {
        "id": "user-member",
        "name": "member",
        "username": "member",
        "roles": [{"name": "member"}, {"name": "reader"}],
        "roles_links": [],
    }
    assert access["metadata"] == {"is_admin": 0, "roles": ["role-member", "role-reader"]}
    shown = {service["type"]: service for service in access["serviceCatalog"]}
    assert set(shown) == {"identity", "compute", "image"}
    (endpoint,) = shown["compute"]["endpoints"]
    assert endpoint["publicURL"] == "https://compute.example.org/v2.1/web" and endpoint["region"] == "RegionOne"
    assert shown["compute"]["name"] == "nova" and shown["compute"]["endpoints_links"] == []


@pytest.mark.parametrize(
    "auth",
    [
        {"passwordCredentials": {"username": "member", "password": password_of("member")}, "tenantName": "web-project"},
        {"passwordCredentials": {"userId": "user-member", "password": password_of("member")}, "tenantId": "web"},
        {
            "passwordCredentials": {"username": "member", "password": password_of("member")},
            "tenantName": "web-project",
            "tenantId": "x",
        },
        {
            "passwordCredentials": {"username": "member", "userId": "user-admin", "password": password_of("member")},
            "tenantId": "web",
            "token": None,
            "tenantName": None,
        },
    ],
    ids=["names", "ids", "the tenant's name wins", "the user's name wins"],
)
def test_ways_to_name_user_and_tenant(shared_old: OldCloud, auth: dict[str, Any]):
    answer = shared_old.ask("POST", "/tokens", body={"auth": auth})
    assert answer.status_code == 200
    access = answer.get_json()["access"]
    assert (access["user"]["id"], access["token"]["tenant"]["id"]) == ("user-member", "web")


def test_unscoped_even_where_there_is_a_default_tenant(shared_old: OldCloud):
    access = shared_old.access("homed")
    assert "tenant" not in access["token"]
    assert access["user"]["roles"] == [] and access["serviceCatalog"] == []
    assert shared_old.get(f"/tokens/{access['token']['id']}", shared_old.admin())["access"]["serviceCatalog"] == []


def test_a_token_for_another_tenant(shared_old: OldCloud):
    first = shared_old.access("member")["token"]
    answer = shared_old.ask("POST", "/tokens", body={"auth": {"token": {"id": first["id"]}, "tenantId": "web"}})
    second = answer.get_json()["access"]["token"]
    assert second["tenant"]["id"] == "web" and second["expires"] == first["expires"]
    assert second["audit_ids"][1:] == first["audit_ids"]


REFUSED: dict[str, tuple[int, Any]] = {
    "wrong password": (401, old_password_auth("member", "web", "wrong")),
    "unknown user": (401, old_password_auth("ghost", "web", "wrong")),
    "no role there": (401, old_password_auth("nobody", "web")),
    "unknown tenant": (401, old_password_auth("member", "nowhere")),
    "disabled tenant": (401, old_password_auth("member", "off")),
    "user of another domain by id": (
        401,
        {"auth": {"passwordCredentials": {"userId": "user-stranger", "password": password_of("stranger")}}},
    ),
    "user of another domain by name": (401, old_password_auth("stranger", None)),
    "a domain as tenant": (401, old_password_auth("admin", "default")),
    "a trust": (401, {"auth": {**old_password_auth("member")["auth"], "trust_id": "x"}}),
    "nothing": (400, {}),
    "no proof": (400, {"auth": {}}),
    "no user": (400, {"auth": {"passwordCredentials": {"password": "x"}}}),
    "no password": (400, {"auth": {"passwordCredentials": {"username": "member"}}}),
    "empty user": (400, {"auth": {"passwordCredentials": {"username": "", "password": "x"}}}),
    "a list": (400, {"auth": []}),
    "a number as name": (400, {"auth": {"passwordCredentials": {"username": 1, "password": "x"}}}),
    "a list as password": (400, {"auth": {"passwordCredentials": {"username": "member", "password": ["x"]}}}),
    "a long name": (400, old_password_auth("m" * 300, None, "x")),
    "a token without id": (400, {"auth": {"token": {}}}),
    "an empty token": (400, {"auth": {"token": {"id": ""}}}),
    "rubbish as token": (404, {"auth": {"token": {"id": "rubbish"}}}),
    "no JSON": (400, b"{"),
    "empty": (400, b""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_logins_that_are_refused(shared_old: OldCloud, case: str):
    status, body = REFUSED[case]
    answer = shared_old.ask("POST", "/tokens", body=body)
    error = check_error(answer, status)
    if status == 401:
        assert error["message"] == "The request you have made requires authentication."


def test_a_login_is_told_to_the_log_good_or_bad(old: OldCloud):
    old.access("member", "web")
    good = old.cloud.events.last()
    assert (good.outcome, good.user_id, good.scope) == ("success", "user-member", "project web")
    old.ask("POST", "/tokens", body=REFUSED["user of another domain by id"][1])
    bad = old.cloud.events.last()
    assert (bad.outcome, bad.user_id) == ("failure", "user-stranger")
    old.ask("POST", "/tokens", body=b"{")
    assert old.cloud.events.last().outcome == "failure"


def test_whom_a_web_server_names(make_cloud):
    from dataclasses import replace

    from tests.support.gateway import ADDRESS

    trusting = OldCloud(make_cloud(server=replace(BOTH, trusted_hops=[ADDRESS])))
    answer = trusting.ask("POST", "/tokens", body={"auth": {"tenantName": "web-project"}}, headers={"X-Remote-User": "member"})
    assert answer.get_json()["access"]["user"]["id"] == "user-member"
    check_error(trusting.ask("POST", "/tokens", body={"auth": {}}), 400)
    plain = OldCloud(trusting.cloud.second(server=BOTH))
    check_error(plain.ask("POST", "/tokens", body={"auth": {}}, headers={"X-Remote-User": "member"}), 400)


def test_each_version_validates_the_others_token(shared_old: OldCloud):
    admin = shared_old.admin()
    new, old = shared_old.new_token("member", "web"), shared_old.token("member", "web")
    for token in (new, old):
        access = shared_old.get(f"/tokens/{token}", admin)["access"]
        assert access["token"]["id"] == token
        shown = shared_old.cloud.show(admin, token).get_json()["token"]
        assert shown["project"]["id"] == access["token"]["tenant"]["id"] == "web"
        assert shown["audit_ids"] == access["token"]["audit_ids"]
        assert [role["name"] for role in shown["roles"]] == [role["name"] for role in access["user"]["roles"]]
        assert shown["user"]["id"] == access["user"]["id"]
        assert datetime.fromisoformat(shown["expires_at"]) == datetime.fromisoformat(access["token"]["expires"])
        assert {service["type"] for service in shown["catalog"]} == {service["type"] for service in access["serviceCatalog"]}
    rescoped = shared_old.cloud.issue(token_auth(shared_old.token("member"), project("web")))
    assert rescoped.shown["project"]["id"] == "web"


@pytest.mark.parametrize("provider", ["fernet", "jws", "uuid"])
def test_every_spelling(make_cloud, provider: str):
    old = OldCloud(make_cloud(server=BOTH, token=Token(provider=provider)))
    token = old.token("member", "web")
    for path in (f"/tokens/{token}", f"/tokens/{token}/"):
        assert old.get(path, token)["access"]["token"]["id"] == token
    assert old.cloud.show(token).status_code == 200


CANNOT_BE_TOLD: dict[str, tuple[str, Any]] = {
    "a domain": ("member", {"domain": {"id": "default"}}),
    "the system": ("admin", {"system": {"all": True}}),
    "a user of another domain": ("stranger", "shop"),
    "a user of another domain, unscoped": ("stranger", "unscoped"),
}


@pytest.mark.parametrize("case", CANNOT_BE_TOLD)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_tokens_that_it_cannot_tell_of(shared_old: OldCloud, case: str, method: str):
    name, scope = CANNOT_BE_TOLD[case]
    token, admin = shared_old.new_token(name, scope), shared_old.admin()
    for _ in range(2):
        answer = shared_old.ask(method, f"/tokens/{token}", admin)
        assert answer.status_code == 404
        assert shared_old.ask("GET", f"/tokens/{token}/endpoints", admin).status_code == 404
    assert shared_old.cloud.show(admin, token).status_code == 200  # and it is as good as before


def test_a_project_of_another_domain_and_one_that_is_a_domain_cannot_be_told_of(old: OldCloud):
    old.cloud.do(grants.add, grants.Grant("user", "user-member", "project", "shop", "role-member"), NOW)
    old.cloud.do(grants.add, grants.Grant("user", "user-member", "project", "default", "role-member"), NOW)
    for scope in ("shop", "default"):
        token = old.new_token("member", scope)
        assert old.ask("GET", f"/tokens/{token}", old.admin()).status_code == 404
        check_error(old.ask("POST", "/tokens", body=old_password_auth("member", scope)), 401)
        check_error(old.ask("POST", "/tokens", body={"auth": {"token": {"id": old.token("member")}, "tenantId": scope}}), 401)
    check_error(old.ask("POST", "/tokens", body={"auth": {"token": {"id": old.new_token("stranger", "shop")}}}), 401)


def test_a_token_of_an_application_credential_cannot_be_told_of_nor_exchanged(old: OldCloud):
    member = old.new_token("member", "web")
    made = old.cloud.ask(
        "POST",
        "/v3/users/user-member/application_credentials",
        token=member,
        body={"application_credential": {"name": "job"}},
    ).get_json()["application_credential"]
    identity = {"methods": ["application_credential"], "application_credential": {"id": made["id"], "secret": made["secret"]}}
    token = old.cloud.issue({"auth": {"identity": identity}}).token
    assert old.ask("GET", f"/tokens/{token}", old.admin()).status_code == 404
    check_error(old.ask("POST", "/tokens", body={"auth": {"token": {"id": token}, "tenantId": "web"}}), 403)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("?belongsTo=web", 200),
        ("?belongsTo=", 200),
        ("?belongsTo=admin", 401),
        ("?belongsTo=web&belongsTo=admin", 401),
        ("?belongsTo=admin&belongsTo=web", 401),
        ("?belongsTo=web-project", 401),
        ("?belongsto=admin", 200),
        ("?belongsTo=web%00", 400),
    ],
)
def test_belongs_to(shared_old: OldCloud, query: str, status: int, method: str):
    token = shared_old.token("member", "web")
    assert shared_old.ask(method, f"/tokens/{token}{query}", shared_old.admin()).status_code == status


def test_an_unscoped_token_belongs_to_no_tenant(shared_old: OldCloud):
    token = shared_old.token("member")
    check_error(shared_old.ask("GET", f"/tokens/{token}?belongsTo=web", shared_old.admin()), 401)


@pytest.mark.parametrize(
    ("name", "tenant", "allowed"),
    [
        ("admin", "admin", {"GET": 200, "HEAD": 200, "DELETE": 204}),
        ("nova", "service", {"GET": 200, "HEAD": 403, "DELETE": 403}),
        ("member", "web", {"GET": 200, "HEAD": 200, "DELETE": 204}),
        ("reader", "web", {"GET": 403, "HEAD": 403, "DELETE": 403}),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_who_may_ask_about_a_token(shared_old: OldCloud, method: str, name: str, tenant: str, allowed: dict[str, int]):
    subject = shared_old.token("member", "web")
    answer = shared_old.ask(method, f"/tokens/{subject}", shared_old.token(name, tenant))
    assert answer.status_code == allowed[method]
    still = shared_old.ask("GET", f"/tokens/{subject}", shared_old.admin()).status_code
    assert still == (404 if answer.status_code == 204 else 200)


def test_head_has_no_body_and_the_length_of_get(shared_old: OldCloud):
    token, admin = shared_old.token("member", "web"), shared_old.admin()
    full, head = (shared_old.ask(method, f"/tokens/{token}", admin) for method in ("GET", "HEAD"))
    assert head.data == b"" and head.headers["Content-Length"] == str(len(full.data))


def test_a_revoked_token_is_gone_on_both(old: OldCloud):
    admin = old.admin()
    first, second = old.token("member", "web"), old.token("member", "web")
    assert old.ask("GET", f"/tokens/{first}", admin).status_code == 200
    assert old.ask("DELETE", f"/tokens/{first}", admin).status_code == 204
    assert old.cloud.ask("DELETE", "/v3/auth/tokens", token=admin, subject=second).status_code == 204
    for token in (first, second):
        check_error(old.ask("GET", f"/tokens/{token}", admin), 404)
        check_error(old.cloud.show(admin, token), 404)
        check_error(old.ask("GET", "/tenants", token), 401)
    check_error(old.ask("DELETE", f"/tokens/{first}", admin), 404)


def test_the_endpoints_of_a_token(shared_old: OldCloud):
    admin = shared_old.admin()
    found = shared_old.get(f"/tokens/{shared_old.token('member', 'web')}/endpoints", admin)
    assert found["endpoints_links"] == []
    assert {endpoint["type"]: endpoint["publicURL"] for endpoint in found["endpoints"]}["compute"].endswith("/v2.1/web")
    assert shared_old.get(f"/tokens/{shared_old.token('member')}/endpoints", admin)["endpoints"] == []


def test_what_went_with_pki_tokens(shared_old: OldCloud):
    for path in ("/certificates/ca", "/certificates/signing"):
        check_error(shared_old.ask("GET", path), 410)
    check_error(shared_old.ask("GET", "/tokens/revoked"), 401)
    check_error(shared_old.ask("GET", "/tokens/revoked", shared_old.token("member", "web")), 403)
    check_error(shared_old.ask("GET", "/tokens/revoked", shared_old.admin()), 410)
    check_error(shared_old.ask("DELETE", "/tokens/revoked", shared_old.admin()), 404)


def test_a_changed_password_or_role_ends_the_token(old: OldCloud):
    token, admin = old.token("member", "web"), old.admin()
    old.cloud.do(users.set_password, "user-member", old.cloud.hash("another"), NOW)
    check_error(old.ask("GET", f"/tokens/{token}", admin), 404)


def test_off_by_default(cloud: Cloud):
    for method, path in (("GET", ""), ("POST", "/tokens"), ("GET", "/tokens/x"), ("GET", "/tenants")):
        check_error(cloud.ask(method, f"/v2.0{path}", body={} if method == "POST" else None), 404)


def test_the_default_domain_is_the_one_that_the_settings_name(make_cloud):
    chosen = Identity(default_domain_id="other", argon2_time_cost=1, argon2_memory_cost=8)
    old = OldCloud(make_cloud(server=BOTH, identity=chosen))
    assert old.access("stranger", "shop")["user"]["id"] == "user-stranger"
    check_error(old.ask("POST", "/tokens", body=old_password_auth("member", "web")), 401)
    assert [tenant["id"] for tenant in old.get("/tenants", old.token("stranger"))["tenants"]] == ["shop"]
    admin = old.new_token("admin", "admin")  # of what is another domain now: it may ask, and is not to be seen
    assert {user["id"] for user in old.get("/users", admin)["users"]} == {"user-stranger"}
    check_error(old.ask("GET", f"/tokens/{admin}", admin), 404)
    made = old.post("/users", admin, {"user": {"name": "newcomer"}})["user"]["id"]
    assert old.cloud.ask("GET", f"/v3/users/{made}", token=admin).get_json()["user"]["domain_id"] == "other"
