"""Regions: a tree of places. Endpoints and limits refer to them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from ..errors import BadRequest, Conflict, Forbidden, NotFound
from ..model import revocation
from ..model.catalog import Region
from ..model.listing import EVERYTHING, Page
from . import epoch
from .listing import Listing
from .tables import endpoint, region
from .text import checked, checked_description, findable

ROWS = select(region.c.id, region.c.parent_id, region.c.description, region.c.extra)
LISTING = Listing(ROWS, region.c.id, {"parent_region_id": region.c.parent_id, "description": region.c.description}, ("id",))
GET = ROWS.where(region.c.id == bindparam("this"))
CREATE = insert(region)
CHANGE = update(region).where(region.c.id == bindparam("this"))
DELETE = delete(region).where(region.c.id == bindparam("this"))
CHILD = select(region.c.id).where(region.c.parent_id == bindparam("this")).limit(1)
USED = select(endpoint.c.id).where(endpoint.c.region_id == bindparam("this")).limit(1)
ABOVE = text("""
WITH RECURSIVE above (id) AS (
    SELECT :start
    UNION SELECT r.parent_id FROM above a JOIN region r ON r.id = a.id WHERE r.parent_id IS NOT NULL
) SELECT id FROM above
""")


def get(db: Connection, region_id: str) -> Region | None:
    """The region, or None. One query."""
    row = db.execute(GET, {"this": region_id}).first() if findable(region_id) else None
    return Region(*row) if row is not None else None


def listed(db: Connection, page: Page = EVERYTHING) -> tuple[list[Region], bool]:
    """The regions of that page, by id, and whether there are more."""
    found = LISTING.page(db, page)
    return [Region(*row) for row in found.rows], found.more


def create(tx: Connection, new: Region, now: float) -> None:
    """Store a new region. Raises `Conflict` for an id that is taken, `NotFound` for the parent."""
    if get(tx, new.id) is not None:
        raise Conflict(f"There is already a region with the id {new.id[:64]}.")
    _check_parent(tx, new)
    tx.execute(CREATE, {"id": checked(new.id, 255, "id"), **_values(new)})
    epoch.record(tx, now, [(revocation.CATALOG, new.id, False)])


def save(tx: Connection, changed: Region, now: float) -> None:
    """Write the region as it is to be. Raises `NotFound` for it or its parent, `BadRequest` for a circle."""
    _check_parent(tx, changed)
    if tx.execute(CHANGE.values(**_values(changed)), {"this": changed.id}).rowcount == 0:
        raise NotFound(reason="no such region")
    epoch.record(tx, now, [(revocation.CATALOG, changed.id, False)])


def remove(tx: Connection, region_id: str, now: float) -> None:
    """Remove a region that nothing is in. Raises `NotFound`, or `Forbidden` while it has endpoints or regions below it."""
    if tx.execute(CHILD, {"this": region_id}).first() or tx.execute(USED, {"this": region_id}).first():
        raise Forbidden("The region cannot be deleted: it has endpoints or regions below it. Delete those first.")
    if tx.execute(DELETE, {"this": region_id}).rowcount == 0:
        raise NotFound(reason="no such region")
    epoch.record(tx, now, [(revocation.CATALOG, region_id, False)])


def _check_parent(tx: Connection, wanted: Region) -> None:
    if wanted.parent_id is None:
        return
    if get(tx, wanted.parent_id) is None:
        raise NotFound(f"Could not find region: {wanted.parent_id[:64]}.")
    if wanted.id in set(tx.execute(ABOVE, {"start": wanted.parent_id}).scalars()):
        raise BadRequest("A region cannot be its own parent, or stand below itself.")


def _values(wanted: Region) -> dict[str, Any]:
    known = replace(wanted, description=checked_description(wanted.description))
    return {"parent_id": known.parent_id, "description": known.description, "extra": dict(known.extra)}
