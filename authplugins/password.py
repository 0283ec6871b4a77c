"""Method `password`: who knows the user's password is the user."""

from __future__ import annotations

from typing import Final

import msgspec

from identity.errors import BadRequest, Unauthorized
from identity.model.auth import DomainRef, UserRef
from identity.model.evidence import AuthenticatedIdentity, Evidence
from identity.ports import CredentialReader

from . import payload

_USER: Final = "identity.password.user"


class Domain(msgspec.Struct, frozen=True):
    id: str | None = None
    name: str | None = None


class User(msgspec.Struct, frozen=True):
    id: str | None = None
    name: str | None = None
    domain: Domain | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return "User(...)"  # it holds the password, and may stand in a traceback


class PasswordPayload(msgspec.Struct, frozen=True):
    """A user by id, or by name within a domain, and the password. Null counts as
    missing; other keys are ignored."""

    user: User


class Password:
    """Asks a CredentialReader; it alone knows the stored passwords, and takes the same time for every refusal."""

    name = "password"
    Payload: type = PasswordPayload
    reads: frozenset[str] = frozenset()

    def __init__(self, credentials: CredentialReader) -> None:
        self._credentials = credentials

    def authenticate(self, evidence: Evidence) -> AuthenticatedIdentity:
        user = payload.read(PasswordPayload, evidence.payload, self.name).user
        reference = _reference(user)
        if not user.password:
            raise Unauthorized(reason="no password was sent")
        user_id, not_after = self._credentials.verify(reference, user.password)
        return AuthenticatedIdentity(method=self.name, user_id=user_id, not_after=not_after)


def _reference(user: User) -> UserRef:
    # A name wins over an id that was sent beside it, and an empty string counts as none: both as in Keystone.
    if user.name:
        if user.domain is None:
            raise BadRequest(f"{_USER}.domain is missing: a user name means something only within a domain.")
        return UserRef(name=payload.text(user.name, f"{_USER}.name"), domain=_domain(user.domain))
    if user.id:
        return UserRef(id=payload.text(user.id, f"{_USER}.id"))
    raise BadRequest(f"{_USER} needs an id or a name.")


def _domain(domain: Domain) -> DomainRef:
    if domain.name:
        return DomainRef(name=payload.text(domain.name, f"{_USER}.domain.name"))
    if domain.id:
        return DomainRef(id=payload.text(domain.id, f"{_USER}.domain.id"))
    raise BadRequest(f"{_USER}.domain needs an id or a name.")
