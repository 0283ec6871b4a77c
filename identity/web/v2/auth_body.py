"""The body of `POST /v2.0/tokens`, typed, and what it asks for in the words of the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.auth import AuthRequest, DomainRef, Face, ProjectRef, ScopeRequest

Text = Annotated[str, Meta(max_length=255)] | None
PROVEN_BY_FACE = (Face.KRB, Face.X509)


class PasswordShape(msgspec.Struct):
    """The name wins over the id, as in Keystone."""

    password: str
    username: Text = None
    userId: Text = None

    def __repr__(self) -> str:
        return "PasswordShape(...)"  # it holds a secret, and may stand in a traceback


class TokenShape(msgspec.Struct):
    id: str

    def __repr__(self) -> str:
        return "TokenShape(...)"


class OldAuthShape(msgspec.Struct):
    """Without a proof it is for whom a web server before us, a certificate or a ticket names. A tenant's name wins over its id."""

    passwordCredentials: PasswordShape | None = None
    token: TokenShape | None = None
    tenantName: Text = None
    tenantId: Text = None
    trust_id: Text = None


class AuthBody(msgspec.Struct):
    auth: OldAuthShape


_decode = msgspec.json.Decoder(AuthBody).decode


def decode(raw: bytes, face: Face, environ: Mapping[str, Any], home: str) -> AuthRequest:
    """Read the body; names are names of the domain `home`. Raises `errors.BadRequest`, or `Unauthorized` for a trust."""
    try:
        auth = _decode(raw).auth
    except msgspec.ValidationError as problem:
        raise errors.BadRequest(f"Invalid input: {problem}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise errors.BadRequest("Expecting to find valid JSON in the request body.") from None
    if auth.trust_id:
        raise errors.Unauthorized(reason="trust scope is not served")
    scope = _scope(auth, home)
    if auth.token is not None:
        if not auth.token.id:
            raise errors.BadRequest("Expecting to find id in token.")
        return AuthRequest(("token",), {"token": {"id": auth.token.id}}, scope)
    if face in PROVEN_BY_FACE:
        return AuthRequest((), {}, scope)
    if "REMOTE_USER" in environ:
        return AuthRequest(("external",), {"external": {}}, scope)
    if auth.passwordCredentials is None:
        raise errors.BadRequest("Expecting to find passwordCredentials or token in auth.")
    return password(auth.passwordCredentials, scope, home)


def password(sent: PasswordShape, scope: ScopeRequest, home: str) -> AuthRequest:
    """The request of somebody who knows a password."""
    if sent.username:
        user: dict[str, Any] = {"name": sent.username, "domain": {"id": home}}
    elif sent.userId:
        user = {"id": sent.userId}
    else:
        raise errors.BadRequest("Expecting to find username or userId in passwordCredentials.")
    return AuthRequest(("password",), {"password": {"user": {**user, "password": sent.password}}}, scope)


def _scope(auth: OldAuthShape, home: str) -> ScopeRequest:
    """Nobody's default tenant is taken where none is named."""
    if auth.tenantName:
        return ScopeRequest(project=ProjectRef(name=auth.tenantName, domain=DomainRef(id=home)))
    if auth.tenantId:
        return ScopeRequest(project=ProjectRef(id=auth.tenantId))
    return ScopeRequest(unscoped=True)
