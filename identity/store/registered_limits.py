"""Registered limits: the default of each resource."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from ..errors import Conflict, Forbidden, NotFound
from ..model.limit import RegisteredLimit
from ..model.listing import EVERYTHING, Page
from .listing import Listing
from .pinning import pin
from .tables import region, registered_limit, resource_limit, service
from .text import findable

ROWS = select(
    registered_limit.c.id,
    registered_limit.c.service_id,
    registered_limit.c.region_id,
    registered_limit.c.resource_name,
    registered_limit.c.default_limit,
    registered_limit.c.description,
)
LISTING = Listing(
    ROWS,
    registered_limit.c.id,
    {name: registered_limit.c[name] for name in ("service_id", "region_id", "resource_name", "default_limit")},
    ("id",),
)
GET = ROWS.where(registered_limit.c.id == bindparam("this"))
THESE: BindParameter[Sequence[str]] = bindparam("these", expanding=True)
OF_SERVICES = ROWS.where(registered_limit.c.service_id.in_(THESE))
CREATE = insert(registered_limit)
CHANGE = update(registered_limit).where(registered_limit.c.id == bindparam("this"))
DELETE = delete(registered_limit).where(registered_limit.c.id == bindparam("this"))
LOCK = select(registered_limit.c.id).where(registered_limit.c.id == bindparam("this")).with_for_update()
USED = select(resource_limit.c.id).where(resource_limit.c.registered_limit_id == bindparam("this")).limit(1)
SERVICES = select(service.c.id).where(service.c.id.in_(THESE))
REGIONS = select(region.c.id).where(region.c.id.in_(THESE))


def get(db: Connection, id: str) -> RegisteredLimit | None:
    """The registered limit, or None. One query."""
    row = db.execute(GET, {"this": id}).first() if findable(id) else None
    return _limit(row) if row is not None else None


def pinned(tx: Connection, id: str) -> RegisteredLimit | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended."""
    pin(tx, registered_limit, id)
    return get(tx, id)


def listed(db: Connection, page: Page = EVERYTHING) -> tuple[list[RegisteredLimit], bool]:
    """The registered limits of that page, by id, and whether there are more."""
    found = LISTING.page(db, page)
    return [_limit(row) for row in found.rows], found.more


def of_services(db: Connection, service_ids: Iterable[str]) -> list[RegisteredLimit]:
    """Every registered limit of these services. One query."""
    return [_limit(row) for row in db.execute(OF_SERVICES, {"these": sorted(set(service_ids))})]


def unknown_services(db: Connection, ids: Collection[str]) -> set[str]:
    """Which of these are no services. One query."""
    return set(ids) - set(db.execute(SERVICES, {"these": list(ids)}).scalars())


def unknown_regions(db: Connection, ids: Collection[str]) -> set[str]:
    """Which of these are no regions. One query."""
    return set(ids) - set(db.execute(REGIONS, {"these": list(ids)}).scalars())


def create(tx: Connection, new: Sequence[RegisteredLimit]) -> None:
    """Store new ones. Raises `Conflict` where a resource has one already, or would get two."""
    taken = {stored.key for stored in of_services(tx, (limit.service_id for limit in new))}
    for limit in new:
        if limit.key in taken:
            raise Conflict(f"There is already a registered limit for this service and region, named {limit.resource_name[:64]!r}.")
        taken.add(limit.key)
    tx.execute(CREATE, [asdict(limit) for limit in new])


def save(tx: Connection, changed: RegisteredLimit) -> None:
    """Write one as it is to be. Raises `Conflict` as `create`; `NotFound`; `Forbidden` while limits refer to it."""
    _lock_unused(tx, changed.id)
    others = [stored for stored in of_services(tx, [changed.service_id]) if stored.id != changed.id]
    if changed.key in {stored.key for stored in others}:
        raise Conflict("There is already a registered limit for this service, region and resource.")
    values = asdict(changed)
    tx.execute(CHANGE.values({name: value for name, value in values.items() if name != "id"}), {"this": changed.id})


def remove(tx: Connection, id: str) -> None:
    """Remove one. Raises `NotFound`, or `Forbidden` while limits refer to it."""
    _lock_unused(tx, id)
    tx.execute(DELETE, {"this": id})


def _lock_unused(tx: Connection, id: str) -> None:
    """Locked first, so that no limit is made for it meanwhile."""
    if tx.execute(LOCK, {"this": id}).first() is None:
        raise NotFound(reason="no such registered limit")
    if tx.execute(USED, {"this": id}).first() is not None:
        raise Forbidden("The registered limit cannot be changed or deleted: projects or domains have limits of their own for it.")


def _limit(row: Sequence[Any]) -> RegisteredLimit:
    return RegisteredLimit(*row)
