"""Checking a password against the shared database. Implements `ports.CredentialReader`."""

from __future__ import annotations

from identity import errors
from identity.model.auth import UserRef
from identity.model.subject import Credential
from identity.ports import Clock
from identity.services.hashing import Hasher
from identity.services.lockout import is_locked, is_password_expired
from identity.services.scoping import usable
from identity.settings import SecurityCompliance
from identity.store import users
from identity.store.engine import Store


class Passwords:
    """One hash computation for every attempt, whoever the user is, so that time tells nothing (CWE-208)."""

    def __init__(self, store: Store, hasher: Hasher, policy: SecurityCompliance, clock: Clock) -> None:
        self._store = store
        self._hasher = hasher
        self._policy = policy
        self._clock = clock

    def verify(self, user: UserRef, password: str) -> tuple[str, float | None]:
        with self._store.read() as db:
            credential = users.credential(db, user)
        now = self._clock()
        hopeless = credential is not None and (is_locked(credential, self._policy, now) or not usable(credential.user))
        fits, outdated = self._hasher.verify(credential.hash if credential else None, password, hold=hopeless)
        refused = self._refusal(credential, fits, now)
        if refused is not None or credential is None:
            self._count_failure(credential, fits, now)
            raise errors.Unauthorized(reason=refused)
        self._settle(credential, password if outdated else None)
        ends = None if credential.password_expiry_exempt else credential.user.password_expires_at
        return credential.user.id, ends

    def _refusal(self, credential: Credential | None, fits: bool, now: float) -> str | None:
        if credential is None:
            return "no such user"
        if is_locked(credential, self._policy, now):
            return "the account is locked"
        if credential.hash is None:
            return "the user has no password"
        if not fits:
            return "wrong password"
        if not usable(credential.user):
            return "the user or its domain is disabled"
        if is_password_expired(credential, now):
            return "the password has expired"
        return None

    def _count_failure(self, credential: Credential | None, fits: bool, now: float) -> None:
        """A locked account's counter stands still, or a stranger could keep it locked for ever."""
        if credential is None or fits or not self._policy.lockout_failure_attempts:
            return
        if is_locked(credential, self._policy, now):
            return
        with self._store.begin() as tx:
            if credential.failed_count >= self._policy.lockout_failure_attempts:
                users.clear_failures(tx, credential.user.id)  # an earlier lock has run out: count anew
            users.record_failure(tx, credential.user.id, now)

    def _settle(self, credential: Credential, rehash: str | None) -> None:
        """Clear the failures counted so far, and give an outdated hash its present form."""
        if not credential.failed_count and rehash is None:
            return
        fresh = self._hasher.hash(rehash) if rehash is not None else None
        with self._store.begin() as tx:
            if credential.failed_count:
                users.clear_failures(tx, credential.user.id)
            if fresh is not None and credential.hash is not None:
                users.replace_hash(tx, credential.user.id, credential.hash, fresh)
