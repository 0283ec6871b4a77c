"""Users, passwords and lock-out; each change that may end a token stands in the log."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from identity.errors import BadRequest, Conflict, NotFound
from identity.model.auth import DomainRef, UserRef
from identity.model.subject import Credential, Domain, User
from identity.store import domains, epoch, groups, tables, users
from tests.contract.store.world import NOW

U1 = UserRef(id="u1")


def last_changes(world, count=1):
    """(tag, revokes) of the newest rows."""
    return [(change.tag, change.revokes) for change in world.ask(epoch.since, world.seq() - count)]


@pytest.mark.parametrize(
    "ref",
    [
        U1,
        UserRef(name="Ursula", domain=DomainRef(id="d1")),
        UserRef(name="Ursula", domain=DomainRef(name="One")),
        UserRef(id="u1", name="x"),
    ],
)
def test_a_user_is_found_by_id_or_by_name_and_domain(world, queries, ref):
    expected = User("u1", "Ursula", Domain("d1", "One"))
    with world.store.read() as db, queries.counted(1):
        assert users.find(db, ref) == expected
    with world.store.read() as db, queries.counted(1):
        assert users.credential(db, ref) == Credential(expected, "$hash$1")


@pytest.mark.parametrize(
    "ref",
    [
        UserRef(),
        UserRef(id="gone"),
        UserRef(name="Ursula"),
        UserRef(name="ursula", domain=DomainRef(id="d1")),
        UserRef(name="Ursula ", domain=DomainRef(id="d1")),
        UserRef(name="Ursula", domain=DomainRef(name="one")),
        UserRef(name="Ursula", domain=DomainRef(name="top")),
        UserRef(name="Ursula", domain=DomainRef()),
        UserRef(id="u1\0"),
        UserRef(name="Ursula\0", domain=DomainRef(id="d1")),
        UserRef(name="Ursula", domain=DomainRef(name="\udc80")),
        UserRef(name="%", domain=DomainRef(id="d1")),
        UserRef(name="U" * 100_000, domain=DomainRef(id="d1")),
    ],
)
def test_anyone_else_is_none(world, ref):
    assert world.ask(users.find, ref) is None
    assert world.ask(users.credential, ref) is None


def test_a_user_without_a_password_has_no_hash(world):
    world.do(users.create, id="u2", name="Kerberos only", domain_id="d1", now=NOW)
    assert world.ask(users.credential, UserRef(id="u2")).hash is None


def test_the_newest_password_counts_and_old_ones_go(world):
    world.do(users.set_password, "u1", "$hash$2", NOW, NOW + 99, keep=1)
    found = world.ask(users.credential, U1)
    assert (found.hash, found.user.password_expires_at) == ("$hash$2", NOW + 99)
    assert last_changes(world) == [("user:u1", True)]
    world.do(users.set_password, "u1", "$hash$3", NOW)
    assert world.ask(users.credential, U1).hash == "$hash$3"
    with world.store.read() as db:
        assert db.execute(select(tables.password.c.hash)).scalars().all() == ["$hash$3"]


def test_a_rehash_is_written_only_over_the_hash_that_was_checked(world):
    before = world.seq()
    assert world.do(users.replace_hash, "u1", "$hash$1", "$better$") is True
    assert world.do(users.replace_hash, "u1", "$hash$1", "$late$") is False
    assert world.ask(users.credential, U1).hash == "$better$"
    assert world.seq() == before


def test_failures_are_counted_and_cleared(world):
    before = world.seq()
    assert [world.do(users.record_failure, "u1", NOW + n) for n in range(3)] == [1, 2, 3]
    found = world.ask(users.credential, U1)
    assert (found.failed_count, found.failed_at) == (3, NOW + 2)
    world.do(users.clear_failures, "u1")
    found = world.ask(users.credential, U1)
    assert (found.failed_count, found.failed_at) == (0, None)
    assert world.do(users.record_failure, "gone", NOW) == 0
    assert world.seq() == before


def test_a_new_password_ends_the_lock_out(world):
    world.do(users.record_failure, "u1", NOW)
    world.do(users.set_password, "u1", "$hash$2", NOW)
    assert world.ask(users.credential, U1).failed_count == 0


def test_options_are_keystones(world):
    world.do(users.change, "u1", {"options": {"ignore_lockout_failure_attempts": True, "ignore_password_expiry": True}}, NOW)
    found = world.ask(users.credential, U1)
    assert (found.lockout_exempt, found.password_expiry_exempt) == (True, True)


def test_each_change_is_logged(world):
    for action, value, revokes in (
        (users.change, {"name": "Ulla"}, False),
        (users.set_enabled, False, True),
        (users.set_enabled, True, False),
        (users.change, {"name": "Ulla", "enabled": False, "extra": {}}, True),
        (users.change, {"enabled": True}, False),
    ):
        world.do(action, "u1", value, NOW)
        assert last_changes(world) == [("user:u1", revokes)]
    before = world.seq()
    world.do(users.change, "u1", {"default_project_id": "leaf", "options": {}, "extra": {"colour": "blue"}}, NOW)
    assert world.seq() == before
    found = world.ask(users.find, U1)
    assert (found.name, found.enabled, found.default_project_id) == ("Ulla", True, "leaf")


def test_a_deleted_user_leaves_nothing_and_never_comes_back(world):
    world.grant("user:u1", "project:leaf", "member")
    issued = world.seq()
    world.do(users.delete, "u1", NOW)
    assert last_changes(world) == [("user:u1", True)]
    with world.store.read() as db:
        for table in (tables.password, tables.membership, tables.role_grant):
            assert db.execute(select(func.count()).select_from(table)).scalar_one() == 0
    world.do(users.create, id="u1", name="Ursula", domain_id="d1", now=NOW)
    assert world.load(since=issued).revoked_seq > issued
    assert world.load(since=world.seq()).revoked_seq == 0


@pytest.mark.parametrize(
    "action", [(users.change, {"name": "x"}), (users.set_enabled, True), (users.set_password, "h"), (users.change, {"extra": {}})]
)
def test_a_user_that_is_not_there_cannot_be_changed(world, action):
    before = world.seq()
    with pytest.raises(NotFound):
        world.do(action[0], "gone", action[1], NOW)
    with pytest.raises(NotFound):
        world.do(users.delete, "gone", NOW)
    assert world.seq() == before


def test_names_are_unique_within_a_domain_only(world):
    with pytest.raises(Conflict):
        world.do(users.create, name="Ursula", domain_id="d1", now=NOW)
    world.do(domains.create, id="d2", name="Two", now=NOW)
    world.do(users.create, id="u2", name="Ursula", domain_id="d2", now=NOW)
    world.do(users.create, id="u3", name="ursula", domain_id="d1", now=NOW)
    with pytest.raises(Conflict):
        world.do(users.change, "u3", {"name": "Ursula"}, NOW)
    with pytest.raises(Conflict):
        world.do(users.create, id="u1", name="another", domain_id="d1", now=NOW)


@pytest.mark.parametrize("domain", ["gone", "leaf", "\0", "\ud800"])
def test_a_user_needs_a_domain(world, domain):
    with pytest.raises(NotFound):
        world.do(users.create, name="x", domain_id=domain, now=NOW)
    with pytest.raises(NotFound):
        world.do(groups.create, name="x", domain_id=domain)


NAMES = ("", "  ", "x" * 256, "nul\0", "\ud800")
IDS = ("", "a/b", "u*", "system", "x" * 65, "\0", "\udfff")


@pytest.mark.parametrize("values", [*({"name": name} for name in NAMES), *({"id": id} for id in IDS)])
def test_what_cannot_be_stored_is_refused(world, values):
    with pytest.raises(BadRequest):
        world.do(users.create, **{"name": "fine", "domain_id": "d1", "now": NOW, **values})


def test_names_may_hold_any_other_character(world):
    for name in ("Zoë", "名前", "😀" * 255, "a\nb", "' OR 1=1 --", "%_\\", ":colon {brace}"):
        id = world.do(users.create, name=name, domain_id="d1", now=NOW)
        assert world.ask(users.find, UserRef(name=name, domain=DomainRef(id="d1"))).id == id
        assert world.load(id).user.name == name
