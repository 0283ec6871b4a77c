"""UUID tokens: 32 random hexadecimal characters; what they mean is in the database, under their digest."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

from ..errors import TokenNotFound
from ..model.token import Claims
from ..store import tokens as table
from ..store.engine import Store
from .claims_json import from_json, to_json

_SHAPE: Final = re.compile(r"[0-9a-f]{32}")


class UuidProvider:
    """Seals into and opens from the database, one query each. Only a SHA-256 digest is kept: a copy of the table lets nobody in.

    SHA-256 without salt is enough for 128 random bits; it is also why the look-up by index tells nothing by its timing.
    """

    name = "uuid"

    def __init__(self, store: Store) -> None:
        self._store = store

    def owns(self, token: str) -> bool:
        """Whether the token has a UUID token's shape; says nothing about its being good."""
        return _SHAPE.fullmatch(token) is not None

    def seal(self, claims: Claims) -> str:
        """A fresh token that means `claims`. Raises `errors.Unavailable`."""
        token = secrets.token_hex(16)
        text = to_json(claims).decode()
        with self._store.begin() as tx:
            table.put(tx, _digest(token), text, claims.expires_at)
        return token

    def open(self, token: str) -> Claims:
        """The claims of a token that was sealed here; TokenNotFound for every other string, `errors.Unavailable`."""
        if _SHAPE.fullmatch(token) is None:
            raise TokenNotFound(reason="not in the form of a UUID token")
        with self._store.read() as db:
            text = table.get(db, _digest(token))
        if text is None:
            raise TokenNotFound(reason="UUID token unknown")
        return from_json(text.encode())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
