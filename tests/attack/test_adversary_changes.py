"""Revocations that a trick of time or place might hide: a database put back, a load in flight, a commit that fails."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, text

from identity.services import validate
from identity.settings import Token
from identity.store import users
from identity.tokens import sources
from identity.tokens.audit import new_audit_id
from tests.support.gateway import NOW, Cloud, check_error, project


def put_back(cloud: Cloud, seq: int) -> None:
    """What a restored backup does to the log."""
    with cloud.store.begin() as tx:
        tx.execute(text("DELETE FROM change WHERE seq > :seq"), {"seq": seq})
        tx.execute(text("UPDATE change_counter SET seq = :seq"), {"seq": seq})


def test_a_token_of_a_future_that_was_put_back_does_not_outlive_a_new_password(cloud: Cloud) -> None:
    """Its number is higher than those that the log now gives out: each of these would seem older than the token."""
    before = cloud.store.sequence()
    for name in "abcdefgh":
        cloud.do(users.change, "user-nobody", {"name": name}, NOW)
    token = cloud.login("member", project("web")).token
    put_back(cloud, before)
    other = cloud.second()
    cloud.do(users.set_password, "user-member", cloud.hash("fresh"), NOW)
    for worker in (cloud, other):
        check_error(worker.show(token), 401)


@pytest.mark.parametrize("staleness", [0.0, 60.0])
def test_a_token_that_another_worker_made_a_moment_ago_is_good_at_once(make_cloud: Any, staleness: float) -> None:
    cloud: Cloud = make_cloud(token=Token(max_staleness=staleness))
    other = cloud.second()
    first = other.login("member", project("web")).token
    assert other.show(first).status_code == 200
    for name in "abc":
        cloud.do(users.change, "user-nobody", {"name": name}, NOW)
    assert other.show(cloud.login("member", project("web")).token).status_code == 200


def test_a_forged_number_is_no_token(cloud: Cloud) -> None:
    """Whoever has a key can write any number; none of them may switch revocation off."""
    good = cloud.login("member", project("web"))
    source = sources.key_source("fernet", cloud.settings, cloud.store)
    provider = sources.provider("fernet", source, cloud.store, sources.method_table(cloud.settings))
    forged = provider.seal(replace(provider.open(good.token), audit_ids=(new_audit_id(2**62),)))
    check_error(cloud.show(forged), 401)


def test_a_revocation_while_the_token_is_being_read_is_not_cached_away(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, token = cloud.login("admin", project("admin")).token, cloud.login("reader", project("web")).token
    assert cloud.show(admin).status_code == 200
    loaded, revoked = threading.Event(), threading.Event()
    load = validate.subjects.load

    def slow(*arguments: Any, **more: Any) -> Any:
        found = load(*arguments, **more)
        loaded.set()
        assert revoked.wait(10)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(validate, "subjects", SimpleNamespace(load=slow))
        asking = threading.Thread(target=cloud.show, args=(token,))
        asking.start()
        assert loaded.wait(10)
    assert cloud.ask("DELETE", "/v3/auth/tokens", token=token, subject=token).status_code == 204
    revoked.set()
    asking.join(10)
    check_error(cloud.show(token), 401)


def test_a_revocation_that_cannot_be_committed_is_not_reported_as_done(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, token = cloud.login("admin", project("admin")).token, cloud.login("member", project("web")).token

    def fail(_connection: Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "commit", fail)
        check_error(cloud.ask("DELETE", "/v3/auth/tokens", token=admin, subject=token), 503)
    assert cloud.show(token).status_code == 200
    assert cloud.ask("DELETE", "/v3/auth/tokens", token=admin, subject=token).status_code == 204
    check_error(cloud.show(token), 401)
