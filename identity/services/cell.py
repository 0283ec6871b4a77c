"""Logging in at a cell: service accounts only, and nothing is written, for the database is a replica."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import monotonic, sleep
from typing import Any

from identity import errors
from identity.model.access import Issued
from identity.model.account import Account
from identity.model.auth import AuthRequest, Face
from identity.model.evidence import Peer
from identity.model.subject import Credential, Subject
from identity.ports import AuthPlugin, Clock, EventSink, TokenProvider
from identity.services.account_rules import AccountRules
from identity.services.authenticate import Authenticator
from identity.services.feed import ChangeFeed
from identity.services.hashing import Hasher
from identity.services.issue import Issuer
from identity.services.lockout import is_locked
from identity.services.passwords import Passwords
from identity.services.scoping import Scoping
from identity.services.token_cache import Entry, TokenCache
from identity.services.validate import CredentialsOf, Validator
from identity.settings import Cell, SecurityCompliance
from identity.store.engine import Store
from identity.store.replica import Replica

REMEMBERED = 10_000
ON_ITS_WAY = 1.0  # seconds that what was committed before a token was issued may take to arrive
CLOCKS = 5.0  # seconds by which the clocks of two hosts may differ


def referral(cell: Cell) -> str:
    """What everybody is told who cannot be served here."""
    return f"This is a cell: it validates tokens, and service accounts alone log in here. For all else use {cell.login_url}"


class CellAuthenticator(Authenticator):
    """Admits who holds one of the cell's roles on the scope, or is listed.

    Every refusal is the same 401, a wrong password's and a user's who is no service: else a cell, which counts nobody's failures
    in the database, would tell a guesser that a password is right (CWE-204).
    """

    def __init__(
        self,
        cell: Cell,
        plugins: Mapping[str, AuthPlugin],
        store: Store,
        feed: ChangeFeed,
        scoping: Scoping,
        issuer: Issuer,
        rules: AccountRules,
        sink: EventSink,
        allow_rescope: bool = True,
    ) -> None:
        super().__init__(plugins, store, feed, scoping, issuer, rules, sink, allow_rescope)
        self._cell = cell

    def authenticate(
        self,
        request: AuthRequest,
        face: Face,
        environ: Mapping[str, Any],
        peer: Peer,
        request_id: str,
        accept: Callable[[Subject], None] | None = None,
    ) -> Issued:
        def admit(subject: Subject) -> None:
            held = {role.name for role in subject.roles}
            if subject.user.id not in self._cell.service_users and held.isdisjoint(self._cell.service_roles):
                raise errors.Unauthorized(reason="not a service account: nobody else logs in at a cell")
            if accept is not None:
                accept(subject)

        try:
            return super().authenticate(request, face, environ, peer, request_id, admit)
        except errors.ChallengeRequired:
            raise
        except errors.Unauthorized as problem:
            raise errors.Unauthorized(referral(self._cell), reason=problem.reason, headers=problem.headers) from None


class CellValidator(Validator):
    """What a new token rests on may be on its way to the replica: it is waited for, and never called untrue before."""

    def __init__(
        self,
        replica: Replica,
        store: Store,
        providers: Sequence[TokenProvider],
        feed: ChangeFeed,
        cache: TokenCache,
        clock: Clock,
        credentials_of: CredentialsOf,
    ) -> None:
        super().__init__(store, providers, feed, cache, clock, credentials_of)
        self._replica = replica

    def _load(self, token: str, window: int) -> Entry:
        end = monotonic() + ON_ITS_WAY
        while True:
            try:
                return super()._load(token, window)
            except errors.TokenUnfounded as problem:
                lag = self._replica.lag
                if self._opened(token).issued_at < self._clock() - lag.seconds - CLOCKS:
                    raise
                if monotonic() > end:
                    if lag.seconds:
                        raise errors.Unavailable(reason=f"the replica may not know it yet: {problem.reason}") from None
                    raise
            sleep(0.02)
            self._feed.sync(fresh=True)


class CellRules(AccountRules):
    def mark_active(self, account: Account) -> None:
        """Not noted: give service accounts `ignore_user_inactivity` where absence switches accounts off."""


class CellPasswords(Passwords):
    """Counts wrong passwords in this process alone, beside what the database tells, and gives no hash a new form."""

    def __init__(self, store: Store, hasher: Hasher, policy: SecurityCompliance, clock: Clock) -> None:
        super().__init__(store, hasher, policy, clock)
        self._failures: dict[str, tuple[int, float]] = {}  # by user: how many in a row, and when the last one was
        self._counting = threading.Lock()

    def _refusal(self, credential: Credential | None, fits: bool, now: float) -> str | None:
        if credential is not None and self._locked(credential, now):
            return "the account is locked in this process"
        return super()._refusal(credential, fits, now)

    def _still_open(self, credential: Credential, now: float) -> bool:
        with self._counting:
            if self._locked(credential, now):
                return False
            self._failures.pop(credential.user.id, None)
        return True

    def _count_failure(self, credential: Credential | None, fits: bool, now: float) -> None:
        if credential is None or fits or not self._policy.lockout_failure_attempts:
            return
        with self._counting:
            if not self._locked(credential, now):
                count, _ = self._failures.pop(credential.user.id, (0, now))
                if count >= self._policy.lockout_failure_attempts:  # that lock is over
                    count = 0
                self._failures[credential.user.id] = (count + 1, now)
                if len(self._failures) > REMEMBERED:
                    del self._failures[next(iter(self._failures))]

    def _rehash(self, credential: Credential, password: str) -> None:
        return None

    def _locked(self, credential: Credential, now: float) -> bool:
        """By what was counted here."""
        count, last = self._failures.get(credential.user.id, (0, 0.0))
        return is_locked(replace(credential, failed_count=count, failed_at=last), self._policy, now)
