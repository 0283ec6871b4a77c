"""Identity providers with the names that their assertions use."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ..errors import Conflict, NotFound
from ..model.federation import IdentityProvider
from ..model.listing import EVERYTHING, Page
from . import domains
from .listing import Listing
from .pinning import pin
from .tables import identity_provider as table
from .tables import remote_id
from .text import checked_id, findable

ROWS = select(table.c.id, table.c.domain_id, table.c.enabled, table.c.description, table.c.authorization_ttl)
LISTING = Listing(ROWS, table.c.id, {"enabled": table.c.enabled, "domain_id": table.c.domain_id}, ("id",))
GET = ROWS.where(table.c.id == bindparam("this"))
CREATE = insert(table)
CHANGE = update(table).where(table.c.id == bindparam("this"))
DELETE = delete(table).where(table.c.id == bindparam("this"))
NAMES = (
    select(remote_id.c.identity_provider_id, remote_id.c.remote_id)
    .where(remote_id.c.identity_provider_id.in_(bindparam("ids", expanding=True)))
    .order_by(remote_id.c.remote_id)
)
TAKEN = select(remote_id.c.remote_id).where(
    remote_id.c.remote_id.in_(bindparam("names", expanding=True)), remote_id.c.identity_provider_id != bindparam("this")
)
FORGET = delete(remote_id).where(remote_id.c.identity_provider_id == bindparam("this"))
REMEMBER = insert(remote_id)


def get(db: Connection, id: str) -> IdentityProvider | None:
    """The provider, or None. Two queries."""
    row = db.execute(GET, {"this": id}).first() if findable(id) else None
    return _providers(db, [row])[0] if row is not None else None


def pinned(tx: Connection, id: str) -> IdentityProvider | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended."""
    pin(tx, table, id)
    return get(tx, id)


def listed(db: Connection, page: Page = EVERYTHING) -> tuple[list[IdentityProvider], bool]:
    """The providers of that page, by id, and whether there are more. Two queries."""
    found = LISTING.page(db, page)
    return _providers(db, found.rows), found.more


def create(tx: Connection, new: IdentityProvider) -> None:
    """Store a new provider. Raises `Conflict` for an id or a remote id that is taken, `NotFound` for the domain."""
    checked_id(new.id)
    if get(tx, new.id) is not None:
        raise Conflict(f"There is already an identity provider with the id {new.id[:64]}.")
    domains.must_exist(tx, new.domain_id)
    tx.execute(CREATE, _values(new))
    _name(tx, new)


def save(tx: Connection, changed: IdentityProvider) -> None:
    """Write the provider as it is to be. Raises `Conflict`, `NotFound`."""
    if tx.execute(CHANGE.values(**_values(changed)), {"this": changed.id}).rowcount == 0:
        raise NotFound(reason="no such identity provider")
    tx.execute(FORGET, {"this": changed.id})
    _name(tx, changed)


def remove(tx: Connection, id: str) -> None:
    """Remove the provider with its protocols and what it knew of users. Raises `NotFound`."""
    if tx.execute(DELETE, {"this": id}).rowcount == 0:
        raise NotFound(reason="no such identity provider")


def _name(tx: Connection, provider: IdentityProvider) -> None:
    if not provider.remote_ids:
        return
    taken = tx.execute(TAKEN, {"names": list(provider.remote_ids), "this": provider.id}).scalars().first()
    if taken is not None:
        raise Conflict(f"Another identity provider has the remote id {taken}.")
    tx.execute(REMEMBER, [{"remote_id": name, "identity_provider_id": provider.id} for name in provider.remote_ids])


def _values(provider: IdentityProvider) -> dict[str, Any]:
    return {field.name: getattr(provider, field.name) for field in fields(provider) if field.name != "remote_ids"}


def _providers(db: Connection, rows: Any) -> list[IdentityProvider]:
    names: dict[str, list[str]] = {row[0]: [] for row in rows}
    if names:
        for id, name in db.execute(NAMES, {"ids": list(names)}):
            names[id].append(name)
    return [
        IdentityProvider(id, domain_id, enabled, description, tuple(names[id]), ttl)
        for id, domain_id, enabled, description, ttl in rows
    ]
