"""Service providers: the other clouds that a token tells of."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from ..errors import Conflict, NotFound
from ..model import revocation
from ..model.federation import ServiceProvider
from ..model.listing import EVERYTHING, Page
from . import epoch
from .listing import Listing
from .pinning import pin
from .tables import service_provider as table
from .text import checked_id, findable

ROWS: Select[Any] = select(
    table.c.id, table.c.auth_url, table.c.sp_url, table.c.enabled, table.c.description, table.c.relay_state_prefix
)
LISTING = Listing(ROWS, table.c.id, {"enabled": table.c.enabled}, ("id",))
GET = ROWS.where(table.c.id == bindparam("this"))
ENABLED = ROWS.where(table.c.enabled).order_by(table.c.id)
CREATE = insert(table)
CHANGE = update(table).where(table.c.id == bindparam("this"))
DELETE = delete(table).where(table.c.id == bindparam("this"))


def get(db: Connection, id: str) -> ServiceProvider | None:
    """The service provider, or None. One query."""
    row = db.execute(GET, {"this": id}).first() if findable(id) else None
    return ServiceProvider(*tuple(row)) if row is not None else None


def pinned(tx: Connection, id: str) -> ServiceProvider | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended."""
    pin(tx, table, id)
    return get(tx, id)


def listed(db: Connection, page: Page = EVERYTHING) -> tuple[list[ServiceProvider], bool]:
    """The service providers of that page, by id, and whether there are more. One query."""
    found = LISTING.page(db, page)
    return [ServiceProvider(*tuple(row)) for row in found.rows], found.more


def enabled(db: Connection) -> list[ServiceProvider]:
    """Those that tokens tell of, by id. One query."""
    return [ServiceProvider(*tuple(row)) for row in db.execute(ENABLED)]


def create(tx: Connection, new: ServiceProvider, now: float) -> None:
    """Store a new service provider. Raises `Conflict` for an id that is taken."""
    if get(tx, checked_id(new.id)) is not None:
        raise Conflict(f"There is already a service provider with the id {new.id[:64]}.")
    tx.execute(CREATE, asdict(new))
    _told(tx, new.id, now)


def save(tx: Connection, changed: ServiceProvider, now: float) -> None:
    """Write the service provider as it is to be. Raises `NotFound`."""
    if tx.execute(CHANGE.values(**asdict(changed)), {"this": changed.id}).rowcount == 0:
        raise NotFound(reason="no such service provider")
    _told(tx, changed.id, now)


def remove(tx: Connection, id: str, now: float) -> None:
    """Remove the service provider. Raises `NotFound`."""
    if tx.execute(DELETE, {"this": id}).rowcount == 0:
        raise NotFound(reason="no such service provider")
    _told(tx, id, now)


def _told(tx: Connection, id: str, now: float) -> None:
    """Tokens show these beside the catalogue: every worker reads them anew."""
    epoch.record(tx, now, [(revocation.CATALOG, id, False)])
