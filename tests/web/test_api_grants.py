"""Roles given to users and groups on projects, domains and the system, for the place itself or for the projects below."""

from __future__ import annotations

from itertools import product

import pytest

from identity.store import grants, groups, projects, roles
from identity.store.grants import Grant
from tests.support.gateway import NOW, check_error, project

DOMAIN = {"domain": {"id": "default"}}
PLACES = ("/projects/web", "/domains/default", "/system")
ACTORS = ("/users/user-nobody", "/groups/crew")
PLAIN = [f"/v3{place}{actor}/roles" for place, actor in product(PLACES, ACTORS)]
INHERITED = [f"/v3/OS-INHERIT{place}{actor}/roles" for place, actor in product(PLACES[:2], ACTORS)]


@pytest.fixture(autouse=True)
def crew(cloud):
    cloud.do(groups.create, id="crew", name="crew", domain_id="default")
    cloud.do(groups.create, id="abroad", name="abroad", domain_id="other")
    cloud.do(roles.create, id="local", name="local", domain_id="default", now=NOW)
    cloud.do(roles.create, id="foreign", name="foreign", domain_id="other", now=NOW)


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


def path_of(place, role):
    """Of one grant: the URL of an inherited one has a tail."""
    return f"{place}/{role}" + ("/inherited_to_projects" if "OS-INHERIT" in place else "")


@pytest.mark.parametrize("place", [*PLAIN, *INHERITED])
def test_a_role_is_given_asked_about_listed_and_taken(cloud, admin, place):
    path = path_of(place, "role-reader")
    listing = place + ("/inherited_to_projects" if "OS-INHERIT/domains" in place else "")
    check_error(cloud.ask("GET", path, token=admin), 404)
    for _ in range(2):
        answer = cloud.ask("PUT", path, token=admin)
        assert (answer.status_code, answer.data) == (204, b"")
    for method in ("GET", "HEAD"):
        assert cloud.ask(method, path, token=admin).status_code == 204
    if "OS-INHERIT/projects" not in place:
        found = cloud.ask("GET", listing, token=admin).get_json()["roles"]
        assert [(role["id"], role["links"]["self"]) for role in found] == [
            ("role-reader", "https://id.example.org/v3/roles/role-reader")
        ]
    twin = place.replace("/OS-INHERIT", "") if "OS-INHERIT" in place else place.replace("/v3", "/v3/OS-INHERIT")
    assert cloud.ask("GET", path_of(twin, "role-reader"), token=admin).status_code == 404
    assert cloud.ask("DELETE", path, token=admin).status_code == 204
    check_error(cloud.ask("DELETE", path, token=admin), 404)
    assert cloud.ask("GET", PLAIN[0], token=admin).get_json()["roles"] == []


def test_a_list_is_in_order_and_pages(cloud, admin):
    for role in ("service", "admin", "member"):
        cloud.ask("PUT", f"{PLAIN[0]}/role-{role}", token=admin)
    first = cloud.ask("GET", f"{PLAIN[0]}?limit=2", token=admin).get_json()
    rest = cloud.ask("GET", first["links"]["next"].removeprefix("https://id.example.org"), token=admin).get_json()
    assert [role["name"] for role in first["roles"] + rest["roles"]] == ["admin", "member", "service"]
    assert first["truncated"] is True and rest["links"]["next"] is None
    named = cloud.ask("GET", f"{PLAIN[0]}?name=member", token=admin).get_json()["roles"]
    assert [role["id"] for role in named] == ["role-member"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_is_not_there_is_told_to_those_who_may_know(cloud, admin, method):
    member = cloud.login("member", project("web")).token
    for path in (
        "/v3/projects/none/users/user-nobody/roles/role-reader",
        "/v3/projects/web/users/none/roles/role-reader",
        "/v3/projects/web/groups/none/roles/role-reader",
        "/v3/projects/web/users/user-nobody/roles/none",
        "/v3/domains/web/users/user-nobody/roles/role-reader",
        "/v3/domains/none/groups/crew/roles/role-reader",
        "/v3/system/users/none/roles/role-reader",
        "/v3/OS-INHERIT/projects/none/users/user-nobody/roles/role-reader/inherited_to_projects",
    ):
        check_error(cloud.ask(method, path, token=admin), 404)
        check_error(cloud.ask(method, path, token=member), 403)
        check_error(cloud.ask(method, path), 401)
    assert cloud.ask("GET", "/v3/projects/none/users/user-nobody/roles", token=admin).status_code == 404


def test_what_is_left_of_a_user_that_is_gone_can_be_cleared_away(cloud, admin):
    with cloud.store.begin() as tx:  # as an import from elsewhere may leave it
        tx.execute(
            grants.ADD,
            {
                name: value
                for name, value in zip(
                    ("actor_kind", "actor_id", "target_kind", "target_id", "role_id", "inherited"),
                    ("user", "gone", "project", "web", "role-reader", False),
                    strict=True,
                )
            },
        )
    path = "/v3/projects/web/users/gone/roles/role-reader"
    check_error(cloud.ask("GET", path, token=admin), 404)
    assert cloud.ask("DELETE", path, token=admin).status_code == 204
    check_error(cloud.ask("DELETE", path, token=admin), 404)


def test_a_role_of_one_domain_is_for_its_projects(cloud, admin):
    def put(place, role):
        return cloud.ask("PUT", f"/v3{place}/users/user-nobody/roles/{role}", token=admin)

    assert put("/projects/web", "local").status_code == 204
    check_error(put("/projects/web", "foreign"), 403)
    check_error(put("/projects/default", "local"), 403)  # a domain as a project is in no domain
    assert put("/domains/default", "local").status_code == put("/domains/default", "foreign").status_code == 204
    check_error(put("/system", "local"), 400)


def test_a_manager_of_a_domain_gives_its_people_what_is_worth_no_more(cloud):
    cloud.do(grants.add, Grant("user", "user-homed", "domain", "default", "role-manager"), NOW)
    cloud.do(projects.create, id="deep", name="deep", parent_id="web", now=NOW)
    manager = cloud.login("homed", DOMAIN).token
    for role, status in (("manager", 204), ("member", 204), ("reader", 204), ("admin", 403), ("service", 403)):
        for place, actor in product(("/projects/deep", "/domains/default"), ACTORS):
            for prefix, suffix in (("/v3", ""), ("/v3/OS-INHERIT", "/inherited_to_projects")):
                path = f"{prefix}{place}{actor}/roles/role-{role}{suffix}"
                assert cloud.ask("PUT", path, token=manager).status_code == status, path
                assert cloud.ask("DELETE", path, token=manager).status_code == status, path
    for path in (
        "/v3/projects/shop/users/user-nobody/roles/role-reader",
        "/v3/projects/web/users/user-stranger/roles/role-reader",
        "/v3/projects/web/groups/abroad/roles/role-reader",
        "/v3/domains/other/users/user-nobody/roles/role-reader",
        "/v3/system/users/user-nobody/roles/role-reader",
        "/v3/projects/web/users/user-nobody/roles/local",
    ):
        check_error(cloud.ask("PUT", path, token=manager), 403)
    assert cloud.ask("GET", "/v3/projects/web/users/user-member/roles", token=manager).status_code == 200


def test_a_grant_takes_effect_at_once_and_ends_tokens_when_it_goes(cloud, admin):
    assert cloud.ask("PUT", "/v3/projects/web/users/user-nobody/roles/role-reader", token=admin).status_code == 204
    nobody = cloud.login("nobody", project("web"))
    assert nobody.roles == {"reader"}
    path = "/v3/OS-INHERIT/domains/default/users/user-nobody/roles/role-member/inherited_to_projects"
    cloud.ask("PUT", path, token=admin)
    assert {role["name"] for role in cloud.show(nobody.token).get_json()["token"]["roles"]} == {"reader", "member"}
    cloud.ask("DELETE", path, token=admin)
    assert cloud.show(nobody.token).status_code == 401
