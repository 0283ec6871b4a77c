"""Roles as they are stored, and who has them on what, as lists show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RoleEntry:
    """A role with all its attributes. `domain_id`: it is for use inside that domain, and never in a token."""

    id: str
    name: str
    domain_id: str | None = None
    description: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def immutable(self) -> bool:
        return bool(self.options.get("immutable"))


@dataclass(frozen=True, slots=True)
class Inference:
    """Who has the role `prior` has the role `implied` too."""

    prior: RoleEntry
    implied: RoleEntry
