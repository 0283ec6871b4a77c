"""Checking a password against the shared database. Implements `ports.CredentialReader`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identity import errors
from identity.model.account import NewPassword
from identity.model.auth import UserRef
from identity.model.subject import Credential
from identity.ports import Clock
from identity.services.hashing import Hasher
from identity.services.lockout import is_locked, is_password_expired
from identity.services.password_rules import check_change, check_form, check_pattern, end_of_chosen, end_of_given
from identity.services.scoping import usable
from identity.settings import SecurityCompliance
from identity.store import accounts, users
from identity.store.engine import Store

EXPIRED = "the password has expired"


class Passwords:
    """One hash computation for every attempt, whoever the user is, so that time tells nothing (CWE-208)."""

    def __init__(self, store: Store, hasher: Hasher, policy: SecurityCompliance, clock: Clock) -> None:
        self._store = store
        self._hasher = hasher
        self._policy = policy
        self._clock = clock
        check_pattern(policy)

    def verify(self, user: UserRef, password: str) -> tuple[str, float | None]:
        credential = self._check(user, password)
        ends = None if credential.password_expiry_exempt else credential.user.password_expires_at
        return credential.user.id, ends

    def _check(self, user: UserRef, password: str, *, expired_too: bool = False) -> Credential:
        with self._store.read() as db:
            credential = users.credential(db, user)
        now = self._clock()
        hopeless = credential is not None and (is_locked(credential, self._policy, now) or not usable(credential.user))
        fits, outdated = self._hasher.verify(credential.hash if credential else None, password, hold=hopeless)
        refused = self._refusal(credential, fits, now)
        if refused == EXPIRED and expired_too:
            refused = None
        if refused is None and credential is not None and not self._still_open(credential, now):
            refused = "the account was locked meanwhile"
        if refused is not None or credential is None:
            self._count_failure(credential, fits, now)
            raise errors.Unauthorized(reason=refused)
        if outdated:
            self._rehash(credential, password)
        return credential

    def given(self, password: str | None, options: Mapping[str, Any]) -> NewPassword:
        """A password that an administrator sets, fit to be stored; None and "" leave the user without one.

        Raises `errors.BadRequest` for one that the rules do not allow.
        """
        if not password:
            return NewPassword(None)
        check_form(self._policy, password)
        ends = end_of_given(self._policy, options, self._clock())
        return NewPassword(self._hasher.hash(password), ends, self._policy.unique_last_password_count)

    def change(self, user_id: str, original: str, password: str) -> None:
        """The user's own change: whoever knows the present password, be it expired, may set another.

        Ends every token of the user. Raises `errors.Unauthorized`, or `errors.BadRequest` for a password that the rules do
        not allow.
        """
        self._check(UserRef(id=user_id), original, expired_too=True)
        check_form(self._policy, password)
        count = self._policy.unique_last_password_count
        with self._store.read() as db:
            account = accounts.get(db, user_id)
            former = accounts.former_passwords(db, user_id, max(count, 1))
        if account is None:
            raise errors.Unauthorized(reason="the user is gone")
        now = self._clock()
        check_change(self._policy, account.options, former[0] if former else None, now)
        if any(self._hasher.verify(one.hash, password)[0] for one in former[:count]):
            raise errors.BadRequest(f"The new password must differ from the last {count}.")
        ends = end_of_chosen(self._policy, account.options, now)
        new = NewPassword(self._hasher.hash(password), ends, count, self_service=True)
        with self._store.begin() as tx:
            users.change(tx, user_id, {}, now, password=new)

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
            return EXPIRED
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
