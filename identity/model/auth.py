"""What an authentication request asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Face(Enum):
    """An entry point, told by the URL prefix; it decides which proof is asked for, and nothing else."""

    BARE = ""
    MAIN = "/main"
    ADMIN = "/admin"
    KRB = "/krb"
    X509 = "/x509"


@dataclass(frozen=True, slots=True)
class DomainRef:
    """A domain by id or by name, as a client wrote it."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectRef:
    """A project by id, or by name within a domain."""

    id: str | None = None
    name: str | None = None
    domain: DomainRef | None = None


@dataclass(frozen=True, slots=True)
class UserRef:
    """A user by id, or by name within a domain."""

    id: str | None = None
    name: str | None = None
    domain: DomainRef | None = None


@dataclass(frozen=True, slots=True)
class ScopeRequest:
    """The scope asked for. All unset with `unscoped` false means: the default project, if there is one."""

    project: ProjectRef | None = None
    domain: DomainRef | None = None
    system: bool = False
    unscoped: bool = False


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """The methods in the order asked, and the payload of each as the client sent it: plain values, for its plugin to judge."""

    methods: tuple[str, ...]
    payloads: Mapping[str, Any] = field(default_factory=dict)
    scope: ScopeRequest = ScopeRequest()
