"""The tree of projects. Every walk is one query, whatever its depth, and ends on a circle too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, exists, or_, select

from ..model.limit import Limit
from ..model.tenancy import ProjectRecord
from . import limits
from .tables import project, resource_limit
from .tenancy import ROWS, record
from .text import findable

_ABOVE = select(project.c.parent_id.label("id")).where(project.c.id == bindparam("this")).cte("above", recursive=True)
# Ends with a NULL, which is equal to nothing: to leave it out here would make SQLite read all projects first.
ABOVE = _ABOVE.union(select(project.c.parent_id).join(_ABOVE, _ABOVE.c.id == project.c.id))
_BELOW = select(project.c.id).where(project.c.parent_id == bindparam("this")).cte("below", recursive=True)
BELOW = _BELOW.union(select(project.c.id).join(_BELOW, _BELOW.c.id == project.c.parent_id))
PARENTS = ROWS.where(project.c.id.in_(select(ABOVE.c.id)))
# Sorted afterwards: asked for an order, SQLite walks all projects in it.
SUBTREE = ROWS.where(project.c.id.in_(select(BELOW.c.id)))
ENABLED_BELOW = select(project.c.id).where(project.c.id.in_(select(BELOW.c.id)), project.c.enabled).limit(1)
LIMITS = limits.ROWS.where(
    or_(resource_limit.c.project_id.in_(select(ABOVE.c.id)), resource_limit.c.project_id.in_(select(BELOW.c.id)))
).order_by(resource_limit.c.id)
CHILD = select(exists().where(project.c.parent_id == bindparam("this")))

Tree = Mapping[str, Any]
"""{id: {id: None, ...}}: ids within ids; None where there is nothing further."""


def parents(db: Connection, id: str) -> list[ProjectRecord]:
    """What the project stands below, nearest first; its domain is the last. One query."""
    if not findable(id):
        return []
    found = {parent.id: parent for parent in map(record, db.execute(PARENTS, {"this": id}))}
    above = {parent.parent_id for parent in found.values()}
    place = next((parent for parent in found.values() if parent.id not in above), None)
    chain: list[ProjectRecord] = []
    while place is not None and place not in chain:
        chain.append(place)
        place = found.get(place.parent_id) if place.parent_id else None
    return chain


def subtree(db: Connection, id: str) -> list[ProjectRecord]:
    """Everything below the project, by name. One query."""
    found = map(record, db.execute(SUBTREE, {"this": id})) if findable(id) else ()
    return sorted(found, key=attrgetter("name", "id"))


def enabled_below(db: Connection, id: str) -> bool:
    """Whether anything below is switched on. One query."""
    return db.execute(ENABLED_BELOW, {"this": id}).first() is not None


def has_children(db: Connection, id: str) -> bool:
    """Whether anything stands below it. One query."""
    return bool(db.execute(CHILD, {"this": id}).scalar())


def limits_around(db: Connection, id: str) -> Mapping[str, Sequence[Limit]]:
    """The limits of each project above and below that has any. One query."""
    found: dict[str, list[Limit]] = {}
    for row in db.execute(LIMITS, {"this": id}):
        limit = Limit(*row)
        found.setdefault(limit.project_id or "", []).append(limit)
    return found


def ids_above(chain: Sequence[ProjectRecord]) -> Tree | None:
    """The chain of `parents` as ids within ids."""
    tree: Tree | None = None
    for parent in reversed(chain):
        tree = {parent.id: tree}
    return tree


def ids_below(id: str, members: Sequence[ProjectRecord]) -> Tree | None:
    """The members of `subtree` as ids within ids."""
    nodes: dict[str, dict[str, Any]] = {}
    for member in members:
        nodes.setdefault(member.parent_id or "", {})[member.id] = None
    for children in nodes.values():
        for child in children:
            children[child] = nodes.get(child)
    return nodes.get(id)
