"""Projects and domains as records: read, listed and written whole. What tokens need to know of them is in `projects.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, distinct, func, insert, not_, select, update

from ..errors import NotFound
from ..model import revocation
from ..model.listing import EVERYTHING, Page
from ..model.tenancy import NO_TAGS_ASKED, ProjectRecord, TagFilter
from . import epoch
from .listing import Listing
from .pinning import pin
from .tables import project, project_tag
from .text import checked_description, checked_name, findable

# In the same statement, so that a list of any length is one query. Tags hold no comma (API guidelines, "Tags").
TAGS = (
    select(func.aggregate_strings(project_tag.c.name, ","))
    .where(project_tag.c.project_id == project.c.id)
    .correlate(project)
    .scalar_subquery()
)
COLUMNS = (
    project.c.id,
    project.c.name,
    project.c.domain_id,
    project.c.parent_id,
    project.c.is_domain,
    project.c.enabled,
    project.c.description,
    project.c.options,
    project.c.extra,
)
ROWS = select(*COLUMNS, TAGS.label("tags"))
SHOWN = {name: project.c[name] for name in ("name", "domain_id", "parent_id", "is_domain", "enabled", "description")}
LISTING = Listing(ROWS, project.c.id, SHOWN)
GET = ROWS.where(project.c.id == bindparam("this"))
CHANGE = update(project).where(project.c.id == bindparam("this"))
DROP_TAGS = delete(project_tag).where(project_tag.c.project_id == bindparam("this"))
ADD_TAG = insert(project_tag)


def record(row: Sequence[Any]) -> ProjectRecord:
    """What a row of `ROWS` says."""
    *columns, tags = row
    found: ProjectRecord = ProjectRecord(*columns)
    return replace(found, tags=tuple(sorted(tags.split(",")))) if tags else found


def get(db: Connection, id: str) -> ProjectRecord | None:
    """The project or domain with that id, or None. One query."""
    row = db.execute(GET, {"this": id}).first() if findable(id) else None
    return record(row) if row is not None else None


def domain(db: Connection, id: str) -> ProjectRecord | None:
    """The same for domains alone."""
    return _only_domain(get(db, id))


def pinned(tx: Connection, id: str) -> ProjectRecord | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended."""
    pin(tx, project, id)  # not in the same statement, which would show the tags as they were when it began to wait
    return get(tx, id)


def pinned_domain(tx: Connection, id: str) -> ProjectRecord | None:
    """The same for domains alone."""
    return _only_domain(pinned(tx, id))


def listed(
    db: Connection,
    page: Page = EVERYTHING,
    *,
    is_domain: bool | None = None,
    domain_id: str | None = None,
    id: str | None = None,
    tags: TagFilter = NO_TAGS_ASKED,
) -> tuple[list[ProjectRecord], bool]:
    """Those of that page, by name, and whether there are more. One query.

    `is_domain` takes domains or other projects alone, `domain_id` the projects in that domain, `id` one alone.
    """
    where = _tagged(tags)
    if is_domain is not None:  # a domain is what has none: so said, an index serves it
        where.append(project.c.domain_id.is_(None) if is_domain else project.c.is_domain.is_(False))
    if domain_id is not None:
        where.append(project.c.domain_id == domain_id)
    if id is not None:
        where.append(project.c.id == id)
    found = LISTING.page(db, page, *where)
    return [record(row) for row in found.rows], found.more


def save(tx: Connection, before: ProjectRecord, after: ProjectRecord, now: float) -> None:
    """Write the record as it is to be; its place in the tree stays. Switching it off ends the tokens for all that is below.

    Raises `NotFound` where it is gone, `Conflict` for a name that is taken.
    """
    values = {
        "name": checked_name(after.name),
        "enabled": after.enabled,
        "description": checked_description(after.description),
        "options": dict(after.options),
        "extra": dict(after.extra),
    }
    if tx.execute(CHANGE.values(**values), {"this": after.id}).rowcount == 0:
        raise NotFound(reason="no such project")
    if after.tags != before.tags:
        set_tags(tx, after.id, after.tags)
    if (before.name, before.enabled) != (after.name, after.enabled):
        kind = revocation.DOMAIN if after.is_domain else revocation.PROJECT
        epoch.record(tx, now, [(kind, after.id, before.enabled and not after.enabled)])


def set_tags(tx: Connection, id: str, names: Sequence[str]) -> None:
    """Let these be the tags, in place of those that were."""
    tx.execute(DROP_TAGS, {"this": id})
    if names:
        tx.execute(ADD_TAG, [{"project_id": id, "name": name} for name in names])


def add_tag(tx: Connection, id: str, name: str) -> None:
    """Add one tag that is not there yet; others may come and go at the same time."""
    tx.execute(ADD_TAG, {"project_id": id, "name": name})


def remove_tag(tx: Connection, id: str, name: str) -> None:
    """Take one tag away. Raises `NotFound`."""
    if tx.execute(DROP_TAGS.where(project_tag.c.name == name), {"this": id}).rowcount == 0:
        raise NotFound(reason="no such tag")


def _only_domain(found: ProjectRecord | None) -> ProjectRecord | None:
    return found if found is not None and found.is_domain else None


def _tagged(asked: TagFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if asked.all:
        where.append(_with_all(asked.all))
    if asked.any:
        where.append(_with_any(asked.any))
    if asked.not_all:
        where.append(not_(_with_all(asked.not_all)))
    if asked.not_any:
        where.append(not_(_with_any(asked.not_any)))
    return where


def _with_any(names: Sequence[str]) -> ColumnElement[bool]:
    """Not correlated: the tags' own index finds the projects."""
    return project.c.id.in_(select(project_tag.c.project_id).where(project_tag.c.name.in_(_possible(names))))


def _with_all(names: Sequence[str]) -> ColumnElement[bool]:
    wanted = set(names)
    having = (
        select(project_tag.c.project_id)
        .where(project_tag.c.name.in_(_possible(names)))
        .group_by(project_tag.c.project_id)
        .having(func.count(distinct(project_tag.c.name)) == len(wanted))
    )
    return and_(project.c.id.in_(having))


def _possible(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if findable(name)})
