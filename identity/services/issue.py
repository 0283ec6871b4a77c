"""Making tokens. The one rule for their life stands here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from identity import errors
from identity.model.access import Access, Issued
from identity.model.evidence import AuthenticatedIdentity
from identity.model.subject import Subject
from identity.model.token import Claims
from identity.ports import Clock, TokenProvider
from identity.tokens.audit import new_audit_id


class Issuer:
    """Seals claims. A token ends no later than any proof or token it came from."""

    def __init__(
        self,
        provider: TokenProvider,
        expiration: int,
        clock: Clock,
        ordered: Callable[[Iterable[str]], tuple[str, ...]],
    ) -> None:
        self._provider = provider
        self._expiration = expiration
        self._clock = clock
        self._ordered = ordered

    def issue(self, identities: Sequence[AuthenticatedIdentity], subject: Subject, seq: int) -> Issued:
        """A token for `subject`, proven by `identities`, as of change `seq`. Raises `errors.Unauthorized`."""
        now = int(self._clock())
        ends = [now + self._expiration]
        methods: list[str] = []
        audit_ids = [new_audit_id(seq)]
        for identity in identities:
            methods.append(identity.method)
            if identity.not_after is not None:
                ends.append(int(identity.not_after))
            if identity.parent is not None:
                ends.append(identity.parent.expires_at)
                methods.extend(identity.parent.methods)
                audit_ids = [audit_ids[0], identity.parent.chain_id]
        if min(ends) <= now:
            raise errors.Unauthorized(reason="the proof has expired")
        claims = Claims(
            user_id=subject.user.id,
            methods=self._ordered(methods),
            issued_at=now,
            expires_at=min(ends),
            audit_ids=tuple(audit_ids),
            project_id=subject.project.id if subject.project else None,
            domain_id=subject.domain.id if subject.domain else None,
            system="all" if subject.system else None,
            app_cred_id=subject.confinement.id if subject.confinement else None,
        )
        headers = tuple(header for identity in identities for header in identity.response_headers)
        return Issued(self._provider.seal(claims), Access(claims, subject), headers)
