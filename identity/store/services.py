"""The catalogue's rows: regions, services and endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from ..errors import BadRequest, NotFound
from ..model import revocation
from ..model.catalog import Endpoint, Service
from . import epoch
from .tables import endpoint, region, service
from .text import checked, checked_description, checked_id, findable

INTERFACES = ("public", "internal", "admin")


@dataclass(frozen=True, slots=True)
class Region:
    id: str
    parent_id: str | None = None
    description: str = ""


CATALOGUE = (
    select(service.c.id, service.c.type, service.c.name, endpoint.c.id, endpoint.c.interface, endpoint.c.region_id, endpoint.c.url)
    .select_from(service.outerjoin(endpoint, (endpoint.c.service_id == service.c.id) & endpoint.c.enabled))
    .where(service.c.enabled)
    .order_by(service.c.type, service.c.id, endpoint.c.region_id, endpoint.c.interface, endpoint.c.id)
)
REGIONS = select(region.c.id, region.c.parent_id, region.c.description).order_by(region.c.id)
FIND_SERVICE = (
    select(service.c.id).where(service.c.type == bindparam("type"), service.c.name == bindparam("name")).order_by(service.c.id)
)
ADD_REGION = insert(region)
ADD_SERVICE = insert(service)
ADD_ENDPOINT = insert(endpoint)
DELETE = {table.name: delete(table).where(table.c.id == bindparam("this")) for table in (region, service, endpoint)}


def catalogue(db: Connection) -> tuple[Service, ...]:
    """Every enabled service with its enabled endpoints, in a fixed order. One query."""
    found: dict[str, tuple[str, str, list[Endpoint]]] = {}
    for id, type, name, endpoint_id, interface, region_id, url in db.execute(CATALOGUE):
        endpoints = found.setdefault(id, (type, name, []))[2]
        if endpoint_id is not None:
            endpoints.append(Endpoint(endpoint_id, interface, region_id, url))
    return tuple(Service(id, type, name, tuple(endpoints)) for id, (type, name, endpoints) in found.items())


def regions(db: Connection) -> list[Region]:
    """All regions, by id. One query."""
    return [Region(*row) for row in db.execute(REGIONS)]


def find_service(db: Connection, type: str, name: str) -> str | None:
    """The id of the service of this type and name: the first, if there are several. One query."""
    return db.execute(FIND_SERVICE, {"type": type, "name": name}).scalar() if findable(type, name) else None


def create_region(tx: Connection, *, id: str, now: float, parent_id: str | None = None, description: str = "") -> str:
    """Store a new region. Raises `Conflict` for an id that is taken, `NotFound` for the parent."""
    about = checked_description(description)
    tx.execute(ADD_REGION, {"id": checked(id, 255, "id"), "parent_id": parent_id, "description": about})
    return _changed(tx, id, now)


def create_service(
    tx: Connection,
    *,
    type: str,
    now: float,
    name: str = "",
    id: str | None = None,
    enabled: bool = True,
    description: str = "",
    extra: Mapping[str, Any] | None = None,
) -> str:
    """Store a new service; gives its id. Types and names may repeat, as in Keystone."""
    values = {
        "id": checked_id(id),
        "type": checked(type, 255, "type"),
        "name": checked(name, 255, "name") if name else "",
        "enabled": enabled,
        "description": checked_description(description),
        "extra": dict(extra or {}),
    }
    tx.execute(ADD_SERVICE, values)
    return _changed(tx, str(values["id"]), now)


def create_endpoint(
    tx: Connection,
    *,
    service_id: str,
    interface: str,
    url: str,
    now: float,
    region_id: str | None = None,
    id: str | None = None,
    enabled: bool = True,
) -> str:
    """Store where a service answers; gives the endpoint's id. Raises `NotFound` for the service or region."""
    if interface not in INTERFACES:
        raise BadRequest("The interface must be one of public, internal and admin.")
    values = {
        "id": checked_id(id),
        "service_id": service_id,
        "region_id": region_id,
        "interface": interface,
        "url": checked(url, 4096, "url"),
        "enabled": enabled,
    }
    tx.execute(ADD_ENDPOINT, values)
    return _changed(tx, str(values["id"]), now)


def delete_region(tx: Connection, region_id: str, now: float) -> None:
    """Remove a region that nothing refers to. Raises `NotFound`."""
    _delete(tx, "region", region_id, now)


def delete_service(tx: Connection, service_id: str, now: float) -> None:
    """Remove a service with its endpoints. Raises `NotFound`."""
    _delete(tx, "service", service_id, now)


def delete_endpoint(tx: Connection, endpoint_id: str, now: float) -> None:
    """Remove an endpoint. Raises `NotFound`."""
    _delete(tx, "endpoint", endpoint_id, now)


def _delete(tx: Connection, what: str, id: str, now: float) -> None:
    if not findable(id) or tx.execute(DELETE[what], {"this": id}).rowcount == 0:
        raise NotFound(reason=f"no such {what}")
    _changed(tx, id, now)


def _changed(tx: Connection, id: str, now: float) -> str:
    """Tell the workers that the catalogue is another; no token ends by that."""
    epoch.record(tx, now, [(revocation.CATALOG, id, False)])
    return id
