"""The protocols of identity providers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, update

from ..errors import Conflict, NotFound
from ..model.federation import FederationProtocol
from ..model.listing import EVERYTHING, Page
from .listing import Listing
from .tables import federation_protocol as table
from .text import checked_id, findable

ROWS: Select[Any] = select(table.c.id, table.c.identity_provider_id, table.c.mapping_id, table.c.remote_id_attribute)
LISTING = Listing(ROWS, table.c.id, {"mapping_id": table.c.mapping_id}, ("id",))
ONE = (table.c.identity_provider_id == bindparam("provider"), table.c.id == bindparam("this"))
GET = ROWS.where(*ONE)
PINNED = GET.with_for_update(key_share=True)
CREATE = insert(table)
CHANGE = update(table).where(*ONE)
DELETE = delete(table).where(*ONE)


def get(db: Connection, provider_id: str, id: str) -> FederationProtocol | None:
    """The protocol, or None. One query."""
    if not findable(provider_id, id):
        return None
    row = db.execute(GET, {"provider": provider_id, "this": id}).first()
    return FederationProtocol(*tuple(row)) if row is not None else None


def pinned(tx: Connection, provider_id: str, id: str) -> FederationProtocol | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended."""
    if findable(provider_id, id):
        tx.execute(PINNED, {"provider": provider_id, "this": id}).first()
    return get(tx, provider_id, id)


def listed(db: Connection, provider_id: str, page: Page = EVERYTHING) -> tuple[list[FederationProtocol], bool]:
    """The provider's protocols of that page, by id, and whether there are more. One query."""
    found = LISTING.page(db, page, table.c.identity_provider_id == provider_id)
    return [FederationProtocol(*tuple(row)) for row in found.rows], found.more


def create(tx: Connection, new: FederationProtocol) -> None:
    """Store a new protocol. Raises `Conflict` for an id that the provider has already, `NotFound` for the provider."""
    checked_id(new.id)
    if get(tx, new.identity_provider_id, new.id) is not None:
        raise Conflict(f"The identity provider has already a protocol with the id {new.id[:64]}.")
    tx.execute(CREATE, asdict(new))


def save(tx: Connection, changed: FederationProtocol) -> None:
    """Write the protocol as it is to be. Raises `NotFound`."""
    if tx.execute(CHANGE.values(**asdict(changed)), _key(changed)).rowcount == 0:
        raise NotFound(reason="no such protocol")


def remove(tx: Connection, provider_id: str, id: str) -> None:
    """Remove the protocol. Raises `NotFound`."""
    if tx.execute(DELETE, {"provider": provider_id, "this": id}).rowcount == 0:
        raise NotFound(reason="no such protocol")


def _key(protocol: FederationProtocol) -> dict[str, str]:
    return {"provider": protocol.identity_provider_id, "this": protocol.id}
