"""Roles, and which role implies which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update
from sqlalchemy import delete as remove

from ..errors import BadRequest, NotFound
from ..model import revocation
from ..model.subject import Role
from . import domains, epoch, removal
from .tables import role, role_grant, role_implication
from .text import checked_description, checked_id, checked_name, findable

THIS: BindParameter[str] = bindparam("this")
ROWS = select(role.c.id, role.c.name)
BY_ID = ROWS.where(role.c.id == THIS)
GLOBAL_BY_NAME = ROWS.where(role.c.name == THIS, role.c.domain_id.is_(None))
DOMAIN_BY_NAME = ROWS.where(role.c.name == THIS, role.c.domain_id == bindparam("domain"))
ALL_GLOBAL = ROWS.where(role.c.domain_id.is_(None)).order_by(role.c.name)
CREATE = insert(role)
RENAME = update(role).where(role.c.id == THIS)
DELETE = remove(role).where(role.c.id == THIS)
DELETE_GRANTS = remove(role_grant).where(role_grant.c.role_id == THIS)
IMPLY = insert(role_implication)
IMPLIED = select(role_implication.c.implied_id).where(role_implication.c.prior_id == bindparam("prior"))
UNIMPLY = remove(role_implication).where(
    role_implication.c.prior_id == bindparam("prior"), role_implication.c.implied_id == bindparam("implied")
)
_reach = select(role_implication.c.implied_id).where(role_implication.c.prior_id == bindparam("start")).cte("reach", recursive=True)
REACH = select(
    _reach.union(
        select(role_implication.c.implied_id).join(_reach, role_implication.c.prior_id == _reach.c.implied_id)
    ).c.implied_id
)


def get(db: Connection, role_id: str) -> Role | None:
    """The role with this id. One query."""
    row = db.execute(BY_ID, {"this": role_id}).first() if findable(role_id) else None
    return Role(*row) if row is not None else None


def find(db: Connection, name: str, domain_id: str | None = None) -> Role | None:
    """The global role of this name, or that of a domain. One query."""
    if not findable(name, domain_id):
        return None
    if domain_id is None:
        row = db.execute(GLOBAL_BY_NAME, {"this": name}).first()
    else:
        row = db.execute(DOMAIN_BY_NAME, {"this": name, "domain": domain_id}).first()
    return Role(*row) if row is not None else None


def global_roles(db: Connection) -> list[Role]:
    """All roles that may stand in a token, by name."""
    return [Role(*row) for row in db.execute(ALL_GLOBAL)]


def create(
    tx: Connection,
    *,
    name: str,
    now: float,
    id: str | None = None,
    domain_id: str | None = None,
    description: str = "",
    options: Mapping[str, Any] | None = None,
) -> str:
    """Store a new role; gives its id. Raises `Conflict` for a name that its domain, or the global list, has already."""
    if domain_id is not None:
        domains.must_exist(tx, domain_id)
    values = {
        "id": checked_id(id),
        "name": checked_name(name),
        "domain_id": domain_id,
        "description": checked_description(description),
        "options": dict(options or {}),
    }
    tx.execute(CREATE, values)
    epoch.record(tx, now, [(revocation.ROLE, str(values["id"]), False)])
    return str(values["id"])


def rename(tx: Connection, role_id: str, name: str, now: float) -> None:
    """Give the role another name; tokens stay good and show the new one. Raises `Conflict`."""
    if tx.execute(RENAME.values(name=checked_name(name)), {"this": role_id}).rowcount == 0:
        raise NotFound(reason="no such role")
    epoch.record(tx, now, [(revocation.ROLE, role_id, False)])


def delete(tx: Connection, role_id: str, now: float) -> None:
    """Remove the role with its grants and implications; ends every token that holds it."""
    changes = removal.by_roles(tx, [role_id])
    tx.execute(DELETE_GRANTS, {"this": role_id})
    if tx.execute(DELETE, {"this": role_id}).rowcount == 0:
        raise NotFound(reason="no such role")
    epoch.record(tx, now, changes)


def imply(tx: Connection, prior_id: str, implied_id: str, now: float) -> None:
    """Let whoever has the first role have the second too. Raises `BadRequest` for a circle, `NotFound` for an unknown role."""
    if prior_id == implied_id or prior_id in set(tx.execute(REACH, {"start": implied_id}).scalars()):
        raise BadRequest("A role cannot imply itself.")
    if implied_id in set(tx.execute(IMPLIED, {"prior": prior_id}).scalars()):
        return
    tx.execute(IMPLY, {"prior_id": prior_id, "implied_id": implied_id})
    epoch.record(tx, now, [(revocation.ROLE, prior_id, False)])


def unimply(tx: Connection, prior_id: str, implied_id: str, now: float) -> None:
    """Undo `imply`; ends every token that holds the first role. Raises `NotFound`."""
    if tx.execute(UNIMPLY, {"prior": prior_id, "implied": implied_id}).rowcount == 0:
        raise NotFound(reason="the one role does not imply the other")
    epoch.record(tx, now, [(revocation.ROLE, prior_id, True)])
