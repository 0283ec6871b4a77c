"""Secrets that users and operators keep here, sealed: EC2 and TOTP secrets, consumers' keys, a directory's password."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ..errors import StartError, Unavailable
from ..ports import KeySource


class Unopened(Unavailable):
    """No key opens this secret: it was altered, or its key is gone."""


class Vault:
    """Seals with the newest of its keys and opens with each, in Fernet, so that Keystone's credentials open too.

    The keys are of the purpose "credential" and none of them signs tokens. A rotation loses nothing: `gatestone keys rotate
    --provider credential` seals every stored secret anew (`renewed`), before and after, so that the key that it drops is in no
    use. Without keys, both ways raise `errors.Unavailable`, with the cure as its reason: all else of the service works.
    """

    def __init__(self, keys: KeySource | None) -> None:
        self._source = keys
        self._ring: tuple[Sequence[bytes], MultiFernet] | None = None

    def seal(self, plain: bytes) -> bytes:
        """What to store instead of `plain`; another one each time. Raises `errors.Unavailable`."""
        return self._ciphers().encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises `errors.Unavailable`; `Unopened` for what no key opens: that is no fault of the client's."""
        try:
            return self._ciphers().decrypt(sealed)
        except InvalidToken:
            raise Unopened(reason="no credential key opens a stored secret: bring back the keys that sealed it") from None

    def renewed(self, sealed: bytes) -> bytes | None:
        """The same secret under the newest key; None where that is so already. Raises `errors.Unavailable`."""
        newest = Fernet(self._keys()[0])
        try:
            newest.decrypt(sealed)
        except InvalidToken:
            return newest.encrypt(self.open(sealed))
        return None

    def _keys(self) -> Sequence[bytes]:
        if self._source is None:
            raise Unavailable(reason="no credential keys: set keys.master_key_file or credential.key_repository")
        try:
            return self._source.keys()
        except StartError as fault:
            raise Unavailable(reason=f"credential keys: {fault}") from None

    def _ciphers(self) -> MultiFernet:
        keys = self._keys()
        ring = self._ring
        if ring is None or ring[0] is not keys:
            ring = self._ring = (keys, MultiFernet([Fernet(key) for key in keys]))
        return ring[1]
