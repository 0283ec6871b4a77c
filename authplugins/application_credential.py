"""Method `application_credential`: who knows its secret acts for its user, on its project, with no more than it hands on."""

from __future__ import annotations

from typing import Final

import msgspec

from identity.errors import BadRequest, Unauthorized
from identity.model.auth import DomainRef, UserRef
from identity.model.delegation import CredentialRef
from identity.model.evidence import AuthenticatedIdentity, Evidence
from identity.ports import ApplicationCredentialReader

from . import payload

_PLACE: Final = "identity.application_credential"


class Domain(msgspec.Struct, frozen=True):
    id: str | None = None
    name: str | None = None


class User(msgspec.Struct, frozen=True):
    id: str | None = None
    name: str | None = None
    domain: Domain | None = None


class ApplicationCredentialPayload(msgspec.Struct, frozen=True):
    """The credential by id, or by name and user (by id, or by name and domain), and its secret. A user beside an id is ignored."""

    id: str | None = None
    name: str | None = None
    user: User | None = None
    secret: str | None = None

    def __repr__(self) -> str:
        return "ApplicationCredentialPayload(...)"  # it holds the secret, and may stand in a traceback


class ApplicationCredential:
    """Asks an ApplicationCredentialReader; it alone knows the stored secrets."""

    name = "application_credential"
    Payload: type = ApplicationCredentialPayload
    reads: frozenset[str] = frozenset()

    def __init__(self, credentials: ApplicationCredentialReader) -> None:
        self._credentials = credentials

    def authenticate(self, evidence: Evidence) -> AuthenticatedIdentity:
        shown = payload.read(ApplicationCredentialPayload, evidence.payload, self.name)
        reference = _reference(shown)
        if not shown.secret:
            raise Unauthorized(reason="no secret was sent")
        found = self._credentials.verify(reference, payload.text(shown.secret, f"{_PLACE}.secret"))
        return AuthenticatedIdentity(
            method=self.name, user_id=found.user_id, not_after=found.expires_at, app_cred_id=found.id, project_id=found.project_id
        )


def _reference(shown: ApplicationCredentialPayload) -> CredentialRef:
    if shown.id:
        return CredentialRef(id=payload.text(shown.id, f"{_PLACE}.id"))
    if not shown.name:
        raise BadRequest(f"{_PLACE} needs an id or a name.")
    if shown.user is None:
        raise BadRequest(f"{_PLACE}.user is missing: a name means something only with its user.")
    return CredentialRef(name=payload.text(shown.name, f"{_PLACE}.name"), user=_user(shown.user))


def _user(user: User) -> UserRef:
    if user.id:
        return UserRef(id=payload.text(user.id, f"{_PLACE}.user.id"))
    if not user.name or user.domain is None:
        raise BadRequest(f"{_PLACE}.user needs an id, or a name and a domain.")
    name = payload.text(user.name, f"{_PLACE}.user.name")
    if user.domain.id:
        return UserRef(name=name, domain=DomainRef(id=payload.text(user.domain.id, f"{_PLACE}.user.domain.id")))
    if user.domain.name:
        return UserRef(name=name, domain=DomainRef(name=payload.text(user.domain.name, f"{_PLACE}.user.domain.name")))
    raise BadRequest(f"{_PLACE}.user.domain needs an id or a name.")
