"""Application credentials and their access rules as resources."""

from __future__ import annotations

from typing import Any

import pytest

from identity.services.appcreds import MADE
from identity.store import application_credentials, roles
from tests.support.gateway import NOW, Cloud, body_of, check_error, project

HOME = "/v3/users/user-member/application_credentials"
RULES = "/v3/users/user-member/access_rules"
RULE = {"service": "compute", "path": "/v2.1/servers/*", "method": "GET"}


@pytest.fixture
def member(cloud: Cloud) -> str:
    return cloud.login("member", project("web")).token


def make(cloud: Cloud, token: str, home: str = HOME, **values: Any) -> dict[str, Any]:
    answer = cloud.ask("POST", home, token=token, body={"application_credential": {"name": "mine", **values}})
    assert answer.status_code == 201, answer.get_json()
    made: dict[str, Any] = answer.get_json()["application_credential"]
    return made


def log_in(cloud: Cloud, made: dict[str, Any]):
    return cloud.issue(
        body_of({"methods": ["application_credential"], "application_credential": {"id": made["id"], "secret": made["secret"]}})
    )


def test_it_is_made_shown_listed_and_deleted(cloud, member):
    made = make(cloud, member, expires_at="2030-01-31T12:00:00.123456", access_rules=[RULE], description="for backups")
    assert [role["name"] for role in made["roles"]] == ["member", "reader"]
    assert (made["project_id"], made["user_id"], made["unrestricted"]) == ("web", "user-member", False)
    assert made["expires_at"] == "2030-01-31T12:00:00.123456"
    assert [{**rule, "id": None} for rule in made["access_rules"]] == [{**RULE, "id": None}]
    assert made["links"]["self"] == f"https://id.example.org{HOME}/{made['id']}"
    secret = made.pop("secret")
    assert len(secret) == 86
    assert cloud.ask("GET", f"{HOME}/{made['id']}", token=member).get_json() == {"application_credential": made}
    assert cloud.ask("GET", f"{HOME}?name=mine", token=member).get_json()["application_credentials"] == [made]
    assert cloud.ask("GET", f"{HOME}?name=other", token=member).get_json()["application_credentials"] == []
    assert cloud.ask("DELETE", f"{HOME}/{made['id']}", token=member).status_code == 204
    check_error(cloud.ask("GET", f"{HOME}/{made['id']}", token=member), 404)


def test_a_secret_of_ones_own_is_hashed_as_a_password_and_one_of_ours_is_not(cloud, member):
    chosen, ours = make(cloud, member, secret="weak"), make(cloud, member, name="other")
    assert chosen["secret"] == "weak"
    with cloud.store.read() as db:
        assert application_credentials.secret(db, chosen["id"]).hash.startswith("$argon2id$")
        stored = application_credentials.secret(db, ours["id"]).hash
    assert stored.startswith(MADE) and ours["secret"] not in stored
    assert log_in(cloud, chosen).roles == log_in(cloud, ours).roles == {"member", "reader"}


@pytest.mark.parametrize("wanted", [{"name": "reader"}, {"id": "role-reader"}])
def test_roles_are_a_share_of_the_tokens(cloud, member, wanted):
    assert [role["id"] for role in make(cloud, member, roles=[wanted])["roles"]] == ["role-reader"]


def test_implied_roles_come_along(cloud, member):
    assert [role["id"] for role in make(cloud, member, roles=[{"name": "member"}])["roles"]] == ["role-member", "role-reader"]


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"roles": [{"name": "admin"}]}, 400),
        ({"roles": [{"id": "role-admin"}]}, 400),
        ({"roles": [{"id": "none"}]}, 400),
        ({"roles": [{"name": "none"}]}, 404),
        ({"roles": [{"id": "role-reader", "name": "reader"}]}, 400),
        ({"roles": [{}]}, 400),
        ({"roles": "reader"}, 400),
        ({"name": ""}, 400),
        ({"name": "x" * 256}, 400),
        ({"name": 7}, 400),
        ({"colour": "blue"}, 400),
        ({"secret": 7}, 400),
        ({"secret": "x" * 5000}, 400),
        ({"unrestricted": "yes"}, 400),
        ({"description": "\0"}, 400),
        ({"expires_at": "tomorrow"}, 400),
        ({"expires_at": "2001-01-01T00:00:00"}, 400),
        ({"expires_at": "2030-01-01T00:00:00+02:00"}, 400),
        ({"expires_at": "0001-01-01"}, 400),
        ({"access_rules": [{"id": "none"}]}, 404),
        ({"access_rules": [{"service": "identity"}]}, 400),
        ({"access_rules": [{**RULE, "path": "v3"}]}, 400),
        ({"access_rules": [{**RULE, "path": "/" + "x" * 128}]}, 400),
        ({"access_rules": [{**RULE, "method": "LOOK"}]}, 400),
        ({"access_rules": [{**RULE, "colour": "blue"}]}, 400),
        ({"access_rules": [RULE] * 257}, 400),
    ],
)
def test_what_cannot_be_made_is_told_and_leaves_nothing(cloud, member, values, status):
    check_error(cloud.ask("POST", HOME, token=member, body={"application_credential": {"name": "mine", **values}}), status)
    assert cloud.ask("GET", HOME, token=member).get_json()["application_credentials"] == []
    assert cloud.ask("GET", RULES, token=member).get_json()["access_rules"] == []


def test_a_name_is_taken_once_by_each_user(cloud, member):
    make(cloud, member)
    check_error(cloud.ask("POST", HOME, token=member, body={"application_credential": {"name": "mine"}}), 409)
    reader = cloud.login("reader", project("web")).token
    make(cloud, reader, home="/v3/users/user-reader/application_credentials")


def test_what_others_may_do(cloud, member):
    made = make(cloud, member)
    one, body = f"{HOME}/{made['id']}", {"application_credential": {"name": "theirs"}}
    system = cloud.login("admin", {"system": {"all": True}}).token
    auditor = cloud.login("reader", {"system": {"all": True}}).token
    reader = cloud.login("reader", project("web")).token
    domain = cloud.login("member", {"domain": {"id": "default"}}).token
    for path in (HOME, one):
        assert cloud.ask("GET", path, token=system).status_code == cloud.ask("GET", path, token=auditor).status_code == 200
        check_error(cloud.ask("GET", path, token=reader), 403)
    for token in (system, auditor, reader, domain):
        check_error(cloud.ask("POST", HOME, token=token, body=body), 403)
    for token in (auditor, reader):
        assert [check_error(cloud.ask("DELETE", path, token=token), 403)["code"] for path in (one, f"{HOME}/none")] == [403, 403]
    assert cloud.ask("DELETE", one, token=system).status_code == 204


def test_a_credential_is_its_owners_whatever_the_path_says(cloud, member):
    made = make(cloud, member)
    reader = cloud.login("reader", project("web")).token
    path = f"/v3/users/user-reader/application_credentials/{made['id']}"
    for method in ("GET", "DELETE"):
        check_error(cloud.ask(method, path, token=reader), 403)
    assert cloud.ask("GET", f"{HOME}/{made['id']}", token=member).status_code == 200


def test_rules_are_shared_and_are_deleted_when_nothing_has_them(cloud, member):
    first = make(cloud, member, access_rules=[RULE])
    again = make(cloud, member, name="again", access_rules=[{"id": first["access_rules"][0]["id"]}, {**RULE, "method": "PUT"}])
    rule = first["access_rules"][0]
    assert rule in again["access_rules"]
    shown = cloud.ask("GET", f"{RULES}/{rule['id']}", token=member).get_json()["access_rule"]
    assert shown == {**rule, "links": {"self": f"https://id.example.org{RULES}/{rule['id']}"}}
    assert cloud.ask("GET", f"{RULES}?method=GET", token=member).get_json()["access_rules"] == [shown]
    check_error(cloud.ask("DELETE", f"{RULES}/{rule['id']}", token=member), 403)
    for made in (first, again):
        cloud.ask("DELETE", f"{HOME}/{made['id']}", token=member)
    assert cloud.ask("DELETE", f"{RULES}/{rule['id']}", token=member).status_code == 204
    check_error(cloud.ask("DELETE", f"{RULES}/{rule['id']}", token=member), 404)
    check_error(cloud.ask("GET", f"{RULES}/{rule['id']}", token=member), 404)


def test_rules_are_their_users_own(cloud, member):
    rule = make(cloud, member, access_rules=[RULE])["access_rules"][0]
    reader = cloud.login("reader", project("web")).token
    for path in (RULES, f"{RULES}/{rule['id']}", f"{RULES}/none", "/v3/users/none/access_rules"):
        check_error(cloud.ask("GET", path, token=reader), 403)
    check_error(cloud.ask("GET", f"/v3/users/user-reader/access_rules/{rule['id']}", token=reader), 404)
    theirs = {"application_credential": {"name": "x", "access_rules": [{"id": rule["id"]}]}}
    check_error(cloud.ask("POST", "/v3/users/user-reader/application_credentials", token=reader, body=theirs), 404)
    auditor = cloud.login("reader", {"system": {"all": True}}).token
    assert cloud.ask("GET", RULES, token=auditor).status_code == 200
    check_error(cloud.ask("DELETE", f"{RULES}/{rule['id']}", token=auditor), 403)


def test_a_role_of_one_domain_is_not_handed_on(cloud, member):
    cloud.do(roles.create, id="local", name="local", domain_id="default", now=NOW)
    check_error(
        cloud.ask("POST", HOME, token=member, body={"application_credential": {"name": "x", "roles": [{"id": "local"}]}}), 400
    )


def test_they_go_when_their_user_is_switched_off_and_do_not_come_back(cloud, member):
    made = make(cloud, member)
    logged_in = log_in(cloud, made)
    admin = cloud.login("admin", project("admin")).token
    for enabled in (False, True):
        answer = cloud.ask("PATCH", "/v3/users/user-member", token=admin, body={"user": {"enabled": enabled}})
        assert answer.status_code == 200
    check_error(cloud.show(admin, logged_in.token), 404)
    assert cloud.ask("GET", HOME, token=cloud.login("member", project("web")).token).get_json()["application_credentials"] == []
