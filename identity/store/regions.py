"""Regions: a tree of places. Endpoints and limits refer to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, text, update

from ..errors import BadRequest, Conflict, Forbidden, NotFound, missing
from ..model import revocation
from ..model.catalog import Region
from ..model.listing import EVERYTHING, Page
from . import epoch
from .listing import Listing
from .tables import endpoint, region, registered_limit
from .text import checked, checked_description, findable

ROWS = select(region.c.id, region.c.parent_id, region.c.description, region.c.extra)
LISTING = Listing(ROWS, region.c.id, {"parent_region_id": region.c.parent_id, "description": region.c.description}, ("id",))
GET = ROWS.where(region.c.id == bindparam("this"))
CREATE = insert(region)
CHANGE = update(region).where(region.c.id == bindparam("this"))
THESE: BindParameter[Sequence[str]] = bindparam("these", expanding=True)
DELETE = delete(region).where(region.c.id.in_(THESE))
USED = select(endpoint.c.id).where(endpoint.c.region_id.in_(THESE)).limit(1)
LIMITED = select(registered_limit.c.id).where(registered_limit.c.region_id.in_(THESE)).limit(1)
# Two moves at once could close a circle that neither sees; and nothing may be put into a region while it goes away.
LOCK_TREE = select(region.c.id).order_by(region.c.id).with_for_update()
BELOW = text("""
WITH RECURSIVE below (id) AS (
    SELECT id FROM region WHERE id = :start
    UNION SELECT r.id FROM below b JOIN region r ON r.parent_id = b.id
) SELECT id FROM below
""")
ABOVE = text("""
WITH RECURSIVE above (id) AS (
    SELECT id FROM region WHERE id = :start
    UNION SELECT r.parent_id FROM above a JOIN region r ON r.id = a.id WHERE r.parent_id IS NOT NULL
) SELECT id FROM above
""")


def get(db: Connection, region_id: str) -> Region | None:
    """The region, or None. One query."""
    row = db.execute(GET, {"this": region_id}).first() if findable(region_id) else None
    return Region(*row) if row is not None else None


def pinned(tx: Connection, region_id: str) -> Region | None:
    """As `get`, for a change: whoever wants to change any region waits until this transaction has ended."""
    tx.execute(LOCK_TREE).all()
    return get(tx, region_id)


def listed(db: Connection, page: Page = EVERYTHING) -> tuple[list[Region], bool]:
    """The regions of that page, by id, and whether there are more."""
    found = LISTING.page(db, page)
    return [Region(*row) for row in found.rows], found.more


def create(tx: Connection, new: Region, now: float) -> str:
    """Store a new region; gives its id. Raises `Conflict` for an id that is taken, `NotFound` for the parent."""
    if get(tx, new.id) is not None:
        raise Conflict(f"There is already a region with the id {new.id[:64]}.")
    _check_parent(tx, new)
    tx.execute(CREATE, {"id": checked(new.id, 255, "id"), **_values(new)})
    epoch.record(tx, now, [(revocation.CATALOG, new.id, False)])
    return new.id


def ensure(tx: Connection, region_id: str) -> None:
    """Store a region of that id unless there is one. The caller records the change that it makes it for."""
    if get(tx, region_id) is None:
        tx.execute(CREATE, {"id": checked(region_id, 255, "id"), **_values(Region(region_id))})


def save(tx: Connection, changed: Region, now: float) -> None:
    """Write the region as it is to be. Raises `NotFound` for it or its parent, `BadRequest` for a circle."""
    if changed.parent_id is not None:
        tx.execute(LOCK_TREE)
    _check_parent(tx, changed)
    if tx.execute(CHANGE.values(**_values(changed)), {"this": changed.id}).rowcount == 0:
        raise NotFound(reason="no such region")
    epoch.record(tx, now, [(revocation.CATALOG, changed.id, False)])


def remove(tx: Connection, region_id: str, now: float) -> None:
    """Remove a region with all below it. Raises `NotFound`, or `Forbidden` while any of them has endpoints or registered limits."""
    tx.execute(LOCK_TREE)
    these = {"these": tx.execute(BELOW, {"start": region_id}).scalars().all() if findable(region_id) else []}
    if not these["these"]:
        raise NotFound(reason="no such region")
    if tx.execute(USED, these).first() is not None:
        raise Forbidden("The region cannot be deleted: it, or one below it, has endpoints. Delete those first.")
    if tx.execute(LIMITED, these).first() is not None:
        raise Forbidden("The region cannot be deleted: limits are registered for it, or for one below it. Delete those first.")
    tx.execute(DELETE, these)
    epoch.record(tx, now, [(revocation.CATALOG, region_id, False)])


def _check_parent(tx: Connection, wanted: Region) -> None:
    if wanted.parent_id is None:
        return
    if get(tx, wanted.parent_id) is None:
        raise missing("region", wanted.parent_id)
    if wanted.id in set(tx.execute(ABOVE, {"start": wanted.parent_id}).scalars()):
        raise BadRequest("A region cannot be its own parent, or stand below itself.")


def _values(wanted: Region) -> dict[str, Any]:
    return {"parent_id": wanted.parent_id, "description": checked_description(wanted.description), "extra": dict(wanted.extra)}
