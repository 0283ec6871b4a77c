"""The list of all assignments: what counts where, and that it agrees with what a token would hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import insert

from identity.errors import BadRequest
from identity.model.assignment import Assignment
from identity.model.assignment import AssignmentQuery as Query
from identity.model.listing import Sort
from identity.store import assignments, domains, groups, projects, roles, tables, users
from tests.contract.store.test_store_cost import analyze
from tests.contract.store.world import NOW, Queries, World


@pytest.fixture
def cloud(world: World) -> World:
    """Two domains, three users, two groups, inherited and implied roles, and a role of one domain that implies one of all."""
    with world.store.begin() as tx:
        domains.create(tx, id="d2", name="Two", now=NOW)
        projects.create(tx, id="side", name="side", parent_id="d1", now=NOW)
        projects.create(tx, id="far", name="far", parent_id="d2", now=NOW)
        for name, domain in (("u2", "d1"), ("u3", "d2")):
            users.create(tx, id=name, name=name, domain_id=domain, now=NOW)
        groups.create(tx, id="g2", name="g2", domain_id="d2")
        for group, user in (("g1", "u2"), ("g2", "u3"), ("g2", "u1")):
            groups.add_member(tx, group, user, NOW)
        roles.create(tx, id="local", name="local", domain_id="d1", now=NOW)
        for prior, implied in (("admin", "member"), ("member", "reader"), ("local", "reader")):
            roles.imply(tx, prior, implied, NOW)
    world.grant("user:u1", "project:leaf", "member")
    world.grant("user:u1", "project:top", "reader", inherited=True)
    world.grant("user:u2", "domain:d1", "admin")
    world.grant("user:u2", "system:system", "admin")
    world.grant("user:u3", "project:side", "local")
    world.grant("group:g1", "domain:d1", "member", inherited=True)
    world.grant("group:g2", "project:far", "admin")
    world.grant("group:g2", "project:leaf", "reader")
    return world


def listed(world: World, **wanted: object) -> list[str]:
    """Short spellings: actor@target role, with whatever it comes by."""
    found = world.ask(assignments.listed, Query(**wanted))
    return [
        f"{entry.actor_id}@{entry.target_id} {entry.role_id}"
        + ("+" if entry.inherited else "")
        + (f" by {entry.group_id}" if entry.group_id else "")
        + (f" from {entry.source_kind} {entry.source_id}" if entry.source_id else "")
        + (f" as {entry.prior_id}" if entry.prior_id else "")
        for entry in found.entries
    ]


STORED = [
    ({"user_id": "u1"}, ["u1@leaf member", "u1@top reader+"]),
    ({"group_id": "g1"}, ["g1@d1 member+"]),
    ({"group_id": "u1"}, []),
    ({"project_id": "leaf"}, ["g2@leaf reader", "u1@leaf member"]),
    ({"project_id": "leaf", "user_id": "u1"}, ["u1@leaf member"]),
    ({"project_id": "top"}, ["u1@top reader+"]),
    ({"project_id": "top", "inherited": False}, []),
    ({"project_id": "top", "subtree": True}, ["g2@leaf reader", "u1@leaf member", "u1@top reader+"]),
    ({"domain_id": "d1"}, ["g1@d1 member+", "u2@d1 admin"]),
    ({"domain_id": "d1", "inherited": True}, ["g1@d1 member+"]),
    ({"system": True}, ["u2@system admin"]),
    ({"role_id": "local"}, ["u3@side local"]),
    ({"inherited": True}, ["g1@d1 member+", "u1@top reader+"]),
    ({"inside": "d2"}, ["g2@far admin"]),
    ({"inside": "d2", "project_id": "leaf"}, []),
    ({"inside": "d2", "domain_id": "d1"}, []),
    ({"inside": "d2", "system": True}, []),
    ({"project_id": "gone"}, []),
    ({"user_id": "\0"}, []),
    ({"project_id": "d1"}, []),
]


def test_grants_are_listed_as_they_are_stored(cloud):
    for wanted, expected in STORED:
        assert listed(cloud, **wanted) == expected, wanted


EFFECTIVE = [
    (
        {"project_id": "leaf", "user_id": "u1"},
        [
            "u1@leaf member",
            "u1@leaf member by g1 from domain d1",
            "u1@leaf reader from project top",
            "u1@leaf reader by g2",
            "u1@leaf reader as member",
            "u1@leaf reader by g1 from domain d1 as member",
        ],
    ),
    (
        {"project_id": "top", "user_id": "u2"},
        ["u2@top member by g1 from domain d1", "u2@top reader by g1 from domain d1 as member"],
    ),
    ({"user_id": "u2", "domain_id": "d1"}, ["u2@d1 admin", "u2@d1 member as admin", "u2@d1 reader as member"]),
    ({"user_id": "u2", "system": True}, ["u2@system admin", "u2@system member as admin", "u2@system reader as member"]),
    ({"user_id": "u3", "project_id": "side"}, ["u3@side reader as local"]),
    ({"user_id": "u1", "inherited": False, "role_id": "member"}, ["u1@far member by g2 as admin", "u1@leaf member"]),
    (
        {"user_id": "u1", "project_id": "far"},
        ["u1@far admin by g2", "u1@far member by g2 as admin", "u1@far reader by g2 as member"],
    ),
    (
        {"project_id": "mid", "inherited": True, "role_id": "member"},
        ["u1@mid member by g1 from domain d1", "u2@mid member by g1 from domain d1"],
    ),
    ({"inside": "d2", "role_id": "admin"}, ["u1@far admin by g2", "u3@far admin by g2"]),
    ({"role_id": "local"}, []),
    ({"group_id": "g1"}, []),
]


def test_effective_ones_are_by_user_and_place_and_say_where_they_come_from(cloud):
    for wanted, expected in EFFECTIVE:
        assert listed(cloud, effective=True, **wanted) == expected, wanted


def test_a_tree_has_what_its_projects_have_each(cloud):
    tree = listed(cloud, effective=True, project_id="top", subtree=True)
    each = [line for id in ("top", "mid", "leaf") for line in listed(cloud, effective=True, project_id=id)]
    assert sorted(tree) == sorted(each)


def test_everything_is_the_sum_of_its_parts(cloud):
    whole = listed(cloud, effective=True)
    by_user = [line for user in ("u1", "u2", "u3") for line in listed(cloud, effective=True, user_id=user)]
    places = [{"project_id": id} for id in ("top", "mid", "leaf", "side", "far")] + [{"domain_id": id} for id in ("d1", "d2")]
    by_place = [line for place in places for line in listed(cloud, effective=True, **place)]
    by_domain = [line for domain in ("d1", "d2") for line in listed(cloud, effective=True, inside=domain)]
    assert sorted(whole) == sorted(by_user) == sorted(by_place) == sorted(by_domain)
    assert len(whole) == len(set(whole))


def test_what_is_listed_is_what_a_token_holds(cloud):
    for user, project in product(("u1", "u2", "u3"), ("top", "mid", "leaf", "side", "far")):
        found = cloud.ask(assignments.listed, Query(user_id=user, project_id=project, effective=True)).entries
        assert sorted({entry.role_id for entry in found}) == cloud.roles(user, project_id=project), (user, project)


def test_roles_in_a_circle_end(cloud):
    with cloud.store.begin() as tx:  # as a store from elsewhere may have it
        tx.execute(insert(tables.role_implication), [{"prior_id": "reader", "implied_id": "admin"}])
    found = listed(cloud, effective=True, user_id="u2", domain_id="d1")
    assert found == ["u2@d1 admin", "u2@d1 admin as reader", "u2@d1 member as admin", "u2@d1 reader as member"]


def test_names_are_those_of_each_end(cloud):
    entries = cloud.ask(assignments.listed, Query(project_id="side", names=True)).entries
    (names,) = [entry.names for entry in entries]
    assert (names.actor.name, names.actor.domain_id, names.actor.domain_name) == ("u3", "d2", "Two")
    assert (names.target.name, names.target.domain_id, names.target.domain_name) == ("side", "d1", "One")
    assert (names.role.name, names.role.domain_id, names.role.domain_name) == ("local", "d1", "One")
    group, person = [entry.names for entry in cloud.ask(assignments.listed, Query(domain_id="d1", names=True)).entries]
    assert (group.actor.name, person.actor.name) == ("Group", "u2")
    assert (group.target.name, group.target.domain_id, group.role.domain_id) == ("One", "", "")


PAGED = [
    Query(),
    Query(effective=True),
    Query(effective=True, role_id="reader"),
    Query(effective=True, user_id="u1", names=True),
    Query(inside="d1", effective=True),
    Query(sort=(Sort("role.id", descending=True),)),
    Query(effective=True, sort=(Sort("role.id"), Sort("user.id", descending=True))),
]


def test_pages_meet_every_assignment_once(cloud):
    for wanted, limit in product(PAGED, (1, 2, 5)):
        whole = cloud.ask(assignments.listed, wanted).entries
        found = [entry for page in pages(cloud, replace(wanted, limit=limit)) for entry in page]
        assert found == list(whole) and len(found) > limit, wanted


def pages(world: World, wanted: Query) -> Iterator[Sequence[Assignment]]:
    while True:
        page = world.ask(assignments.listed, wanted)
        assert wanted.limit is not None and len(page.entries) <= wanted.limit
        yield page.entries
        if not page.next_after:
            return
        wanted = replace(wanted, after=page.next_after)


def test_a_page_goes_on_although_its_marker_is_gone(cloud):
    first = cloud.ask(assignments.listed, Query(limit=3))
    before = listed(cloud)
    gone = first.entries[-1]
    with cloud.store.begin() as tx:
        tx.execute(
            tables.role_grant.delete().where(
                tables.role_grant.c.actor_id == gone.actor_id, tables.role_grant.c.role_id == gone.role_id
            )
        )
    assert listed(cloud, after=first.next_after) == [line for line in listed(cloud) if line in before[3:]]


def test_what_brings_nothing_does_not_end_the_list_early(cloud):
    """Inherited on a project with nothing below, and a domain's role that implies nothing, lie between two that count."""
    cloud.do(roles.create, id="idle", name="idle", domain_id="d1", now=NOW)
    for n in range(6):
        cloud.do(users.create, id=f"v{n}", name=f"v{n}", domain_id="d1", now=NOW)
        cloud.grant(f"user:v{n}", "project:leaf", "reader", inherited=True)
        cloud.grant(f"user:v{n}", "project:leaf", "idle")
    cloud.do(users.create, id="w", name="w", domain_id="d1", now=NOW)
    cloud.grant("user:w", "project:leaf", "reader")
    found = list(pages(cloud, Query(effective=True, limit=2)))
    assert all(found)
    assert [entry for page in found for entry in page] == list(cloud.ask(assignments.listed, Query(effective=True)).entries)
    assert found[-1][-1].actor_id == "w"


def test_a_list_is_sorted_by_what_it_knows(cloud):
    with pytest.raises(BadRequest):
        cloud.ask(assignments.listed, Query(sort=(Sort("name"),)))
    with pytest.raises(BadRequest):
        cloud.ask(assignments.listed, Query(sort=(Sort("role.id"),), after=("user", "u1")))


COSTS = [
    (Query(names=True), 1),
    (Query(effective=True, names=True), 1),
    (Query(effective=True, user_id="u1"), 1),
    (Query(effective=True, names=True, limit=3), 2),
    (Query(names=True, limit=3, after=("user", "u1")), 1),
    (Query(project_id="top", subtree=True, effective=True, names=True), 1),
]


def test_the_number_of_statements_is_fixed(cloud):
    for wanted, statements in COSTS:
        with cloud.store.read() as db, Queries(cloud.store).counted(statements):
            assignments.listed(db, wanted)


def test_ten_times_as_many_grants_do_not_make_one_users_list_dearer(cloud):
    """Counted in steps of SQLite's machine, which do not depend on what else this computer does."""
    if cloud.store.dialect != "sqlite":
        return assert_plan_is_by_index(cloud)
    wanted = Query(user_id="u1", effective=True, names=True)
    small = steps(cloud, wanted)
    crowd(cloud)
    assert steps(cloud, wanted) < small * 1.5
    for other in (
        Query(effective=True, limit=10),
        Query(limit=10, names=True),
        Query(project_id="leaf"),
        Query(project_id="leaf", effective=True),
    ):
        assert steps(cloud, other) < 20_000, other


def crowd(world: World) -> None:
    people = [{"id": f"user{n}", "name": f"user{n}", "domain_id": "d2", "created_at": NOW} for n in range(3000)]
    places = [{"id": f"p{n}", "name": f"p{n}", "domain_id": "d2", "parent_id": "d2", "created_at": NOW} for n in range(1000)]
    given = [
        {
            "actor_kind": "user",
            "actor_id": f"user{n}",
            "target_kind": "project",
            "target_id": f"p{(n + k) % 1000}",
            "inherited": False,
            "role_id": role,
        }
        for n in range(3000)
        for k, role in enumerate(("member", "reader", "admin"))
    ]
    with world.store.begin() as tx:
        tx.execute(insert(tables.user_account), people)
        tx.execute(insert(tables.project), places)
        tx.execute(insert(tables.role_grant), given)
    analyze(world)


def steps(world: World, wanted: Query) -> int:
    """About how many steps SQLite's machine makes."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    with world.store.read() as db:
        driver = db.connection.dbapi_connection
        driver.set_progress_handler(tick, 10)
        try:
            assignments.listed(db, wanted)
        finally:
            driver.set_progress_handler(None, 0)
    return count * 10


def assert_plan_is_by_index(world: World) -> None:
    crowd(world)
    seen = Queries(world.store)
    with world.store.read() as db, seen.counted(1):
        assignments.listed(db, Query(user_id="u1", effective=True))
    ((statement, values),) = seen.seen
    with world.store.read() as db:
        plan = "\n".join(row[0] for row in db.exec_driver_sql(f"EXPLAIN {statement}", values))
    assert "Seq Scan on role_grant" not in plan, plan
