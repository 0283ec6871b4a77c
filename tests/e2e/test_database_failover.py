"""The database stands still, becomes read-only, or goes on from a standby: in this process, with real servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from identity.errors import Unavailable
from identity.services.feed import ChangeFeed
from identity.settings import Database, Token
from identity.store import epoch, users
from identity.store.engine import Store
from tests.support.gateway import NOW, Cloud, TurnableClock, check_error, fill, password_auth, project, settings_for
from tests.support.postgres import Postgres, wait

QUICK = {"statement_timeout": 0.5, "lock_timeout": 0.5, "connect_timeout": 2}


@pytest.fixture
def pair() -> Iterator[tuple[Postgres, Postgres]]:
    with Postgres() as primary, Postgres(primary) as standby:
        yield primary, standby


@pytest.fixture
def cloud(pair: tuple[Postgres, Postgres], tmp_path: Path) -> Iterator[Cloud]:
    """A gateway whose URL names both servers as libpq does; it uses whichever takes writes."""
    primary, standby = pair
    places = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
    url = f"postgresql://gatestone@{places}/postgres?target_session_attrs=read-write"
    settings = settings_for(tmp_path, database=Database(connection=url, **QUICK))
    fill(settings).close()
    standby.in_step()
    made = Cloud(settings, TurnableClock())
    yield made
    made.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as postgres:
        yield postgres


@pytest.fixture(scope="module")
def filled(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a seeded database that tests copy."""
    url = server.new_database()
    fill(settings_for(tmp_path_factory.mktemp("filled"), database=Database(connection=url))).close()
    return url.rpartition("/")[2]


def unavailable(answer) -> None:
    check_error(answer, 503)
    assert answer.headers["Retry-After"] == "1"


def sessions(server: Postgres) -> int:
    found = server.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatestone'")
    assert isinstance(found, int)
    return found


def lose(primary: Postgres, standby: Postgres, cloud: Cloud) -> None:
    """The primary dies with changes that the standby never had; the standby becomes the primary."""
    standby.in_step()
    standby.stop()
    cloud.do(users.change, "user-nobody", {"name": "renamed"}, NOW)


def test_a_frozen_server_costs_each_at_most_seconds_and_then_nothing(server: Postgres, filled: str, tmp_path: Path) -> None:
    """With the settings as they come. The first waits until there is no doubt, the next are told at once."""
    settings = settings_for(tmp_path, database=Database(connection=server.new_database(filled)))
    cloud = Cloud(settings, TurnableClock())
    token = cloud.login("member", project("web")).token
    assert cloud.show(token).status_code == 200
    before, began = sessions(server), time.monotonic()
    with server.frozen():
        unavailable(cloud.show(token))
        assert time.monotonic() - began < 3
        for ask in (lambda: cloud.show(token), lambda: cloud.post(password_auth("member"))):
            again = time.monotonic()
            unavailable(ask())
            assert time.monotonic() - again < 0.5
        again = time.monotonic()
        health = cloud.ask("GET", "/healthcheck")
        assert (health.status_code, health.get_json()["status"]) == (503, "unavailable")
        assert time.monotonic() - again < 0.5
        assert cloud.ask("GET", "/v3").status_code == 200
        wait(lambda: time.monotonic() - began > 5, "five seconds of it")  # some of the watch's questions have run out by now
        unavailable(cloud.show(token))
    began = time.monotonic()
    wait(lambda: cloud.show(token).status_code == 200, "an answer", 5)
    assert cloud.login("member", project("web")).token
    assert time.monotonic() - began < 5
    wait(lambda: sessions(server) <= before, "the abandoned sessions to end", 5)
    assert server.ask("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == 0
    cloud.close()


def test_health_is_told_within_a_second_or_so_even_if_it_is_the_first_to_ask(server: Postgres, filled: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path, database=Database(connection=server.new_database(filled)))
    cloud = Cloud(settings, TurnableClock())
    assert cloud.ask("GET", "/healthcheck").status_code == 200
    with server.frozen():
        began = time.monotonic()
        assert cloud.ask("GET", "/healthcheck").status_code == 503
        assert time.monotonic() - began < 1.6
    wait(lambda: cloud.ask("GET", "/healthcheck").status_code == 200, "health", 5)
    cloud.close()


def test_a_commit_without_an_answer_is_not_called_failed(server: Postgres, filled: str) -> None:
    store = Store.open(Database(connection=server.new_database(filled), **QUICK))
    with pytest.raises(Unavailable, match="lost") as caught, store.begin() as tx:
        users.change(tx, "user-nobody", {"name": "somebody"}, NOW)
        server._tell(19)
    server.thaw()
    assert "may have been made" in caught.value.message
    wait(lambda: not store.watch.away, "the server")
    with pytest.raises(Unavailable) as caught, store.begin() as tx:
        server._tell(19)
        users.change(tx, "user-nobody", {"name": "another"}, NOW)
    server.thaw()
    assert "may have been made" not in caught.value.message
    wait(lambda: not store.watch.away, "the server")
    with store.read() as db:
        assert db.execute(text("SELECT name FROM user_account WHERE id = 'user-nobody'")).scalar() in ("nobody", "somebody")
    store.close()


def test_a_slow_statement_is_no_outage(server: Postgres, filled: str) -> None:
    """Others are served meanwhile: the watch has asked, and was answered."""
    store = Store.open(Database(connection=server.new_database(filled)))
    with store.read() as db:
        db.execute(text("SELECT pg_sleep(1.5)"))
        assert not store.watch.away and store.sequence() > 0
    wait(lambda: store.watch.since is None, "the doubt to end")
    store.close()


def test_what_is_remembered_serves_for_as_long_as_is_allowed_and_no_longer(server: Postgres, filled: str, tmp_path: Path) -> None:
    url = server.new_database(filled)
    settings = settings_for(tmp_path, database=Database(connection=url, **QUICK), token=Token(max_staleness=30.0))
    cloud, other = Cloud(settings, TurnableClock()), Store.open(settings.database)
    known, revoked, unseen = (cloud.login("member", project("web")).token for _ in range(3))
    admin = cloud.login("admin", project("admin")).token
    assert {cloud.show(admin, one).status_code for one in (known, revoked)} == {200}
    with other.begin() as tx:
        users.set_enabled(tx, "user-member", False, NOW)
    with server.frozen():
        cloud.clock.turn(29)
        assert cloud.show(admin, known).status_code == 200  # the staleness that was asked for
        unavailable(cloud.show(admin, unseen))
        unavailable(cloud.post({"auth": {"identity": {"methods": ["token"], "token": {"id": admin}}}}))
        cloud.clock.turn(2)
        unavailable(cloud.show(admin, known))
    wait(lambda: cloud.ask("GET", "/healthcheck").status_code == 200, "the server", 5)
    check_error(cloud.show(admin, known), 404)
    cloud.close()
    other.close()


def test_a_server_that_takes_no_writes_is_left_for_one_that_does(cloud: Cloud, pair: tuple[Postgres, Postgres]) -> None:
    primary, _ = pair
    token = cloud.login("admin", project("admin")).token
    primary.ask("ALTER SYSTEM SET default_transaction_read_only = on")
    primary.ask("SELECT pg_reload_conf()")
    wait(lambda: primary.ask("SHOW default_transaction_read_only") == "on", "the setting")
    try:
        statuses = {cloud.ask("DELETE", "/v3/auth/tokens", token=token, subject=token).status_code for _ in range(3)}
        assert statuses == {503}
    finally:
        with primary.connect() as admin:
            admin.execute("SET default_transaction_read_only = off")
            admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
            admin.execute("SELECT pg_reload_conf()")
    wait(lambda: primary.ask("SHOW default_transaction_read_only") == "off", "the setting")
    assert cloud.show(token).status_code == 200, "nothing was half done"
    assert cloud.ask("DELETE", "/v3/auth/tokens", token=token, subject=token).status_code == 204


def test_failing_over_to_a_standby_that_is_in_step_loses_nothing(cloud: Cloud, pair: tuple[Postgres, Postgres]) -> None:
    primary, standby = pair
    token, ended = (cloud.login("member", project("web")).token for _ in range(2))
    assert cloud.ask("DELETE", "/v3/auth/tokens", token=ended, subject=ended).status_code == 204
    assert cloud.show(token).status_code == 200
    standby.in_step()
    primary.stop(at_once=True)
    unavailable(cloud.show(token))  # the standby is there, and is not asked: it might know less
    unavailable(cloud.ask("DELETE", "/v3/auth/tokens", token=token, subject=token))
    standby.promote()
    assert cloud.show(token).status_code == 200
    check_error(cloud.show(ended), 401)
    assert cloud.login("admin", project("admin")).token
    assert cloud.ask("DELETE", "/v3/auth/tokens", token=token, subject=token).status_code == 204
    check_error(cloud.show(token), 401)


def test_a_primary_that_stands_still_is_left_for_the_standby_that_was_promoted(
    cloud: Cloud, pair: tuple[Postgres, Postgres]
) -> None:
    """It still takes connections, and is asked first no longer; when it wakes up nobody goes back to it."""
    primary, standby = pair
    token = cloud.login("member", project("web")).token
    standby.in_step()
    with primary.frozen():
        unavailable(cloud.show(token))
        standby.promote()
        wait(lambda: cloud.show(token).status_code == 200, "the new primary", 10)
        began = time.monotonic()
        for name in ("member", "reader"):
            assert cloud.show(cloud.login(name, project("web")).token).status_code == 200
        assert time.monotonic() - began < 2, "a new connection does not wait for the old primary"
        assert cloud.ask("DELETE", "/v3/auth/tokens", token=token, subject=token).status_code == 204
    for _ in range(3):
        check_error(cloud.show(token), 401)


def test_a_standby_that_missed_changes_is_noticed_by_its_lower_number(cloud: Cloud, pair: tuple[Postgres, Postgres]) -> None:
    """What it changes from there on is newer than every token, also than those whose number it had not reached."""
    primary, standby = pair
    keeping = cloud.login("reader", project("web")).token
    assert cloud.show(keeping).status_code == 200
    lose(primary, standby, cloud)
    for name in "abc":
        cloud.do(users.change, "user-nobody", {"name": name}, NOW)
    late, other = cloud.login("member", project("web")).token, cloud.login("reader", project("web")).token
    assert {cloud.show(one).status_code for one in (late, other)} == {200}
    primary.stop(at_once=True)
    standby.start()
    standby.promote()
    second = cloud.second()  # it knows nothing of what was lost
    second.do(users.set_password, "user-member", second.hash("fresh"), NOW)
    check_error(cloud.show(late), 401)
    assert [cloud.show(one).status_code for one in (keeping, other)] == [200, 200]
    check_error(second.show(late), 401)
    second.close()


def test_a_standby_that_missed_changes_is_noticed_at_the_same_number(cloud: Cloud, pair: tuple[Postgres, Postgres]) -> None:
    """The counter reads as before, and means another change."""
    primary, standby = pair
    token = cloud.login("member", project("web")).token
    assert cloud.show(token).status_code == 200
    before = cloud.store.sequence()
    lose(primary, standby, cloud)
    assert (cloud.show(token).status_code, cloud.store.sequence()) == (200, before + 1)
    primary.stop(at_once=True)
    standby.start()
    standby.promote()
    other = Store.open(replace(cloud.settings.database))
    with other.begin() as tx:
        users.set_enabled(tx, "user-member", False, NOW)
    assert other.sequence() == before + 1
    check_error(cloud.show(token), 401)
    other.close()


def test_a_reader_that_cannot_write_forgets_as_well(server: Postgres, filled: str) -> None:
    """A feed on a replica does not raise the counter: that is for those who write."""
    store = Store.open(Database(connection=server.new_database(filled)))
    feed = ChangeFeed(store, resumes=False)
    told: list[tuple[int, int]] = []
    feed.subscribe(lambda changes, seq: told.append((len(changes), seq)))
    with store.begin() as tx:
        first = epoch.record(tx, NOW, [("user", "x", True)])
    assert feed.sync() == first
    with store.begin() as tx:
        tx.execute(text("DELETE FROM change WHERE seq = :seq"), {"seq": first})
        tx.execute(text("UPDATE change_counter SET seq = :seq"), {"seq": first - 1})
    assert feed.sync() == first - 1 == store.sequence()
    assert told == [(0, first), (0, first - 1)]
    store.close()
