"""A validated token: its claims, its subject, and what follows for policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .subject import Subject
from .token import Claims


@dataclass(frozen=True, slots=True)
class Access:
    """A token that was found good. `credentials` is what the policy enforcer is asked about: it is made once."""

    claims: Claims
    subject: Subject
    credentials: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh token in its sealed spelling."""

    token: str
    access: Access
    response_headers: tuple[tuple[str, str], ...] = ()
