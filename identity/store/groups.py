"""Groups of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, text, update
from sqlalchemy import delete as remove

from ..errors import NotFound
from ..model import revocation
from ..model.account import Group
from ..model.listing import EVERYTHING, Page
from . import domains, epoch, removal
from .listing import Listing
from .pinning import pin, pin_whole
from .tables import membership, role_grant, user_account, user_group
from .text import checked_description, checked_id, checked_name, findable

THIS: BindParameter[str] = bindparam("this")
ROWS = select(user_group.c.id, user_group.c.name, user_group.c.domain_id, user_group.c.description, user_group.c.extra)
LISTING = Listing(ROWS, user_group.c.id, {name: user_group.c[name] for name in ("name", "domain_id", "description")})
BY_ID = ROWS.where(user_group.c.id == THIS)
THIS_GROUP = select(user_group.c.id).where(user_group.c.id == THIS)
USER = select(user_account.c.id).where(user_account.c.id == THIS)
CREATE = insert(user_group)
CHANGE = update(user_group).where(user_group.c.id == THIS)
# One statement that both databases know, so that two who put the same user in at once both succeed.
JOIN = text("INSERT INTO membership (user_id, group_id) VALUES (:user, :group) ON CONFLICT DO NOTHING")
LINK = (membership.c.user_id == bindparam("user"), membership.c.group_id == bindparam("group"))
JOINED = select(membership.c.user_id).where(*LINK)
LEAVE = remove(membership).where(*LINK)
DELETE = remove(user_group).where(user_group.c.id == THIS)
DELETE_GRANTS = remove(role_grant).where(role_grant.c.actor_kind == "group", role_grant.c.actor_id == THIS)


def get(db: Connection, group_id: str) -> Group | None:
    """The group with this id. One query."""
    row = db.execute(BY_ID, {"this": group_id}).first() if findable(group_id) else None
    return _group(row) if row is not None else None


def pinned(tx: Connection, group_id: str) -> Group | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended."""
    pin(tx, user_group, group_id)
    return get(tx, group_id)


def listed(
    db: Connection, page: Page = EVERYTHING, *, domain_id: str | None = None, user_id: str | None = None
) -> tuple[list[Group], bool]:
    """The groups of that page, by name, and whether there are more; only those of a domain, or of a user, if one is named."""
    where = []
    if domain_id is not None:
        where.append(user_group.c.domain_id == domain_id)
    if user_id is not None:
        where.append(user_group.c.id.in_(select(membership.c.group_id).where(membership.c.user_id == user_id)))
    found = LISTING.page(db, page, *where)
    return [_group(row) for row in found.rows], found.more


def is_member(db: Connection, group_id: str, user_id: str) -> bool:
    """Whether the user is in the group. One query."""
    return findable(group_id, user_id) and db.execute(JOINED, {"user": user_id, "group": group_id}).first() is not None


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


def save(tx: Connection, changed: Group) -> None:
    """Write the group as it is to be; its name and attributes stand in no token. Raises `NotFound`, `Conflict` for the name."""
    values = {
        "name": checked_name(changed.name),
        "description": checked_description(changed.description),
        "extra": dict(changed.extra),
    }
    if tx.execute(CHANGE.values(**values), {"this": changed.id}).rowcount == 0:
        raise NotFound(reason="no such group")


def add_member(tx: Connection, group_id: str, user_id: str, now: float) -> None:
    """Put the user into the group, where that is not so yet; its tokens gain the group's roles. Raises `NotFound`."""
    if get(tx, group_id) is None or not findable(user_id) or tx.execute(USER, {"this": user_id}).first() is None:
        raise NotFound(reason="no such user or group")
    if tx.execute(JOIN, {"user": user_id, "group": group_id}).rowcount:
        epoch.record(tx, now, [(revocation.GRANT, f"{user_id}/*", False)])


def remove_member(tx: Connection, group_id: str, user_id: str, now: float) -> None:
    """Take the user out of the group; ends the user's scoped tokens. Raises `NotFound`."""
    if tx.execute(LEAVE, {"user": user_id, "group": group_id}).rowcount == 0:
        raise NotFound(reason="the user is not in the group")
    epoch.record(tx, now, [(revocation.GRANT, f"{user_id}/*", True)])


def delete(tx: Connection, group_id: str, now: float) -> None:
    """Remove the group and its grants; where it had a role, ends the scoped tokens of its members. Raises `NotFound`."""
    pin_whole(tx, user_group, group_id)  # who is just giving it a role or a member is waited for: their tokens end, too
    changes = removal.by_groups(tx, THIS_GROUP, {"this": group_id})
    tx.execute(DELETE_GRANTS, {"this": group_id})
    if tx.execute(DELETE, {"this": group_id}).rowcount == 0:
        raise NotFound(reason="no such group")
    epoch.record(tx, now, changes)


def _group(row: Sequence[Any]) -> Group:
    return Group(*row)
