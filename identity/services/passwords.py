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
        if refused is None and credential is not None and not self._still_open(credential, now):
            refused = "the account was locked meanwhile"
        if refused is not None or credential is None:
            self._count_failure(credential, fits, now)
            raise errors.Unauthorized(reason=refused)
        if outdated:
            self._rehash(credential, password)
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

    def _still_open(self, credential: Credential, now: float) -> bool:
        """Clear the failures counted so far; False where others, hashed at the same time, have locked the account by now.

        Else as many guesses as there are threads could be made at once, all of them before the first was counted.
        """
        limit = self._policy.lockout_failure_attempts
        if limit and not credential.lockout_exempt and not credential.failed_count:
            with self._store.read() as db:
                present = users.credential(db, UserRef(id=credential.user.id))
            if present is None or is_locked(present, self._policy, now):
                return False
            credential = present
        if not credential.failed_count:
            return True
        with self._store.begin() as tx:
            if not limit or credential.lockout_exempt:
                users.clear_failures(tx, credential.user.id)
                return True
            return users.forgive_failures(tx, credential.user.id, limit=limit, before=now - self._policy.lockout_duration)

    def _count_failure(self, credential: Credential | None, fits: bool, now: float) -> None:
        """A locked account's counter stands still, or a stranger could keep it locked for ever."""
        limit = self._policy.lockout_failure_attempts
        if credential is None or fits or not limit or is_locked(credential, self._policy, now):
            return
        with self._store.begin() as tx:
            users.record_failure(tx, credential.user.id, now, limit=limit, before=now - self._policy.lockout_duration)

    def _rehash(self, credential: Credential, password: str) -> None:
        """Give an outdated hash its present form."""
        fresh = self._hasher.hash(password)
        if credential.hash is not None:
            with self._store.begin() as tx:
                users.replace_hash(tx, credential.user.id, credential.hash, fresh)
