"""Users and groups as the resource API shows and changes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FederatedLink:
    """Who the user is at an identity provider."""

    idp_id: str
    protocol_id: str
    unique_id: str


@dataclass(frozen=True, slots=True)
class Account:
    """Times are seconds since the epoch. `options` have Keystone's names; `extra` is whatever else clients have stored.

    `federated` is filled where one account is read, not in lists.
    """

    id: str
    name: str
    domain_id: str
    enabled: bool = True
    default_project_id: str | None = None
    password_expires_at: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    created_at: float = 0.0
    last_active_at: float | None = None
    federated: tuple[FederatedLink, ...] = ()


@dataclass(frozen=True, slots=True)
class NewPassword:
    """`hash` None: the user is to have no password. `keep`: how many former hashes stay, to be compared with later ones."""

    hash: str | None = field(repr=False)
    expires_at: float | None = None
    keep: int = 0
    self_service: bool = False


@dataclass(frozen=True, slots=True)
class FormerPassword:
    """A password that the user has or had; `self_service`: the user chose it, not an administrator."""

    hash: str = field(repr=False)
    created_at: float
    self_service: bool


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    name: str
    domain_id: str
    description: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
