"""Services, and the catalogue: every service with its endpoints."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ..errors import Forbidden, NotFound
from ..model import revocation
from ..model.catalog import Endpoint, Service
from ..model.listing import EVERYTHING, Page
from . import epoch
from .listing import Listing
from .pinning import pin
from .tables import endpoint, registered_limit, service
from .text import checked, checked_description, checked_id, findable

CATALOGUE = (
    select(
        service.c.id,
        service.c.type,
        service.c.name,
        endpoint.c.id,
        endpoint.c.interface,
        endpoint.c.region_id,
        endpoint.c.url,
        endpoint.c.extra,
    )
    .select_from(service.outerjoin(endpoint, (endpoint.c.service_id == service.c.id) & endpoint.c.enabled))
    .where(service.c.enabled)
    .order_by(service.c.type, service.c.id, endpoint.c.region_id, endpoint.c.interface, endpoint.c.id)
)
ROWS = select(service.c.id, service.c.type, service.c.name, service.c.enabled, service.c.description, service.c.extra)
LISTING = Listing(
    ROWS,
    service.c.id,
    {"type": service.c.type, "name": service.c.name, "enabled": service.c.enabled, "description": service.c.description},
)
GET = ROWS.where(service.c.id == bindparam("this"))
FIND = select(service.c.id).where(service.c.type == bindparam("type"), service.c.name == bindparam("name")).order_by(service.c.id)
CREATE = insert(service)
CHANGE = update(service).where(service.c.id == bindparam("this"))
DELETE = delete(service).where(service.c.id == bindparam("this"))
LOCK = select(service.c.id).where(service.c.id == bindparam("this")).with_for_update()
LIMITED = select(registered_limit.c.id).where(registered_limit.c.service_id == bindparam("this")).limit(1)


def catalogue(db: Connection) -> tuple[Service, ...]:
    """Every enabled service with its enabled endpoints, in a fixed order. One query."""
    found: dict[str, tuple[str, str, list[Endpoint]]] = {}
    for id, type, name, endpoint_id, interface, region_id, url, extra in db.execute(CATALOGUE):
        endpoints = found.setdefault(id, (type, name, []))[2]
        if endpoint_id is not None:
            endpoints.append(Endpoint(endpoint_id, interface, region_id, url, extra=extra))
    return tuple(Service(id, type, name, tuple(endpoints)) for id, (type, name, endpoints) in found.items())


def get(db: Connection, service_id: str) -> Service | None:
    """The service without its endpoints, or None. One query."""
    row = db.execute(GET, {"this": service_id}).first() if findable(service_id) else None
    return _service(row) if row is not None else None


def pinned(tx: Connection, service_id: str) -> Service | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended."""
    pin(tx, service, service_id)
    return get(tx, service_id)


def find(db: Connection, type: str, name: str) -> str | None:
    """The id of the service of this type and name: the first, if there are several. One query."""
    return db.execute(FIND, {"type": type, "name": name}).scalar() if findable(type, name) else None


def listed(db: Connection, page: Page = EVERYTHING) -> tuple[list[Service], bool]:
    """The services of that page, by name, and whether there are more."""
    found = LISTING.page(db, page)
    return [_service(row) for row in found.rows], found.more


def create(tx: Connection, new: Service, now: float) -> str:
    """Store a new service; gives its id. Types and names may repeat, as in Keystone."""
    tx.execute(CREATE, {"id": checked_id(new.id), **_values(new)})
    return _changed(tx, new.id, now)


def save(tx: Connection, changed: Service, now: float) -> None:
    """Write the service as it is to be. Raises `NotFound`."""
    if tx.execute(CHANGE.values(**_values(changed)), {"this": changed.id}).rowcount == 0:
        raise NotFound(reason="no such service")
    _changed(tx, changed.id, now)


def remove(tx: Connection, service_id: str, now: float) -> None:
    """Remove a service with its endpoints. Raises `NotFound`, or `Forbidden` while limits are registered for it."""
    if not findable(service_id) or tx.execute(LOCK, {"this": service_id}).first() is None:
        raise NotFound(reason="no such service")
    if tx.execute(LIMITED, {"this": service_id}).first() is not None:
        raise Forbidden("The service cannot be deleted: limits are registered for it. Delete those first.")
    tx.execute(DELETE, {"this": service_id})
    _changed(tx, service_id, now)


def _service(row: Any) -> Service:
    id, type, name, enabled, description, extra = row
    return Service(id, type, name, (), enabled, description, extra)


def _values(wanted: Service) -> dict[str, Any]:
    return {
        "type": checked(wanted.type, 255, "type"),
        "name": checked(wanted.name, 255, "name") if wanted.name else "",
        "enabled": wanted.enabled,
        "description": checked_description(wanted.description),
        "extra": dict(wanted.extra),
    }


def _changed(tx: Connection, id: str, now: float) -> str:
    """Tell the workers that the catalogue is another; no token ends by that."""
    epoch.record(tx, now, [(revocation.CATALOG, id, False)])
    return id
