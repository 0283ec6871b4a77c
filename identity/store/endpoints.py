"""Endpoints: where a service answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, insert, select, update

from ..errors import BadRequest, NotFound
from ..model import revocation
from ..model.catalog import INTERFACES, Endpoint
from ..model.listing import EVERYTHING, Page
from . import epoch
from .listing import Listing
from .pinning import pin
from .tables import endpoint, region, service
from .text import checked, checked_id, findable

ROWS = select(
    endpoint.c.id,
    endpoint.c.interface,
    endpoint.c.region_id,
    endpoint.c.url,
    endpoint.c.service_id,
    endpoint.c.enabled,
    endpoint.c.extra,
)
LISTING = Listing(
    ROWS,
    endpoint.c.id,
    {
        "interface": endpoint.c.interface,
        "region_id": endpoint.c.region_id,
        "service_id": endpoint.c.service_id,
        "url": endpoint.c.url,
        "enabled": endpoint.c.enabled,
    },
    ("id",),
)
GET = ROWS.where(endpoint.c.id == bindparam("this"))
CREATE = insert(endpoint)
CHANGE = update(endpoint).where(endpoint.c.id == bindparam("this"))
DELETE = delete(endpoint).where(endpoint.c.id == bindparam("this"))
# FOR KEY SHARE, so that what the endpoint refers to cannot go away before it is stored; as the foreign key itself would lock it.
SERVICE = select(service.c.id).where(service.c.id == bindparam("this")).with_for_update(read=True, key_share=True)
REGION = select(region.c.id).where(region.c.id == bindparam("this")).with_for_update(read=True, key_share=True)


def get(db: Connection, endpoint_id: str) -> Endpoint | None:
    """The endpoint, or None. One query."""
    row = db.execute(GET, {"this": endpoint_id}).first() if findable(endpoint_id) else None
    return _endpoint(row) if row is not None else None


def pinned(tx: Connection, endpoint_id: str) -> Endpoint | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended.

    The service first, as its deletion takes them: else each might hold what the other waits for.
    """
    found = get(tx, endpoint_id)
    if found is None or not _there(tx, SERVICE, found.service_id):
        return None
    pin(tx, endpoint, endpoint_id)
    return get(tx, endpoint_id)


def listed(db: Connection, page: Page = EVERYTHING, *where: ColumnElement[bool]) -> tuple[list[Endpoint], bool]:
    """The endpoints of that page that meet `where`, by id, and whether there are more."""
    found = LISTING.page(db, page, *where)
    return [_endpoint(row) for row in found.rows], found.more


def create(tx: Connection, new: Endpoint, now: float) -> str:
    """Store where a service answers; gives the endpoint's id. Raises `BadRequest`, also for an unknown service or region."""
    values = _values(tx, new)
    tx.execute(CREATE, {"id": checked_id(new.id), **values})
    return _changed(tx, new.id, now)


def save(tx: Connection, changed: Endpoint, now: float) -> None:
    """Write the endpoint as it is to be. Raises `NotFound`, and `BadRequest` as `create` does."""
    if tx.execute(CHANGE.values(**_values(tx, changed)), {"this": changed.id}).rowcount == 0:
        raise NotFound(reason="no such endpoint")
    _changed(tx, changed.id, now)


def remove(tx: Connection, endpoint_id: str, now: float) -> None:
    """Remove an endpoint, and what refers to it. Raises `NotFound`."""
    if not findable(endpoint_id) or tx.execute(DELETE, {"this": endpoint_id}).rowcount == 0:
        raise NotFound(reason="no such endpoint")
    _changed(tx, endpoint_id, now)


def _endpoint(row: Sequence[Any]) -> Endpoint:
    return Endpoint(*row)


def _values(tx: Connection, wanted: Endpoint) -> dict[str, Any]:
    if wanted.interface not in INTERFACES:
        raise BadRequest("The interface must be one of public, internal and admin.")
    if not _there(tx, SERVICE, wanted.service_id):
        raise BadRequest(f"There is no service with the id {wanted.service_id[:64]!r} for the endpoint.")
    if wanted.region_id is not None and not _there(tx, REGION, wanted.region_id):
        raise BadRequest(f"There is no region with the id {wanted.region_id[:64]!r} for the endpoint.")
    return {
        "interface": wanted.interface,
        "region_id": wanted.region_id,
        "url": checked(wanted.url, 4096, "url"),
        "service_id": wanted.service_id,
        "enabled": wanted.enabled,
        "extra": dict(wanted.extra),
    }


def _there(tx: Connection, statement: Select[Any], id: str) -> bool:
    return findable(id) and tx.execute(statement, {"this": id}).first() is not None


def _changed(tx: Connection, id: str, now: float) -> str:
    epoch.record(tx, now, [(revocation.CATALOG, id, False)])
    return id
