"""Which endpoints a project is shown: those it is associated with, and those of its endpoint groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, false, func, insert, or_, select, true, tuple_, union, update

from ..errors import Conflict, NotFound
from ..model import revocation
from ..model.catalog import EndpointGroup
from ..model.listing import EVERYTHING, Page
from ..model.tenancy import ProjectRecord
from . import epoch, tenancy
from .listing import Listing
from .pinning import pin
from .tables import endpoint, endpoint_group, project, project_endpoint, project_endpoint_group
from .text import checked, checked_description, checked_id, findable

FILTERS = ("interface", "region_id", "service_id")

ROWS = select(endpoint_group.c.id, endpoint_group.c.name, endpoint_group.c.filters, endpoint_group.c.description)
LISTING = Listing(ROWS, endpoint_group.c.id, {"name": endpoint_group.c.name, "description": endpoint_group.c.description})
GET = ROWS.where(endpoint_group.c.id == bindparam("this"))
CREATE = insert(endpoint_group)
CHANGE = update(endpoint_group).where(endpoint_group.c.id == bindparam("this"))
DELETE = delete(endpoint_group).where(endpoint_group.c.id == bindparam("this"))

OF_PROJECT = select(endpoint_group.c.filters).where(
    endpoint_group.c.id == project_endpoint_group.c.endpoint_group_id, project_endpoint_group.c.project_id == bindparam("project")
)
CHOOSERS = union(select(project_endpoint.c.project_id), select(project_endpoint_group.c.project_id))
ADD = insert(project_endpoint)
ADD_GROUP = insert(project_endpoint_group)
ONE = (project_endpoint.c.project_id == bindparam("project"), project_endpoint.c.endpoint_id == bindparam("this"))
ONE_GROUP = (
    project_endpoint_group.c.project_id == bindparam("project"),
    project_endpoint_group.c.endpoint_group_id == bindparam("this"),
)
FIND = select(project_endpoint.c.project_id).where(*ONE)
FIND_GROUP = select(project_endpoint_group.c.project_id).where(*ONE_GROUP)
TAKE = delete(project_endpoint).where(*ONE)
TAKE_GROUP = delete(project_endpoint_group).where(*ONE_GROUP)

COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "interface": endpoint.c.interface,
    "region_id": func.coalesce(endpoint.c.region_id, ""),  # NULL is equal to nothing; no region has an empty id
    "service_id": endpoint.c.service_id,
}


def get(db: Connection, group_id: str) -> EndpointGroup | None:
    """The endpoint group, or None. One query."""
    row = db.execute(GET, {"this": group_id}).first() if findable(group_id) else None
    return _group(row) if row is not None else None


def pinned(tx: Connection, group_id: str) -> EndpointGroup | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended."""
    pin(tx, endpoint_group, group_id)
    return get(tx, group_id)


def listed(db: Connection, page: Page = EVERYTHING, *, project_id: str | None = None) -> tuple[list[EndpointGroup], bool]:
    """The endpoint groups of that page (with `project_id`: of that project), by name, and whether there are more."""
    where: list[ColumnElement[bool]] = []
    if project_id is not None:
        groups = select(project_endpoint_group.c.endpoint_group_id).where(project_endpoint_group.c.project_id == project_id)
        where.append(endpoint_group.c.id.in_(groups))
    found = LISTING.page(db, page, *where)
    return [_group(row) for row in found.rows], found.more


def create(tx: Connection, new: EndpointGroup) -> str:
    """Store a new endpoint group; gives its id. Names may repeat, as in Keystone. No catalogue changes by it."""
    tx.execute(CREATE, {"id": checked_id(new.id), **_values(new)})
    return new.id


def save(tx: Connection, changed: EndpointGroup, now: float) -> None:
    """Write the group as it is to be. Raises `NotFound`."""
    if tx.execute(CHANGE.values(**_values(changed)), {"this": changed.id}).rowcount == 0:
        raise NotFound(reason="no such endpoint group")
    _changed(tx, changed.id, now)


def remove(tx: Connection, group_id: str, now: float) -> None:
    """Remove a group; its projects lose it. Raises `NotFound`."""
    if not findable(group_id) or tx.execute(DELETE, {"this": group_id}).rowcount == 0:
        raise NotFound(reason="no such endpoint group")
    _changed(tx, group_id, now)


def has(db: Connection, project_id: str, endpoint_id: str) -> bool:
    """Whether the project is associated with the endpoint itself. One query."""
    return findable(project_id, endpoint_id) and db.execute(FIND, {"project": project_id, "this": endpoint_id}).first() is not None


def has_group(db: Connection, project_id: str, group_id: str) -> bool:
    return findable(project_id, group_id) and db.execute(FIND_GROUP, {"project": project_id, "this": group_id}).first() is not None


def add(tx: Connection, project_id: str, endpoint_id: str, now: float) -> None:
    """Associate a project with an endpoint. Raises `Conflict` where it is already, `NotFound` where one of them is not there."""
    if has(tx, project_id, endpoint_id):
        raise Conflict("The project is associated with this endpoint already.")
    tx.execute(ADD, {"project_id": project_id, "endpoint_id": endpoint_id})
    _changed(tx, endpoint_id, now)


def add_group(tx: Connection, project_id: str, group_id: str, now: float) -> None:
    """As `add`, with all endpoints of a group."""
    if has_group(tx, project_id, group_id):
        raise Conflict("The project is associated with this endpoint group already.")
    tx.execute(ADD_GROUP, {"project_id": project_id, "endpoint_group_id": group_id})
    _changed(tx, group_id, now)


def take(tx: Connection, project_id: str, endpoint_id: str, now: float) -> None:
    """End an association with an endpoint. Raises `NotFound` where there is none."""
    if not findable(project_id, endpoint_id) or tx.execute(TAKE, {"project": project_id, "this": endpoint_id}).rowcount == 0:
        raise NotFound("The project is not associated with this endpoint.")
    _changed(tx, endpoint_id, now)


def take_group(tx: Connection, project_id: str, group_id: str, now: float) -> None:
    if not findable(project_id, group_id) or tx.execute(TAKE_GROUP, {"project": project_id, "this": group_id}).rowcount == 0:
        raise NotFound("The project is not associated with this endpoint group.")
    _changed(tx, group_id, now)


def matching(filters: Iterable[Mapping[str, Any]]) -> ColumnElement[bool]:
    """The condition on an endpoint that fits any of these filters.

    It has one part a kind of filter, however many there are: a thousand ORs are too deep for SQLite.
    """
    kinds: defaultdict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
    for wanted in filters:
        names = tuple(name for name in FILTERS if name in wanted)
        kinds[names].add(tuple(wanted[name] or "" for name in names))
    if () in kinds:  # a group without filters, as Keystone lets one become, holds every endpoint
        return true()
    parts = [tuple_(*[COLUMNS[name] for name in names]).in_(sorted(values)) for names, values in kinds.items()]
    return or_(false(), *parts)


def of_project(db: Connection, project_id: str) -> ColumnElement[bool]:
    """The condition on an endpoint that the project is associated with, itself or by a group. One query."""
    own = select(project_endpoint.c.endpoint_id).where(project_endpoint.c.project_id == project_id)
    filters = db.execute(OF_PROJECT, {"project": project_id}).scalars().all()
    return or_(endpoint.c.id.in_(own), matching(filters))


def shown(db: Connection, project_id: str) -> frozenset[str]:
    """The ids of all endpoints that the project is associated with, itself or by a group. Two queries."""
    return frozenset(db.execute(select(endpoint.c.id).where(of_project(db, project_id))).scalars())


def choosers(db: Connection) -> frozenset[str]:
    """The projects with any association. One query."""
    return frozenset(db.execute(CHOOSERS).scalars())


def projects(
    db: Connection, page: Page = EVERYTHING, *, endpoint_id: str = "", group_id: str = ""
) -> tuple[list[ProjectRecord], bool]:
    """The projects of that page that are associated with the endpoint itself, or with the group; by name. One query."""
    if endpoint_id:
        chosen = select(project_endpoint.c.project_id).where(project_endpoint.c.endpoint_id == endpoint_id)
    else:
        chosen = select(project_endpoint_group.c.project_id).where(project_endpoint_group.c.endpoint_group_id == group_id)
    found = tenancy.LISTING.page(db, page, project.c.id.in_(chosen))
    return [tenancy.record(row) for row in found.rows], found.more


def _group(row: Sequence[Any]) -> EndpointGroup:
    return EndpointGroup(*row)


def _values(wanted: EndpointGroup) -> dict[str, Any]:
    return {
        "name": checked(wanted.name, 255, "name"),
        "description": checked_description(wanted.description),
        "filters": {name: wanted.filters[name] for name in FILTERS if name in wanted.filters},
    }


def _changed(tx: Connection, id: str, now: float) -> None:
    epoch.record(tx, now, [(revocation.CATALOG, id, False)])
