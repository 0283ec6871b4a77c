"""Guessing passwords at the same time: the lock-out counts what was tried, not what was seen when it began."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from identity.model.auth import UserRef
from identity.services.hashing import Hasher
from identity.settings import SecurityCompliance
from identity.store import users
from tests.support.gateway import Cloud, password_auth, password_of

LIMIT, LIFE, GUESSES = 3, 100, 6


@pytest.fixture
def cloud(make_cloud: Any) -> Cloud:
    made: Cloud = make_cloud(security_compliance=SecurityCompliance(lockout_failure_attempts=LIMIT, lockout_duration=LIFE))
    return made


def at_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, passwords: list[str], last: str | None = None) -> dict[str, int]:
    """Try the passwords so that each attempt has read the account before any of them is hashed; `last` is hashed after the rest."""
    together, others_done = threading.Barrier(len(passwords), timeout=10), threading.Event()
    verify = Hasher.verify

    def held(self: Hasher, stored: str | None, password: str, **more: Any) -> tuple[bool, bool]:
        together.wait()
        if password == last:
            assert others_done.wait(10)
        return verify(self, stored, password, **more)

    with monkeypatch.context() as patch, ThreadPoolExecutor(len(passwords)) as pool:
        patch.setattr(Hasher, "verify", held)
        tries = {each: pool.submit(cloud.post, password_auth("member", each)) for each in passwords}
        found = {each: tried.result(20).status_code for each, tried in tries.items() if each != last}
        others_done.set()
        return found | {each: tries[each].result(20).status_code for each in passwords if each == last}


def failures(cloud: Cloud) -> int:
    with cloud.store.read() as db:
        found = users.credential(db, UserRef(id="user-member"))
    assert found is not None
    return found.failed_count


def test_more_guesses_at_once_than_the_lock_allows_are_not_heard(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    right = password_of("member")
    wrong = [f"guess {number}" for number in range(GUESSES)]
    found = at_once(cloud, monkeypatch, [*wrong, right], last=right)
    assert set(found.values()) == {401}
    assert failures(cloud) == LIMIT
    cloud.clock.turn(LIFE)
    cloud.login("member")
    assert failures(cloud) == 0


def test_the_end_of_a_lock_does_not_forget_what_is_tried_at_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(LIMIT):
        cloud.post(password_auth("member", "wrong"))
    cloud.clock.turn(LIFE)
    at_once(cloud, monkeypatch, [f"guess {number}" for number in range(GUESSES)])
    assert failures(cloud) == LIMIT
    assert cloud.post(password_auth("member")).status_code == 401


def test_a_right_password_among_a_few_wrong_ones_still_counts(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    right = password_of("member")
    assert at_once(cloud, monkeypatch, ["wrong 1", "wrong 2", right], last=right)[right] == 201
    assert failures(cloud) == 0


def test_an_exempt_user_is_heard_all_the_same(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.do(users.change, "user-member", {"options": {"ignore_lockout_failure_attempts": True}}, cloud.clock())
    right = password_of("member")
    assert at_once(cloud, monkeypatch, [*(f"guess {number}" for number in range(GUESSES)), right], last=right)[right] == 201
