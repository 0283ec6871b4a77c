"""Signing keys at rest: AES-256-GCM (NIST SP 800-38D) under a key derived from the master key by HKDF (RFC 5869).

A blob is: format byte, 8 bytes that tell the master key, 12 of nonce, then ciphertext and tag. Purpose and key id are
associated data, so that a row copied to another purpose or id does not open.
"""

from __future__ import annotations

import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..errors import StartError

MASTER_KEY_LENGTH: Final = 32
_FORMAT: Final = b"\x01"
_MARK: Final = 8
_NONCE: Final = 12
_SHORTEST: Final = 1 + _MARK + _NONCE + 16


class WrongMasterKey(StartError):
    """The row was wrapped under another master key."""


class DamagedKey(StartError):
    """The row is not what was written under this purpose and id."""


class Wrapping:
    """Wraps the keys of one purpose. The master key is 32 random bytes."""

    def __init__(self, master_key: bytes, purpose: str) -> None:
        if len(master_key) != MASTER_KEY_LENGTH:
            raise ValueError("a master key has 32 bytes")
        self._purpose = purpose
        self._cipher = AESGCM(_derive(master_key, f"gatestone signing keys: {purpose}", 32))
        self._mark = _derive(master_key, "gatestone master key mark", _MARK)

    def wrap(self, key_id: str, key: bytes) -> bytes:
        """The blob to store for `key` in row `key_id`."""
        nonce = os.urandom(_NONCE)
        return _FORMAT + self._mark + nonce + self._cipher.encrypt(nonce, key, self._bound(key_id))

    def unwrap(self, key_id: str, blob: bytes) -> bytes:
        """The key in a blob. Raises WrongMasterKey or DamagedKey, each with one line that says what to do."""
        if len(blob) >= _SHORTEST and blob[:1] == _FORMAT and not hmac.compare_digest(blob[1 : 1 + _MARK], self._mark):
            raise WrongMasterKey(
                f"the master key is not the one that the {self._purpose} keys in the database were stored under: "
                "set keys.master_key or keys.master_key_file to that one"
            )
        try:
            nonce, sealed = blob[1 + _MARK : 1 + _MARK + _NONCE], blob[1 + _MARK + _NONCE :]
            if len(blob) < _SHORTEST or blob[:1] != _FORMAT:
                raise InvalidTag
            return self._cipher.decrypt(nonce, sealed, self._bound(key_id))
        except InvalidTag:
            raise DamagedKey(
                f"the {self._purpose} key {key_id} in the database was altered or damaged: "
                "restore the row from a backup, or drop it with `gatestone keys rotate`"
            ) from None

    def _bound(self, key_id: str) -> bytes:
        return f"{self._purpose}\0{key_id}".encode()


def _derive(master_key: bytes, info: str, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info.encode()).derive(master_key)
