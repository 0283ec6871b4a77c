"""The change log: numbers follow commits, nothing is ever missed, and its length costs nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from identity.model.revocation import Change
from identity.settings import Database
from identity.store import epoch, users
from identity.store.engine import Store
from tests.contract.store.world import NOW


def test_numbers_follow_one_another(store):
    with store.begin() as tx:
        assert epoch.current(tx) == 0
        assert epoch.record(tx, NOW, [("user", "a", True), ("grant", "a/b:c", False)]) == 2
        assert epoch.record(tx, NOW, []) == 2
        assert epoch.record(tx, NOW + 1, iter([("keys", "fernet", False)])) == 3
    with store.read() as db:
        assert epoch.current(db) == store.sequence() == 3
        assert epoch.since(db, 0) == [
            Change(1, "user", "a", NOW, True),
            Change(2, "grant", "a/b:c", NOW, False),
            Change(3, "keys", "fernet", NOW + 1, False),
        ]
        assert [change.seq for change in epoch.since(db, 1)] == [2, 3]
        assert [change.seq for change in epoch.since(db, 0, limit=2)] == [1, 2]
        assert epoch.since(db, 3) == []


def test_a_rollback_leaves_no_number_behind(store):
    with pytest.raises(RuntimeError), store.begin() as tx:
        epoch.record(tx, NOW, [("user", "a", True)])
        raise RuntimeError
    with store.begin() as tx:
        assert epoch.record(tx, NOW, [("user", "a", True)]) == 1


def test_pruning_leaves_no_hole_whatever_the_clocks_say(store):
    with store.begin() as tx:
        assert epoch.oldest(tx) == 1
        for at in (10.0, 20.0, 50.0, 15.0, 60.0):  # the fourth host's clock is slow
            epoch.record(tx, at, [("user", "a", True)])
        assert epoch.oldest(tx) == 1
        assert epoch.prune(tx, 40.0) == 2
        assert epoch.oldest(tx) == 3
        assert [change.seq for change in epoch.since(tx, 0)] == [3, 4, 5]
        assert epoch.prune(tx, 1000.0) == 2
        assert (epoch.oldest(tx), epoch.current(tx)) == (5, 5)
        assert epoch.record(tx, 70.0, [("user", "a", True)]) == 6


def test_a_later_number_waits_for_an_earlier_commit(store):
    """The second of two transactions gets its number only when the first, which is slow, has ended."""
    ready, done = threading.Event(), threading.Event()

    def second() -> int:
        ready.set()
        with store.begin() as tx:
            seq = epoch.record(tx, NOW, [("user", "second", True)])
        done.set()
        return seq

    with ThreadPoolExecutor(1) as pool:
        with store.begin() as tx:
            first = epoch.record(tx, NOW, [("user", "first", True)])
            other = pool.submit(second)
            assert ready.wait(10)
            assert not done.wait(0.5)
            assert store.sequence() == 0
        assert other.result(20) == first + 1
    with store.read() as db:
        assert [change.id for change in epoch.since(db, 0)] == ["first", "second"]


def test_a_rolled_back_first_gives_its_number_to_the_second(store):
    ready = threading.Event()

    def second() -> int:
        ready.set()
        with store.begin() as tx:
            return epoch.record(tx, NOW, [("user", "second", True)])

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(RuntimeError), store.begin() as tx:
            epoch.record(tx, NOW, [("user", "first", True)])
            other = pool.submit(second)
            assert ready.wait(10)
            raise RuntimeError
        assert other.result(20) == 1


def test_a_reader_that_follows_the_log_misses_nothing(url):
    """Writers of several pools race; a reader asks for what is new, as a worker does."""
    writers, each = 4, 12
    stores = [Store.open(Database(connection=url)) for _ in range(writers)]
    reader = Store.open(Database(connection=url))

    def write(store: Store, name: int) -> None:
        for number in range(each):
            with store.begin() as tx:
                epoch.record(tx, NOW, [("user", f"{name}-{number}-{part}", True) for part in range(1 + number % 3)])

    seen: list[Change] = []
    with ThreadPoolExecutor(writers) as pool:
        jobs = [pool.submit(write, store, name) for name, store in enumerate(stores)]
        while True:
            finished = all(job.done() for job in jobs)
            last = seen[-1].seq if seen else 0
            if reader.sequence() > last:
                with reader.read() as db:
                    seen += epoch.since(db, last)
            elif finished:
                break
        for job in jobs:
            job.result(30)
    for store in (*stores, reader):
        store.close()
    assert [change.seq for change in seen] == list(range(1, len(seen) + 1))
    assert len({change.id for change in seen}) == len(seen) == writers * sum(1 + number % 3 for number in range(each))


def test_a_token_issued_beside_an_unfinished_change_is_void_when_it_ends(world):
    """The issuer read before the password change was committed: the number that it took says so."""
    with world.store.begin() as tx:
        users.set_password(tx, "u1", "$hash$2", NOW)
        issued = world.seq()
        assert world.load(since=issued).revoked_seq == 0
    assert world.load(since=issued).revoked_seq == issued + 1
    assert world.load(since=world.seq()).revoked_seq == 0


def test_a_read_sees_one_moment(world):
    with world.store.read() as db:
        before = epoch.current(db)
        world.do(users.change, "u1", {"name": "Ulla"}, NOW)
        assert epoch.current(db) == before
        assert epoch.since(db, before) == []
    assert world.seq() == before + 1
