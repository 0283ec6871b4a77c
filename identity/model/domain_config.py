"""Options that one domain has of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class DomainOption:
    """`value` is any JSON; an option that is a secret has `sealed` instead."""

    group: str
    name: str
    value: Any = None
    sealed: bytes | None = field(default=None, repr=False)
