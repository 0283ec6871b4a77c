"""What happens when things go wrong: a clear problem, never a driver's exception, and nothing half done."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from identity.errors import BadRequest, Conflict, NotFound, Problem, Unavailable
from identity.model.auth import DomainRef, UserRef
from identity.settings import Database
from identity.store import domains, groups, projects, roles, subjects, tokens, users
from identity.store.engine import Store
from tests.contract.store.world import NOW
from tests.support import places

HOSTILE = ["\0", "a\0b", "\ud800", "\udfff\ud800", "x" * 200_000, "'; DROP TABLE project; --", ":this", "%s", "\x1b[31m", "\u202e"]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_strings_find_nothing_and_harm_nothing(world, value):
    place = DomainRef(name=value)
    for ask in (
        lambda db: users.find(db, UserRef(id=value)),
        lambda db: users.credential(db, UserRef(name=value, domain=place)),
        lambda db: domains.find(db, place),
        lambda db: roles.find(db, value, value),
        lambda db: tokens.get(db, value),
        lambda db: subjects.load(db, value, project_id=value, groups=(value,), extra_tags=(value,), since=0),
        lambda db: subjects.load(db, "u1", domain_id=value, since=0),
    ):
        assert world.ask(ask) is None
    for action in (
        lambda tx: users.set_enabled(tx, value, False, NOW),
        lambda tx: users.set_password(tx, value, "h", NOW),
        lambda tx: places.rename(tx, value, "fine", NOW),
        lambda tx: projects.delete(tx, value, NOW),
        lambda tx: places.set_enabled(tx, value, False, NOW),
        lambda tx: groups.remove_member(tx, value, value, NOW),
        lambda tx: roles.delete(tx, value, NOW),
    ):
        with pytest.raises((NotFound, BadRequest)):
            world.do(action)
    assert world.load().user.name == "Ursula"


@pytest.mark.parametrize("value", ["\0", "\ud800"])
def test_what_reaches_the_driver_after_all_is_a_bad_request_or_nothing(store, value):
    try:
        with store.read() as db:
            assert db.execute(text("SELECT id FROM project WHERE id = :it"), {"it": value}).all() == []
    except BadRequest as problem:
        assert value not in problem.reason


def test_an_exception_undoes_everything(world):
    before = world.seq()
    with pytest.raises(ZeroDivisionError), world.store.begin() as tx:
        users.set_password(tx, "u1", "$lost$", NOW)
        raise ZeroDivisionError
    assert world.ask(users.credential, UserRef(id="u1")).hash == "$hash$1"
    assert world.seq() == before


def test_a_conflict_undoes_everything(world):
    before = world.seq()
    with pytest.raises(Conflict), world.store.begin() as tx:
        users.change(tx, "u1", {"name": "Ulla"}, NOW)
        domains.create(tx, name="One", now=NOW)
    assert (world.load().user.name, world.seq()) == ("Ursula", before)


def test_a_read_cannot_write(world):
    with pytest.raises(Unavailable), world.store.read() as db:
        users.change(db, "u1", {"name": "Ulla"}, NOW)
    world.do(users.change, "u1", {"name": "Ulla"}, NOW)
    assert world.load().user.name == "Ulla"


@pytest.mark.parametrize(
    "create",
    [
        lambda tx: domains.create(tx, name="same", now=NOW),
        lambda tx: projects.create(tx, name="same", domain_id="d1", now=NOW),
        lambda tx: users.create(tx, name="same", domain_id="d1", now=NOW),
        lambda tx: groups.create(tx, name="same", domain_id="d1"),
        lambda tx: roles.create(tx, name="same", now=NOW),
        lambda tx: roles.create(tx, name="same", domain_id="d1", now=NOW),
    ],
    ids=["domain", "project", "user", "group", "global role", "domain role"],
)
def test_of_two_at_once_one_gets_the_name(world, create):
    start = threading.Barrier(2)

    def attempt() -> str:
        start.wait(10)
        try:
            world.do(create)
        except Conflict:
            return "conflict"
        return "created"

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(attempt) for _ in range(2)]
        assert sorted(job.result(20) for job in jobs) == ["conflict", "created"]


def test_a_lock_that_is_not_given_up_ends_in_unavailable(url, world):
    hasty = Store.open(Database(connection=url, statement_timeout=0.2))
    with world.store.begin() as tx:
        users.change(tx, "u1", {"name": "Ulla"}, NOW)
        with pytest.raises(Unavailable) as caught, hasty.begin() as other:
            users.change(other, "u1", {"name": "Uwe"}, NOW)
        assert hasty.sequence() > 0, "readers do not wait"
    hasty.close()
    assert "too long" in caught.value.reason or "lock" in caught.value.reason
    assert world.load().user.name == "Ulla"


def test_a_pool_that_is_used_up_ends_in_unavailable(url):
    narrow = Store.open(Database(connection=url, pool_size=1, connect_timeout=1))
    held = [narrow.read() for _ in range(5)]
    try:
        for place in held:
            place.__enter__()
        with pytest.raises(Unavailable) as caught, narrow.read():
            pass
        assert "in use" in caught.value.reason
    finally:
        for place in held:
            place.__exit__(None, None, None)
        narrow.close()


def test_an_empty_database_says_what_to_do(tmp_path, postgres):
    for url in (f"sqlite:///{tmp_path}/empty.db", postgres.new_database()):
        empty = Store.open(Database(connection=url))
        with pytest.raises(Unavailable, match="gatestone db upgrade"):
            empty.sequence()
        with pytest.raises(Unavailable, match="gatestone db upgrade"):
            empty.execute(text("SELECT name FROM user_account"), {})
        with pytest.raises(Unavailable, match="gatestone db upgrade"), empty.read() as db:
            users.find(db, UserRef(id="u1"))
        empty.close()


def test_many_threads_share_one_store(world):
    def work(number: int) -> str:
        world.do(users.change, "u1", {"name": f"name {number}"}, NOW)
        return world.load().user.name

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(work, range(40)))
    assert all(name.startswith("name ") for name in names)


def test_a_problem_keeps_the_value_and_the_password_to_itself(world):
    secret = "hunter2-" + "x" * 300
    for action in (
        lambda tx: users.create(tx, name=secret, domain_id="d1", now=NOW),
        lambda tx: tx.execute(text("SELECT :a FROM nowhere"), {"a": secret}),
        lambda tx: users.create(tx, id="u1", name="again", domain_id="d1", now=NOW, hash=secret),
    ):
        with pytest.raises(Problem) as caught:
            world.do(action)
        assert "hunter2" not in f"{caught.value.reason} {caught.value.message} {caught.value.__cause__}"
