"""Groups of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, insert, select
from sqlalchemy import delete as remove

from ..errors import NotFound
from ..model import revocation
from . import domains, epoch, removal
from .tables import membership, role_grant, user_account, user_group
from .text import checked_description, checked_id, checked_name, findable


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    name: str
    domain_id: str
    description: str = ""


THIS: BindParameter[str] = bindparam("this")
ROWS = select(user_group.c.id, user_group.c.name, user_group.c.domain_id, user_group.c.description)
BY_ID = ROWS.where(user_group.c.id == THIS)
BY_NAME = ROWS.where(user_group.c.name == bindparam("name"), user_group.c.domain_id == bindparam("domain"))
OF_USER = (
    ROWS.join(membership, membership.c.group_id == user_group.c.id).where(membership.c.user_id == THIS).order_by(user_group.c.name)
)
MEMBERS = select(membership.c.user_id).where(membership.c.group_id == THIS).order_by(membership.c.user_id)
USER = select(user_account.c.id).where(user_account.c.id == THIS)
CREATE = insert(user_group)
JOIN = insert(membership)
LINK = (membership.c.user_id == bindparam("user"), membership.c.group_id == bindparam("group"))
JOINED = select(membership.c.user_id).where(*LINK)
LEAVE = remove(membership).where(*LINK)
DELETE = remove(user_group).where(user_group.c.id == THIS)
DELETE_GRANTS = remove(role_grant).where(role_grant.c.actor_kind == "group", role_grant.c.actor_id == THIS)


def get(db: Connection, group_id: str) -> Group | None:
    """The group with this id. One query."""
    row = db.execute(BY_ID, {"this": group_id}).first() if findable(group_id) else None
    return Group(*row) if row is not None else None


def find(db: Connection, name: str, domain_id: str) -> Group | None:
    """The group of this name in a domain. One query."""
    row = db.execute(BY_NAME, {"name": name, "domain": domain_id}).first() if findable(name, domain_id) else None
    return Group(*row) if row is not None else None


def groups_of(db: Connection, user_id: str) -> list[Group]:
    """The groups that the user is in, by name. One query."""
    return [Group(*row) for row in db.execute(OF_USER, {"this": user_id})] if findable(user_id) else []


def members(db: Connection, group_id: str) -> Sequence[str]:
    """The ids of the users in the group. One query."""
    return db.execute(MEMBERS, {"this": group_id}).scalars().all() if findable(group_id) else ()


def create(
    tx: Connection,
    *,
    name: str,
    domain_id: str,
    id: str | None = None,
    description: str = "",
    extra: Mapping[str, Any] | None = None,
) -> str:
    """Store a new group; gives its id. No token can depend on it yet. Raises `Conflict`, or `NotFound` for the domain."""
    domains.must_exist(tx, domain_id)
    values = {
        "id": checked_id(id),
        "name": checked_name(name),
        "domain_id": domain_id,
        "description": checked_description(description),
        "extra": dict(extra or {}),
    }
    tx.execute(CREATE, values)
    return str(values["id"])


def add_member(tx: Connection, group_id: str, user_id: str, now: float) -> None:
    """Put the user into the group, where that is not so yet; its tokens gain the group's roles. Raises `NotFound`."""
    if get(tx, group_id) is None or not findable(user_id) or tx.execute(USER, {"this": user_id}).first() is None:
        raise NotFound(reason="no such user or group")
    if tx.execute(JOINED, {"user": user_id, "group": group_id}).first() is not None:
        return
    tx.execute(JOIN, {"user_id": user_id, "group_id": group_id})
    epoch.record(tx, now, [(revocation.GRANT, f"{user_id}/*", False)])


def remove_member(tx: Connection, group_id: str, user_id: str, now: float) -> None:
    """Take the user out of the group; ends the user's scoped tokens. Raises `NotFound`."""
    if tx.execute(LEAVE, {"user": user_id, "group": group_id}).rowcount == 0:
        raise NotFound(reason="the user is not in the group")
    epoch.record(tx, now, [(revocation.GRANT, f"{user_id}/*", True)])


def delete(tx: Connection, group_id: str, now: float) -> None:
    """Remove the group and its grants; where it had a role, ends the scoped tokens of its members. Raises `NotFound`."""
    changes = removal.by_groups(tx, [group_id])
    tx.execute(DELETE_GRANTS, {"this": group_id})
    if tx.execute(DELETE, {"this": group_id}).rowcount == 0:
        raise NotFound(reason="no such group")
    epoch.record(tx, now, changes)
