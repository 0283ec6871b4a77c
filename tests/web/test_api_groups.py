"""Groups through the API, and who is in them."""

from __future__ import annotations

import pytest

from identity.store import grants, groups
from identity.store.grants import Grant
from tests.support.gateway import NOW, check_error, project

DOMAIN = {"domain": {"id": "default"}}
MEMBER = "/v3/groups/crew/users/user-member"


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


@pytest.fixture
def manager(cloud):
    cloud.do(grants.add, Grant("user", "user-homed", "domain", "default", "role-manager"), NOW)
    return cloud.login("homed", DOMAIN).token


@pytest.fixture
def crew(cloud):
    """A group in each domain, which nobody is in yet."""
    cloud.do(groups.create, id="crew", name="crew", domain_id="default")
    cloud.do(groups.create, id="abroad", name="abroad", domain_id="other")
    return "crew"


def listed(cloud, token, path, key):
    answer = cloud.ask("GET", path, token=token)
    assert answer.status_code == 200, answer.get_json()
    return [each["id"] for each in answer.get_json()[key]]


def test_a_group_is_made_shown_changed_and_deleted(cloud, admin):
    answer = cloud.ask("POST", "/v3/groups", token=admin, body={"group": {"name": " staff ", "colour": "blue"}})
    assert answer.status_code == 201
    made = answer.get_json()["group"]
    path = f"/v3/groups/{made['id']}"
    assert made == {
        "id": made["id"],
        "name": "staff",
        "domain_id": "default",
        "description": "",
        "colour": "blue",
        "links": {"self": f"https://id.example.org{path}"},
    }
    body = {"group": {"name": "team", "description": "we", "domain_id": "default"}}
    changed = cloud.ask("PATCH", path, token=admin, body=body).get_json()["group"]
    assert changed == {**made, "name": "team", "description": "we"}
    assert cloud.ask("GET", path, token=admin).get_json()["group"] == changed
    assert cloud.ask("DELETE", path, token=admin).status_code == 204
    check_error(cloud.ask("GET", path, token=admin), 404)
    check_error(cloud.ask("DELETE", path, token=admin), 404)


@pytest.mark.parametrize(
    ("status", "group"),
    [
        (400, {}),
        (400, {"name": ""}),
        (400, {"name": "n" * 256}),
        (400, {"name": "x", "description": 1}),
        (400, {"name": "x", "domain_id": None}),
        (404, {"name": "x", "domain_id": "gone"}),
        (409, {"name": "crew"}),
    ],
)
def test_what_makes_no_sense_is_told_so(cloud, admin, crew, status, group):
    check_error(cloud.ask("POST", "/v3/groups", token=admin, body={"group": group}), status)
    assert listed(cloud, admin, "/v3/groups", "groups") == ["abroad", "crew"]


@pytest.mark.parametrize("group", [{}, {"domain_id": "other"}, {"id": "x"}, {"name": " "}])
def test_a_change_that_makes_no_sense_is_told_so(cloud, admin, crew, group):
    check_error(cloud.ask("PATCH", "/v3/groups/crew", token=admin, body={"group": group}), 400)


def test_lists_are_filtered_and_narrowed(cloud, admin, manager, crew):
    for token, query, expected in (
        (admin, "", ["abroad", "crew"]),
        (admin, "?name=crew", ["crew"]),
        (admin, "?name__icontains=ABR&domain_id=other", ["abroad"]),
        (admin, "?limit=1&marker=abroad", ["crew"]),
        (manager, "", ["crew"]),
        (manager, "?domain_id=other", []),
    ):
        assert listed(cloud, token, f"/v3/groups{query}", "groups") == expected


def test_who_may_not_see_a_group_cannot_tell_whether_it_is_there(cloud, manager, crew):
    assert cloud.ask("GET", "/v3/groups/crew", token=manager).status_code == 200
    for id in ("abroad", "gone"):
        check_error(cloud.ask("GET", f"/v3/groups/{id}", token=manager), 403)
        check_error(cloud.ask("PATCH", f"/v3/groups/{id}", token=manager, body={"group": {"id": "x"}}), 403)
        check_error(cloud.ask("GET", f"/v3/groups/{id}/users", token=manager), 403)
        for method in ("GET", "PUT", "DELETE"):
            check_error(cloud.ask(method, f"/v3/groups/{id}/users/user-member", token=manager), 403)
    for user in ("user-stranger", "gone"):
        for method in ("GET", "PUT", "DELETE"):
            check_error(cloud.ask(method, f"/v3/groups/crew/users/{user}", token=manager), 403)
    for id, status in (("abroad", 403), ("gone", 404)):  # Keystone tells these apart, and its suite asks for it
        check_error(cloud.ask("DELETE", f"/v3/groups/{id}", token=manager), status)


def test_a_manager_makes_groups_in_the_own_domain_alone(cloud, manager):
    assert cloud.ask("POST", "/v3/groups", token=manager, body={"group": {"name": "x", "domain_id": "default"}}).status_code == 201
    for group in ({"name": "y", "domain_id": "other"}, {"name": "y", "domain_id": "gone"}, {"name": "y"}):
        check_error(cloud.ask("POST", "/v3/groups", token=manager, body={"group": group}), 403)


def test_members_come_and_go(cloud, admin, crew):
    assert cloud.ask("HEAD", MEMBER, token=admin).status_code == 404
    check_error(cloud.ask("DELETE", MEMBER, token=admin), 404)
    for _ in range(2):
        assert cloud.ask("PUT", MEMBER, token=admin).status_code == 204
    assert cloud.ask("GET", MEMBER, token=admin).status_code == cloud.ask("HEAD", MEMBER, token=admin).status_code == 204
    assert listed(cloud, admin, "/v3/groups/crew/users?enabled=1&name=member", "users") == ["user-member"]
    assert listed(cloud, admin, "/v3/groups/crew/users?name=other", "users") == []
    assert listed(cloud, cloud.login("member").token, "/v3/users/user-member/groups", "groups") == ["crew"]
    assert cloud.ask("DELETE", MEMBER, token=admin).status_code == 204
    assert (
        listed(cloud, admin, "/v3/groups/crew/users", "users")
        == listed(cloud, admin, "/v3/users/user-member/groups", "groups")
        == []
    )
    for path in ("/v3/groups/gone/users/user-member", "/v3/groups/crew/users/gone"):
        check_error(cloud.ask("PUT", path, token=admin), 404)


def test_a_token_for_a_domain_sees_members_and_groups_of_that_domain(cloud, manager, crew):
    for group in ("crew", "abroad"):
        for user in ("user-member", "user-stranger"):
            cloud.do(groups.add_member, group, user, NOW)
    assert listed(cloud, manager, "/v3/groups/crew/users", "users") == ["user-member"]
    assert listed(cloud, manager, "/v3/users/user-member/groups", "groups") == ["crew"]


@pytest.mark.parametrize("end", [("DELETE", MEMBER), ("DELETE", "/v3/groups/crew")])
def test_what_the_group_gave_ends_with_it(cloud, admin, crew, end):
    cloud.do(grants.add, Grant("group", "crew", "project", "idle", "role-member"), NOW)
    assert cloud.ask("PUT", MEMBER, token=admin).status_code == 204
    held = cloud.login("member", project("idle")).token
    assert cloud.ask(end[0], end[1], token=admin).status_code == 204
    check_error(cloud.show(admin, held), 404)
    check_error(cloud.post({"auth": {"identity": {"methods": ["token"], "token": {"id": held}}}}), 401, 404)
