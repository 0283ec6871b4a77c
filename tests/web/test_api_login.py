"""Logging in: scopes, bodies and headers as the Identity API's reference has them."""

from __future__ import annotations

import pytest

from identity.services.hashing import Hasher
from identity.store import grants, roles, users
from identity.store.grants import Grant
from tests.support import places
from tests.support.gateway import BASE, NOW, PEOPLE, Cloud, body_of, check_error, password_auth, password_of, project

UNSCOPED_KEYS = {"methods", "user", "audit_ids", "expires_at", "issued_at"}
PROJECT_KEYS = UNSCOPED_KEYS | {"project", "is_domain", "roles", "catalog"}
REFUSED = "The request you have made requires authentication."


def test_an_unscoped_token(shared_cloud: Cloud):
    made = shared_cloud.login("member")
    assert set(made.shown) == UNSCOPED_KEYS
    assert made.shown["methods"] == ["password"]
    assert made.shown["user"] == {
        "id": "user-member",
        "name": "member",
        "domain": {"id": "default", "name": "Default"},
        "password_expires_at": None,
    }
    assert made.shown["issued_at"] == "2026-09-21T14:13:20.000000Z"
    assert made.shown["expires_at"] == "2026-09-21T15:13:20.000000Z"
    assert len(made.shown["audit_ids"]) == 1
    assert made.answer.mimetype == "application/json"
    assert "X-Auth-Token" in made.answer.headers["Vary"]
    assert made.token not in made.answer.get_data(as_text=True)


@pytest.mark.parametrize("scope", ["unscoped", {"unscoped": {}}])
def test_unscoped_by_word_overrides_the_default_project(shared_cloud: Cloud, scope):
    assert shared_cloud.login("homed").shown["project"]["id"] == "web"
    assert set(shared_cloud.login("homed", scope).shown) == UNSCOPED_KEYS


@pytest.mark.parametrize(
    "scope",
    [
        {"project": {"id": "web"}},
        {"project": {"name": "web-project", "domain": {"id": "default"}}},
        {"project": {"name": "web-project", "domain": {"name": "Default"}}},
    ],
)
def test_a_project_by_id_or_by_name_and_domain(shared_cloud: Cloud, scope):
    made = shared_cloud.login("member", scope)
    assert set(made.shown) == PROJECT_KEYS
    assert made.shown["project"] == {"id": "web", "name": "web-project", "domain": {"id": "default", "name": "Default"}}
    assert made.shown["is_domain"] is False
    assert made.roles == {"member", "reader"}
    compute = next(each for each in made.shown["catalog"] if each["type"] == "compute")
    assert [endpoint["url"] for endpoint in compute["endpoints"]] == ["https://compute.example.org/v2.1/web"]


@pytest.mark.parametrize("scope", [{"domain": {"id": "default"}}, {"domain": {"name": "Default"}}])
def test_a_domain(shared_cloud: Cloud, scope):
    made = shared_cloud.login("member", scope)
    assert set(made.shown) == UNSCOPED_KEYS | {"domain", "roles", "catalog"}
    assert made.shown["domain"] == {"id": "default", "name": "Default"}
    # An endpoint whose URL needs a project is left out.
    assert [bool(each["endpoints"]) for each in made.shown["catalog"] if each["type"] == "compute"] == [False]


def test_the_system(shared_cloud: Cloud):
    made = shared_cloud.login("admin", {"system": {"all": True}})
    assert set(made.shown) == UNSCOPED_KEYS | {"system", "roles", "catalog"}
    assert made.shown["system"] == {"all": True}
    assert made.roles == {"admin", "manager", "member", "reader"}


def test_a_domain_that_acts_as_a_project(cloud: Cloud):
    cloud.do(grants.add, Grant("user", "user-member", "project", "default", "role-reader"), NOW)
    made = cloud.login("member", project("default"))
    assert made.shown["is_domain"] is True
    assert made.shown["project"] == {"id": "default", "name": "Default", "domain": {"id": "default", "name": "Default"}}


@pytest.mark.parametrize("path", ["/v3/auth/tokens?nocatalog", "/v3/auth/tokens?nocatalog=", "/v3/auth/tokens?nocatalog=1&x=y"])
def test_nocatalog_leaves_the_catalogue_out_and_nothing_else(shared_cloud: Cloud, path: str):
    answer = shared_cloud.ask("POST", path, body=password_auth("member", scope=project("web")))
    assert set(answer.get_json()["token"]) == PROJECT_KEYS - {"catalog"}
    token = answer.headers["X-Subject-Token"]
    shown = shared_cloud.ask("GET", path, token=token, subject=token).get_json()["token"]
    assert shown == answer.get_json()["token"]
    assert "catalog" in shared_cloud.show(token).get_json()["token"]


def test_what_validation_shows_is_what_was_issued(shared_cloud: Cloud):
    for name, scope in (
        ("member", None),
        ("member", project("web")),
        ("admin", {"system": {"all": True}}),
        ("member", {"domain": {"id": "default"}}),
    ):
        made = shared_cloud.login(name, scope)
        for worker in (shared_cloud, shared_cloud.second()):
            answer = worker.show(made.token)
            assert answer.status_code == 200
            assert answer.headers["X-Subject-Token"] == made.token
            assert answer.get_json()["token"] == made.shown


@pytest.mark.parametrize("name", ["homed", "lost"])
def test_a_default_project_counts_only_while_it_can_be_used(cloud: Cloud, name: str):
    if name == "lost":  # it holds no role there
        assert set(cloud.login("lost").shown) == UNSCOPED_KEYS
        return
    cloud.do(places.set_enabled, "web", False, NOW)
    assert set(cloud.login("homed").shown) == UNSCOPED_KEYS
    check_error(cloud.post(password_auth("homed", scope=project("web"))), 401)
    cloud.do(users.change, "user-homed", {"default_project_id": "gone"}, NOW)
    assert set(cloud.login("homed").shown) == UNSCOPED_KEYS


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("member", project("idle")),
        ("member", project("off")),
        ("member", project("shop")),
        ("member", project("no-such-project")),
        ("member", project("web\x00")),
        ("member", project("x" * 70_000)),
        ("member", {"project": {"name": "web-project", "domain": {"id": "other"}}}),
        ("member", {"project": {"name": "WEB-PROJECT", "domain": {"id": "default"}}}),
        ("member", {"project": {"name": "web-project", "domain": {"name": "Nowhere"}}}),
        ("member", {"domain": {"id": "other"}}),
        ("member", {"domain": {"id": "web"}}),
        ("member", {"domain": {"name": "Nowhere"}}),
        ("member", {"system": {"all": True}}),
        ("member", {"OS-TRUST:trust": {"id": "x"}}),
        ("nobody", project("web")),
    ],
)
def test_a_scope_that_one_may_not_have_is_the_same_401_as_one_that_does_not_exist(shared_cloud: Cloud, name: str, scope):
    answer = shared_cloud.post(password_auth(name, scope=scope))
    assert check_error(answer, 401)["message"] == REFUSED
    assert answer.headers["WWW-Authenticate"] == f'Keystone uri="{BASE}"'


@pytest.mark.parametrize(
    "scope",
    [
        {},
        [],
        1,
        "scoped",
        {"project": {}},
        {"project": {"name": "web-project"}},
        {"project": {"name": "web-project", "domain": {}}},
        {"project": {"name": "web-project", "domain": "default"}},
        {"project": None},
        {"project": "web"},
        {"project": {"id": 7}},
        {"project": {"id": None}},
        {"domain": {}},
        {"domain": {"id": ["default"]}},
        {"system": {}},
        {"system": {"all": False}},
        {"system": {"all": "yes"}},
        {"unscoped": "yes"},
        {"project": {"id": "web"}, "domain": {"id": "default"}},
        {"project": {"id": "web"}, "unscoped": {}},
        {"planet": {"id": "earth"}},
    ],
)
def test_a_scope_that_is_none_is_a_400(shared_cloud: Cloud, scope):
    check_error(shared_cloud.post(password_auth("member", scope=scope)), 400)


def test_the_user_by_id_and_by_the_name_of_its_domain(shared_cloud: Cloud):
    for user in (
        {"id": "user-stranger"},
        {"name": "stranger", "domain": {"name": "Other"}},
        {"name": "stranger", "domain": {"id": "other"}},
    ):
        body = body_of({"methods": ["password"], "password": {"user": {**user, "password": password_of("stranger")}}})
        assert shared_cloud.issue(body).shown["user"]["id"] == "user-stranger"
    body = body_of(
        {
            "methods": ["password"],
            "password": {"user": {"name": "stranger", "domain": {"id": "default"}, "password": password_of("stranger")}},
        }
    )
    check_error(shared_cloud.post(body), 401)


def test_one_name_in_two_domains_is_two_people(cloud: Cloud):
    twin = cloud.do(
        users.create, name="member", domain_id="other", now=NOW, hash=Hasher(cloud.settings.identity).hash("twin-secret")
    )
    assert cloud.issue(password_auth("member", "twin-secret", domain="other")).shown["user"]["id"] == twin
    check_error(cloud.post(password_auth("member", "twin-secret", domain="default")), 401)
    check_error(cloud.post(password_auth("member", domain="other", password=password_of("member"))), 401)


def test_roles_come_by_group_inheritance_and_implication_but_not_from_other_domains(cloud: Cloud):
    cloud.do(roles.create, id="role-local", name="local", domain_id="default", now=NOW)
    cloud.do(grants.add, Grant("user", "user-nobody", "domain", "default", "role-manager", True), NOW)
    cloud.do(grants.add, Grant("user", "user-nobody", "project", "web", "role-local"), NOW)
    assert cloud.login("nobody", project("web")).roles == {"manager", "member", "reader"}
    check_error(cloud.post(password_auth("nobody", scope={"domain": {"id": "default"}})), 401)


def test_the_lists_of_scopes(cloud: Cloud):
    token = cloud.login("member").token
    listed = cloud.ask("GET", "/main/v3/auth/projects", token=token).get_json()
    assert listed["links"] == {"next": None, "previous": None, "self": f"{BASE}/main/v3/auth/projects"}
    assert {each["id"] for each in listed["projects"]} >= {"web"}
    web = next(each for each in listed["projects"] if each["id"] == "web")
    assert web["domain_id"] == "default" and web["enabled"] is True and web["is_domain"] is False
    assert web["links"]["self"] == f"{BASE}/main/v3/projects/web"
    found = cloud.ask("GET", "/v3/auth/domains", token=token).get_json()["domains"]
    assert [each["id"] for each in found] == ["default"]
    assert cloud.ask("GET", "/v3/auth/system", token=token).get_json()["system"] == []
    assert cloud.ask("GET", "/v3/auth/system", token=cloud.login("reader").token).get_json()["system"] == [{"all": True}]
    assert cloud.ask("GET", "/v3/auth/projects", token=cloud.login("nobody").token).get_json()["projects"] == []


def test_the_lists_tell_which_scopes_are_switched_off(cloud: Cloud):
    cloud.do(grants.add, Grant("user", "user-member", "domain", "other", "role-reader"), NOW)
    cloud.do(places.set_enabled, "other", False, NOW)
    token = cloud.login("member").token
    for path, key, expected in (
        ("projects", "project", {"web": True, "off": False}),
        ("domains", "domain", {"default": True, "other": False}),
    ):
        listed = cloud.ask("GET", f"/v3/auth/{path}", token=token).get_json()[path]
        assert {each["id"]: each["enabled"] for each in listed} == expected
        for id, enabled in expected.items():
            assert cloud.post(password_auth("member", scope={key: {"id": id}})).status_code == (201 if enabled else 401)


def test_the_catalogue_of_a_token(shared_cloud: Cloud):
    made = shared_cloud.login("member", project("web"))
    answer = shared_cloud.ask("GET", "/krb/v3/auth/catalog", token=made.token).get_json()
    assert answer == {"catalog": made.shown["catalog"], "links": {"self": f"{BASE}/krb/v3/auth/catalog"}}


@pytest.mark.parametrize("name", PEOPLE)
def test_everybody_can_log_in(shared_cloud: Cloud, name: str):
    assert shared_cloud.login(name).shown["user"]["name"] == name
