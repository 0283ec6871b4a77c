"""Attribute mappings: the rules by which an assertion becomes a user."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from ..errors import Conflict, NotFound
from ..model.federation import AttributeMapping
from ..model.listing import EVERYTHING, Page
from .listing import Listing
from .tables import mapping as table
from .text import checked_id, findable

ROWS: Select[Any] = select(table.c.id, table.c.rules, table.c.schema_version)
LISTING = Listing(ROWS, table.c.id, {"schema_version": table.c.schema_version}, ("id",))
GET = ROWS.where(table.c.id == bindparam("this"))
CREATE = insert(table)
CHANGE = update(table).where(table.c.id == bindparam("this"))
DELETE = delete(table).where(table.c.id == bindparam("this"))


def get(db: Connection, id: str) -> AttributeMapping | None:
    """The mapping, or None. One query."""
    row = db.execute(GET, {"this": id}).first() if findable(id) else None
    return AttributeMapping(*tuple(row)) if row is not None else None


def listed(db: Connection, page: Page = EVERYTHING) -> tuple[list[AttributeMapping], bool]:
    """The mappings of that page, by id, and whether there are more. One query."""
    found = LISTING.page(db, page)
    return [AttributeMapping(*tuple(row)) for row in found.rows], found.more


def create(tx: Connection, new: AttributeMapping) -> None:
    """Store a new mapping. Raises `Conflict` for an id that is taken."""
    if get(tx, checked_id(new.id)) is not None:
        raise Conflict(f"There is already a mapping with the id {new.id[:64]}.")
    tx.execute(CREATE, {"id": new.id, "rules": list(new.rules), "schema_version": new.schema_version})


def save(tx: Connection, changed: AttributeMapping) -> None:
    """Write the mapping as it is to be. Raises `NotFound`."""
    values = {"rules": list(changed.rules), "schema_version": changed.schema_version}
    if tx.execute(CHANGE.values(**values), {"this": changed.id}).rowcount == 0:
        raise NotFound(reason="no such mapping")


def remove(tx: Connection, id: str) -> None:
    """Remove the mapping; protocols that name it find none from then on, as today. Raises `NotFound`."""
    if tx.execute(DELETE, {"this": id}).rowcount == 0:
        raise NotFound(reason="no such mapping")
