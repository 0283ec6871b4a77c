"""The content of a token, whatever its spelling (Fernet, JWS, UUID)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claims:
    """Times are whole seconds since the epoch, UTC. At most one of project, domain and system is set.

    `audit_ids` holds the token's own audit id and, after a rescope, the first one of its chain.
    `group_ids`, `idp_id`, `protocol_id` are a federated login's; `trust_id`, `access_token_id`,
    `app_cred_id` and `thumbprint` name the delegation or binding that the token carries.
    """

    user_id: str
    methods: tuple[str, ...]
    issued_at: int
    expires_at: int
    audit_ids: tuple[str, ...]
    project_id: str | None = None
    domain_id: str | None = None
    system: str | None = None
    group_ids: tuple[str, ...] = ()
    idp_id: str | None = None
    protocol_id: str | None = None
    trust_id: str | None = None
    access_token_id: str | None = None
    app_cred_id: str | None = None
    thumbprint: str | None = None

    @property
    def audit_id(self) -> str:
        return self.audit_ids[0]

    @property
    def chain_id(self) -> str:
        """The audit id that every token of one rescoping chain shares."""
        return self.audit_ids[-1]
