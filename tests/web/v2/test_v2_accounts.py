"""Tenants, users, and the roles that users have in tenants, on version 2.0."""

from __future__ import annotations

from typing import Any

import pytest

from identity.store import grants, roles
from tests.support.gateway import NOW, check_error, password_auth
from tests.support.old_api import OldCloud, old_password_auth

OWN_TENANTS = {"admin": ["admin"], "member": ["off", "web"], "nobody": [], "stranger": []}


@pytest.fixture
def admin(old: OldCloud) -> str:
    return old.admin()


@pytest.mark.parametrize("face", ["", "/main"])
def test_the_tenants_that_a_user_may_use(shared_old: OldCloud, face: str):
    for name, expected in OWN_TENANTS.items():
        token = shared_old.new_token(name, "unscoped")
        found = shared_old.get("/tenants", token, face)
        assert [tenant["id"] for tenant in found["tenants"]] == expected
        assert found["tenants_links"] == []


def test_administrators_see_all_tenants_at_their_own_door(shared_old: OldCloud):
    admin = shared_old.admin()
    found = shared_old.get("/tenants", admin, "/admin")["tenants"]
    assert {tenant["id"] for tenant in found} == {"admin", "web", "idle", "off", "service"}
    assert found[0] == {"id": "admin", "name": "admin-project", "description": "", "enabled": True}
    assert shared_old.get("/tenants?name=web-project", admin, "/admin")["tenant"]["id"] == "web"
    for name in ("shop-project", "ghost", "Default"):
        check_error(shared_old.ask("GET", f"/tenants?name={name}", admin, face="/admin"), 404)
    check_error(shared_old.ask("GET", "/tenants", shared_old.token("member", "web"), face="/admin"), 403)
    check_error(shared_old.ask("GET", "/tenants?name=web-project", shared_old.token("member", "web"), face="/admin"), 403)


def test_pages_of_tenants(shared_old: OldCloud):
    admin, seen, path = shared_old.admin(), [], "/tenants?limit=2"
    while path:
        found = shared_old.get(path, admin, "/admin")
        seen += [tenant["id"] for tenant in found["tenants"]]
        links = found["tenants_links"]
        path = links[0]["href"].partition("/admin/v2.0")[2] if links else ""
    assert seen == ["admin", "idle", "off", "service", "web"]
    check_error(shared_old.ask("GET", "/tenants?marker=nowhere", admin, face="/admin"), 400)
    check_error(shared_old.ask("GET", "/tenants?limit=x", admin, face="/admin"), 400)


def test_a_tenants_life(old: OldCloud, admin: str):
    wanted = {"name": "forge", "description": "heavy", "colour": "red", "domain_id": "other", "id": "chosen", "tags": ["x"]}
    made = old.post("/tenants", admin, {"tenant": wanted})["tenant"]
    id = made["id"]
    assert made == {"id": id, "name": "forge", "description": "heavy", "enabled": True, "colour": "red"} and id != "chosen"
    shown = old.cloud.ask("GET", f"/v3/projects/{id}", token=admin).get_json()["project"]
    assert (shown["domain_id"], shown["parent_id"], shown["colour"], shown["tags"]) == ("default", "default", "red", [])
    assert old.get(f"/tenants/{id}", admin)["tenant"] == made
    changed = {**made, "description": None, "enabled": False, "domain_id": "other"}
    for method in ("POST", "PUT"):
        after = old.post(f"/tenants/{id}", admin, {"tenant": changed}, method)["tenant"]
        assert after == {**made, "description": "", "enabled": False}
    assert old.cloud.ask("GET", f"/v3/projects/{id}", token=admin).get_json()["project"]["domain_id"] == "default"
    check_error(old.ask("POST", f"/tenants/{id}", admin, {"tenant": {"id": "another"}}), 400)
    check_error(old.ask("POST", "/tenants", admin, {"tenant": {"name": "forge"}}), 409)
    assert old.ask("DELETE", f"/tenants/{id}", admin).status_code == 204
    check_error(old.ask("GET", f"/tenants/{id}", admin), 404)


@pytest.mark.parametrize(
    "tenant",
    [
        {},
        {"name": ""},
        {"name": " "},
        {"name": "x" * 65},
        {"name": 5},
        {"name": "a", "enabled": "true"},
        {"name": "a", "enabled": 1},
        [],
    ],
)
def test_tenants_that_cannot_be(shared_old: OldCloud, tenant: Any):
    check_error(shared_old.ask("POST", "/tenants", shared_old.admin(), {"tenant": tenant}), 400)


def test_a_disabled_tenant_ends_its_tokens(old: OldCloud, admin: str):
    token = old.token("member", "web")
    old.post("/tenants/web", admin, {"tenant": {"enabled": False}})
    check_error(old.ask("GET", f"/tokens/{token}", admin), 404)


def test_the_users_of_a_tenant(old: OldCloud, admin: str):
    cloud = old.cloud
    group = cloud.ask("POST", "/v3/groups", token=admin, body={"group": {"name": "crew"}}).get_json()["group"]["id"]
    for user in ("user-nobody", "user-lost"):
        assert cloud.ask("PUT", f"/v3/groups/{group}/users/{user}", token=admin).status_code == 204
    cloud.do(grants.add, grants.Grant("group", group, "project", "web", "role-reader"), NOW)
    cloud.do(grants.add, grants.Grant("user", "user-nova", "domain", "default", "role-reader", True), NOW)
    cloud.do(grants.add, grants.Grant("user", "user-stranger", "project", "web", "role-reader"), NOW)
    found = old.get("/tenants/web/users", admin)["users"]
    assert [user["name"] for user in found] == ["homed", "lost", "member", "nobody", "nova", "reader"]
    assert [user["name"] for user in old.get("/tenants/idle/users", admin)["users"]] == ["nova"]
    page = old.get("/tenants/web/users?limit=2&marker=user-lost", admin)
    assert [user["name"] for user in page["users"]] == ["member", "nobody"] and page["users_links"]


def test_a_users_life(old: OldCloud, admin: str):
    wanted = {"name": "smith", "password": "hammer-time", "email": "s@example.org", "enabled": True, "tenantId": None}
    made = old.post("/users", admin, {"user": wanted})["user"]
    id = made["id"]
    assert made == {"id": id, "name": "smith", "username": "smith", "email": "s@example.org", "enabled": True}
    assert old.get(f"/users/{id}", admin)["user"] == made
    assert old.get("/users?name=smith", admin)["user"] == made
    assert made in old.get("/users", admin)["users"]
    assert old.access("smith", password="hammer-time")["user"]["id"] == id
    shown = old.cloud.ask("GET", f"/v3/users/{id}", token=admin).get_json()["user"]
    assert (shown["domain_id"], shown["email"], shown["name"]) == ("default", "s@example.org", "smith")
    after = old.post(f"/users/{id}", admin, {"user": {**made, "name": "goldsmith", "username": None}}, "PUT")["user"]
    assert after == {**made, "name": "goldsmith", "username": "goldsmith"}
    check_error(old.ask("PUT", f"/users/{id}", admin, {"user": {"id": "another"}}), 400)
    check_error(old.ask("POST", "/users", admin, {"user": {"name": "goldsmith"}}), 409)
    check_error(old.ask("PUT", f"/users/{id}", admin, {"user": {"name": "member"}}), 409)
    assert old.ask("DELETE", f"/users/{id}", admin).status_code == 204
    check_error(old.ask("GET", f"/users/{id}", admin), 404)
    check_error(old.ask("GET", "/users?name=goldsmith", admin), 404)


def test_other_words_for_name_and_password(old: OldCloud, admin: str):
    made = old.post("/users", admin, {"user": {"username": "elder", "OS-KSADM:password": "old-habits"}})["user"]
    assert made["name"] == made["username"] == "elder" and "OS-KSADM:password" not in made
    assert old.access("elder", password="old-habits")["user"]["id"] == made["id"]


@pytest.mark.parametrize("path", ["OS-KSADM/password", "password", ""])
def test_an_administrator_sets_a_password(old: OldCloud, admin: str, path: str):
    token = old.token("member", "web")
    answer = old.post(
        f"/users/user-member/{path}".rstrip("/"), admin, {"user": {"id": "user-member", "password": "fresh-one"}}, "PUT"
    )
    assert answer["user"]["id"] == "user-member" and "password" not in answer["user"]
    check_error(old.ask("GET", f"/tokens/{token}", admin), 404)
    assert old.access("member", "web", password="fresh-one")
    check_error(old.ask("POST", "/tokens", body=old_password_auth("member")), 401)


@pytest.mark.parametrize("path", ["OS-KSADM/enabled", "enabled"])
def test_a_user_is_switched_off_and_on(old: OldCloud, admin: str, path: str):
    token = old.token("member", "web")
    assert old.post(f"/users/user-member/{path}", admin, {"user": {"enabled": False}}, "PUT")["user"]["enabled"] is False
    check_error(old.ask("GET", f"/tokens/{token}", admin), 404)
    check_error(old.cloud.post(password_auth("member")), 401)
    assert old.post(f"/users/user-member/{path}", admin, {"user": {"enabled": True}}, "PUT")["user"]["enabled"] is True
    assert old.token("member", "web")
    check_error(old.ask("PUT", f"/users/user-member/{path}", admin, {"user": {"enabled": "False"}}), 400)


def test_a_tenant_makes_its_user_a_member(old: OldCloud, admin: str):
    made = old.post("/users", admin, {"user": {"name": "new", "password": "pass-word-1", "tenantId": "web"}})["user"]
    assert made["tenantId"] == "web"
    assert [role["name"] for role in old.access("new", "web", password="pass-word-1")["user"]["roles"]] == ["_member_"]
    for path in ("OS-KSADM/tenant", "tenant"):
        moved = old.post(f"/users/{made['id']}/{path}", admin, {"user": {"tenantId": "idle"}}, "PUT")["user"]
        assert moved["tenantId"] == "idle"
    check_error(old.ask("POST", "/tokens", body=old_password_auth("new", "web", "pass-word-1")), 401)
    assert old.access("new", "idle", password="pass-word-1")
    shown = old.cloud.ask("GET", f"/v3/users/{made['id']}", token=admin).get_json()["user"]
    assert shown["default_project_id"] == "idle"
    same = old.post(f"/users/{made['id']}", admin, {"user": {"tenantId": None, "email": "x"}}, "PUT")["user"]
    assert same["tenantId"] == "idle"
    with old.cloud.store.read() as db:
        assert len([role for role in roles.listed(db)[0] if role.name == "_member_"]) == 1


def test_roles_other_than_the_members_stay_when_a_user_moves(old: OldCloud, admin: str):
    old.post("/users/user-homed/OS-KSADM/tenant", admin, {"user": {"tenantId": "idle"}}, "PUT")
    assert [role["name"] for role in old.access("homed", "web")["user"]["roles"]] == ["member", "reader"]


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"name": ""},
        {"name": None},
        {"name": "x", "enabled": "true"},
        {"name": "x", "enabled": None},
        {"name": "x", "password": 5},
        {"name": ["x"]},
        {"name": "x" * 256},
        {"name": "x", "tenantId": 7},
        "x",
    ],
)
def test_users_that_cannot_be(shared_old: OldCloud, user: Any):
    check_error(shared_old.ask("POST", "/users", shared_old.admin(), {"user": user}), 400)


@pytest.mark.parametrize("tenant", ["nowhere", "shop", "default", "other"])
def test_no_user_is_made_for_a_tenant_that_is_not_there(old: OldCloud, admin: str, tenant: str):
    check_error(old.ask("POST", "/users", admin, {"user": {"name": "x", "tenantId": tenant}}), 404)
    check_error(old.ask("PUT", "/users/user-member", admin, {"user": {"tenantId": tenant}}), 404)
    check_error(old.ask("GET", "/users?name=x", admin), 404)


def test_roles_in_a_tenant(old: OldCloud, admin: str):
    place = "/tenants/idle/users/user-nobody/roles"
    assert old.get(place, admin)["roles"] == []
    given = old.post(f"{place}/OS-KSADM/role-member", admin, None, "PUT")["role"]
    assert given == {"id": "role-member", "name": "member"}
    check_error(old.ask("PUT", f"{place}/OS-KSADM/role-member", admin), 409)
    assert [role["name"] for role in old.get(place, admin)["roles"]] == ["member", "reader"]  # the implied one too
    assert old.access("nobody", "idle")["user"]["roles"] == [{"name": "member"}, {"name": "reader"}]
    on_v3 = old.cloud.ask("GET", "/v3/projects/idle/users/user-nobody/roles", token=admin).get_json()["roles"]
    assert [role["id"] for role in on_v3] == ["role-member"]
    token = old.token("nobody", "idle")
    assert old.ask("DELETE", f"{place}/OS-KSADM/role-member", admin).status_code == 204
    check_error(old.ask("GET", f"/tokens/{token}", admin), 404)
    check_error(old.ask("DELETE", f"{place}/OS-KSADM/role-member", admin), 404)


@pytest.mark.parametrize(
    "path",
    [
        "/tenants/shop/users/user-member/roles",
        "/tenants/web/users/user-stranger/roles",
        "/tenants/default/users/user-member/roles",
        "/tenants/nowhere/users/user-member/roles",
        "/tenants/web/users/nobody-there/roles",
    ],
)
def test_no_role_where_an_end_is_missing_or_of_another_domain(shared_old: OldCloud, path: str):
    admin = shared_old.admin()
    check_error(shared_old.ask("GET", path, admin), 404)
    for method in ("PUT", "DELETE"):
        check_error(shared_old.ask(method, f"{path}/OS-KSADM/role-reader", admin), 404)
    with shared_old.cloud.store.read() as db:
        assert not grants.has(db, grants.Grant("user", "user-stranger", "project", "web", "role-reader"))


def test_a_role_of_one_domain_is_not_there(old: OldCloud, admin: str):
    old.cloud.do(roles.create, id="own", name="own", domain_id="default", now=NOW)
    old.cloud.do(grants.add, grants.Grant("user", "user-member", "project", "web", "own"), NOW)
    assert "own" not in str(old.get("/OS-KSADM/roles", admin)) + str(old.get("/tenants/web/users/user-member/roles", admin))
    for method, path in (("GET", "/OS-KSADM/roles/own"), ("DELETE", "/OS-KSADM/roles/own")):
        check_error(old.ask(method, path, admin), 404)
    check_error(old.ask("PUT", "/tenants/web/users/user-nobody/roles/OS-KSADM/own", admin), 404)


def test_roles_without_a_tenant_were_never_done(shared_old: OldCloud):
    admin, member = shared_old.admin(), shared_old.token("member", "web")
    for method, path in (
        ("GET", "/users/user-member/roles"),
        ("PUT", "/users/user-member/roles/OS-KSADM/role-reader"),
        ("DELETE", "/users/user-member/roles/OS-KSADM/role-reader"),
    ):
        check_error(shared_old.ask(method, path, admin), 501)
        check_error(shared_old.ask(method, path, member), 403)


def test_references_to_roles(old: OldCloud, admin: str):
    path = "/users/user-nobody/roleRefs"
    assert old.get(path, admin)["roles"] == []
    assert old.post(path, admin, {"role": {"tenantId": "idle", "roleId": "role-reader"}})["role"]["name"] == "reader"
    old.cloud.do(grants.add, grants.Grant("user", "user-nobody", "project", "shop", "role-reader"), NOW)
    (reference,) = old.get(path, admin)["roles"]
    assert (reference["tenantId"], reference["roleId"], reference["userId"]) == ("idle", "role-reader", "user-nobody")
    check_error(old.ask("DELETE", f"/users/user-member/roleRefs/{reference['id']}", admin), 404)
    assert old.ask("DELETE", f"{path}/{reference['id']}", admin).status_code == 204
    assert old.get(path, admin)["roles"] == []
    for rubbish in ("x", "tenantId=idle", "tenantId=idle&roleId=role-reader", "&" * 100, "tenantId=a&tenantId=b&roleId=c"):
        check_error(old.ask("DELETE", f"{path}/{rubbish}", admin), 404)
    check_error(old.ask("POST", path, admin, {"role": {"tenantId": "shop", "roleId": "role-reader"}}), 404)
    check_error(old.ask("POST", path, admin, {"role": {"tenantId": "idle"}}), 400)


def test_roles(old: OldCloud, admin: str):
    made = old.post("/OS-KSADM/roles", admin, {"role": {"name": "smithy"}})["role"]
    assert made == {"id": made["id"], "name": "smithy"}
    assert made in old.get("/OS-KSADM/roles", admin)["roles"]
    assert old.get(f"/OS-KSADM/roles/{made['id']}", admin)["role"] == made
    assert old.get("/OS-KSADM/roles/smithy", admin)["role"] == made
    check_error(old.ask("POST", "/OS-KSADM/roles", admin, {"role": {"name": "smithy"}}), 409)
    for role in ({}, {"name": ""}, {"name": 5}, [], None):
        check_error(old.ask("POST", "/OS-KSADM/roles", admin, {"role": role}), 400)
    assert old.ask("DELETE", f"/OS-KSADM/roles/{made['id']}", admin).status_code == 204
    check_error(old.ask("GET", "/OS-KSADM/roles/smithy", admin), 404)
    old.cloud.do(roles.create, id="kept", name="kept", options={"immutable": True}, now=NOW)
    check_error(old.ask("DELETE", "/OS-KSADM/roles/kept", admin), 403)


def test_ones_own_password(old: OldCloud):
    access = old.access("member", "web")
    body = {"user": {"password": "all-new-words", "original_password": "correct-member-horse"}}
    after = old.post("/OS-KSCRUD/users/user-member", access["token"]["id"], body, "PATCH")["access"]
    assert after["token"]["tenant"]["id"] == "web" and after["token"]["id"] != access["token"]["id"]
    admin = old.admin()
    check_error(old.ask("GET", f"/tokens/{access['token']['id']}", admin), 404)
    assert old.get(f"/tokens/{after['token']['id']}", admin)["access"]["user"]["id"] == "user-member"
    check_error(old.ask("POST", "/tokens", body=old_password_auth("member")), 401)
    unscoped = old.access("member", password="all-new-words")["token"]["id"]
    body = {"user": {"password": "more-new-words", "original_password": "all-new-words"}}
    assert "tenant" not in old.post("/OS-KSCRUD/users/user-member", unscoped, body, "PATCH")["access"]["token"]


def test_a_password_is_not_changed_without_the_present_one_or_for_others(old: OldCloud):
    token = old.token("member", "web")
    wrong = {"user": {"password": "new", "original_password": "wrong"}}
    check_error(old.ask("PATCH", "/OS-KSCRUD/users/user-member", token, wrong), 401)
    assert (old.cloud.events.last().outcome, old.cloud.events.last().user_name) == ("failure", "member")
    right = {"user": {"password": "new", "original_password": "correct-member-horse"}}
    for name, tenant in (("admin", "admin"), ("reader", "web")):
        check_error(old.ask("PATCH", "/OS-KSCRUD/users/user-member", old.token(name, tenant), right), 403)
    check_error(old.ask("PATCH", "/OS-KSCRUD/users/user-member", None, right), 401)
    check_error(old.ask("PATCH", "/OS-KSCRUD/users/user-stranger", old.new_token("stranger", "shop"), right), 403)
    for user in ({}, {"password": "x"}, {"password": 5, "original_password": "x"}, {"original_password": "x"}):
        check_error(old.ask("PATCH", "/OS-KSCRUD/users/user-member", token, {"user": user}), 400)
    assert old.token("member", "web")


def test_who_needs_more_than_a_password_does_not_change_it_here(old: OldCloud, admin: str):
    """Or the answer, a token by the new password alone, could only be a 401 after the deed."""
    token = old.token("member", "web")
    rules = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [["password", "token"]]}
    old.cloud.ask("PATCH", "/v3/users/user-member", token=admin, body={"user": {"options": rules}})
    check_error(old.ask("POST", "/tokens", body=old_password_auth("member", "web")), 401)
    body = {"user": {"password": "all-new-words", "original_password": "correct-member-horse"}}
    check_error(old.ask("PATCH", "/OS-KSCRUD/users/user-member", token, body), 401)
    old.cloud.ask("PATCH", "/v3/users/user-member", token=admin, body={"user": {"options": {"multi_factor_auth_enabled": False}}})
    assert old.token("member", "web")  # by the password that it was


@pytest.mark.parametrize("password", ["", " " * 8, "x" * 200, "ünd ☃"])
def test_new_passwords_of_ones_own(old: OldCloud, password: str):
    body = {"user": {"password": password, "original_password": "correct-member-horse"}}
    answer = old.ask("PATCH", "/OS-KSCRUD/users/user-member", old.token("member", "web"), body)
    assert answer.status_code == (200 if password else 400)
    assert old.access("member", "web", password=password or "correct-member-horse")


def test_a_locked_password_stays(old: OldCloud, admin: str):
    old.cloud.ask("PATCH", "/v3/users/user-member", token=admin, body={"user": {"options": {"lock_password": True}}})
    body = {"user": {"password": "all-new-words", "original_password": "correct-member-horse"}}
    check_error(old.ask("PATCH", "/OS-KSCRUD/users/user-member", old.token("member", "web"), body), 400)
    assert old.token("member", "web")


def test_no_body_moves_a_thing_to_another_domain_or_sets_what_version_2_does_not_know(old: OldCloud, admin: str):
    """Clients send back what they were shown elsewhere; none of this is kept, so none of it can come to mean something."""
    sent = {
        **{"domain_id": "other", "domain": {"id": "other"}, "options": {"lock_password": True, "immutable": True}, "links": {}},
        **{"default_project_id": "shop", "password_expires_at": "x", "federated": [{}], "is_domain": True, "parent_id": "shop"},
    }
    old.post("/users/user-homed", admin, {"user": sent}, "PUT")
    shown = old.cloud.ask("GET", "/v3/users/user-homed", token=admin).get_json()["user"]
    assert (shown["domain_id"], shown["default_project_id"], shown["options"]) == ("default", "web", {})
    assert shown["password_expires_at"] is None and "federated" not in shown
    old.post("/tenants/idle", admin, {"tenant": sent}, "PUT")
    shown = old.cloud.ask("GET", "/v3/projects/idle", token=admin).get_json()["project"]
    assert (shown["domain_id"], shown["parent_id"], shown["is_domain"], shown["options"]) == ("default", "default", False, {})
    role = old.post("/OS-KSADM/roles", admin, {"role": {"name": "moved", **sent}})["role"]["id"]
    shown = old.cloud.ask("GET", f"/v3/roles/{role}", token=admin).get_json()["role"]
    assert (shown["domain_id"], shown["options"]) == (None, {})


def test_what_the_rules_for_projects_forbid_is_forbidden_here_too(old: OldCloud, admin: str):
    child = {"project": {"name": "child", "parent_id": "web", "domain_id": "default"}}
    assert old.cloud.ask("POST", "/v3/projects", token=admin, body=child).status_code == 201
    check_error(old.ask("DELETE", "/tenants/web", admin), 403)
    check_error(old.ask("PUT", "/tenants/web", admin, {"tenant": {"enabled": False}}), 403)
    options = {"project": {"options": {"immutable": True}}}
    assert old.cloud.ask("PATCH", "/v3/projects/idle", token=admin, body=options).status_code == 200
    check_error(old.ask("PUT", "/tenants/idle", admin, {"tenant": {"name": "other"}}), 403)
    check_error(old.ask("DELETE", "/tenants/idle", admin), 403)
