"""Asking for one thing by the name of another: ids, names, domains and projects that are taken for each other."""

from __future__ import annotations

from typing import Any

import pytest

from identity.store import grants, projects, roles, users
from tests.support.gateway import NOW, Cloud, body_of, check_error, password_auth, password_of, project


@pytest.mark.parametrize(
    "scope",
    [
        {"project": {"id": ""}},
        {"domain": {"id": ""}},
        {"domain": {"name": ""}},
        {"project": {"name": "", "domain": {"id": "default"}}},
        {"project": {"name": "web-project", "domain": {"id": ""}}},
        {"project": {"name": "web-project", "domain": {"id": "web"}}},
        {"project": {"name": "Default", "domain": {"id": "default"}}},
        {"project": {"id": "system"}},
        {"domain": {"id": "system"}},
        {"domain": {"id": "web"}},
        {"project": {"id": "WEB"}},
        {"project": {"id": "web "}},
        {"project": {"id": "web/"}},
        {"project": {"id": "*"}},
    ],
)
@pytest.mark.parametrize("name", ["member", "homed"])
def test_a_scope_that_is_nobodys_is_refused_and_not_passed_over(shared_cloud: Cloud, name: str, scope: Any) -> None:
    """An empty id once gave an unscoped token: the client believed that it had what it asked for."""
    check_error(shared_cloud.post(password_auth(name, scope=scope)), 401)
    token = shared_cloud.login(name, "unscoped").token
    check_error(shared_cloud.post(body_of({"methods": ["token"], "token": {"id": token}}, scope)), 401)


def test_an_id_that_is_anothers_name_is_nobody_elses(cloud: Cloud) -> None:
    cloud.do(users.create, id="admin", name="user-admin", domain_id="default", now=NOW, hash=cloud.hash("own"))
    tries = (
        ({"id": "admin", "password": "own"}, "admin"),
        ({"id": "admin", "password": password_of("admin")}, None),
        ({"name": "admin", "domain": {"id": "default"}, "password": "own"}, None),
        ({"name": "user-admin", "domain": {"id": "default"}, "password": "own"}, "admin"),
        ({"name": "user-admin", "domain": {"id": "default"}, "password": password_of("admin")}, None),
        ({"id": "user-admin", "password": password_of("admin")}, "user-admin"),
        # Both: one of them is looked up and the password must be that one's.
        ({"id": "admin", "name": "admin", "domain": {"id": "default"}, "password": "own"}, None),
    )
    for user, who in tries:
        answer = cloud.post(body_of({"methods": ["password"], "password": {"user": user}}, "unscoped"))
        assert answer.status_code == (201 if who else 401), user
        assert who is None or answer.get_json()["token"]["user"]["id"] == who


@pytest.mark.parametrize("name", ["ADMIN", "admin ", " admin", "аdmin", "ａｄｍｉｎ", "admin\u200b", "ad\u0131min", "admin%"])
def test_a_name_that_looks_alike_is_another_name(shared_cloud: Cloud, name: str) -> None:
    check_error(shared_cloud.post(password_auth(name, password_of("admin"), domain="default")), 401)


def test_a_role_of_one_domain_named_as_a_global_one_gives_nothing(cloud: Cloud) -> None:
    cloud.do(roles.create, id="own-admin", name="admin", domain_id="default", now=NOW)
    cloud.do(grants.add, grants.Grant("user", "user-nobody", "project", "web", "own-admin"), NOW)
    check_error(cloud.post(password_auth("nobody", scope=project("web"))), 401)
    cloud.do(roles.imply, "own-admin", "role-reader", NOW)
    assert cloud.login("nobody", project("web")).roles == {"reader"}


def test_what_is_inherited_stops_at_a_disabled_ancestor_and_leaves_out_the_domain_itself(cloud: Cloud) -> None:
    cloud.do(projects.create, id="kid", name="kid", parent_id="off", now=NOW)
    cloud.do(grants.add, grants.Grant("user", "user-reader", "domain", "default", "role-admin", True), NOW)
    assert "admin" in cloud.login("reader", project("idle")).roles
    check_error(cloud.post(password_auth("reader", scope=project("kid"))), 401)
    check_error(cloud.post(password_auth("reader", scope={"domain": {"id": "default"}})), 401)
    check_error(cloud.post(password_auth("reader", scope=project("default"))), 401)
