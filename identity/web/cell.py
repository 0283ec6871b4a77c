"""What a cell offers: its routes as they are, and in place of all others the word where to go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from identity import errors
from identity.services.cell import referral
from identity.settings import Cell
from identity.web.context import Call
from identity.web.reply import Reply
from identity.web.route import PUBLIC, Route

# Whatever is read from here on is about the caller's own token, or public. Revoking writes, so it is not for a cell.
_READABLE: Final = ("/v3/auth/", "/v2.0/tokens")
_WRITES: Final = frozenset({"PUT", "PATCH", "DELETE"})


def serves(route: Route) -> bool:
    """Whether a cell answers this route itself."""
    if route.path.startswith(_READABLE):
        return route.method not in _WRITES
    return route.policy is PUBLIC and route.method in ("GET", "HEAD")


def offered(routes: Iterable[Route], cell: Cell) -> list[Route]:
    """The routes with their handlers; where no cell is served, unchanged."""

    def refer(_call: Call) -> Reply:
        raise errors.Forbidden(referral(cell))

    if not cell.enabled:
        return list(routes)
    return [route if serves(route) else replace(route, handler=refer, policy=PUBLIC) for route in routes]
