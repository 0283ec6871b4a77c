"""A validated token: its claims and its subject."""

from __future__ import annotations

from dataclasses import dataclass, field

from .subject import Subject
from .token import Claims


@dataclass(frozen=True, slots=True)
class Access:
    """A token that was found good: what it says, and what holds of its user now."""

    claims: Claims
    subject: Subject


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh token in its sealed spelling."""

    token: str = field(repr=False)
    access: Access
    response_headers: tuple[tuple[str, str], ...] = ()
