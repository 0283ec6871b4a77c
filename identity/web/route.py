"""A route's declaration: everything about it in one place, beside its handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from identity.policy.registry import PUBLIC

if TYPE_CHECKING:
    from identity.web.context import Call
    from identity.web.reply import Reply

__all__ = ["PUBLIC", "Route", "route", "routes_of"]

Handler = Callable[["Call"], "Reply"]


@dataclass(frozen=True, slots=True)
class Route:
    """`policy` is a rule name of the policy file, or `PUBLIC`. `errors` are the statuses it may answer with.

    `body` and `reply` are msgspec types. `filters` are the query's names that narrow a list (None: this is no list); with them
    go the comparators, sort and paging of `web/listing.py`. `query` are other names that the query may hold.
    """

    method: str
    path: str
    handler: Handler
    policy: str
    summary: str
    reply: Any = None
    body: Any = None
    errors: tuple[int, ...] = ()
    status: int = 200
    filters: tuple[str, ...] | None = None
    query: tuple[str, ...] = ()


def route(
    method: str,
    path: str,
    *,
    policy: str,
    summary: str,
    reply: Any = None,
    body: Any = None,
    errors: tuple[int, ...] = (),
    status: int = 200,
    filters: tuple[str, ...] | None = None,
    query: tuple[str, ...] = (),
) -> Callable[[Handler], Handler]:
    """Attach a declaration to a handler; the handler itself stays as it is. May be stacked."""

    def declare(handler: Handler) -> Handler:
        declared = Route(method, path, handler, policy, summary, reply, body, errors, status, filters, query)
        handler.routes = (*getattr(handler, "routes", ()), declared)  # type: ignore[attr-defined]
        return handler

    return declare


def routes_of(modules: Iterable[ModuleType]) -> list[Route]:
    """Every route that the modules declare, in the order of the source."""
    found: list[Route] = []
    for module in modules:
        for value in vars(module).values():
            found.extend(declared for declared in getattr(value, "routes", ()) if isinstance(declared, Route))
    return found
