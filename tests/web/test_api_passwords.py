"""Passwords: one refusal for every reason, lock-out, lengths, and old hashes made anew."""

from __future__ import annotations

from typing import Any

import bcrypt
import pytest

from identity.model.auth import UserRef
from identity.settings import SecurityCompliance
from identity.store import users
from tests.support import places
from tests.support.gateway import NOW, Cloud, body_of, check_error, password_auth, password_of

LOCK = SecurityCompliance(lockout_failure_attempts=3, lockout_duration=100)


def stored(cloud: Cloud, user_id: str = "user-member") -> Any:
    with cloud.store.read() as db:
        return users.credential(db, UserRef(id=user_id))


def public(answer) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All of an answer that a client sees, but for the number of the request."""
    return answer.status_code, answer.data, sorted((k, v) for k, v in answer.headers if k != "X-Openstack-Request-Id")


def test_every_refusal_looks_the_same(make_cloud):
    cloud = make_cloud(security_compliance=LOCK)
    cloud.do(users.create, id="user-mute", name="mute", domain_id="default", now=NOW)
    cloud.do(users.set_enabled, "user-homed", False, NOW)
    cloud.do(places.set_enabled, "other", False, NOW)
    hashed = cloud.hash(password_of("lost"))
    cloud.do(users.set_password, "user-lost", hashed, NOW, NOW - 1)
    for _ in range(3):
        cloud.post(password_auth("nova", "wrong"))
    attempts = {
        "wrong": password_auth("member", "wrong"),
        "unknown": password_auth("who"),
        "unknown domain": password_auth("member", domain="nowhere"),
        "empty": password_auth("member", ""),
        "disabled, wrong": password_auth("homed", "wrong"),
        "disabled, right": password_auth("homed"),
        "disabled domain": password_auth("stranger"),
        "locked": password_auth("nova"),
        "locked, wrong": password_auth("nova", "wrong"),
        "without a password": password_auth("mute", "anything"),
        "without a password, none sent": body_of({"methods": ["password"], "password": {"user": {"id": "user-mute"}}}),
        "expired": password_auth("lost"),
    }
    answers = {why: public(cloud.post(body)) for why, body in attempts.items()}
    assert answers["wrong"][0] == 401
    assert {why: answer for why, answer in answers.items() if answer != answers["wrong"]} == {}
    reasons = {event.reason for event in cloud.events.seen}
    assert len(reasons) >= 6  # the log knows them apart


@pytest.mark.parametrize("kind", ["argon2", "bcrypt"])
def test_every_attempt_hashes_once(make_cloud, monkeypatch: pytest.MonkeyPatch, kind: str):
    cloud = make_cloud(security_compliance=LOCK)
    cloud.do(users.set_enabled, "user-homed", False, NOW)
    if kind == "bcrypt":
        cloud.do(users.set_password, "user-homed", bcrypt.hashpw(password_of("homed").encode(), bcrypt.gensalt(4)).decode(), NOW)
    hasher = cloud.gateway.plugins["password"]._credentials._hasher
    seen: list[tuple[bool, bool]] = []
    honest = hasher.verify

    def watched(hash, password, **more):
        result = honest(hash, password, **more)
        seen.append((result[0], more.get("hold", False)))
        return result

    monkeypatch.setattr(hasher, "verify", watched)
    for name, password in (("member", "wrong"), ("who", "x"), ("homed", None), ("homed", "wrong")):
        check_error(cloud.post(password_auth(name, password)), 401)
    assert [fits for fits, _ in seen] == [False, False, True, False]
    assert seen[2][1]  # fits, and yet is held as long as one that does not


class TestLock:
    @pytest.fixture
    def cloud(self, make_cloud) -> Cloud:
        return make_cloud(security_compliance=LOCK)

    def fail(self, cloud: Cloud, times: int) -> None:
        for _ in range(times):
            check_error(cloud.post(password_auth("member", "wrong")), 401)

    def test_it_comes_after_so_many_wrong_ones_and_ends(self, cloud: Cloud):
        self.fail(cloud, 2)
        cloud.login("member")
        self.fail(cloud, 3)  # a good one in between had begun the count anew
        check_error(cloud.post(password_auth("member")), 401)
        cloud.clock.turn(99)
        check_error(cloud.post(password_auth("member")), 401)
        cloud.clock.turn(1)
        cloud.login("member")
        assert stored(cloud).failed_count == 0

    def test_it_holds_in_every_worker(self, cloud: Cloud):
        self.fail(cloud, 3)
        check_error(cloud.second().post(password_auth("member")), 401)

    def test_attempts_while_locked_do_not_lengthen_it(self, cloud: Cloud):
        self.fail(cloud, 3)
        cloud.clock.turn(90)
        self.fail(cloud, 5)
        cloud.clock.turn(10)
        cloud.login("member")

    def test_after_it_the_count_begins_anew(self, cloud: Cloud):
        self.fail(cloud, 3)
        cloud.clock.turn(100)
        self.fail(cloud, 2)
        cloud.login("member")
        self.fail(cloud, 3)
        check_error(cloud.post(password_auth("member")), 401)

    def test_it_locks_one_user_and_leaves_tokens_alone(self, cloud: Cloud):
        token = cloud.login("member").token
        self.fail(cloud, 3)
        assert cloud.show(token).status_code == 200
        cloud.login("reader")

    def test_by_id_and_by_name_is_one_count(self, cloud: Cloud):
        self.fail(cloud, 2)
        by_id = body_of({"methods": ["password"], "password": {"user": {"id": "user-member", "password": "wrong"}}})
        check_error(cloud.post(by_id), 401)
        check_error(cloud.post(password_auth("member")), 401)

    def test_an_exempt_user_is_never_locked(self, cloud: Cloud):
        cloud.do(users.change, "user-member", {"options": {"ignore_lockout_failure_attempts": True}}, NOW)
        self.fail(cloud, 5)
        cloud.login("member")

    def test_a_new_password_ends_it(self, cloud: Cloud):
        self.fail(cloud, 3)
        hashed = cloud.hash("fresh")
        cloud.do(users.set_password, "user-member", hashed, cloud.clock())
        cloud.issue(password_auth("member", "fresh"))

    def test_what_was_not_checked_does_not_count(self, cloud: Cloud):
        for body in (password_auth("member", "x" * 4097), password_auth("member", ""), password_auth("member", 7)):
            for _ in range(3):
                check_error(cloud.post(body), 400, 401)
        cloud.login("member")


def test_without_a_lock_nothing_is_counted(cloud: Cloud):
    for _ in range(10):
        check_error(cloud.post(password_auth("member", "wrong")), 401)
    assert stored(cloud).failed_count == 0


@pytest.mark.parametrize(("password", "status"), [("x" * 4096, 201), ("ä" * 2048, 201), ("x" * 4097, 400), ("ä" * 2049, 400)])
def test_every_byte_of_a_password_counts_up_to_4096(cloud: Cloud, password: str, status: int):
    if status == 201:
        hashed = cloud.hash(password)
        cloud.do(users.set_password, "user-member", hashed, NOW)
        check_error(cloud.post(password_auth("member", password[:-1] + "y")), 401)
    answer = cloud.post(password_auth("member", password))
    assert answer.status_code == status
    if status == 400:
        assert password[:20] not in check_error(answer, 400)["message"]
        assert check_error(cloud.post(password_auth("who", password)), 400)  # known or not


@pytest.mark.parametrize("password", [" ", "\x00", "a\x00b", "\u200b", "🔑", "\r\n", '"', "\\u0041"])
def test_any_text_is_a_password(cloud: Cloud, password: str):
    hashed = cloud.hash(password)
    cloud.do(users.set_password, "user-member", hashed, NOW)
    cloud.issue(password_auth("member", password))
    for other in (password.strip(), password.split("\x00", maxsplit=1)[0], password + " ", password[:-1]):
        if other != password:
            check_error(cloud.post(password_auth("member", other)), 401)


class TestOldHashes:
    @pytest.fixture
    def old(self, cloud: Cloud) -> str:
        made = bcrypt.hashpw(b"from keystone", bcrypt.gensalt(4)).decode()
        cloud.do(users.set_password, "user-member", made, NOW)
        return made

    def test_are_read_and_made_anew(self, cloud: Cloud, old: str):
        token = cloud.issue(password_auth("member", "from keystone")).token
        assert stored(cloud).hash.startswith("$argon2id$")
        assert cloud.show(token).status_code == 200  # no change of password: no token ends
        again = stored(cloud).hash
        cloud.issue(password_auth("member", "from keystone"))
        assert stored(cloud).hash == again

    def test_stay_when_the_password_is_wrong_or_the_user_disabled(self, cloud: Cloud, old: str):
        check_error(cloud.post(password_auth("member", "from elsewhere")), 401)
        cloud.do(users.set_enabled, "user-member", False, NOW)
        check_error(cloud.post(password_auth("member", "from keystone")), 401)
        assert stored(cloud).hash == old

    def test_a_password_changed_meanwhile_is_not_written_over(self, cloud: Cloud, old: str, monkeypatch: pytest.MonkeyPatch):
        hasher = cloud.gateway.plugins["password"]._credentials._hasher
        honest = hasher.hash
        fresh = cloud.hash("changed meanwhile")

        def slow(password: str) -> str:
            cloud.do(users.set_password, "user-member", fresh, NOW)
            return honest(password)

        monkeypatch.setattr(hasher, "hash", slow)
        check_error(cloud.post(password_auth("member", "from keystone")), 401)
        assert stored(cloud).hash == fresh
        monkeypatch.undo()
        cloud.issue(password_auth("member", "changed meanwhile"))
        check_error(cloud.post(password_auth("member", "from keystone")), 401)

    @pytest.mark.parametrize("hash", ["", "x", "$2b$04$short", "$argon2id$broken", "$6$rounds=5000$abc$def", "{SSHA}abc"])
    def test_one_that_is_none_lets_nobody_in(self, cloud: Cloud, hash: str):
        cloud.do(users.set_password, "user-member", hash, NOW)
        for password in ("", "x", hash or "y", "from keystone"):
            check_error(cloud.post(password_auth("member", password)), 401)
