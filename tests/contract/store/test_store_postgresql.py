"""What only a server can do: vanish, come back, be slow, and be somewhere else."""

from __future__ import annotations

import socket
import threading

import pytest
from sqlalchemy import text

from identity.errors import Unavailable
from identity.model.auth import UserRef
from identity.settings import Database
from identity.store import epoch, users
from identity.store.engine import Store
from tests.contract.store.world import NOW, World
from tests.support.postgres import Postgres


@pytest.fixture
def cloud(postgres, ready_database):
    store = Store.open(Database(connection=postgres.new_database(ready_database), pool_size=4, statement_timeout=2.0))
    yield World(store)
    store.close()


def fill_pool(store):
    places = [store.read() for _ in range(4)]
    for place in places:
        place.__enter__()
    for place in places:
        place.__exit__(None, None, None)


def cut(postgres: Postgres, store: Store) -> None:
    """End every session of the store's pool, as a restart or a fail-over does."""
    with postgres.connect() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gatestone'")


@pytest.mark.parametrize("ask", ["sequence", "read", "begin", "execute"])
def test_a_pool_of_dead_connections_is_not_noticed(cloud, postgres, ask):
    store = cloud.store
    fill_pool(store)
    cut(postgres, store)
    if ask == "sequence":
        assert store.sequence() > 0
    elif ask == "execute":
        assert store.execute(text("SELECT 1"), {}) == [(1,)]
    elif ask == "read":
        assert cloud.load().user.id == "u1"
    else:
        cloud.do(users.change, "u1", {"name": "Ulla"}, NOW)
        assert cloud.load().user.name == "Ulla"


def test_a_connection_lost_within_a_write_is_not_repeated(cloud, postgres):
    with pytest.raises(Unavailable) as caught, cloud.store.begin() as tx:
        users.change(tx, "u1", {"name": "Ulla"}, NOW)
        cut(postgres, cloud.store)
        epoch.record(tx, NOW, [("user", "u1", True)])
    assert "connection" in caught.value.reason or "57P01" in caught.value.reason
    assert cloud.load().user.name == "Ursula"


def test_a_server_that_restarts_is_used_again(ready_database, postgres):
    with Postgres() as own:
        store = Store.open(Database(connection=own.url(), connect_timeout=2))
        assert store.execute(text("SELECT 1"), {}) == [(1,)]
        own.stop()
        for ask in (store.sequence, lambda: store.execute(text("SELECT 1"), {}), lambda: store.read().__enter__()):
            with pytest.raises(Unavailable) as caught:
                ask()
            assert "127.0.0.1" not in caught.value.reason
            assert str(own.port) not in caught.value.reason
        own.start()
        assert store.execute(text("SELECT 1"), {}) == [(1,)]
        store.close()


def test_a_slow_statement_is_given_up_by_the_server(cloud):
    with pytest.raises(Unavailable) as caught, cloud.store.read() as db:
        db.execute(text("SELECT pg_sleep(30)"))
    assert "too long" in caught.value.reason


def test_a_host_that_does_not_answer_is_given_up():
    """It accepts the connection and then says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"postgresql+psycopg://someone:hunter2@127.0.0.1:{listener.getsockname()[1]}/x"
        store = Store.open(Database(connection=url, connect_timeout=1))
        with pytest.raises(Unavailable) as caught, store.read():
            pass
    assert "hunter2" not in f"{caught.value.reason} {caught.value.message} {caught.value.__cause__}"


def test_sessions_carry_the_limits(cloud):
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "jit")
    with cloud.store.read() as db:
        shown = {name: db.execute(text(f"SHOW {name}")).scalar() for name in names}
        isolation = db.execute(text("SHOW transaction_isolation")).scalar()
    assert shown == {
        "statement_timeout": "2s",
        "lock_timeout": "2500ms",
        "idle_in_transaction_session_timeout": "2s",
        "jit": "off",
    }
    assert isolation == "repeatable read"


def test_a_writer_that_falls_silent_fails_no_other(ready_database, postgres):
    """Its host was cut off in the midst of a write: the server ends its session, and whoever waited is next."""
    store = Store.open(Database(connection=postgres.new_database(ready_database), idle_in_transaction_session_timeout=1))
    silent = store.begin()
    first = epoch.record(silent.__enter__(), NOW, [("user", "first", True)])
    with store.begin() as tx:
        assert epoch.record(tx, NOW, [("user", "second", True)]) == first  # what was not committed took no number
    with pytest.raises(Unavailable):
        silent.__exit__(None, None, None)
    store.close()


def test_the_second_writer_waits_for_the_counter_itself(cloud, postgres):
    """Not for a table or by luck: PostgreSQL shows whom it waits for."""
    started = threading.Event()
    numbers = []

    def second():
        started.set()
        with cloud.store.begin() as tx:
            numbers.append(epoch.record(tx, NOW, [("user", "second", True)]))

    other = threading.Thread(target=second)
    with cloud.store.begin() as tx:
        first = epoch.record(tx, NOW, [("user", "first", True)])
        other.start()
        assert started.wait(10)
        with postgres.connect() as watcher:
            waiting = None
            while waiting is None:
                waiting = watcher.execute(
                    "SELECT query FROM pg_stat_activity WHERE application_name = 'gatestone' AND wait_event_type = 'Lock'"
                ).fetchone()
                assert other.is_alive(), "the second did not wait"
        assert "change_counter" in str(waiting[0])
    other.join(20)
    assert numbers == [first + 1]
    assert cloud.ask(users.find, UserRef(id="u1")).name == "Ursula"


def test_what_takes_too_long_is_told_to_ask_for_less(postgres):
    store = Store.open(Database(connection=postgres.new_database(), statement_timeout=0.2))
    try:
        with pytest.raises(Unavailable) as caught, store.read() as db:
            db.execute(text("SELECT pg_sleep(5)"))
    finally:
        store.close()
    assert "`limit`" in caught.value.message
    assert "too long" in caught.value.reason
