"""Signing keys that live in memory."""

from __future__ import annotations

from identity.tokens.key_kinds import KINDS


class FixedKeys:
    """A KeySource of `count` fresh keys."""

    def __init__(self, purpose: str, count: int = 2) -> None:
        self.found = tuple(KINDS[purpose].fresh() for _ in range(count))

    def primary(self) -> bytes:
        return self.found[0]

    def keys(self) -> tuple[bytes, ...]:
        return self.found
