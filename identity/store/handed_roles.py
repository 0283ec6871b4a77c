"""Roles by what clients call them, for those who hand them on: with all that lists show of a role."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import BindParameter, Connection, bindparam, select

from ..errors import BadRequest, missing
from ..model.assignment import RoleEntry
from ..model.delegation import RoleRef
from .tables import role, role_implication
from .text import findable

IDS: BindParameter[Sequence[str]] = bindparam("ids", expanding=True)
COLUMNS = (role.c.id, role.c.name, role.c.domain_id, role.c.description, role.c.options, role.c.extra)
BY_ID = select(*COLUMNS).where(role.c.id.in_(IDS)).order_by(role.c.name, role.c.id)
BY_NAME = select(*COLUMNS).where(role.c.name.in_(IDS)).order_by(role.c.name, role.c.id)
_reach = select(role_implication.c.implied_id.label("id")).where(role_implication.c.prior_id.in_(IDS)).cte("reach", recursive=True)
IMPLIED = select(_reach.union(select(role_implication.c.implied_id).join(_reach, role_implication.c.prior_id == _reach.c.id)).c.id)


def by_id(db: Connection, ids: Collection[str]) -> list[RoleEntry]:
    """Those of the roles that exist, by name. One query."""
    return [RoleEntry(*row) for row in db.execute(BY_ID, {"ids": [id for id in ids if findable(id)]})]


def named(db: Connection, refs: Sequence[RoleRef]) -> list[str]:
    """The ids that are meant, once each; an id is taken as it is. Raises `NotFound` for a name that no role has, `BadRequest`
    for one that several have. One query.
    """
    names = {ref.name for ref in refs if ref.id is None and ref.name is not None and findable(ref.name)}
    found: dict[str, list[str]] = {}
    for row in db.execute(BY_NAME, {"ids": sorted(names)}) if names else ():
        found.setdefault(row[1], []).append(row[0])
    return list(dict.fromkeys(ref.id if ref.id is not None else _one(ref.name or "", found) for ref in refs))


def with_implied(db: Connection, ids: Collection[str]) -> set[str]:
    """These roles and all that they imply. One query."""
    return {*ids, *db.execute(IMPLIED, {"ids": [id for id in ids if findable(id)]}).scalars()}


def _one(name: str, found: dict[str, list[str]]) -> str:
    ids = found.get(name, [])
    if not ids:
        raise missing("role", name)
    if len(ids) > 1:
        raise BadRequest(f"Several roles are named {name[:64]}: name the one that you mean by its id.")
    return ids[0]


def existing(db: Connection, ids: Sequence[str]) -> tuple[RoleEntry, ...]:
    """The roles, by name. Raises `NotFound` for an id that no role has. One query."""
    roles = by_id(db, ids)
    absent = set(ids) - {held.id for held in roles}
    if absent:
        raise missing("role", min(absent))
    return tuple(roles)
