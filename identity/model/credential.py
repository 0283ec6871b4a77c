"""Secrets that users keep at the identity service, for use elsewhere: EC2 key pairs, TOTP seeds, certificates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

EC2: Final = "ec2"
"""The type whose id is the SHA-256 of the access key, so that it is found by a request that was signed with it."""


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """A credential as it is stored; only the vault opens `sealed`. `type` is any name that clients agree on."""

    id: str
    user_id: str
    project_id: str | None
    type: str
    sealed: bytes = field(repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ec2Keys:
    """What an EC2 credential's blob says."""

    access: str | None
    secret: str | None = field(repr=False)
    trust_id: str | None = None
