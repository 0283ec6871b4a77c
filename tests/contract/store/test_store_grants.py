"""Roles with all their attributes, grants by name of their ends, and what two writers may do at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from identity.errors import Conflict, NotFound
from identity.model.assignment import RoleEntry
from identity.model.listing import EVERYTHING, Filter, Page, Sort
from identity.store import grants, groups, roles, tables, users
from identity.store.grants import Grant
from tests.contract.store.world import NOW, Queries, World

GRANT = Grant("user", "u1", "project", "top", "reader")


def test_a_role_keeps_its_attributes(world: World):
    options, extra = {"immutable": True}, {"colour": ["blue"]}
    id = world.do(roles.create, name="n", domain_id="d1", description="about", options=options, extra=extra, now=NOW)
    stored = world.ask(roles.entry, id)
    assert stored == RoleEntry(id, "n", "d1", "about", options, extra) and stored.immutable
    before = world.seq()
    world.do(roles.save, replace(stored, name="m", description="", options={}, extra={}), NOW)
    assert world.ask(roles.entry, id) == RoleEntry(id, "m", "d1")
    assert world.seq() == before + 1
    assert [world.ask(roles.entry, wrong) for wrong in ("gone", "\0")] == [None, None]
    for act in (lambda: world.do(roles.save, replace(stored, id="gone", name="x"), NOW), lambda: world.do(roles.locked, "gone")):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(Conflict):
        world.do(roles.save, replace(world.ask(roles.entry, "reader"), name="admin"), NOW)


def test_roles_are_listed_for_the_cloud_or_a_domain(world: World):
    world.do(roles.create, id="local", name="local", domain_id="d1", now=NOW)

    def names(page: Page = EVERYTHING, domain: str | None = None) -> list[str]:
        return [entry.name for entry in world.ask(roles.listed, page, domain)[0]]

    assert names() == ["admin", "member", "reader"]
    assert names(domain="d1") == ["local"] and names(domain="top") == names(domain="\0") == []
    assert names(Page(filters=(Filter("name", "e", "contains"),), sort=(Sort("name", True),))) == ["reader", "member"]


def test_rules_are_shown_with_both_roles(world: World):
    world.do(roles.imply, "member", "reader", NOW)
    world.do(roles.imply, "admin", "member", NOW)
    assert world.do(roles.imply, "admin", "member", NOW) is False
    for asked, expected in (
        (world.ask(roles.inferences), [("admin", "member"), ("member", "reader")]),
        (world.ask(roles.implied_by, "admin"), [("admin", "member")]),
        (world.ask(roles.implied_by, "\0"), []),
    ):
        assert [(rule.prior.name, rule.implied.name) for rule in asked] == expected
    assert world.ask(roles.inference, "admin", "reader") is None
    assert world.ask(roles.inference, "admin", "member").implied == world.ask(roles.entry, "member")


def test_what_was_given_is_told_exactly(world: World):
    world.do(grants.add, GRANT, NOW)
    world.do(grants.add, replace(GRANT, role_id="admin"), NOW)
    world.do(grants.add, replace(GRANT, role_id="member", inherited=True), NOW)
    assert world.ask(grants.has, GRANT)
    for other in ({"inherited": True}, {"role_id": "member"}, {"target_id": "mid"}, {"actor_kind": "group"}, {"actor_id": "\0"}):
        assert not world.ask(grants.has, replace(GRANT, **other)), other
    assert [role.id for role in world.ask(grants.held, GRANT)[0]] == ["admin", "reader"]
    assert [role.id for role in world.ask(grants.held, replace(GRANT, inherited=True))[0]] == ["member"]
    assert world.ask(grants.held, replace(GRANT, actor_id="\0")) == ([], False)
    with world.store.read() as db, Queries(world.store).counted(1):
        grants.held(db, GRANT)


def test_the_ends_of_a_grant_are_what_a_policy_compares(world: World):
    found = {
        kind: world.ask(grants.party, kind, id)
        for kind, id in (("user", "u1"), ("group", "g1"), ("project", "mid"), ("domain", "d1"))
    }
    assert {kind: party.domain_id for kind, party in found.items()} == {
        "user": "d1",
        "group": "d1",
        "project": "d1",
        "domain": None,
    }
    assert dict(found["project"].attributes)["parent_id"] == "top" and dict(found["user"].attributes)["name"] == "Ursula"
    assert world.ask(grants.party, "project", "d1").domain_id is None
    assert [world.ask(grants.party, *wrong) for wrong in (("domain", "mid"), ("user", "g1"), ("user", "\0"))] == [None] * 3


def test_two_who_give_the_same_role_at_once_both_succeed_and_one_of_them_gave_it(world: World):
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: world.do(grants.add, GRANT, NOW), range(8)))
    assert sorted(given) == [False] * 7 + [True]


def test_a_role_is_not_given_to_someone_who_is_leaving(world: World):
    """On PostgreSQL the writers meet; on SQLite one is first. Either way nothing is left of the user or the group."""
    for n in range(6):
        world.do(users.create, id=f"v{n}", name=f"v{n}", domain_id="d1", now=NOW)
        world.do(groups.create, id=f"h{n}", name=f"h{n}", domain_id="d1")

    def give(grant: Grant) -> None:
        try:
            world.do(grants.add, grant, NOW)
        except NotFound:
            return

    with ThreadPoolExecutor(4) as pool:
        for n in range(6):
            pool.submit(give, replace(GRANT, actor_id=f"v{n}"))
            pool.submit(world.do, users.delete, f"v{n}", NOW)
            pool.submit(give, replace(GRANT, actor_kind="group", actor_id=f"h{n}"))
            pool.submit(world.do, groups.delete, f"h{n}", NOW)
    assert world.ask(grants.on, "project", "top") == []


def test_two_implications_cannot_close_a_circle_between_them(world: World):
    pairs = [("admin", "member"), ("member", "reader"), ("reader", "admin")]

    def imply(pair: tuple[str, str]) -> bool:
        try:
            return bool(world.do(roles.imply, *pair, NOW))
        except Exception:
            return False

    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(imply, pairs))
    assert made.count(True) == 2


def test_a_role_that_goes_takes_application_credentials_along_that_hand_it_on(world: World):
    with world.store.begin() as tx:
        for id, role in (("a", "reader"), ("b", "member")):
            tx.execute(
                insert(tables.application_credential),
                {"id": id, "name": id, "user_id": "u1", "project_id": "top", "hash": "x", "created_at": NOW},
            )
            tx.execute(insert(tables.application_credential_role), {"application_credential_id": id, "role_id": role})
    world.do(roles.delete, "reader", NOW)
    with world.store.read() as db:
        assert db.execute(select(tables.application_credential.c.id)).scalars().all() == ["b"]
