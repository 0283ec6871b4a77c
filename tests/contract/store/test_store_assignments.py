"""Roles, grants and groups: what may be given, and what taking it away writes to the log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from identity.errors import BadRequest, Conflict, NotFound
from identity.model.listing import Filter, Page
from identity.model.subject import Role
from identity.store import accounts, domains, epoch, grants, groups, roles, users
from identity.store.grants import Grant
from tests.contract.store.world import NOW


def last_changes(world, count=1):
    return [(change.tag, change.revokes) for change in world.ask(epoch.since, world.seq() - count)]


def test_roles_are_found_by_id_or_name(world, queries):
    world.do(roles.create, id="local", name="admin", domain_id="d1", now=NOW)
    with world.store.read() as db:
        with queries.counted(1):
            assert roles.find(db, "admin") == Role("admin", "admin")
        with queries.counted(1):
            assert roles.find(db, "admin", "d1") == Role("local", "admin")
    assert world.ask(roles.get, "reader") == Role("reader", "reader")
    assert [world.ask(roles.get, id) for id in ("gone", "\0", "\ud800")] == [None] * 3
    assert [world.ask(roles.find, name) for name in ("Admin", "\0", "")] == [None] * 3
    assert [role.id for role in world.ask(roles.listed)[0]] == ["admin", "member", "reader"]


def test_role_names_are_unique_globally_and_in_each_domain(world):
    world.do(domains.create, id="d2", name="Two", now=NOW)
    for domain in ("d1", "d2"):
        world.do(roles.create, name="admin", domain_id=domain, now=NOW)
    for domain in (None, "d1", "d2"):
        with pytest.raises(Conflict):
            world.do(roles.create, name="admin", domain_id=domain, now=NOW)
    with pytest.raises(Conflict):
        world.do(roles.save, replace(world.ask(roles.entry, "member"), name="admin"), NOW)
    with pytest.raises(NotFound):
        world.do(roles.create, name="x", domain_id="leaf", now=NOW)


def test_a_role_that_is_deleted_ends_the_tokens_that_hold_it(world):
    world.do(roles.imply, "admin", "member", NOW)
    world.grant("user:u1", "project:leaf", "admin")
    issued = world.seq()
    world.do(roles.delete, "member", NOW)
    assert last_changes(world, 2) == [("role:admin", True), ("role:member", True)]
    assert world.roles(project_id="leaf") == ["admin"]
    assert world.load(project_id="leaf", since=issued).revoked_seq > issued
    issued = world.seq()
    world.do(roles.delete, "admin", NOW)
    assert last_changes(world, 2) == [("grant:u1/leaf", True), ("role:admin", True)]
    assert world.roles(project_id="leaf") == []
    assert world.load(project_id="leaf", since=issued).revoked_seq > issued
    assert world.load(project_id="mid", since=issued).revoked_seq == 0
    with pytest.raises(NotFound):
        world.do(roles.delete, "admin", NOW)
    assert world.seq() == issued + 2


def test_implications_can_be_made_and_undone(world):
    world.do(roles.imply, "admin", "member", NOW)
    assert last_changes(world) == [("role:admin", False)]
    before = world.seq()
    world.do(roles.imply, "admin", "member", NOW)
    assert world.seq() == before
    world.do(roles.imply, "member", "reader", NOW)
    for prior, implied in (("reader", "admin"), ("member", "admin"), ("admin", "admin")):
        with pytest.raises(BadRequest):
            world.do(roles.imply, prior, implied, NOW)
    with pytest.raises(NotFound):
        world.do(roles.imply, "admin", "gone", NOW)
    world.do(roles.unimply, "admin", "member", NOW)
    assert last_changes(world) == [("role:admin", True)]
    with pytest.raises(NotFound):
        world.do(roles.unimply, "admin", "member", NOW)


def test_a_grant_is_given_once_and_taken_away(world):
    grant = Grant("user", "u1", "project", "leaf", "member")
    assert world.do(grants.add, grant, NOW) is True
    assert last_changes(world) == [("grant:u1/leaf", False)]
    before = world.seq()
    assert world.do(grants.add, grant, NOW) is False
    assert world.seq() == before
    assert world.ask(grants.on, "project", "leaf") == [grant]
    world.do(grants.remove, grant, NOW)
    assert last_changes(world) == [("grant:u1/leaf", True)]
    assert world.load(project_id="leaf", since=before).revoked_seq == before + 1
    assert world.load(project_id="mid", since=before).revoked_seq == 0
    with pytest.raises(NotFound):
        world.do(grants.remove, grant, NOW)


def test_an_inherited_grant_that_is_taken_away_ends_tokens_below(world):
    grant = world.grant("group:g1", "domain:d1", "member", inherited=True)
    issued = world.seq()
    world.do(grants.remove, grant, NOW)
    assert world.load(project_id="leaf", since=issued).revoked_seq > issued
    assert world.roles(project_id="leaf") == []


@pytest.mark.parametrize(
    "grant",
    [
        Grant("user", "gone", "project", "leaf", "member"),
        Grant("group", "u1", "project", "leaf", "member"),
        Grant("robot", "u1", "project", "leaf", "member"),
        Grant("user", "u1", "project", "gone", "member"),
        Grant("user", "u1", "domain", "leaf", "member"),
        Grant("user", "u1", "planet", "leaf", "member"),
        Grant("user", "u1", "system", "leaf", "member"),
        Grant("user", "u1", "project", "leaf", "gone"),
        Grant("user", "u1\0", "project", "leaf", "member"),
        Grant("user", "u1", "project", "\ud800", "member"),
    ],
)
def test_a_grant_needs_an_actor_a_target_and_a_role(world, grant):
    before = world.seq()
    with pytest.raises(NotFound):
        world.do(grants.add, grant, NOW)
    assert world.seq() == before


def test_groups_are_found_and_list_their_members(world, queries):
    of_user = Page(filters=(Filter("name", "rou", "contains"),))
    with world.store.read() as db:
        with queries.counted(1):
            assert groups.get(db, "g1").name == "Group"
        with queries.counted(1):
            assert [group.id for group in groups.listed(db, of_user, user_id="u1")[0]] == ["g1"]
        with queries.counted(1):
            assert [account.id for account in accounts.listed(db, group_id="g1")[0]] == ["u1"]
        with queries.counted(1):
            assert groups.is_member(db, "g1", "u1")
        assert (groups.get(db, "gone"), groups.get(db, "\0"), groups.is_member(db, "\0", "u1")) == (None, None, False)
        assert groups.listed(db, user_id="gone") == groups.listed(db, domain_id="gone") == ([], False)
        assert accounts.listed(db, group_id="gone") == ([], False)
    with pytest.raises(Conflict):
        world.do(groups.create, name="Group", domain_id="d1")


def test_membership_is_logged(world):
    world.do(users.create, id="u2", name="Uwe", domain_id="d1", now=NOW)
    world.do(groups.add_member, "g1", "u2", NOW)
    assert last_changes(world) == [("grant:u2/*", False)]
    before = world.seq()
    world.do(groups.add_member, "g1", "u2", NOW)
    assert world.seq() == before
    world.do(groups.remove_member, "g1", "u2", NOW)
    assert last_changes(world) == [("grant:u2/*", True)]
    for group, user in (("g1", "u2"), ("gone", "u2"), ("g1", "gone")):
        with pytest.raises(NotFound):
            world.do(groups.remove_member, group, user, NOW)
    for group, user in (("gone", "u2"), ("g1", "gone"), ("g1", "\0")):
        with pytest.raises(NotFound):
            world.do(groups.add_member, group, user, NOW)


def test_a_group_without_a_role_goes_quietly(world):
    before = world.seq()
    world.do(groups.delete, "g1", NOW)
    assert world.seq() == before


def test_a_deleted_group_ends_the_tokens_of_those_in_it(world):
    world.do(users.create, id="u2", name="Federated", domain_id="d1", now=NOW)
    world.grant("group:g1", "project:leaf", "member")
    world.grant("group:g1", "project:leaf", "reader")
    issued = world.seq()
    world.do(groups.delete, "g1", NOW)
    assert last_changes(world, 2) == [("grant:g1/*", True), ("grant:u1/*", True)]
    assert world.roles(project_id="leaf") == []
    assert world.load(project_id="leaf", since=issued).revoked_seq > issued
    assert world.load("u2", project_id="leaf", since=issued, groups=("g1",)).revoked_seq > issued
    assert world.load("u2", project_id="leaf", since=issued).revoked_seq == 0
    with pytest.raises(NotFound):
        world.do(groups.delete, "g1", NOW)
