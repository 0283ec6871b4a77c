"""The list of who has which role on what: how it is asked for, shown, and cut."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from identity.store import grants, groups, projects, roles, tables
from identity.store.grants import Grant
from tests.support.cost import Cost
from tests.support.gateway import NOW, check_error, project

BASE = "https://id.example.org"
LIST = "/v3/role_assignments"
DOMAIN = {"domain": {"id": "default"}}


@pytest.fixture
def admin(cloud):
    cloud.do(groups.create, id="crew", name="crew", domain_id="default")
    cloud.do(groups.add_member, "crew", "user-nobody", NOW)
    cloud.do(projects.create, id="deep", name="deep", parent_id="web", now=NOW)
    cloud.do(grants.add, Grant("group", "crew", "project", "web", "role-member", True), NOW)
    cloud.do(roles.create, id="local", name="local", domain_id="other", now=NOW)
    cloud.do(grants.add, Grant("user", "user-stranger", "project", "shop", "local"), NOW)
    return cloud.login("admin", project("admin")).token


def listed(cloud, token, query=""):
    answer = cloud.ask("GET", f"{LIST}?{query}", token=token)
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["role_assignments"]


def test_a_grant_is_shown_with_the_way_to_it(cloud, admin):
    assert listed(cloud, admin, "group.id=crew") == [
        {
            "role": {"id": "role-member"},
            "group": {"id": "crew"},
            "scope": {"project": {"id": "web"}, "OS-INHERIT:inherited_to": "projects"},
            "links": {"assignment": f"{BASE}/v3/OS-INHERIT/projects/web/groups/crew/roles/role-member/inherited_to_projects"},
        }
    ]
    assert listed(cloud, admin, "user.id=user-reader") == [
        {
            "role": {"id": "role-reader"},
            "user": {"id": "user-reader"},
            "scope": {"project": {"id": "web"}},
            "links": {"assignment": f"{BASE}/v3/projects/web/users/user-reader/roles/role-reader"},
        },
        {
            "role": {"id": "role-reader"},
            "user": {"id": "user-reader"},
            "scope": {"system": {"all": True}},
            "links": {"assignment": f"{BASE}/v3/system/users/user-reader/roles/role-reader"},
        },
    ]


def test_an_effective_one_says_by_what_it_came(cloud, admin):
    home = {"id": "default", "name": "Default"}
    direct, implied = listed(cloud, admin, "user.id=user-nobody&effective&include_names")
    place = f"{BASE}/v3/OS-INHERIT/projects/web/groups/crew/roles/role-member/inherited_to_projects"
    links = {"membership": f"{BASE}/v3/groups/crew/users/user-nobody", "assignment": place}
    assert direct == {
        "role": {"id": "role-member", "name": "member"},
        "user": {"id": "user-nobody", "name": "nobody", "domain": home},
        "scope": {"project": {"id": "deep", "name": "deep", "domain": home}, "OS-INHERIT:inherited_to": "projects"},
        "links": links,
    }
    prior = f"{BASE}/v3/roles/role-member/implies/role-reader"
    assert implied == {**direct, "role": {"id": "role-reader", "name": "reader"}, "links": {**links, "prior_role": prior}}
    for link in (*links.values(), prior):
        assert cloud.ask("GET", link.removeprefix(BASE), token=admin).status_code in (200, 204), link


def test_a_role_of_one_domain_is_named_with_it(cloud, admin):
    (found,) = listed(cloud, admin, "role.id=local&include_names")
    assert found["role"] == {"id": "local", "name": "local", "domain": {"id": "other", "name": "Other"}}


FILTERS = [
    ("scope.system=all", 2),
    ("scope.system=some", 13),
    ("scope.domain.id=default", 2),
    ("scope.project.id=web", 4),
    ("scope.project.id=web&include_subtree", 4),
    ("scope.project.id=web&include_subtree=0&effective=0", 4),
    ("scope.project.id=web&include_subtree&effective=True", 7),
    ("scope.OS-INHERIT:inherited_to=projects", 1),
    ("scope.OS-INHERIT:inherited_to=none", 12),
    ("role.id=role-reader", 2),
    ("role.id=role-reader&effective", 9),
    ("user.id=none", 0),
    ("user.id=%F0%9F%98%80", 0),
    ("colour=blue", 13),
]


def test_filters_narrow_the_list(cloud, admin):
    assert [(query, len(listed(cloud, admin, query))) for query, _ in FILTERS] == FILTERS


NONSENSE = [
    "scope.domain.id=default&scope.project.id=web",
    "scope.domain.id=default&scope.system=all",
    "scope.project.id=web&scope.system=all",
    "user.id=user-member&group.id=crew",
    "effective&group.id=crew",
    "effective&scope.domain.id=default&scope.OS-INHERIT:inherited_to=projects",
    "include_subtree",
    "user.id=",
    "limit=0",
    "sort_key=name",
    "marker=x",
    "marker=W10",
    "marker=WyJ1c2VyIiwgMV0",
    "marker=WyJ1c2VyIiwgdHJ1ZV0",
    "marker=WyJ1c2VyIiwiXHUwMDAwIl0",
    "marker=%C3%A4",
]


def test_a_query_that_makes_no_sense_is_told_so(cloud, admin):
    answers = [(query, cloud.ask("GET", f"{LIST}?{query}", token=admin)) for query in NONSENSE]
    assert [query for query, answer in answers if answer.status_code != 400] == []
    check_error(answers[0][1], 400)


@pytest.mark.parametrize("query", ["", "effective", "include_names&sort_key=role.id&sort_dir=desc"])
def test_pages_meet_every_assignment_once(cloud, admin, query):
    url, seen = f"{LIST}?{query}&limit=3", []
    while url:
        answer = cloud.ask("GET", url, token=admin).get_json()
        seen += answer["role_assignments"]
        assert answer.get("truncated", False) is (answer["links"]["next"] is not None)
        url = (answer["links"]["next"] or "").removeprefix(BASE)
    assert seen == listed(cloud, admin, query) and len(seen) > 10


def test_a_marker_can_be_tried_but_tells_nothing_more(cloud, admin):
    """It only says from where on: whoever may ask for the list may ask for any part of it."""
    cloud.do(grants.add, Grant("user", "user-homed", "domain", "default", "role-reader"), NOW)
    homed = cloud.login("homed", DOMAIN).token
    marker = cloud.ask("GET", f"{LIST}?limit=1", token=admin).get_json()["links"]["next"].rpartition("=")[2]
    assert all(place_of(each) == "default" for each in listed(cloud, homed, f"marker={marker}"))


def place_of(assignment):
    """The domain that the scope is or is in."""
    scope = assignment["scope"]
    return scope["domain"]["id"] if "domain" in scope else "other" if scope["project"]["id"] == "shop" else "default"


@pytest.mark.parametrize(
    "query", ["", "effective", "include_names", "scope.project.id=shop", "scope.system=all", "scope.domain.id=other"]
)
def test_a_domains_reader_sees_that_domain(cloud, admin, query):
    cloud.do(grants.add, Grant("user", "user-homed", "domain", "default", "role-reader"), NOW)
    found = listed(cloud, cloud.login("homed", DOMAIN).token, query)
    assert all("system" not in each["scope"] and place_of(each) == "default" for each in found)
    assert bool(found) is (not query.startswith("scope"))


def test_who_may_see_the_list(cloud, admin):
    member, reader = cloud.login("member", project("web")).token, cloud.login("reader", {"system": {"all": True}}).token
    assert listed(cloud, reader) == listed(cloud, admin)
    check_error(cloud.ask("GET", LIST, token=member), 403)
    check_error(cloud.ask("GET", LIST), 401)


def test_a_tree_is_for_those_who_may_see_its_top(cloud, admin):
    cloud.do(grants.add, Grant("user", "user-homed", "domain", "default", "role-reader"), NOW)
    homed = cloud.login("homed", DOMAIN).token
    assert len(listed(cloud, homed, "scope.project.id=web&include_subtree")) == 4
    for id in ("shop", "none", "default"):
        check_error(cloud.ask("GET", f"{LIST}?scope.project.id={id}&include_subtree", token=homed), 403)
    check_error(cloud.ask("GET", f"{LIST}?scope.project.id=none&include_subtree", token=admin), 404)


def test_a_thousand_more_grants_cost_no_more_statements_and_few_calls_each(cloud, admin):
    query, cost = f"{LIST}?include_names&effective", Cost(cloud.store)
    measured(cloud, admin, query, cost)  # the first call reads the caller's token too
    few = measured(cloud, admin, query, cost)
    people = [{"id": f"u{n}", "name": f"u{n}", "domain_id": "default", "created_at": NOW} for n in range(1000)]
    given = {"actor_kind": "user", "target_kind": "project", "target_id": "web", "inherited": False, "role_id": "role-service"}
    with cloud.store.begin() as tx:
        tx.execute(insert(tables.user_account), people)
        tx.execute(insert(tables.role_grant), [{**given, "actor_id": person["id"]} for person in people])
    many = measured(cloud, admin, query, cost)
    assert many[1] == few[1] + 1000
    assert many[0] == few[0] == 1, cost.statements
    assert many[2] - few[2] < 1000 * 12


def measured(cloud, token, query, cost):
    """(statements, assignments, calls of ours)."""
    with cost.counted():
        answer = cloud.ask("GET", query, token=token)
    return len(cost.statements), len(answer.get_json()["role_assignments"]), cost.total
