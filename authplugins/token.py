"""Method `token`: who holds a good token is its user, for no longer than that token lives."""

from __future__ import annotations

import msgspec

from identity.errors import TokenNotFound
from identity.model.evidence import AuthenticatedIdentity, Evidence
from identity.ports import TokenReader

from . import payload


class TokenPayload(msgspec.Struct, frozen=True):
    id: str

    def __repr__(self) -> str:
        return "TokenPayload(...)"


class Token:
    """Whether this token may be exchanged, and for which scope, is not decided here: the claims go along as `parent`.

    A token that is not good is a 404 here too (`errors.TokenNotFound`), as clients of Keystone expect.
    """

    name = "token"
    Payload: type = TokenPayload
    reads: frozenset[str] = frozenset()

    def __init__(self, tokens: TokenReader) -> None:
        self._tokens = tokens

    def authenticate(self, evidence: Evidence) -> AuthenticatedIdentity:
        shown = payload.read(TokenPayload, evidence.payload, self.name).id
        try:
            claims = self._tokens.read(shown)
        except TokenNotFound as problem:
            raise TokenNotFound(reason=f"the token shown is not good: {problem.reason}") from None
        return AuthenticatedIdentity(method=self.name, user_id=claims.user_id, not_after=float(claims.expires_at), parent=claims)
