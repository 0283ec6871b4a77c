"""Projects through the API, and the tree they stand in."""

import pytest

from identity.settings import Resource, UnifiedLimit
from identity.store import grants, projects
from tests.support.gateway import NOW, check_error, project


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


@pytest.fixture
def manager(cloud):
    """Somebody who manages the domain "other"."""
    cloud.do(grants.add, grants.Grant("user", "user-stranger", "domain", "other", "role-manager"), NOW)
    return cloud.login("stranger", {"domain": {"id": "other"}}).token


def make(cloud, token, **wanted):
    answer = cloud.ask("POST", "/v3/projects", token=token, body={"project": wanted})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["project"]


def change(cloud, token, id, /, **wanted):
    return cloud.ask("PATCH", f"/v3/projects/{id}", token=token, body={"project": wanted})


def test_a_project_is_made_shown_changed_and_deleted(cloud, admin):
    made = make(cloud, admin, name="paint", domain_id="other", description="d", colour="blue", tags=["t"], id="mine")
    assert made == {
        "id": made["id"],
        "name": "paint",
        "domain_id": "other",
        "parent_id": "other",
        "description": "d",
        "enabled": True,
        "is_domain": False,
        "colour": "blue",
        "tags": ["t"],
        "options": {},
        "links": {"self": f"https://id.example.org/v3/projects/{made['id']}"},
    }
    assert made["id"] != "mine"
    url = f"/v3/projects/{made['id']}"
    assert cloud.ask("GET", url, token=admin).get_json()["project"] == made
    changed = change(cloud, admin, made["id"], **made | {"name": " ink ", "colour": None}).get_json()["project"]
    assert changed == {**made, "name": "ink", "colour": None}
    assert cloud.ask("GET", "/v3/projects?name=ink", token=admin).get_json()["projects"] == [changed]
    assert cloud.ask("DELETE", url, token=admin).status_code == 204
    check_error(cloud.ask("GET", url, token=admin), 404)


def test_a_project_without_a_place_is_in_the_caller_s_domain_or_the_default_one(cloud, admin):
    assert make(cloud, admin, name="a")["domain_id"] == "default"
    cloud.do(grants.add, grants.Grant("user", "user-admin", "domain", "other", "role-admin"), NOW)
    far = cloud.login("admin", {"domain": {"id": "other"}}).token
    assert make(cloud, far, name="a")["domain_id"] == "other"
    assert make(cloud, admin, name="b", parent_id="shop")["domain_id"] == "other"


def test_a_project_shows_what_is_above_and_below(cloud, admin):
    child = make(cloud, admin, name="child", parent_id="web")
    leaf = make(cloud, admin, name="leaf", parent_id=child["id"])

    def tree(id, query, token=admin):
        return cloud.ask("GET", f"/v3/projects/{id}?{query}", token=token).get_json()["project"]

    shown = tree(child["id"], "parents_as_ids&subtree_as_ids")
    assert (shown["parents"], shown["subtree"]) == ({"web": {"default": None}}, {leaf["id"]: None})
    assert tree("default", "parents_as_ids=1")["parents"] is None
    assert "parents" not in tree(child["id"], "parents_as_ids=0")
    member = cloud.login("member", project("web")).token
    cloud.do(grants.add, grants.Grant("user", "user-member", "project", leaf["id"], "role-member"), NOW)
    shown = tree("web", "subtree_as_list", member)["subtree"]
    assert shown == [{"project": leaf}]
    assert [place["project"]["id"] for place in tree(leaf["id"], "parents_as_list", admin)["parents"]] == []
    cloud.do(grants.add, grants.Grant("user", "user-admin", "domain", "default", "role-admin", True), NOW)
    assert [place["project"]["id"] for place in tree(leaf["id"], "parents_as_list", admin)["parents"]] == [child["id"], "web"]
    for query in ("parents_as_list&parents_as_ids", "subtree_as_list&subtree_as_ids"):
        check_error(cloud.ask("GET", f"/v3/projects/web?{query}", token=admin), 400)


def test_a_tree_shows_limits_where_it_is_asked_to(cloud, admin):
    child = make(cloud, admin, name="child", parent_id="web")["id"]
    cloud.do(grants.add, grants.Grant("user", "user-admin", "domain", "default", "role-admin", True), NOW)
    service = cloud.ask("GET", "/v3/services?type=compute", token=admin).get_json()["services"][0]["id"]
    resource = {"service_id": service, "resource_name": "cores"}
    wanted = {"registered_limits": [{**resource, "default_limit": 5}]}
    assert cloud.ask("POST", "/v3/registered_limits", token=admin, body=wanted).status_code == 201
    body = {"limits": [{**resource, "project_id": id, "resource_limit": 3} for id in (child, "web")]}
    made = cloud.ask("POST", "/v3/limits", token=admin, body=body).get_json()["limits"]
    query = "parents_as_list&include_limits"
    shown = cloud.ask("GET", f"/v3/projects/{child}?{query}", token=admin).get_json()["project"]["parents"]
    assert [place["project"]["limits"] for place in shown] == [[limit for limit in made if limit["project_id"] == "web"]]
    shown = cloud.ask("GET", "/v3/projects/web?subtree_as_list&include_limits", token=admin).get_json()["project"]["subtree"]
    assert [place["project"]["limits"] for place in shown] == [[limit for limit in made if limit["project_id"] == child]]


def test_the_list_is_filtered(cloud, admin):
    make(cloud, admin, name="red", domain_id="other", tags=["a", "b"])
    make(cloud, admin, name="blue", domain_id="other", tags=["b"], enabled=False)
    for query, expected in (
        ("domain_id=other", {"red", "blue", "shop-project"}),
        ("parent_id=other&enabled=false", {"blue"}),
        ("tags=a,b", {"red"}),
        ("tags-any=a,c", {"red"}),
        ("tags-any=b&not-tags=a,b", {"blue"}),
        ("domain_id=other&not-tags-any=a", {"blue", "shop-project"}),
        ("is_domain=true", {"Default", "Other"}),
        ("name=Other", set()),
        ("tags=", set()),
    ):
        found = cloud.ask("GET", f"/v3/projects?{query}", token=admin).get_json()["projects"]
        assert {entry["name"] for entry in found} == expected, query


def test_who_is_scoped_to_a_domain_lists_its_projects_alone(cloud, manager):
    for query, expected in (
        ("", ["shop"]),
        ("?domain_id=default", []),
        ("?is_domain=true", []),
        ("?name__contains=shop", ["shop"]),
    ):
        found = cloud.ask("GET", f"/v3/projects{query}", token=manager).get_json()["projects"]
        assert [entry["id"] for entry in found] == expected
    check_error(cloud.ask("GET", "/v3/projects", token=cloud.login("member", project("web")).token), 403)


def test_a_manager_has_his_own_domain_and_no_more(cloud, manager):
    made = make(cloud, manager, name="mine", domain_id="other")
    assert change(cloud, manager, made["id"], name="still mine").status_code == 200
    assert cloud.ask("DELETE", f"/v3/projects/{made['id']}", token=manager).status_code == 204
    for wanted in ({"domain_id": "default"}, {"domain_id": "unknown"}, {}, {"parent_id": "web"}, {"is_domain": True}):
        check_error(cloud.ask("POST", "/v3/projects", token=manager, body={"project": {"name": "x", **wanted}}), 403)
    for id in ("web", "unknown"):
        check_error(cloud.ask("GET", f"/v3/projects/{id}", token=manager), 403)
        check_error(change(cloud, manager, id, name="x"), 403)
        check_error(cloud.ask("DELETE", f"/v3/projects/{id}", token=manager), 403)
    elsewhere = [
        check_error(
            cloud.ask(
                "POST", "/v3/projects", token=manager, body={"project": {"name": "x", "domain_id": "other", "parent_id": id}}
            ),
            400,
        )
        for id in ("web", "unknown")
    ]
    assert elsewhere[0] == elsewhere[1]


def test_the_tree_is_no_deeper_than_it_may_be(cloud, admin):
    place = "web"
    for level in range(2, 6):
        place = make(cloud, admin, name=f"level{level}", parent_id=place)["id"]
    check_error(cloud.ask("POST", "/v3/projects", token=admin, body={"project": {"name": "level6", "parent_id": place}}), 403)
    strict = cloud.second(unified_limit=UnifiedLimit(enforcement_model="strict_two_level"))
    child = make(strict, admin, name="second", parent_id="web")["id"]
    check_error(strict.ask("POST", "/v3/projects", token=admin, body={"project": {"name": "third", "parent_id": child}}), 403)
    strict.close()


def test_a_switch_keeps_to_the_tree(cloud, admin):
    child = make(cloud, admin, name="child", parent_id="web")["id"]
    check_error(change(cloud, admin, "web", enabled=False), 403)
    assert change(cloud, admin, child, enabled=False).status_code == 200
    assert change(cloud, admin, "web", enabled=False).status_code == 200
    check_error(change(cloud, admin, child, enabled=True), 403)
    check_error(cloud.ask("POST", "/v3/projects", token=admin, body={"project": {"name": "x", "parent_id": "web"}}), 400)
    assert change(cloud, admin, "web", enabled=True).status_code == 200
    assert change(cloud, admin, child, enabled=True).status_code == 200
    assert cloud.ask("GET", f"/v3/projects/{child}", token=admin).get_json()["project"]["enabled"] is True


def test_what_is_shown_as_enabled_is_the_project_s_own_switch(cloud, admin):
    cloud.do(projects.create, id="kid", name="kid", parent_id="off", now=NOW)
    assert cloud.ask("GET", "/v3/projects/kid", token=admin).get_json()["project"]["enabled"] is True


def test_a_project_that_goes_takes_its_tokens_with_it(cloud, admin):
    member = cloud.login("member", project("web")).token
    child = make(cloud, admin, name="child", parent_id="web")["id"]
    check_error(cloud.ask("DELETE", "/v3/projects/web", token=admin), 403)
    assert cloud.ask("DELETE", f"/v3/projects/{child}", token=admin).status_code == 204
    assert cloud.show(member).status_code == 200
    assert cloud.ask("DELETE", "/v3/projects/web", token=admin).status_code == 204
    check_error(cloud.show(member), 401)


def test_an_immutable_project_is_freed_in_a_change_of_its_own(cloud, admin):
    id = make(cloud, admin, name="stone", options={"immutable": True})["id"]
    check_error(change(cloud, admin, id, name="x"), 403)
    check_error(change(cloud, admin, id, colour="x", options={"immutable": None}), 403)
    check_error(cloud.ask("DELETE", f"/v3/projects/{id}", token=admin), 403)
    assert change(cloud, admin, id, options={"immutable": None}).get_json()["project"]["options"] == {}
    assert cloud.ask("DELETE", f"/v3/projects/{id}", token=admin).status_code == 204


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"domain_id": "other"}, 400),
        ({"parent_id": "shop"}, 403),
        ({"is_domain": True}, 400),
        ({"id": "other"}, 400),
        ({"name": ""}, 400),
        ({"name": "idle-project"}, 409),
        ({"enabled": None}, 400),
        ({"tags": "a"}, 400),
    ],
)
def test_a_change_that_cannot_be_made(cloud, admin, wanted, status):
    before = cloud.ask("GET", "/v3/projects/web", token=admin).get_json()
    check_error(change(cloud, admin, "web", **wanted), status)
    assert cloud.ask("GET", "/v3/projects/web", token=admin).get_json() == before


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"name": "x" * 65}, 400),
        ({"name": "x", "domain_id": "unknown"}, 400),
        ({"name": "x", "parent_id": "unknown"}, 400),
        ({"name": "x", "domain_id": "other", "parent_id": "web"}, 400),
        ({"name": "x", "domain_id": "web"}, 400),
        ({"name": "x", "is_domain": True, "parent_id": "default"}, 400),
        ({"name": "x", "is_domain": True, "domain_id": "default"}, 400),
        ({"name": "x", "domain_id": "a b"}, 400),
        ({"name": "x", "domain_id": 7}, 400),
        ({"name": "web-project", "domain_id": "default"}, 409),
        ({"name": "Other", "is_domain": True}, 409),
        ({"description": "no name"}, 400),
    ],
)
def test_a_project_that_makes_no_sense_is_not_stored(cloud, admin, wanted, status):
    before = cloud.ask("GET", "/v3/projects", token=admin).get_json()
    check_error(cloud.ask("POST", "/v3/projects", token=admin, body={"project": wanted}), status)
    assert cloud.ask("GET", "/v3/projects", token=admin).get_json() == before


def test_names_may_be_held_to_what_a_url_can_carry(cloud, admin):
    careful = cloud.second(resource=Resource(project_name_url_safe="new", domain_name_url_safe="new"))
    for path, kind in (("/v3/projects", "project"), ("/v3/domains", "domain")):
        check_error(careful.ask("POST", path, token=admin, body={kind: {"name": "a/b"}}), 400)
        assert cloud.ask("POST", path, token=admin, body={kind: {"name": "a/b"}}).status_code == 201
    check_error(change(careful, admin, "web", name="a&b"), 400)
    careful.close()


def test_the_lists_of_scopes_show_what_the_resources_do(cloud, admin):
    make(cloud, admin, name="x", domain_id="default")
    assert change(cloud, admin, "admin", colour="blue", tags=["t"]).status_code == 200
    found = cloud.ask("GET", "/v3/auth/projects", token=admin).get_json()["projects"]
    assert found == [cloud.ask("GET", "/v3/projects/admin", token=admin).get_json()["project"]]
    found = cloud.ask("GET", "/v3/auth/domains", token=admin).get_json()["domains"]
    assert found == [cloud.ask("GET", "/v3/domains/default", token=admin).get_json()["domain"]]
