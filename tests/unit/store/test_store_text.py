"""Which strings may be looked for, and which may be stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.errors import BadRequest
from identity.store.text import checked, checked_id, findable


@given(st.text(alphabet=st.characters(codec=None), max_size=50))
def test_findable_is_exactly_utf8_without_nul(value):
    try:
        expected = b"\0" not in value.encode()
    except UnicodeEncodeError:
        expected = False
    assert findable(value) is expected
    assert findable(None, "fine", value) is expected


@given(st.text(max_size=80))
def test_a_checked_id_keeps_the_tags_apart(value):
    try:
        given_id = checked_id(value)
    except BadRequest:
        assert not value.strip() or len(value) > 64 or not findable(value) or value == "system" or "/" in value or "*" in value
    else:
        assert given_id == value


def test_a_fresh_id_is_32_hex_digits():
    assert len(checked_id(None)) == 32
    assert int(checked_id(None), 16) >= 0
    assert checked_id(None) != checked_id(None)


def test_a_refusal_does_not_repeat_the_value():
    for value in ("secret\0", "secret" * 100):
        with pytest.raises(BadRequest) as caught:
            checked(value, 20, "name")
        assert "secret" not in caught.value.message + caught.value.reason
