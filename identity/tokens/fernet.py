"""Fernet tokens, interchangeable with Keystone's."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ..errors import BadRequest, TokenNotFound, Unavailable
from ..model.token import Claims
from ..ports import KeySource
from .claims_codec import pack, unpack
from .methods import MethodTable

MAX_LENGTH: Final = 8192
"""Longest token in characters. The usual ones have 180 to 250; only a federated login with hundreds of groups comes near."""

_SHAPE: Final = re.compile(r"gAAAA[A-Za-z0-9_-]+")  # version byte 0x80, and the upper 3 bytes of a time before the year 2514
_SHORTEST: Final = 100  # characters: header, IV, one block and the HMAC


class FernetProvider:
    """Seals and opens Fernet tokens in Keystone's spelling: URL-safe base64 with the padding cut off.

    `issued_at` is the token's Fernet time. The newest key that fits opens: each further key costs one HMAC.
    """

    name = "fernet"

    def __init__(self, keys: KeySource, methods: MethodTable | None = None) -> None:
        self._source = keys
        self._methods = methods or MethodTable()
        self._ring: tuple[Sequence[bytes], MultiFernet] | None = None

    def owns(self, token: str) -> bool:
        """Whether the token has a Fernet token's shape; says nothing about its being good."""
        return _SHORTEST <= len(token) <= MAX_LENGTH and _SHAPE.fullmatch(token) is not None

    def seal(self, claims: Claims) -> str:
        """The token of `claims`; BadRequest where it would be too long for any header."""
        payload = pack(claims, self._methods)
        token = self._ciphers().encrypt_at_time(payload, claims.issued_at).decode().rstrip("=")
        if len(token) > MAX_LENGTH:
            raise BadRequest("The token would be too long: the user is in too many groups.")
        return token

    def open(self, token: str) -> Claims:
        """The claims of a token that one of the keys sealed; TokenNotFound for every other string.

        base64 decoders skip foreign characters and ignore the unused bits of the last one, so that one token would have many
        spellings: the string must be exactly what encoding its own bytes gives.
        """
        if not (_SHORTEST <= len(token) <= MAX_LENGTH and _SHAPE.fullmatch(token)):
            raise TokenNotFound(reason="not in the form of a Fernet token")
        padded = token.encode() + b"=" * (-len(token) % 4)
        try:
            raw = base64.urlsafe_b64decode(padded)
            if base64.urlsafe_b64encode(raw) != padded:
                raise TokenNotFound(reason="Fernet token in a second spelling")
            keys = self._source.keys()
            ring = self._ring
            payload = (ring[1] if ring is not None and ring[0] is keys else self._ciphers()).decrypt(padded)
        except (InvalidToken, binascii.Error):
            raise TokenNotFound(reason="Fernet token not made by one of the keys") from None
        return unpack(payload, int.from_bytes(raw[1:9], "big"), self._methods)

    def _ciphers(self) -> MultiFernet:
        keys = self._source.keys()
        ring = self._ring
        if ring is None or ring[0] is not keys:
            if not keys:
                raise Unavailable(reason="no Fernet key")
            ring = self._ring = (keys, MultiFernet([Fernet(key) for key in keys]))
        return ring[1]
