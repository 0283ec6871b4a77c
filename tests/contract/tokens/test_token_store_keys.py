"""Signing keys in the database, on SQLite and on a real PostgreSQL: wrapped, rotated, and announced to every worker."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from identity.errors import StartError, Unavailable
from identity.model.revocation import KEYS
from identity.settings import Database
from identity.store import epoch, migrations
from identity.store.engine import Store
from identity.tokens import rotation
from identity.tokens.fernet import FernetProvider
from identity.tokens.jws import JwsProvider
from identity.tokens.keys import StoreKeys
from tests.support.claims import plain
from tests.support.postgres import Postgres

MASTER = bytes(range(32))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path) -> Iterator[Store]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/keys.db" if sqlite else request.getfixturevalue("postgres").new_database()
    made = Store.open(Database(connection=url))
    migrations.upgrade(made)
    yield made
    made.close()


@pytest.fixture
def keys(store) -> StoreKeys:
    made = StoreKeys(store, MASTER)
    assert rotation.create(made, time.time)
    return made


def positions(keys):
    return [info.position for info in keys.listing()]


def announced(store):
    with store.read() as db:
        return [(change.kind, change.id, change.revokes) for change in epoch.since(db, 0)]


def spoil(store, statement, **values):
    with store.begin() as tx:
        tx.execute(text(statement), values)


def test_first_keys(keys, store):
    assert not rotation.create(keys, time.time)
    assert [(info.position, info.state) for info in keys.listing()] == [(1, "primary"), (0, "staged")]
    assert abs(keys.listing()[0].created_at - time.time()) < 60
    assert keys.findings() == []
    assert announced(store) == [(KEYS, "fernet", False)]
    with store.read() as db:
        kept = b"".join(bytes(blob) for (blob,) in db.execute(text("select blob from signing_key")))
    assert not any(key in kept for key in tuple(keys.keys()))


def test_purposes_are_apart(keys, store):
    other = StoreKeys(store, MASTER, "jws")
    assert "no jws key" in other.findings()[0].text
    rotation.create(other, time.time)
    assert not set(other.keys()) & set(keys.keys())
    fernet, jws = FernetProvider(keys), JwsProvider(other)
    assert fernet.open(fernet.seal(plain())) and jws.open(jws.seal(plain()))
    spoil(store, "update signing_key set purpose = 'jws', position = 9 where purpose = 'fernet' and position = 1")
    with pytest.raises(StartError, match="altered or damaged"):
        other.reload()


def test_rotation_and_what_other_workers_do(keys, store):
    worker = StoreKeys(store, MASTER)
    old, staged = worker.keys(), worker.keys()[-1]
    assert rotation.rotate(keys, 3, time.time) == rotation.Rotation(2, ())
    assert keys.primary() == staged
    assert worker.keys() is old
    assert worker.reload()
    assert worker.keys() == keys.keys()
    again = worker.keys()
    assert not worker.reload()
    assert worker.keys() is again
    assert rotation.rotate(keys, 3, time.time) == rotation.Rotation(3, (1,))
    assert positions(keys) == [3, 2, 0]
    assert rotation.rotate(keys, 1, time.time) == rotation.Rotation(0, (2, 3, 4))
    assert positions(keys) == [0]
    assert [change[0] for change in announced(store)] == [KEYS] * 4


def test_an_empty_database_says_what_to_do(store):
    keys = StoreKeys(store, MASTER)
    with pytest.raises(Unavailable) as fault:
        keys.keys()
    assert "gatestone keys rotate" in fault.value.reason and "gatestone" not in fault.value.message
    assert rotation.rotate(keys, 3, time.time) == rotation.Rotation(1, ())


def test_a_wrong_master_key_is_one_line_and_changes_nothing(keys, store):
    wrong = StoreKeys(store, bytes(32))
    before = positions(keys)
    for attempt in (wrong.reload, lambda: rotation.rotate(wrong, 3, time.time)):
        with pytest.raises(StartError, match=r"keys\.master_key") as fault:
            attempt()
        assert "\n" not in str(fault.value)
    assert wrong.findings()[0].severe
    assert positions(keys) == before
    assert not rotation.create(keys, time.time)
    with pytest.raises(StartError, match="need a master key"):
        StoreKeys(store, None)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_altered_row_is_named_and_a_rotation_drops_it(keys, store, place):
    rotation.rotate(keys, 4, time.time)
    good = tuple(keys.keys())
    spoil(store, "update signing_key set blob = :blob where position = :place", blob=b"\x01" + os.urandom(99), place=place)
    for attempt in (keys.reload, StoreKeys(store, MASTER).reload):
        with pytest.raises(StartError, match=r"fits another master key|altered or damaged") as fault:
            attempt()
        assert "\n" not in str(fault.value)
    assert keys.keys() == good  # a worker that runs keeps what it has
    assert len([finding for finding in keys.findings() if finding.severe]) == 1
    done = rotation.rotate(keys, 4, time.time)
    assert place in done.removed
    assert set(keys.keys()) & set(good) == set(good) - {good[2 - place]}
    assert 0 in positions(keys)


def test_rows_swapped_or_copied_do_not_open(keys, store):
    with store.read() as db:
        ids = [row[0] for row in db.execute(text("select id from signing_key order by position"))]
    spoil(
        store,
        "update signing_key set blob = (select blob from signing_key where id = :other) where id = :this",
        other=ids[1],
        this=ids[0],
    )
    with pytest.raises(StartError, match=rf"key {ids[0]} .*altered or damaged"):
        keys.reload()


def test_rotations_at_once_end_in_one_consistent_state(keys, store):
    runs, barrier = 4, threading.Barrier(4)
    done, failed = [], []

    def run():
        mine = StoreKeys(store, MASTER)
        barrier.wait(20)
        try:
            done.append(rotation.rotate(mine, 10, time.time).primary)
        except Exception as fault:
            failed.append(fault)

    threads = [threading.Thread(target=run) for _ in range(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    keys.reload()
    assert sorted(done) == [2, 3, 4, 5]
    assert positions(keys) == [5, 4, 3, 2, 1, 0]
    assert len(set(keys.keys())) == 6


def test_first_keys_made_at_once_are_made_once(store):
    barrier, made = threading.Barrier(3), []

    def run():
        mine = StoreKeys(store, MASTER)
        barrier.wait(20)
        made.append(rotation.create(mine, time.time))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(made) == [False, False, True]
    assert positions(StoreKeys(store, MASTER)) == [1, 0]


def test_a_rotation_that_fails_leaves_all_as_it_was(keys, store, monkeypatch):
    before, told = positions(keys), announced(store)

    def full(*_arguments, **_named):
        raise Unavailable(reason="disk full")

    with monkeypatch.context() as patch:
        patch.setattr(rotation.table, "add", full)
        with pytest.raises(Unavailable):
            rotation.rotate(keys, 3, time.time)
    assert positions(keys) == before and announced(store) == told
    assert rotation.rotate(keys, 3, time.time) == rotation.Rotation(2, ())
