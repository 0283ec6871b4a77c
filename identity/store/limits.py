"""Limits of single projects and domains."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, delete, false, func, insert, or_, select, update

from ..errors import NotFound
from ..model.limit import UNLIMITED, Limit
from ..model.listing import EVERYTHING, Page
from .listing import Listing
from .tables import project, registered_limit, resource_limit
from .text import findable

HOME = select(project.c.domain_id).where(project.c.id == resource_limit.c.project_id).correlate(resource_limit).scalar_subquery()
ROWS = select(
    resource_limit.c.id,
    resource_limit.c.project_id,
    resource_limit.c.domain_id,
    registered_limit.c.service_id,
    registered_limit.c.region_id,
    registered_limit.c.resource_name,
    resource_limit.c.resource_limit,
    resource_limit.c.description,
    HOME.label("home"),
).select_from(resource_limit.join(registered_limit))
LISTING = Listing(
    ROWS,
    resource_limit.c.id,
    {
        "project_id": resource_limit.c.project_id,
        "domain_id": resource_limit.c.domain_id,
        "service_id": registered_limit.c.service_id,
        "region_id": registered_limit.c.region_id,
        "resource_name": registered_limit.c.resource_name,
        "resource_limit": resource_limit.c.resource_limit,
    },
    ("id",),
)
GET = ROWS.where(resource_limit.c.id == bindparam("this"))
CREATE = insert(resource_limit)
CHANGE = update(resource_limit).where(resource_limit.c.id == bindparam("this"))
DELETE = delete(resource_limit).where(resource_limit.c.id == bindparam("this"))
THESE: BindParameter[Sequence[str]] = bindparam("these", expanding=True)
PROJECTS = select(project.c.id, project.c.is_domain).where(project.c.id.in_(THESE))
OWNED = select(resource_limit.c.registered_limit_id, func.coalesce(resource_limit.c.project_id, resource_limit.c.domain_id)).where(
    or_(resource_limit.c.project_id.in_(THESE), resource_limit.c.domain_id.in_(THESE))
)
LOCK = select(registered_limit.c.id).where(registered_limit.c.id.in_(THESE)).order_by(registered_limit.c.id).with_for_update()
LOCK_OF = (
    select(registered_limit.c.id)
    .where(registered_limit.c.id.in_(select(resource_limit.c.registered_limit_id).where(resource_limit.c.id == bindparam("this"))))
    .with_for_update()
)
# A project's limit above that of its domain, which is the registered one where the domain has none of its own.
ROOT = resource_limit.alias("root")
MOST = func.coalesce(ROOT.c.resource_limit, registered_limit.c.default_limit)
TOO_MUCH = (
    select(resource_limit.c.id)
    .select_from(
        resource_limit.join(registered_limit)
        .join(project, project.c.id == resource_limit.c.project_id)
        .outerjoin(
            ROOT,
            and_(
                ROOT.c.domain_id == project.c.domain_id,
                ROOT.c.registered_limit_id == resource_limit.c.registered_limit_id,
            ),
        )
    )
    .where(
        or_(resource_limit.c.id.in_(THESE), ROOT.c.id.in_(THESE)),
        MOST != UNLIMITED,
        or_(resource_limit.c.resource_limit == UNLIMITED, resource_limit.c.resource_limit > MOST),
    )
    .limit(1)
)


def get(db: Connection, id: str) -> Limit | None:
    """The limit, or None. One query."""
    row = db.execute(GET, {"this": id}).first() if findable(id) else None
    return _limit(row) if row is not None else None


def listed(db: Connection, page: Page = EVERYTHING) -> tuple[list[Limit], bool]:
    """The limits of that page, by id, and whether there are more."""
    return _page(db, page)


def listed_in_domain(db: Connection, domain_id: str, page: Page = EVERYTHING) -> tuple[list[Limit], bool]:
    """Those of the domain, and of the projects in it."""
    inside = select(project.c.id).where(project.c.domain_id == domain_id)
    return _page(db, page, or_(resource_limit.c.domain_id == domain_id, resource_limit.c.project_id.in_(inside)))


def listed_of_project(db: Connection, project_id: str | None, page: Page = EVERYTHING) -> tuple[list[Limit], bool]:
    """Those of one project; none where it is None."""
    return _page(db, page, false() if project_id is None else resource_limit.c.project_id == project_id)


def projects(db: Connection, ids: Collection[str]) -> dict[str, bool]:
    """Of these ids, those of projects and domains; True: it is a domain. One query."""
    return {id: bool(is_domain) for id, is_domain in db.execute(PROJECTS, {"these": sorted(set(ids))})}


def owned(db: Connection, ids: Collection[str]) -> set[tuple[str, str]]:
    """(registered limit, project or domain) of every limit that these projects and domains have. One query."""
    return {(registered, owner) for registered, owner in db.execute(OWNED, {"these": sorted(set(ids))})}


def lock(tx: Connection, registered_ids: Collection[str]) -> int:
    """Hold these registered limits: their limits stand still. Gives how many of them are there. One query."""
    return len(tx.execute(LOCK, {"these": sorted(set(registered_ids))}).all())


def create(tx: Connection, new: Sequence[tuple[Limit, str]]) -> None:
    """Store limits, each with its registered limit's id. Raises `Conflict` for a second one of one owner."""
    tx.execute(
        CREATE,
        [
            {
                "id": limit.id,
                "registered_limit_id": registered,
                "project_id": limit.project_id,
                "domain_id": limit.domain_id,
                "resource_limit": limit.resource_limit,
                "description": limit.description,
            }
            for limit, registered in new
        ],
    )


def change(tx: Connection, id: str, values: Mapping[str, Any]) -> None:
    """Write `resource_limit` or `description`. Raises `NotFound`."""
    tx.execute(LOCK_OF, {"this": id})
    values = values or {"id": id}
    if tx.execute(CHANGE.values(dict(values)), {"this": id}).rowcount == 0:
        raise NotFound(reason="no such limit")


def above_its_domain(tx: Connection, changed: Collection[str]) -> bool:
    """Whether a limit that was just written is more than its domain's, or less than one of the domain's projects'. One query."""
    return tx.execute(TOO_MUCH, {"these": list(changed)}).first() is not None


def remove(tx: Connection, id: str) -> None:
    """Remove a limit. Raises `NotFound`."""
    if tx.execute(DELETE, {"this": id}).rowcount == 0:
        raise NotFound(reason="no such limit")


def _page(db: Connection, page: Page, *where: ColumnElement[bool]) -> tuple[list[Limit], bool]:
    found = LISTING.page(db, page, *where)
    return [_limit(row) for row in found.rows], found.more


def _limit(row: Sequence[Any]) -> Limit:
    return Limit(*row)
