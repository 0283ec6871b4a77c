"""Changes that may alter a token's validity or content.

A change's sequence is one counter of the database, raised in the transaction of the change itself; the same
counter, read at issue, rides in a token's audit id. So older and newer are decided without clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Kinds. An id is the thing's own; for GRANT it is "<user or group id>/<project id, domain id or 'system'>",
# and "<user id>/*" where a user left a group.
USER: Final = "user"
PROJECT: Final = "project"
DOMAIN: Final = "domain"
ROLE: Final = "role"
GRANT: Final = "grant"
AUDIT: Final = "audit"
CHAIN: Final = "chain"
CATALOG: Final = "catalog"
KEYS: Final = "keys"
APP_CRED: Final = "app_cred"
TRUST: Final = "trust"
RESUMED: Final = "resumed"  # of no token: where a log goes on that had lost changes, the number it stood at
ACCESS_TOKEN: Final = "access_token"  # noqa: S105 - the name of a kind


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the change log. `revokes`: tokens issued before it are void; else they are only re-read."""

    seq: int
    kind: str
    id: str
    at: float
    revokes: bool

    @property
    def tag(self) -> str:
        return f"{self.kind}:{self.id}"


def tag(kind: str, id: str) -> str:
    return f"{kind}:{id}"
