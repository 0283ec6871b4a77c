"""Audit ids: the sequence inside, one spelling, and Keystone's padding rule."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.tokens.audit import audit_bytes, audit_text, new_audit_id, sequence_of


@settings(deadline=None)
@given(st.integers(0, 2**63 - 1))
def test_sequence_survives(seq):
    audit_id = new_audit_id(seq)
    assert len(audit_id) == 26
    assert sequence_of(audit_id) == seq
    # Keystone decodes an audit id after appending two padding characters, and spells it again without any
    assert base64.urlsafe_b64encode(base64.urlsafe_b64decode(audit_id + "==")).decode().rstrip("=") == audit_id


def test_ids_of_one_sequence_differ():
    assert len({new_audit_id(7) for _ in range(50)}) == 50


@pytest.mark.parametrize("seq", [-1, 2**63])
def test_sequence_out_of_range(seq):
    with pytest.raises(ValueError, match="sequence"):
        new_audit_id(seq)


def test_keystones_own_id_has_no_sequence():
    assert sequence_of(base64.urlsafe_b64encode(bytes(range(16))).decode().rstrip("=")) is None


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_answered(text):
    seq = sequence_of(text)
    assert seq is None or 0 <= seq < 2**63


def test_second_spellings_have_no_sequence():
    audit_id = new_audit_id(5)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(audit_id[-1])
    other = audit_id[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last | 1]
    assert sequence_of(other) is None
    assert sequence_of(audit_id[:-1] + "=") is None
    assert sequence_of("é" * 26) is None
    assert sequence_of(audit_text(b"\0" * 11 + b"\xff" * 8)) is None  # beyond what a column holds


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=40))
def test_only_lengths_that_keystone_pads_are_ids(raw):
    assert audit_bytes(audit_text(raw)) == (raw if len(raw) % 3 == 1 else None)
