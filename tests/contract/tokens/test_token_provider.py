"""The contract of a token provider: all that was sealed opens, and nothing else does."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.errors import BadRequest, TokenNotFound
from tests.support.claims import ISSUED, claims, every_kind, hex_id, plain, same

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ONE_PROVIDER = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refused(provider, token):
    with pytest.raises(TokenNotFound) as fault:
        provider.open(token)
    assert fault.value.status == 404
    assert len(token) < 32 or token not in fault.value.reason + fault.value.message


@pytest.mark.parametrize("kind", every_kind())
def test_round_trip_of_every_kind(provider, kind):
    sealed = every_kind()[kind]
    token = provider.seal(sealed)
    assert provider.owns(token)
    assert same(provider.open(token), sealed)
    assert provider.open(token).issued_at == ISSUED


@ONE_PROVIDER
@given(each=claims())
def test_round_trip_of_any_claims(provider, each):
    assert same(provider.open(provider.seal(each)), each)


def test_an_expired_token_still_opens(provider):
    """Life is decided in one place, and services may ask for tokens that have ended."""
    old = plain(issued_at=1000, expires_at=1001)
    assert provider.open(provider.seal(old)) == old


def test_a_token_of_other_keys(fresh):
    first, second = fresh(), fresh()
    token = first.seal(plain())
    if first.name == "uuid":  # one database, and no keys: a token that was never given out takes the place
        token = token[::-1]
    assert second.owns(token)
    refused(second, token)


def test_every_cut(provider):
    token = provider.seal(plain())
    for length in range(len(token)):
        refused(provider, token[:length])
        refused(provider, token[length + 1 :])


def test_every_changed_character(provider):
    token = provider.seal(plain(project_id=hex_id()))
    dice = random.Random(4)
    for place, old in enumerate(token):
        for new in {ALPHABET[ALPHABET.find(old) ^ 1 << dice.randrange(6)], dice.choice(ALPHABET), "+", "é"} - {old}:
            refused(provider, token[:place] + new + token[place + 1 :])


def test_the_unused_bits_of_the_last_character(provider):
    """What a base64 decoder ignores must not make a second spelling, in any segment of any length."""
    for size in range(1, 20):
        token = provider.seal(plain(user_id="u" * size))
        ends = [len(segment) for segment in token.split(".")]
        for last in (sum(ends[: place + 1]) + place - 1 for place in range(len(ends))):
            for other in set(ALPHABET) - {token[last]}:
                refused(provider, token[:last] + other + token[last + 1 :])


@pytest.mark.parametrize(
    "mark", [" ", "\n", "\r\n", "\t", "\0", "=", "==", "%", "+", "/", ".", "!", "\u00e9", "\ud800", "\u200b", "A", "AAAA"]
)
def test_a_character_more(provider, mark):
    token = provider.seal(plain())
    middle = len(token) // 2
    for other in (token + mark, mark + token, token[:middle] + mark + token[middle:]):
        refused(provider, other)


def test_padding_and_the_other_alphabet(provider):
    for size in range(1, 20):
        token = provider.seal(plain(user_id="u" * size))
        refused(provider, token + "=" * (-len(token) % 4 or 4))
        refused(provider, ".".join(segment + "=" for segment in token.split(".")))
        standard = token.replace("-", "+").replace("_", "/")
        if standard != token:
            refused(provider, standard)
        if token.upper() != token:
            refused(provider, token.upper())
        refused(provider, base64.b64encode(token.encode()).decode())


@pytest.mark.parametrize("size", [16_385, 1_000_000])
def test_huge_strings_are_refused_before_any_work(provider, size):
    token = provider.seal(plain())
    for other in (
        token + "A" * size,
        "A" * size,
        "gAAAAA" + "A" * size,
        "eyJ" + "." * size,
        "eyJ" + "A" * size + "." + "A" * 9 + "." + "A" * 86,
    ):
        assert not provider.owns(other)
        refused(provider, other)


@ONE_PROVIDER
@given(
    text=st.one_of(
        st.text(max_size=300), st.text(ALPHABET + ".=", max_size=300), st.text(ALPHABET, min_size=90).map("gAAAAA".__add__)
    )
)
def test_any_other_string(provider, text):
    provider.owns(text)
    refused(provider, text)


def test_too_many_groups(provider):
    many = plain(idp_id="i", protocol_id="p", group_ids=tuple(hex_id() for _ in range(2000)))
    if provider.name == "uuid":
        assert provider.open(provider.seal(many)) == many
    else:
        with pytest.raises(BadRequest, match="too many groups"):
            provider.seal(many)


def test_two_tokens_of_the_same_claims_differ(provider):
    same_claims = plain()
    assert provider.seal(same_claims) != provider.seal(same_claims)


def test_nobody_owns_the_others_tokens(provider):
    samples = {"fernet": "gAAAAA" + "B" * 174, "jws": "eyJhbGciOiJFUzI1NiJ9.e30." + "A" * 86, "uuid": "0" * 32}
    assert [name for name, token in samples.items() if provider.owns(token)] == [provider.name]
