"""Application credentials: making them, and checking the secret at a log-in.

Secrets. One that we make is 64 random bytes: nobody can try 2^512 of them, so its SHA-512 is stored, and a program that logs in
every minute costs a microsecond, not the hash that a password needs. One that the client chose may be as weak as any password
and is hashed as one. A refusal always takes the time of one password check, so that it does not tell which credentials exist,
nor how their secrets were made (CWE-208).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection

from identity import errors
from identity.model.delegation import AccessRule, ApplicationCredential, CredentialRef, StoredSecret, WantedCredential
from identity.model.subject import Subject
from identity.ports import Clock
from identity.services.hashing import Hasher
from identity.store import access_rules, application_credentials, handed_roles, users
from identity.store.engine import Store

MADE: Final = "$sha512$"
SECRET_BYTES: Final = 64


class ApplicationCredentials:
    """Implements `ports.ApplicationCredentialReader`."""

    def __init__(self, store: Store, hasher: Hasher, clock: Clock) -> None:
        self._store = store
        self._hasher = hasher
        self._clock = clock

    def verify(self, ref: CredentialRef, secret: str) -> StoredSecret:
        """The credential whose secret this is. Raises `errors.Unauthorized`, the same for every reason."""
        with self._store.read() as db:
            stored = self._find(ref, db)
        if stored is None:
            self._hasher.verify(None, secret)
            raise errors.Unauthorized(reason="no such application credential")
        if not self._fits(stored.hash, secret):
            raise errors.Unauthorized(reason="wrong secret of an application credential")
        if stored.expires_at is not None and stored.expires_at <= self._clock():
            raise errors.Unauthorized(reason="the application credential has expired")
        if stored.project_id is None:
            raise errors.Unauthorized(reason="the application credential is for no project")
        return stored

    def create(self, owner: Subject, wanted: WantedCredential) -> tuple[ApplicationCredential, str]:
        """Store a credential with roles that `owner`, a caller within a project, has there; gives its secret, for the last time.

        Raises `errors.BadRequest` for a role that the caller does not have, `Forbidden` for a rule that the caller's own credential
        does not have, `NotFound`, `Conflict` for the name.
        """
        assert owner.project is not None
        secret = wanted.secret or secrets.token_urlsafe(SECRET_BYTES)
        hash = self._hasher.hash(secret) if wanted.secret else made_hash(secret)
        with self._store.begin() as tx:
            held = {role.id for role in owner.roles}
            ids = handed_roles.named(tx, wanted.roles) if wanted.roles else held
            handed = handed_roles.existing(tx, _within(held, handed_roles.with_implied(tx, ids)))
            rules = access_rules.obtain(tx, owner.user.id, wanted.access_rules)
            _check_rules(owner, rules)
            new = ApplicationCredential(
                id=uuid4().hex,
                name=wanted.name,
                user_id=owner.user.id,
                project_id=owner.project.id,
                description=wanted.description,
                expires_at=wanted.expires_at,
                unrestricted=wanted.unrestricted,
                roles=handed,
                access_rules=rules,
            )
            application_credentials.create(tx, new, hash, self._clock())
        return new, secret

    def _find(self, ref: CredentialRef, db: Connection) -> StoredSecret | None:
        if ref.id is not None:
            return application_credentials.secret(db, ref.id)
        user = users.find(db, ref.user) if ref.user is not None else None
        return application_credentials.secret_named(db, user.id, ref.name or "") if user is not None else None

    def _fits(self, stored: str, secret: str) -> bool:
        if not stored.startswith(MADE):
            return self._hasher.verify(stored, secret)[0]
        if hmac.compare_digest(stored.encode(), made_hash(secret).encode()):
            return True
        self._hasher.verify(None, secret)
        return False


def made_hash(secret: str) -> str:
    """How a secret that we made is stored."""
    return MADE + base64.b64encode(hashlib.sha512(secret.encode()).digest()).decode()


def _within(held: set[str], wanted: Iterable[str]) -> list[str]:
    found = sorted(wanted)
    if not held.issuperset(found):
        raise errors.BadRequest("An application credential can have only roles that your token has on its project.")
    return found


def _check_rules(owner: Subject, rules: Sequence[AccessRule]) -> None:
    """Who is held to rules hands on some of them: else to be allowed this one request would be to be allowed all (CWE-269)."""
    own = owner.confinement.access_rules if owner.confinement is not None else ()
    if own and (not rules or not {rule.id for rule in own}.issuperset(rule.id for rule in rules)):
        raise errors.Forbidden("An application credential with access rules can make others only with some of these same rules.")
