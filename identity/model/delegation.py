"""What a user hands on: application credentials and what they may call, trusts, and OAuth 1.0a tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .assignment import RoleEntry
from .auth import UserRef
from .token import Claims

DELEGATED_METHODS: Final = frozenset({"application_credential", "oauth1", "ec2credential", "oauth2_credential"})
"""Methods whose proof is something that a user handed on, not the user's own."""


def is_delegated(claims: Claims) -> bool:
    """Whether the token is worth less than its user, so that nothing new may be drawn from it."""
    named = claims.trust_id or claims.app_cred_id or claims.access_token_id
    return named is not None or not claims.methods or not DELEGATED_METHODS.isdisjoint(claims.methods)


@dataclass(frozen=True, slots=True)
class RoleRef:
    """A role by id, or by name."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One kind of request. In `path`, `*` and `{name}` stand for one segment and `**` for any rest."""

    id: str
    service: str
    path: str
    method: str


@dataclass(frozen=True, slots=True)
class WantedRule:
    """A rule that a client names by its id, or writes out, or both."""

    id: str | None = None
    service: str | None = None
    path: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a token that came of an application credential is held to. No rules: it may call everything that its roles allow."""

    id: str
    name: str
    unrestricted: bool = False
    expires_at: float | None = None
    access_rules: tuple[AccessRule, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplicationCredential:
    """Times are seconds since the epoch; `expires_at` None: never. The secret is not in here."""

    id: str
    name: str
    user_id: str
    project_id: str | None
    description: str | None = None
    expires_at: float | None = None
    unrestricted: bool = False
    roles: tuple[RoleEntry, ...] = ()
    access_rules: tuple[AccessRule, ...] = ()


@dataclass(frozen=True, slots=True)
class WantedCredential:
    """An application credential as its user asks for it; no `roles`: all of the token's; no `secret`: one is made."""

    name: str
    description: str | None = None
    secret: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    unrestricted: bool = False
    roles: tuple[RoleRef, ...] = ()
    access_rules: tuple[WantedRule, ...] = ()


@dataclass(frozen=True, slots=True)
class CredentialRef:
    """An application credential by id, or by name and user."""

    id: str | None = None
    name: str | None = None
    user: UserRef | None = None


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """What a log-in with an application credential needs to know of it."""

    id: str
    user_id: str
    project_id: str | None
    hash: str = field(repr=False)
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Trust:
    """Times are seconds since the epoch; `remaining_uses` None: as often as it takes."""

    id: str
    trustor_user_id: str
    trustee_user_id: str
    project_id: str | None
    impersonation: bool
    expires_at: float | None = None
    created_at: float = 0.0
    remaining_uses: int | None = None
    redelegated_trust_id: str | None = None
    redelegation_count: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)
    roles: tuple[RoleEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class WantedTrust:
    """A trust as its trustor asks for it."""

    trustor_user_id: str
    trustee_user_id: str
    impersonation: bool
    project_id: str | None = None
    expires_at: float | None = None
    remaining_uses: int | None = None
    allow_redelegation: bool = False
    redelegation_count: int | None = None
    roles: tuple[RoleRef, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Consumer:
    """A program that asks users for a share of their roles (RFC 5849). `secret` is sealed."""

    id: str
    description: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    secret: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class RequestToken:
    """A consumer's question to a user; answered once `verifier` is set. `secret` is sealed."""

    id: str
    consumer_id: str
    project_id: str
    secret: bytes = field(repr=False)
    expires_at: float | None = None
    verifier: str | None = field(default=None, repr=False)
    user_id: str | None = None
    role_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What the user answered. `secret` is sealed."""

    id: str
    consumer_id: str
    user_id: str
    project_id: str
    role_ids: tuple[str, ...] = ()
    expires_at: float | None = None
    secret: bytes = field(default=b"", repr=False)
