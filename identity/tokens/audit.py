"""Audit ids that carry the change log's sequence at issue.

19 bytes: 11 random ones, then the sequence (8 bytes, big-endian), in URL-safe base64 without padding. To Keystone it is an
opaque name like its own of 16 bytes; 19 bytes rather than any other number, because Keystone appends `==` to an audit id
before it decodes it, and only lengths of the form 3n+1 take exactly that padding.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Final

_RANDOM: Final = 11
_SEQUENCE: Final = 8
_LENGTH: Final = 26
_LIMIT: Final = 1 << 63  # a sequence is a signed 64-bit column


def new_audit_id(seq: int) -> str:
    """A fresh audit id, 26 characters, for a token issued when the change log stood at `seq`."""
    if not 0 <= seq < _LIMIT:
        raise ValueError("a sequence is a number from 0 below 2**63")
    raw = secrets.token_bytes(_RANDOM) + seq.to_bytes(_SEQUENCE, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sequence_of(audit_id: str) -> int | None:
    """The sequence that `audit_id` carries, or None where Keystone or somebody else made it."""
    if len(audit_id) != _LENGTH:
        return None
    try:
        raw = base64.b64decode(audit_id.encode("ascii") + b"==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != audit_id:
        return None
    seq = int.from_bytes(raw[_RANDOM:], "big")
    return seq if seq < _LIMIT else None


def audit_bytes(audit_id: str) -> bytes | None:
    """The bytes of an audit id in its one spelling, or None; the length must be one that Keystone's padding fits."""
    try:
        raw = base64.b64decode(audit_id.encode("ascii") + b"==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if raw and audit_text(raw) == audit_id and len(raw) % 3 == 1 else None


def audit_text(raw: bytes) -> str:
    """The spelling of an audit id's bytes."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
