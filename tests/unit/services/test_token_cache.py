"""What a worker remembers of tokens stays bounded, and goes when it must."""

from __future__ import annotations

import pytest

from identity.model.access import Access
from identity.model.revocation import KEYS, USER, Change
from identity.model.subject import Domain, Subject, User
from identity.model.token import Claims
from identity.services.token_cache import Entry, TokenCache


def entry(token: str, user: str = "u1") -> Entry:
    subject = Subject(User(user, user, Domain("d", "D")), tags=frozenset({f"user:{user}", "domain:d"}))
    return Entry(token, Access(Claims(user, ("password",), 0, 10, ("a",)), subject), 10)


def change(kind: str, id: str, seq: int = 2) -> Change:
    return Change(seq, kind, id, 0.0, True)


@pytest.fixture
def cache() -> TokenCache:
    made = TokenCache(3)
    made.apply((), 1)
    return made


def test_the_oldest_goes_first(cache: TokenCache):
    for token in "abcd":
        cache.put(entry(token), 1)
    assert [cache.get(token) is not None for token in "abcd"] == [False, True, True, True]
    assert len(cache) == 3


def test_what_was_read_before_a_change_is_not_kept(cache: TokenCache):
    cache.apply([change(USER, "u2")], 2)
    cache.put(entry("a"), 1)
    assert cache.get("a") is None
    cache.put(entry("a"), 2)
    assert cache.get("a") is not None


def test_a_change_takes_only_what_it_touches(cache: TokenCache):
    cache.put(entry("a", "u1"), 1)
    cache.put(entry("b", "u2"), 1)
    cache.apply([change(USER, "u1")], 2)
    assert (cache.get("a"), cache.get("b") is not None) == (None, True)


def test_no_changes_mean_everything(cache: TokenCache):
    cache.put(entry("a"), 1)
    cache.refuse("rubbish", 5.0)
    cache.apply([change(KEYS, "fernet")], 2)
    cache.apply((), 3)
    assert (len(cache), cache.refused, cache.doubtful) == (0, {}, {})


def test_new_keys_put_every_token_in_doubt_and_forget_what_was_refused(cache: TokenCache):
    cache.put(entry("a"), 1)
    cache.refuse("rubbish", 5.0)
    cache.apply([change(KEYS, "fernet")], 2)
    assert cache.get("a") is None and not cache.refused
    assert cache.recall("a", 1) is None  # opened with the keys of before
    assert cache.recall("b", 2) is None
    kept = cache.recall("a", 2)
    assert kept is not None and cache.get("a") is kept and not cache.doubtful


def test_a_change_reaches_those_in_doubt(cache: TokenCache):
    cache.put(entry("a"), 1)
    cache.apply([change(KEYS, "fernet"), change(USER, "u1", 3)], 3)
    assert cache.recall("a", 3) is None


def test_those_in_doubt_stay_bounded(cache: TokenCache):
    for round in range(4):
        for token in "xyz":
            cache.put(entry(f"{token}{round}"), round + 1)
        cache.apply([change(KEYS, "fernet", round + 2)], round + 2)
    assert len(cache.doubtful) == 3
    assert all(len(tokens) == 3 for tokens in cache._by_tag.values())


def test_rubbish_stays_bounded_and_short(cache: TokenCache):
    for token in ("a", "b", "c", "d", "x" * 2000):
        cache.refuse(token, 5.0)
    assert list(cache.refused) == ["b", "c", "d"]


def test_a_size_of_nothing_remembers_nothing():
    cache = TokenCache(0)
    cache.apply((), 1)
    cache.put(entry("a"), 1)
    cache.refuse("b", 5.0)
    assert (len(cache), cache.refused) == (0, {})
