"""Stored accounts and what they may do, as one snapshot."""

from __future__ import annotations

from dataclasses import dataclass, field

from .delegation import Confinement


@dataclass(frozen=True, slots=True)
class Domain:
    id: str
    name: str
    enabled: bool = True
    description: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """`password_expires_at` is in seconds since the epoch; None: never."""

    id: str
    name: str
    domain: Domain
    enabled: bool = True
    default_project_id: str | None = None
    password_expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """`enabled` already includes every ancestor's; `domain.enabled` stands apart."""

    id: str
    name: str
    domain: Domain
    enabled: bool = True
    is_domain: bool = False
    parent_id: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Role:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A user within one scope, read in one query at one moment.

    `tags` ("kind:id") name the changes after which this snapshot must be read again.
    `revoked_seq` is the highest sequence of a revoking change that meets one of the tags (0: none).
    `log_start` and `log_start_at` are sequence and time of the oldest change still in the log: of what came before it,
    nothing is known. `roles` are effective: direct, by group, inherited and implied; under a `confinement` only what it hands on.
    """

    user: User
    project: Project | None = None
    domain: Domain | None = None
    system: bool = False
    roles: tuple[Role, ...] = ()
    tags: frozenset[str] = field(default_factory=frozenset)
    revoked_seq: int = 0
    log_start: int = 0
    log_start_at: float = 0.0
    confinement: Confinement | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """A user's stored password and the lock-out counters beside it.

    `hash` is None for a user without a local password. `failed_at` is in seconds since the epoch.
    """

    user: User
    hash: str | None = field(default=None, repr=False)
    failed_count: int = 0
    failed_at: float | None = None
    lockout_exempt: bool = False
    password_expiry_exempt: bool = False
