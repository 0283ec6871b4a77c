"""Which entry point a path belongs to: the prefix becomes SCRIPT_NAME, the rest PATH_INFO.

The tables are data so that the edge can look them up without a call (it is on the hot path).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from identity.model.auth import Face

# First path segment to face; None: that face is not served on this listener. Prefixes are case-sensitive, so
# "/KRB" is nobody's and ends in the router's 404, never at a door that asks for another proof.
_API: Final[Mapping[str, Face | None]] = {"main": Face.MAIN, "admin": Face.ADMIN, "krb": Face.KRB, "x509": None}
# A proxy that ends TLS has one upstream for all.
_HOP: Final[Mapping[str, Face | None]] = {**_API, "x509": Face.X509}
_X509: Final[Mapping[str, Face | None]] = {"x509": Face.X509}

# Listener to (table, face of every other path).
BY_LISTENER: Final[Mapping[str, tuple[Mapping[str, Face | None], Face | None]]] = {
    "api": (_API, Face.BARE),
    "x509": (_X509, None),
    "hop": (_HOP, Face.BARE),
}
