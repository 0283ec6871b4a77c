"""Lists: what filters, order and places in them tell of things that may not be seen, and what they may cost."""

from __future__ import annotations

import time
from typing import Any

import pytest

from identity.store import grants, projects, users
from tests.support.gateway import NOW, Cloud, check_error

LISTS = (
    "users",
    "groups",
    "projects",
    "domains",
    "roles",
    "services",
    "endpoints",
    "regions",
    "credentials",
    "policies",
    "limits",
    "registered_limits",
    "OS-TRUST/trusts",
    "OS-OAUTH1/consumers",
    "OS-FEDERATION/identity_providers",
    "OS-FEDERATION/mappings",
    "OS-FEDERATION/service_providers",
    "OS-EP-FILTER/endpoint_groups",
)


def reader_of_default(cloud: Cloud) -> str:
    """A token of somebody who may read the domain default, and no other."""
    cloud.do(grants.add, grants.Grant("user", "user-nobody", "domain", "default", "role-reader"), NOW)
    return cloud.login("nobody", scope={"domain": {"id": "default"}}).token


def admin(cloud: Cloud) -> str:
    return cloud.login("admin", scope={"system": {"all": True}}).token


@pytest.mark.parametrize(
    ("path", "hidden", "seen"),
    [("users", "user-stranger", "user-lost"), ("projects", "shop", "web"), ("domains", "other", "default")],
)
def test_the_place_of_what_may_not_be_seen_is_not_told(shared_cloud: Cloud, path: str, hidden: str, seen: str) -> None:
    token = reader_of_default(shared_cloud)
    for query in ("", "&sort_key=id", "&sort_key=name:desc"):
        strange = check_error(shared_cloud.ask("GET", f"/v3/{path}?limit=1&marker={hidden}{query}", token=token), 400)
        absent = check_error(shared_cloud.ask("GET", f"/v3/{path}?limit=1&marker=not-there{query}", token=token), 400)
        assert strange == absent
        assert shared_cloud.ask("GET", f"/v3/{path}?limit=1&marker={seen}{query}", token=token).status_code == 200


def test_the_place_of_a_member_of_another_domain_is_not_told(cloud: Cloud) -> None:
    token, root = reader_of_default(cloud), admin(cloud)
    made = cloud.ask("POST", "/v3/groups", token=root, body={"group": {"name": "mixed", "domain_id": "default"}}).get_json()[
        "group"
    ]
    for user in ("user-stranger", "user-lost"):
        assert cloud.ask("PUT", f"/v3/groups/{made['id']}/users/{user}", token=root).status_code == 204
    listed = cloud.ask("GET", f"/v3/groups/{made['id']}/users", token=token).get_json()["users"]
    assert [user["id"] for user in listed] == ["user-lost"]
    check_error(cloud.ask("GET", f"/v3/groups/{made['id']}/users?limit=1&marker=user-stranger", token=token), 400)


def test_the_place_of_a_strangers_secret_is_not_told(cloud: Cloud) -> None:
    body = {"credential": {"blob": "x", "type": "cert", "user_id": "user-stranger"}}
    kept = cloud.ask("POST", "/v3/credentials", token=admin(cloud), body=body).get_json()["credential"]["id"]
    token = cloud.login("nobody").token
    assert cloud.ask("GET", "/v3/credentials", token=token).get_json()["credentials"] == []
    check_error(cloud.ask("GET", f"/v3/credentials?limit=1&marker={kept}", token=token), 400)


@pytest.mark.parametrize("path", LISTS)
def test_an_order_named_a_thousand_times_costs_as_much_as_once(shared_cloud: Cloud, path: str) -> None:
    token = admin(shared_cloud)
    first = shared_cloud.ask("GET", f"/v3/{path}", token=token).get_json()[path.rpartition("/")[2]]
    marker = f"&limit=1&marker={first[0]['id']}" if first else ""
    keys = ",".join(["id", "id:desc"] * 500)
    began = time.perf_counter()
    answer = shared_cloud.ask("GET", f"/v3/{path}?sort_key={keys}{marker}", token=token)
    assert answer.status_code == 200
    assert time.perf_counter() - began < 1


def test_the_order_of_assignments_named_a_hundred_times_costs_as_much_as_once(shared_cloud: Cloud) -> None:
    token = admin(shared_cloud)
    path = f"/v3/role_assignments?limit=2&sort_key={','.join(['user.id', 'scope.project.id:desc', 'scope.domain.id'] * 50)}"
    seen = 0
    began = time.perf_counter()
    while path:
        answer = shared_cloud.ask("GET", path, token=token)
        assert answer.status_code == 200
        shown = answer.get_json()
        seen += len(shown["role_assignments"])
        path = (shown["links"]["next"] or "").removeprefix("https://id.example.org")
    assert seen == len(shared_cloud.ask("GET", "/v3/role_assignments", token=token).get_json()["role_assignments"])
    assert time.perf_counter() - began < 3


@pytest.mark.parametrize(
    "query",
    [
        "hash__contains=$",
        "password__startswith=a",
        "extra__contains=a",
        "options__contains=lock",
        "failed_count=0",
        "created_at=1",
        "domain_id=other",
        "domain_id__contains=oth",
        "name=stranger",
        "id=user-stranger",
        "unique_id__contains=a",
        "name__icontains=STRANGER",
    ],
)
def test_no_filter_reaches_what_may_not_be_seen(shared_cloud: Cloud, query: str) -> None:
    """Either the filter is unknown, and then changes nothing, or it holds within what the caller sees."""
    token = reader_of_default(shared_cloud)
    answer = shared_cloud.ask("GET", f"/v3/users?{query}", token=token)
    assert answer.status_code == 200
    ids = {user["id"] for user in answer.get_json()["users"]}
    assert "user-stranger" not in ids
    assert ids in (set(), {user["id"] for user in shared_cloud.ask("GET", "/v3/users", token=token).get_json()["users"]})


@pytest.mark.parametrize(
    "key", ["hash", "password", "extra", "options", "failed_count", "email", "user_account.name", "name DESC--", "1"]
)
def test_no_list_is_sorted_by_what_it_does_not_show(shared_cloud: Cloud, key: str) -> None:
    check_error(shared_cloud.ask("GET", "/v3/users", token=admin(shared_cloud), query_string={"sort_key": key}), 400)


@pytest.mark.parametrize(
    "query",
    [
        "user.id=user-stranger",
        "user.id=user-stranger&effective",
        "scope.project.id=shop",
        "scope.project.id=shop&effective&include_names",
        "scope.domain.id=other&effective",
        "scope.system=all",
        "role.id=role-member&user.id=user-stranger&include_names",
    ],
)
def test_a_domain_sees_no_assignment_of_another(shared_cloud: Cloud, query: str) -> None:
    answer = shared_cloud.ask("GET", f"/v3/role_assignments?{query}", token=reader_of_default(shared_cloud))
    assert (answer.status_code, answer.get_json()["role_assignments"]) == (200, [])


def test_a_marker_of_assignments_leads_into_no_other_domain(shared_cloud: Cloud) -> None:
    """It is made of values, not looked up: whatever it says, the list stays the caller's."""
    token = reader_of_default(shared_cloud)
    theirs = shared_cloud.ask("GET", "/v3/role_assignments?limit=1", token=admin(shared_cloud)).get_json()["links"]["next"]
    shown = shared_cloud.ask("GET", theirs.removeprefix("https://id.example.org"), token=token).get_json()["role_assignments"]
    assert shown and "shop" not in str(shown)


@pytest.mark.parametrize(
    "tree", ["include_subtree&scope.project.id=shop", "include_subtree&scope.project.id=other", "include_subtree"]
)
def test_a_tree_of_another_domain_stays_closed(shared_cloud: Cloud, tree: str) -> None:
    check_error(shared_cloud.ask("GET", f"/v3/role_assignments?{tree}", token=reader_of_default(shared_cloud)), 403)


@pytest.mark.parametrize("size", [3000])
def test_hostile_queries_on_many_projects_stay_cheap(cloud: Cloud, size: int) -> None:
    """A chain, a broad level and many filters: no request walks them twice."""

    def grow(tx: Any) -> None:
        rows = [
            {"id": f"p{n}", "name": f"p{n}", "domain_id": "default", "parent_id": "default", "created_at": NOW} for n in range(size)
        ]
        tx.execute(projects.CREATE, [{**row, "extra": {}, "options": {}, "description": "", "enabled": True} for row in rows])

    cloud.do(grow)
    token = admin(cloud)
    fields = "&".join(f"name__icontains={n}" for n in range(60))
    tags = ",".join(f"t{n}" for n in range(800))
    for path in (
        f"/v3/projects?limit=100000&{fields}",
        f"/v3/projects?limit=10&not-tags={tags}&not-tags-any={tags}",
        "/v3/projects/default?subtree_as_ids&parents_as_ids",
        "/v3/projects/p1?subtree_as_list&parents_as_list&include_limits",
        "/v3/role_assignments?scope.project.id=default&include_subtree&effective&include_names",
        "/v3/role_assignments?effective&role.id=role-reader",
    ):
        began = time.perf_counter()
        assert cloud.ask("GET", path, token=token).status_code == 200, path
        assert time.perf_counter() - began < 1.5, path


def test_a_name_in_another_spelling_is_another_name(cloud: Cloud) -> None:
    """Neither case nor normal form nor width is folded: who logs in by a look-alike is nobody."""
    cloud.do(users.create, name="caf\u00e9", domain_id="default", now=NOW, hash=cloud.hash("x" * 12))
    token = admin(cloud)
    for name in ("cafe\u0301", "CAF\u00c9", "caf\u00e9\u200b", "\uff43af\u00e9"):
        answer = cloud.ask("GET", "/v3/users", token=token, query_string={"name": name})
        assert answer.get_json()["users"] == [], name
