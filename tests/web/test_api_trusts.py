"""Trusts through the API."""

from __future__ import annotations

from typing import Any

import pytest

from identity.store import grants, roles, trusts, users
from identity.store.grants import Grant
from tests.support.gateway import NOW, Cloud, check_error, project

HOME = "/v3/OS-TRUST/trusts"


@pytest.fixture
def member(cloud: Cloud) -> str:
    return cloud.login("member", project("web")).token


def wanted(**values: Any) -> dict[str, Any]:
    plain = {"trustor_user_id": "user-member", "trustee_user_id": "user-reader", "impersonation": True, "project_id": "web"}
    return {"trust": {**plain, "roles": [{"name": "member"}], **values}}


def make(cloud: Cloud, token: str, **values: Any) -> dict[str, Any]:
    answer = cloud.ask("POST", HOME, token=token, body=wanted(**values))
    assert answer.status_code == 201, answer.get_json()
    made: dict[str, Any] = answer.get_json()["trust"]
    return made


def test_a_trust_is_made_shown_listed_and_deleted(cloud, member):
    made = make(cloud, member, expires_at="2030-01-31T12:00:00Z", remaining_uses=3, colour="blue", deleted_at="never")
    one = f"https://id.example.org{HOME}/{made['id']}"
    role = {"id": "role-member", "name": "member", "domain_id": None, "description": None, "options": {}}
    assert made == {
        "id": made["id"],
        "trustor_user_id": "user-member",
        "trustee_user_id": "user-reader",
        "project_id": "web",
        "impersonation": True,
        "expires_at": "2030-01-31T12:00:00.000000Z",
        "deleted_at": None,
        "remaining_uses": 3,
        "redelegated_trust_id": None,
        "redelegation_count": 0,
        "colour": "blue",
        "roles": [{**role, "links": {"self": "https://id.example.org/v3/roles/role-member"}}],
        "roles_links": {"self": f"{one}/roles", "next": None, "previous": None},
        "links": {"self": one},
    }
    path = f"{HOME}/{made['id']}"
    assert cloud.ask("GET", path, token=member).get_json() == {"trust": made}
    roles_of = cloud.ask("GET", f"{path}/roles", token=member).get_json()
    assert roles_of == {"roles": made["roles"], "links": made["roles_links"]}
    assert cloud.ask("GET", f"{path}/roles/role-member", token=member).get_json() == {"role": made["roles"][0]}
    assert cloud.ask("HEAD", f"{path}/roles/role-member", token=member).status_code == 200
    check_error(cloud.ask("GET", f"{path}/roles/role-reader", token=member), 404)
    listed = {name: value for name, value in made.items() if name not in ("roles", "roles_links")}
    for query in ("trustor_user_id=user-member", "trustor_user_id=user-member&trustee_user_id=user-reader"):
        assert cloud.ask("GET", f"{HOME}?{query}", token=member).get_json()["trusts"] == [listed]
    assert cloud.ask("DELETE", path, token=member).status_code == 204
    check_error(cloud.ask("GET", path, token=member), 404)


def test_the_least_of_a_trust(cloud, member):
    trust = {"trustor_user_id": "user-member", "trustee_user_id": "user-member", "impersonation": False}
    answer = cloud.ask("POST", HOME, token=member, body={"trust": trust})
    assert answer.status_code == 201
    assert answer.get_json()["trust"]["roles"] == [] and answer.get_json()["trust"]["project_id"] is None


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"trustor_user_id": "user-reader"}, 403),
        ({"trustee_user_id": "none"}, 404),
        ({"project_id": "none"}, 404),
        ({"project_id": None}, 404),
        ({"roles": []}, 403),
        ({"roles": [{"name": "admin"}]}, 404),
        ({"roles": [{"id": "role-admin"}]}, 404),
        ({"roles": [{"id": "none"}]}, 404),
        ({"roles": [{"name": "none"}]}, 404),
        ({"roles": [{"id": "role-member", "name": "member"}]}, 400),
        ({"project_id": "shop"}, 404),
        ({"remaining_uses": 0}, 400),
        ({"remaining_uses": 2**40}, 400),
        ({"remaining_uses": 1, "allow_redelegation": True}, 400),
        ({"redelegation_count": 4, "allow_redelegation": True}, 403),
        ({"redelegation_count": -1}, 400),
        ({"expires_at": "2001-01-01T00:00:00Z"}, 400),
        ({"expires_at": "bad.123Z"}, 400),
        ({"expires_at": 5}, 400),
        ({"impersonation": "yes"}, 400),
        ({"impersonation": None}, 400),
        ({"trustor_user_id": 7}, 400),
        ({"redelegated_trust_id": "somebodys"}, 403),
        ({"colour": "\0"}, 400),
    ],
)
def test_what_cannot_be_made_is_told_and_leaves_nothing(cloud, member, values, status):
    check_error(cloud.ask("POST", HOME, token=member, body=wanted(**values)), status)
    assert cloud.ask("GET", f"{HOME}?trustor_user_id=user-member", token=member).get_json()["trusts"] == []


def test_a_strangers_trust_gives_no_roles(cloud):
    """Nobody hands on another's roles by naming the other's trust in the body."""
    admin = cloud.login("admin", project("admin")).token
    theirs = make(
        cloud, admin, trustor_user_id="user-admin", project_id="admin", roles=[{"name": "admin"}], allow_redelegation=True
    )
    member = cloud.login("member", project("web")).token
    body = wanted(project_id="admin", roles=[{"name": "admin"}], redelegated_trust_id=theirs["id"])
    check_error(cloud.ask("POST", HOME, token=member, body=body), 403)


def test_roles_that_a_group_an_ancestor_or_another_role_gives_are_held(cloud, member):
    cloud.do(grants.add, Grant("user", "user-member", "domain", "default", "role-service", inherited=True), NOW)
    token = cloud.login("member", project("web")).token
    made = make(cloud, token, roles=[{"name": "reader"}, {"id": "role-service"}])
    assert [role["name"] for role in made["roles"]] == ["reader", "service"]


def test_a_name_that_several_roles_have_must_be_an_id(cloud, member):
    cloud.do(roles.create, id="twin", name="member", domain_id="default", now=NOW)
    check_error(cloud.ask("POST", HOME, token=member, body=wanted()), 400)
    assert make(cloud, member, roles=[{"id": "role-member"}])["roles"]


def test_who_sees_a_trust(cloud, member):
    made = make(cloud, member)
    one = f"{HOME}/{made['id']}"
    reader, nova = cloud.login("reader", project("web")).token, cloud.login("nova", project("service")).token
    admin, auditor = cloud.login("admin", project("admin")).token, cloud.login("reader", {"system": {"all": True}}).token
    domain = cloud.login("admin", {"domain": {"id": "default"}}).token
    for path in (one, f"{one}/roles", f"{one}/roles/role-member"):
        for token in (reader, admin, auditor):
            assert cloud.ask("GET", path, token=token).status_code == 200
        for token in (nova, domain):
            check_error(cloud.ask("GET", path, token=token), 403)
        check_error(cloud.ask("GET", path), 401)
    for token in (reader, auditor, nova, domain):
        check_error(cloud.ask("DELETE", one, token=token), 403)
        check_error(cloud.ask("DELETE", f"{HOME}/none", token=token), 404)
    assert cloud.ask("DELETE", one, token=admin).status_code == 204


LISTS = {
    "": {"admin", "auditor"},
    "?trustor_user_id=user-member": {"admin", "auditor", "member"},
    "?trustee_user_id=user-reader": {"admin", "auditor", "reader"},
    "?trustor_user_id=": {"admin", "auditor"},
    "?trustor_user_id__contains=member": {"admin", "auditor"},
    "?trustor_user_id=user-admin&trustor_user_id=user-member": {"admin", "auditor"},
    "?trustor_user_id=user-admin&trustee_user_id=user-reader": {"admin", "auditor"},
}


@pytest.mark.parametrize("query", LISTS)
def test_who_may_list_what(cloud, member, query):
    make(cloud, member)
    tokens = {
        "member": member,
        "reader": cloud.login("reader", project("web")).token,
        "nova": cloud.login("nova", project("service")).token,
        "admin": cloud.login("admin", project("admin")).token,
        "auditor": cloud.login("reader", {"system": {"all": True}}).token,
    }
    allowed = {who for who, token in tokens.items() if cloud.ask("GET", HOME + query, token=token).status_code == 200}
    assert allowed == LISTS[query]


def test_a_trust_that_has_expired_is_not_there(cloud, member):
    made = make(cloud, member, expires_at="2026-09-21T14:20:00Z")
    cloud.clock.turn(500)
    for method, path in (("GET", ""), ("GET", "/roles"), ("DELETE", "")):
        check_error(cloud.ask(method, f"{HOME}/{made['id']}{path}", token=member), 404)


def test_the_end_of_time(cloud, member):
    assert make(cloud, member, expires_at="9999-12-31T23:59:59.999999Z")["expires_at"] == "9999-12-31T23:59:59.000000Z"


def test_only_within_a_project(cloud):
    for scope in (None, {"domain": {"id": "default"}}):
        token = cloud.login("member", scope).token
        assert cloud.ask("POST", HOME, token=token, body=wanted()).status_code == (201 if scope is None else 403)
    token = cloud.login("admin", {"system": {"all": True}}).token
    check_error(cloud.ask("POST", HOME, token=token, body=wanted(trustor_user_id="user-admin")), 403)


def test_it_goes_with_its_users(cloud, member):
    made = make(cloud, member)
    cloud.do(users.delete, "user-reader", NOW)
    with cloud.store.read() as db:
        assert trusts.get(db, made["id"], NOW) is None
