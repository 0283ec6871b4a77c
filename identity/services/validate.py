"""Whether a token is good now. Expiry, revocation, enabled accounts and roles are judged here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from identity import errors
from identity.model.access import Access
from identity.model.revocation import AUDIT, CHAIN
from identity.model.subject import Subject
from identity.model.token import Claims
from identity.ports import Clock, TokenProvider
from identity.services.feed import ChangeFeed
from identity.services.token_cache import Entry, TokenCache
from identity.store import subjects
from identity.store.engine import Store
from identity.tokens.audit import sequence_of

REFUSED_FOR = 5.0  # seconds
# An application credential is checked in `_subject`.
RESTRICTIONS = attrgetter("trust_id", "access_token_id", "idp_id", "protocol_id", "thumbprint")
UNRESTRICTED = (None,) * 5
CredentialsOf = Callable[[Claims, Subject], Mapping[str, Any]]


class Validator:
    """Opens tokens of every spelling in use. Implements `ports.TokenReader`."""

    def __init__(
        self,
        store: Store,
        providers: Sequence[TokenProvider],
        feed: ChangeFeed,
        cache: TokenCache,
        clock: Clock,
        credentials_of: CredentialsOf,
    ) -> None:
        self._store = store
        self._providers = tuple(providers)
        self._feed = feed
        self._cache = cache
        self._cached = cache.get
        self._clock = clock
        self._credentials_of = credentials_of

    def caller(self, token: str | None) -> Entry:
        """The verified caller. Looks at the change log; raises `errors.Unauthorized`."""
        self._feed.sync()
        if not token:
            raise errors.Unauthorized(reason="no X-Auth-Token")
        entry = self._cached(token)
        if entry is None or entry.expires_at <= self._clock():
            try:
                entry = self.entry(token)
            except errors.TokenNotFound as problem:
                raise errors.Unauthorized(reason=f"X-Auth-Token: {problem.reason}") from None
        if not entry.credentials:
            entry.credentials = self._credentials_of(entry.access.claims, entry.access.subject)
        return entry

    def entry(self, token: str, window: int = 0) -> Entry:
        """The token as it stands; `window` seconds after its expiry still count. Raises `errors.TokenNotFound`.

        The caller has looked at the change log within this request.
        """
        entry = self._cached(token) or self._load(token, window)
        if entry.expires_at + window <= self._clock():
            raise errors.TokenNotFound(reason="expired")
        return entry

    def read(self, token: str) -> Claims:
        self._feed.sync(fresh=True)
        return self.entry(token).access.claims

    def _load(self, token: str, window: int) -> Entry:
        if self._cache.refused.get(token, 0.0) > self._clock():
            raise errors.TokenNotFound(reason="not a token")
        seq = self._feed.seq
        claims = self._opened(token)
        if claims.expires_at + window <= self._clock():
            raise errors.TokenNotFound(reason="expired")
        if claims.group_ids or RESTRICTIONS(claims) != UNRESTRICTED:
            # A restriction that cannot be checked is not passed over, not even one that names nothing.
            raise errors.TokenNotFound(reason="a delegated, federated or bound token is not served here")
        if token in self._cache.doubtful and (known := self._cache.recall(token, seq)) is not None:
            return known
        subject = self._subject(claims)
        ends = claims.expires_at
        if (confinement := subject.confinement) is not None and confinement.expires_at is not None:
            ends = min(ends, int(confinement.expires_at))
        entry = Entry(token, Access(claims, subject), ends)
        self._cache.put(entry, seq)
        return entry

    def _opened(self, token: str) -> Claims:
        for provider in self._providers:
            if len(self._providers) > 1 and not provider.owns(token):
                continue
            try:
                return provider.open(token)
            except errors.TokenNotFound:
                continue
        self._cache.refuse(token, self._clock() + REFUSED_FOR)
        raise errors.TokenNotFound(reason="no provider opens it")

    def _subject(self, claims: Claims) -> Subject:
        audit_ids = claims.audit_ids
        issued = sequence_of(audit_ids[0])
        if issued is not None and issued > self._feed.seq and issued > self._feed.sync(fresh=True):
            # Made before the database was put back to an older state: every change to come would seem older than it.
            raise errors.TokenUnfounded(reason="newer than the change log, which was put back")
        subject = subjects.load(
            self._store,
            claims.user_id,
            project_id=claims.project_id,
            domain_id=claims.domain_id,
            system=claims.system is not None,
            extra_tags=(f"{AUDIT}:{audit_ids[0]}", f"{CHAIN}:{audit_ids[-1]}"),
            since=issued or 0,
            since_at=None if issued is not None else float(claims.issued_at),
            app_cred_id=claims.app_cred_id,
        )
        if subject is None:
            raise errors.TokenUnfounded(reason="its user, project, domain or application credential is gone")
        check_usable(subject)
        forgotten = issued + 1 < subject.log_start if issued is not None else claims.issued_at < subject.log_start_at
        if forgotten and subject.log_start > 1:
            raise errors.TokenNotFound(reason="older than the change log, which may have lost its revocation")
        # `load` reports only changes after the issue: by sequence, or for Keystone's own tokens by the whole second.
        if subject.revoked_seq:
            raise errors.TokenNotFound(reason="revoked")
        return subject


def check_usable(subject: Subject) -> None:
    """Raise `errors.TokenNotFound` unless the accounts are enabled and a scoped subject holds a role."""
    why = None
    if not subject.user.enabled or not subject.user.domain.enabled:
        why = "the user or its domain is disabled"
    elif subject.project is not None and not (subject.project.enabled and subject.project.domain.enabled):
        why = "the project or its domain is disabled"
    elif subject.domain is not None and not subject.domain.enabled:
        why = "the domain is disabled"
    elif (subject.project or subject.domain or subject.system) and not subject.roles:
        raise errors.TokenUnfounded(reason="no role on the scope")
    if why:
        raise errors.TokenNotFound(reason=why)
