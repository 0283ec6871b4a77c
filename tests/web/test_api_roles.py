"""Roles through the API: those of the cloud, those of a domain, and which implies which."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from identity.settings import Assignment
from identity.store import grants, tables
from identity.store.grants import Grant
from tests.support.gateway import NOW, check_error, project

BASE = "https://id.example.org"


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


def make(cloud, token, **role):
    answer = cloud.ask("POST", "/v3/roles", token=token, body={"role": role})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["role"]


def change(cloud, token, which, /, **role):
    return cloud.ask("PATCH", f"/v3/roles/{which}", token=token, body={"role": role})


def names(cloud, token, query=""):
    answer = cloud.ask("GET", f"/v3/roles{query}", token=token)
    assert answer.status_code == 200, answer.get_json()
    return [role["name"] for role in answer.get_json()["roles"]]


def test_a_role_is_made_shown_changed_and_deleted(cloud, admin):
    made = make(cloud, admin, name="auditor", id="mine", links={"self": "elsewhere"}, colour="blue")
    path = f"/v3/roles/{made['id']}"
    assert made["id"] != "mine"
    assert made == {
        "id": made["id"],
        "name": "auditor",
        "domain_id": None,
        "description": None,
        "options": {},
        "colour": "blue",
        "links": {"self": f"{BASE}{path}"},
    }
    assert cloud.ask("GET", path, token=admin).get_json()["role"] == made
    changed = change(cloud, admin, made["id"], description="looks", colour="red", id=made["id"]).get_json()["role"]
    assert changed == {**made, "description": "looks", "colour": "red"} == cloud.ask("GET", path, token=admin).get_json()["role"]
    assert cloud.ask("DELETE", path, token=admin).status_code == 204
    for method in ("GET", "DELETE"):
        check_error(cloud.ask(method, path, token=admin), 404)
    check_error(change(cloud, admin, made["id"], description="x"), 404)


def test_a_list_has_the_roles_of_the_cloud_or_of_one_domain(cloud, admin):
    local = make(cloud, admin, name="local", domain_id="default")
    make(cloud, admin, name="abroad", domain_id="other")
    known = ["admin", "manager", "member", "reader", "service"]
    assert names(cloud, admin) == known == names(cloud, admin, "?domain_id=")
    assert names(cloud, admin, "?domain_id=default") == ["local"]
    assert names(cloud, admin, "?domain_id=none") == names(cloud, admin, "?name=local") == []
    assert names(cloud, admin, "?name=member") == ["member"]
    assert names(cloud, admin, "?name__contains=m&sort_key=name&sort_dir=desc&limit=2") == ["member", "manager"]
    assert cloud.ask("GET", f"/v3/roles/{local['id']}", token=admin).get_json()["role"] == local


def test_a_name_is_taken_once_in_the_cloud_and_once_in_each_domain(cloud, admin):
    local = make(cloud, admin, name="member", domain_id="default")
    make(cloud, admin, name="member", domain_id="other")
    for place in ({}, {"domain_id": "default"}):
        check_error(cloud.ask("POST", "/v3/roles", token=admin, body={"role": {"name": "member", **place}}), 409)
    other = make(cloud, admin, name="mate", domain_id="default")
    check_error(change(cloud, admin, other["id"], name="member"), 409)
    assert change(cloud, admin, local["id"], name="member").status_code == 200
    check_error(cloud.ask("POST", "/v3/roles", token=admin, body={"role": {"name": "x", "domain_id": "none"}}), 404)


def test_what_a_role_is_cannot_be_changed(cloud, admin):
    local = make(cloud, admin, name="local", domain_id="default")
    for wrong in ({"id": "other"}, {"domain_id": "other"}, {"domain_id": None}, {}):
        check_error(change(cloud, admin, local["id"], **wrong), 400)
    assert change(cloud, admin, local["id"], domain_id="default", name="near").get_json()["role"]["name"] == "near"


def test_an_immutable_role_stays_until_that_is_taken_off_alone(cloud, admin):
    role = make(cloud, admin, name="rock", options={"immutable": True})
    assert role["options"] == {"immutable": True}
    check_error(cloud.ask("DELETE", f"/v3/roles/{role['id']}", token=admin), 403)
    for wrong in ({"name": "sand"}, {"colour": "x"}, {"options": {"immutable": True}}, {"options": {}}):
        check_error(change(cloud, admin, role["id"], **wrong), 403)
    check_error(change(cloud, admin, role["id"], name="sand", options={"immutable": False}), 403)
    assert change(cloud, admin, role["id"], options={"immutable": None}).get_json()["role"]["options"] == {}
    assert change(cloud, admin, role["id"], options={"immutable": False}).get_json()["role"]["options"] == {"immutable": False}
    assert cloud.ask("DELETE", f"/v3/roles/{role['id']}", token=admin).status_code == 204


NONSENSE = [
    b"",
    b"[]",
    b'{"role": 1}',
    b'{"role": {}}',
    b'{"role": {"name": ""}}',
    b'{"role": {"name": "  "}}',
    b'{"role": {"name": 7}}',
    b'{"role": {"name": "%s"}}' % (b"x" * 256),
    b'{"role": {"name": "a\\u0000b"}}',
    b'{"role": {"name": "x", "options": {"unknown": 1}}}',
    b'{"role": {"name": "x", "options": {"immutable": "yes"}}}',
    b'{"role": {"name": "x", "options": null}}',
    b'{"role": {"name": "x", "description": 1}}',
    b'{"role": {"name": "x", "domain_id": 1}}',
]


def test_a_body_that_makes_no_sense_is_told_so_and_nothing_is_stored(cloud, admin):
    for body in NONSENSE:
        check_error(cloud.ask("POST", "/v3/roles", token=admin, body=body), 400)
    assert len(names(cloud, admin)) == 5


def test_who_may_see_and_change_roles(cloud, admin):
    member, reader = cloud.login("member", project("web")).token, cloud.login("reader", {"system": {"all": True}}).token
    cloud.do(grants.add, Grant("user", "user-homed", "domain", "default", "role-manager"), NOW)
    manager = cloud.login("homed", {"domain": {"id": "default"}}).token
    other = make(cloud, admin, name="other")["id"]
    for token, listing, showing, of_member in ((member, 403, 403, 403), (reader, 200, 200, 200), (manager, 200, 403, 200)):
        assert cloud.ask("GET", "/v3/roles", token=token).status_code == listing
        assert cloud.ask("GET", f"/v3/roles/{other}", token=token).status_code == showing
        assert cloud.ask("GET", "/v3/roles/role-member", token=token).status_code == of_member
        check_error(change(cloud, token, other, name="mine"), 403)
        check_error(cloud.ask("DELETE", f"/v3/roles/{other}", token=token), 403)
        check_error(cloud.ask("POST", "/v3/roles", token=token, body={"role": {"name": "new"}}), 403)
    check_error(cloud.ask("GET", "/v3/roles?domain_id=default", token=manager), 403)
    check_error(cloud.ask("GET", "/v3/roles"), 401)


def test_a_role_that_goes_takes_its_grants_tokens_and_application_credentials_along(cloud, admin):
    member = cloud.login("member", project("web")).token
    with cloud.store.begin() as tx:
        for id, role in (("a", "role-member"), ("b", "role-reader")):
            values = {"id": id, "name": id, "user_id": "user-member", "project_id": "web", "hash": "x", "created_at": NOW}
            tx.execute(insert(tables.application_credential), values)
            tx.execute(insert(tables.application_credential_role), {"application_credential_id": id, "role_id": role})
    assert cloud.ask("DELETE", "/v3/roles/role-member", token=admin).status_code == 204
    check_error(cloud.ask("GET", "/v3/projects/web/users/user-member/roles", token=member), 401)
    with cloud.store.read() as db:
        assert db.execute(select(tables.application_credential.c.id)).scalars().all() == ["b"]
        assert not [grant for grant in grants.on(db, "project", "web") if grant.role_id == "role-member"]


@pytest.fixture
def implies(cloud, admin):
    def ask(method, prior, implied="", token=admin):
        return cloud.ask(method, f"/v3/roles/{prior}/implies{implied and '/'}{implied}", token=token)

    return ask


def end(id):
    return {"id": id, "name": id.removeprefix("role-"), "links": {"self": f"{BASE}/v3/roles/{id}"}}


def test_one_role_implies_another_until_it_does_not(cloud, admin, implies):
    links = {"self": f"{BASE}/v3/roles/role-service/implies/role-reader"}
    rule = {"role_inference": {"prior_role": end("role-service"), "implies": end("role-reader")}, "links": links}
    check_error(implies("GET", "role-service", "role-reader"), 404)
    assert implies("HEAD", "role-service", "role-reader").status_code == 404
    made = implies("PUT", "role-service", "role-reader")
    assert (made.status_code, made.get_json()) == (201, rule)
    assert implies("GET", "role-service", "role-reader").get_json() == rule
    head = implies("HEAD", "role-service", "role-reader")
    assert (head.status_code, head.data) == (204, b"")
    check_error(implies("PUT", "role-service", "role-reader"), 409)
    of_prior = implies("GET", "role-service").get_json()
    assert of_prior["role_inference"] == {"prior_role": end("role-service"), "implies": [end("role-reader")]}
    assert of_prior["links"]["self"] == f"{BASE}/v3/roles/role-service/implies"
    every = cloud.ask("GET", "/v3/role_inferences", token=admin).get_json()["role_inferences"]
    assert [(rule["prior_role"]["name"], [role["name"] for role in rule["implies"]]) for rule in every] == [
        ("admin", ["manager"]),
        ("manager", ["member"]),
        ("member", ["reader"]),
        ("service", ["reader"]),
    ]
    assert implies("DELETE", "role-service", "role-reader").status_code == 204
    check_error(implies("DELETE", "role-service", "role-reader"), 404)
    assert implies("GET", "role-service").get_json()["role_inference"]["implies"] == []


def test_what_no_role_may_imply(cloud, admin, implies):
    check_error(implies("PUT", "role-service", "role-admin"), 403)
    check_error(implies("PUT", "role-reader", "role-manager"), 400)  # manager > member > reader
    check_error(implies("PUT", "role-reader", "role-reader"), 400)
    local = make(cloud, admin, name="local", domain_id="default")["id"]
    abroad = make(cloud, admin, name="abroad", domain_id="other")["id"]
    check_error(implies("PUT", "role-service", local), 403)
    assert implies("PUT", local, "role-reader").status_code == implies("PUT", local, abroad).status_code == 201
    for prior, implied in (("none", "role-reader"), ("role-reader", "none")):
        for method in ("PUT", "GET", "DELETE"):
            check_error(implies(method, prior, implied), 404)
    check_error(implies("GET", "none"), 404)


def test_the_operator_says_which_roles_may_not_be_implied(make_cloud):
    cloud = make_cloud(assignment=replace(Assignment(), prohibited_implied_role=["reader"]))
    admin = cloud.login("admin", project("admin")).token
    check_error(cloud.ask("PUT", "/v3/roles/role-service/implies/role-reader", token=admin), 403)
    assert cloud.ask("PUT", "/v3/roles/role-service/implies/role-admin", token=admin).status_code == 201


def test_who_may_see_and_change_what_is_implied(cloud, implies):
    member, reader = cloud.login("member", project("web")).token, cloud.login("reader", {"system": {"all": True}}).token
    for token, seeing in ((member, 403), (reader, 200)):
        assert implies("GET", "role-member", token=token).status_code == seeing
        assert implies("GET", "role-member", "role-reader", token=token).status_code == seeing
        assert cloud.ask("GET", "/v3/role_inferences", token=token).status_code == seeing
        check_error(implies("PUT", "role-service", "role-reader", token=token), 403)
        check_error(implies("DELETE", "role-member", "role-reader", token=token), 403)
        check_error(implies("DELETE", "role-member", "none", token=token), 403)
