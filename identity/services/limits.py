"""What limits must refer to, and what a tree of two levels allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from identity.errors import BadRequest, Conflict, Forbidden
from identity.model.limit import FLAT, STRICT_TWO_LEVEL, Limit, RegisteredLimit
from identity.store import limits, registered_limits
from identity.store.text import findable

MODELS: Final[Mapping[str, str]] = {
    FLAT: "Each project's limit stands by itself, whatever the project is a part of.",
    STRICT_TWO_LEVEL: "Projects are at most two levels deep, and no project's limit exceeds its domain's.",
}
"""The enforcement models, and what each one means to the services that ask."""


def register(tx: Connection, new: Sequence[RegisteredLimit]) -> None:
    """Store registered limits, all or none. Raises `errors.BadRequest` for an unknown service or region, `Conflict`."""
    check_places(tx, new)
    registered_limits.create(tx, new)


def check_places(tx: Connection, wanted: Sequence[RegisteredLimit] | Sequence[Limit]) -> None:
    """Raises `errors.BadRequest` where a service or region is named that there is not."""
    services = {limit.service_id for limit in wanted}
    regions = {limit.region_id for limit in wanted if limit.region_id is not None}
    _check_known("service", services, registered_limits.unknown_services(tx, _findable(services)) if services else set())
    _check_known("region", regions, registered_limits.unknown_regions(tx, _findable(regions)) if regions else set())


def create(tx: Connection, wanted: Sequence[Limit], model: str) -> list[Limit]:
    """Store limits, all or none; gives them as stored. A project that acts as a domain gets a domain's limit.

    Raises `errors.BadRequest` for an unknown service, region, project or domain, `Forbidden` where the resource has no
    registered limit or the model does not allow the value, `Conflict` for a second limit of one owner.
    """
    check_places(tx, wanted)
    new = _owned(tx, wanted)
    registered = {stored.key: stored.id for stored in registered_limits.of_services(tx, (limit.service_id for limit in new))}
    pairs = []
    for limit in new:
        if limit.key not in registered:
            raise Forbidden(f"There is no registered limit for the resource {limit.resource_name[:64]!r}: make that first.")
        pairs.append((limit, registered[limit.key]))
    held = {id for _, id in pairs}
    if limits.lock(tx, held) != len(held):
        raise Conflict("A registered limit was deleted meanwhile: try again.")
    taken = limits.owned(tx, {_owner(limit) for limit in new})
    for limit, id in pairs:
        if (id, _owner(limit)) in taken:
            raise Conflict(f"The project or domain has a limit of {limit.resource_name[:64]!r} already: change that one.")
        taken.add((id, _owner(limit)))
    limits.create(tx, pairs)
    _check_tree(tx, [limit.id for limit in new], model)
    return new


def change(tx: Connection, id: str, values: Mapping[str, Any], model: str) -> None:
    """Change a limit. Raises `errors.NotFound`; `Forbidden` where the model does not allow the value."""
    limits.change(tx, id, values)
    _check_tree(tx, [id], model)


def _check_tree(tx: Connection, changed: Sequence[str], model: str) -> None:
    if model == STRICT_TWO_LEVEL and limits.above_its_domain(tx, changed):
        raise Forbidden("A project's limit may not exceed its domain's, which is the registered one where the domain has none.")


def _owned(tx: Connection, wanted: Sequence[Limit]) -> list[Limit]:
    """The limits with their owners looked up."""
    known = limits.projects(tx, _findable({_owner(limit) for limit in wanted}))
    new = []
    for limit in wanted:
        is_domain = known.get(_owner(limit))
        if is_domain is None or (limit.domain_id is not None and not is_domain):
            what = "project" if limit.domain_id is None else "domain"
            raise BadRequest(f"Invalid input: there is no {what} {_owner(limit)[:64]!r}.")
        if is_domain and limit.project_id is not None:
            limit = replace(limit, project_id=None, domain_id=limit.project_id)  # noqa: PLW2901
        new.append(limit)
    return new


def _owner(limit: Limit) -> str:
    return limit.project_id or limit.domain_id or ""


def _findable(ids: Iterable[str]) -> list[str]:
    return [id for id in ids if findable(id)]


def _check_known(what: str, asked: Iterable[str], unknown: set[str]) -> None:
    for id in asked:
        if id in unknown or not findable(id):
            raise BadRequest(f"Invalid input: there is no {what} {id[:64]!r}.")
