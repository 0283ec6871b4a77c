"""Password hashes: our own, and those that Keystone stored, compared with Keystone's own code."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import bcrypt
import keystone.conf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keystone.common import password_hashing as keystone_hashing

from identity.errors import BadRequest, PasswordTooLong, Unavailable
from identity.services import keystone_hashes
from identity.services.hashing import Hasher
from identity.settings import Identity

CHEAP = Identity(argon2_time_cost=1, argon2_memory_cost=64)
PASSWORD = "Gehëim 🔑"

# Written by passlib (the Keystone releases before 2024 used it): the first is its older form, without a key.
PASSLIB = [
    ("password", "$bcrypt-sha256$2a,5$5Hg1DKFqPE8C2aflZ5vVoe$12BjNE0p7axMg55.Y/mHsYiVuFBDQyu"),
    ("password", "$bcrypt-sha256$2b,5$5Hg1DKFqPE8C2aflZ5vVoe$12BjNE0p7axMg55.Y/mHsYiVuFBDQyu"),
    ("password", "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWI"),
    ("test", "$scrypt$ln=8,r=8,p=1$wlhLyXmP8b53bm1NKYVQqg$mTpvG8lzuuDk+DWz8HZIB6Vum6erDuUm0As5yU+VxWA"),
    ("ё", "$2y$05$6bNw2HLQYeqHYyBfLMsv/OUcZd0LKP39b87nBw3.S2tVZSqiQX6eu"),
    (
        "password",
        "$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa1"
        "7k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww",
    ),
]


@pytest.fixture
def hasher() -> Hasher:
    return Hasher(CHEAP)


@pytest.fixture(scope="module")
def keystones() -> Iterator[Callable[..., str]]:
    """Keystone's own `hash_password` under a given algorithm."""
    options = keystone.conf.CONF
    if "identity" not in options:
        keystone.conf.configure(options)

    def made(password: str, algorithm: str, rounds: int | None) -> str:
        options.set_override("password_hash_algorithm", algorithm, group="identity")
        options.set_override("password_hash_rounds", rounds, group="identity")
        return keystone_hashing.hash_password(password)

    yield made
    options.clear_override("password_hash_algorithm", group="identity")
    options.clear_override("password_hash_rounds", group="identity")


KEYSTONE = [("bcrypt", 4), ("bcrypt_sha256", 10), ("scrypt", None), ("pbkdf2_sha512", 1000)]


@pytest.mark.parametrize(("algorithm", "rounds"), KEYSTONE)
def test_what_keystone_stored_is_read_and_made_anew(
    hasher: Hasher, keystones: Callable[..., str], algorithm: str, rounds: int | None
) -> None:
    stored = keystones(PASSWORD, algorithm, rounds)
    assert keystone_hashes.kind(stored)
    assert hasher.verify(stored, PASSWORD) == (True, True)
    assert hasher.verify(stored, PASSWORD + "x") == (False, False)
    assert keystone_hashing.check_password(PASSWORD, stored)


@pytest.mark.parametrize(("password", "stored"), PASSLIB)
def test_what_passlib_wrote_is_read(hasher: Hasher, password: str, stored: str) -> None:
    assert hasher.verify(stored, password) == (True, True)
    assert hasher.verify(stored, password + "x") == (False, False)


@pytest.mark.parametrize(("password", "stored"), PASSLIB[2:])
def test_keystone_says_the_same_of_these(hasher: Hasher, keystones: Callable[..., str], password: str, stored: str) -> None:
    for tried in (password, password + "x", password.upper()):
        assert hasher.verify(stored, tried)[0] == keystone_hashing.check_password(tried, stored)


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_bcrypt_looks_at_72_bytes_and_no_unproven_byte_is_made_part_of_a_new_hash(
    hasher: Hasher, keystones: Callable[..., str], prefix: str
) -> None:
    long = "ä" * 40  # 80 bytes
    stored = keystones(long, "bcrypt", 4).replace("$2b$", prefix)
    assert hasher.verify(stored, long) == (True, False)
    assert hasher.verify(stored, long[:36] + "something else") == (True, False)
    assert hasher.verify(stored, long[:36]) == (True, True)
    assert hasher.verify(stored, long[:35]) == (False, False)


def test_a_new_hash_is_argon2id_and_every_byte_counts(hasher: Hasher) -> None:
    long = "x" * 4096
    stored = hasher.hash(long)
    assert stored.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert hasher.verify(stored, long) == (True, False)
    assert hasher.verify(stored, long[:-1]) == (False, False)
    assert hasher.verify(stored, long[:-1] + "y") == (False, False)
    assert hasher.hash(long) != stored
    nul = hasher.hash("a\0b")
    assert hasher.verify(nul, "a\0b")[0]
    assert not hasher.verify(nul, "a\0c")[0]


def test_a_hash_made_with_other_costs_is_made_anew(hasher: Hasher) -> None:
    stored = Hasher(Identity(argon2_time_cost=2, argon2_memory_cost=64)).hash(PASSWORD)
    assert hasher.verify(stored, PASSWORD) == (True, True)


def test_length_is_counted_in_bytes(hasher: Hasher) -> None:
    for act in (hasher.hash, lambda password: hasher.verify(None, password)):
        with pytest.raises(PasswordTooLong):
            act("ä" * 2049)
        with pytest.raises(PasswordTooLong, match="allowed 5 bytes"):
            Hasher(Identity(max_password_length=5)).verify(None, "123456")
    assert hasher.verify(hasher.hash("ä" * 2048), "ä" * 2048)[0]


def test_an_empty_password_is_refused(hasher: Hasher) -> None:
    with pytest.raises(BadRequest):
        hasher.hash("")
    assert hasher.verify(bcrypt.hashpw(b"", bcrypt.gensalt(4)).decode(), "") == (False, False)
    assert hasher.verify(None, "") == (False, False)


def test_what_is_no_text_is_a_400(hasher: Hasher) -> None:
    for act in (hasher.hash, lambda password: hasher.verify(None, password)):
        with pytest.raises(BadRequest):
            act("a\ud800")


DAMAGED = [
    "",
    "x",
    "$",
    "plain text",
    "$1$salt$digest",
    "$2b$99$" + "a" * 53,
    "$2b$31$" + "a" * 53,
    "$2b$04$short",
    "$2b$",
    "$2x$04$" + "a" * 53,
    "$bcrypt-sha256$v=2,t=2b,r=31$" + "a" * 22 + "$" + "a" * 31,
    "$bcrypt-sha256$v=2$a$b",
    "$scrypt$ln=16,r=8,p=1$AA$AA",
    "$scrypt$ln=40,r=8,p=1$c2FsdHNhbHRzYWx0$" + "A" * 43,
    "$scrypt$ln=10,r=9999,p=9999$c2FsdHNhbHRzYWx0$" + "A" * 43,
    "$scrypt$ln=0,r=0,p=0$c2FsdHNhbHRzYWx0$" + "A" * 43,
    "$pbkdf2-sha512$9999999$c2FsdA$" + "A" * 86,
    "$pbkdf2-sha512$0$c2FsdA$" + "A" * 86,
    "$pbkdf2-sha512$1$c2FsdA$",
    "$pbkdf2-sha512$1$c2FsdA$A",
    "$argon2id$",
    "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$argon2id$v=19$m=64,t=4294967295,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAA",
    "$argon2id$v=19$m=64,t=1,p=1$***$" + "A" * 43,
    "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$" + "A" * 43,
    "$argon2id$v=19$m=64,t=1,p=1$ä$" + "A" * 43,
]


@pytest.mark.parametrize("stored", DAMAGED)
def test_a_damaged_or_ruinous_hash_fits_nothing_and_takes_the_usual_time(stored: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = Hasher(CHEAP)
    checked: list[str] = []
    real = hasher._argon2.verify

    def counted(one: str, secret: bytes) -> bool:
        checked.append(one)
        return real(one, secret)

    monkeypatch.setattr(hasher, "_argon2", type("Counted", (), {"verify": staticmethod(counted)})())
    assert hasher.verify(stored, PASSWORD) == (False, False)
    assert checked[-1] == hasher._nobody


@settings(max_examples=60, deadline=None)
@given(
    stored=st.text(max_size=80)
    | st.sampled_from([made for _, made in PASSLIB]).flatmap(
        lambda made: st.sampled_from([made[:-1], made + "A", made.replace("$", "$$"), made[:20], made.upper()])
    ),
    password=st.text(max_size=20),
)
def test_whatever_is_stored_no_exception_escapes(stored: str, password: str) -> None:
    try:
        Hasher(CHEAP, sleep=lambda _: None).verify(stored, password)
    except BadRequest:
        with pytest.raises(UnicodeEncodeError):
            password.encode()


def test_an_unknown_user_costs_a_real_check() -> None:
    hasher = Hasher(Identity(argon2_time_cost=3, argon2_memory_cost=8192))
    stored = hasher.hash(PASSWORD)
    samples = {"known": stored, "unknown": None}
    best = {name: min(_seconds(hasher, one) for _ in range(5)) for name, one in samples.items()}
    assert 0.5 < best["unknown"] / best["known"] < 2


def _seconds(hasher: Hasher, stored: str | None) -> float:
    """Seconds of this thread's own work: what other processes do meanwhile does not count."""
    start = time.thread_time()
    assert hasher.verify(stored, "wrong") == (False, False)
    return time.thread_time() - start


class Watch:
    """A clock under which each kind of check takes a known time, and a sleep that is written down."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 0.0
        self.slept: list[float] = []

    def timer(self) -> float:
        self.now += self.step
        return self.now

    def total(self, hasher: Hasher, stored: str | None, step: float, password: str = "wrong", hold: bool = False) -> float:
        self.step = step
        self.slept.clear()
        hasher.verify(stored, password, hold=hold)
        return round(step + sum(self.slept), 6)


def test_refusals_are_held_to_one_length_once_an_older_kind_was_met() -> None:
    watch = Watch()
    hasher = Hasher(CHEAP, sleep=watch.slept.append, timer=watch.timer)
    ours, old = hasher.hash(PASSWORD), bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    assert watch.total(hasher, None, 0.1) == 0.1  # nothing but argon2id so far: nothing to hide
    assert watch.total(hasher, old, 0.2) == 0.25
    for stored, step in ((None, 0.1), (ours, 0.1), (old, 0.2), ("rubbish", 0.1)):
        assert watch.total(hasher, stored, step) == 0.25
    assert watch.total(hasher, ours, 0.1, PASSWORD) == 0.1
    assert watch.total(hasher, ours, 0.1, PASSWORD, hold=True) == 0.25  # fits, but the caller will refuse
    assert hasher.verify(ours, PASSWORD, hold=True) == (True, False)


def test_a_stalled_machine_does_not_teach_us_to_wait_for_ever() -> None:
    watch = Watch()
    hasher = Hasher(CHEAP, sleep=watch.slept.append, timer=watch.timer)
    watch.total(hasher, bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode(), 3600.0)
    assert watch.total(hasher, None, 0.1) == 1.0


def test_so_many_at_a_time_and_the_next_one_is_told_to_come_back() -> None:
    inside, done = threading.Semaphore(0), threading.Event()

    def slow(_: float) -> None:
        raise AssertionError("the hold is outside the turn")

    hasher = Hasher(Identity(argon2_time_cost=1, argon2_memory_cost=64, password_hash_concurrency=2), wait=0.05, sleep=slow)

    def occupy() -> None:
        with hasher._turn():
            inside.release()
            done.wait(10)

    threads = [threading.Thread(target=occupy) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert inside.acquire(timeout=10)
    try:
        for act in (lambda: hasher.hash("x"), lambda: hasher.verify(None, "x")):
            with pytest.raises(Unavailable, match="too many logins"):
                act()
    finally:
        done.set()
        for thread in threads:
            thread.join(10)
    assert hasher.verify(hasher.hash("x"), "x") == (True, False)


def test_a_turn_is_given_back_after_a_failure() -> None:
    one = Hasher(Identity(argon2_time_cost=1, argon2_memory_cost=64, password_hash_concurrency=1), wait=0.05)
    for stored in (None, "rubbish", "$2b$04$short"):
        assert one.verify(stored, "x") == (False, False)
    assert one.hash("x")
