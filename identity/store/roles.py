"""Roles, and which role implies which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update
from sqlalchemy import delete as remove

from ..errors import BadRequest, Conflict, NotFound, missing
from ..model import revocation
from ..model.assignment import Inference, RoleEntry
from ..model.listing import EVERYTHING, Page
from ..model.subject import Role
from . import application_credentials, domains, epoch, removal
from .handed_roles import COLUMNS as ENTRY
from .listing import Listing
from .tables import change_counter, role, role_grant, role_implication
from .text import checked_description, checked_id, checked_name, findable

THIS: BindParameter[str] = bindparam("this")
ROWS = select(role.c.id, role.c.name)
BY_ID = ROWS.where(role.c.id == THIS)
GLOBAL_BY_NAME = ROWS.where(role.c.name == THIS, role.c.domain_id.is_(None))
DOMAIN_BY_NAME = ROWS.where(role.c.name == THIS, role.c.domain_id == bindparam("domain"))
ENTRIES = select(*ENTRY)
ENTRY_BY_ID = ENTRIES.where(role.c.id == THIS)
THIS_ROLE = select(role.c.id).where(role.c.id == THIS)
FIXED = ENTRY_BY_ID.with_for_update()
LISTING = Listing(ENTRIES, role.c.id, {"name": role.c.name, "domain_id": role.c.domain_id, "description": role.c.description})
CREATE = insert(role)
CHANGE = update(role).where(role.c.id == THIS)
DELETE = remove(role).where(role.c.id == THIS)
DELETE_GRANTS = remove(role_grant).where(role_grant.c.role_id == THIS)
ONE_AT_A_TIME = select(change_counter.c.seq).with_for_update()  # else two might close a circle between them
# Before that lock: who changes one of the two roles holds it and then wants the counter (a deadlock, else).
ENDS = select(role.c.id).where((role.c.id == THIS) | (role.c.id == bindparam("implied"))).order_by(role.c.id)
HELD_ENDS = ENDS.with_for_update(read=True, key_share=True)
IMPLY = insert(role_implication)
IMPLIED = select(role_implication.c.implied_id).where(role_implication.c.prior_id == bindparam("prior"))
UNIMPLY = remove(role_implication).where(
    role_implication.c.prior_id == bindparam("prior"), role_implication.c.implied_id == bindparam("implied")
)
_prior, _implied = role.alias("prior"), role.alias("implied")
INFERENCES = (
    select(*[_prior.c[column.name] for column in ENTRY], *[_implied.c[column.name] for column in ENTRY])
    .select_from(role_implication)
    .join(_prior, _prior.c.id == role_implication.c.prior_id)
    .join(_implied, _implied.c.id == role_implication.c.implied_id)
    .order_by(_prior.c.name, _prior.c.id, _implied.c.name, _implied.c.id)
)
OF_PRIOR = INFERENCES.where(role_implication.c.prior_id == THIS)
INFERENCE = OF_PRIOR.where(role_implication.c.implied_id == bindparam("implied"))
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


def entry(db: Connection, role_id: str) -> RoleEntry | None:
    """The role with all its attributes. One query."""
    row = db.execute(ENTRY_BY_ID, {"this": role_id}).first() if findable(role_id) else None
    return entry_of(row) if row is not None else None


def locked(tx: Connection, role_id: str) -> RoleEntry:
    """The role, which nobody else changes or grants until this transaction ends. Raises `NotFound`."""
    row = tx.execute(FIXED, {"this": role_id}).first() if findable(role_id) else None
    if row is None:
        raise missing("role", role_id)
    return entry_of(row)


def listed(db: Connection, page: Page = EVERYTHING, domain_id: str | None = None) -> tuple[list[RoleEntry], bool]:
    """That page of a domain's roles, or of those of the whole cloud, by name; and whether there are more."""
    owner = role.c.domain_id.is_(None) if domain_id is None else role.c.domain_id == domain_id
    if not findable(domain_id):
        return [], False
    found = LISTING.page(db, page, owner)
    return [entry_of(row) for row in found.rows], found.more


def create(
    tx: Connection,
    *,
    name: str,
    now: float,
    id: str | None = None,
    domain_id: str | None = None,
    description: str = "",
    options: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """Store a new role; gives its id. Raises `Conflict` for a name that its domain, or the global list, has already."""
    if domain_id is not None:
        domains.must_exist(tx, domain_id)
    _check_free(tx, name, domain_id)
    values = {
        "id": checked_id(id),
        "name": checked_name(name),
        "domain_id": domain_id,
        "description": checked_description(description),
        "options": dict(options or {}),
        "extra": dict(extra or {}),
    }
    tx.execute(CREATE, values)
    epoch.record(tx, now, [(revocation.ROLE, str(values["id"]), False)])
    return str(values["id"])


def save(tx: Connection, changed: RoleEntry, now: float) -> None:
    """Write name, description, options and unknown attributes as they are to be. Raises `Conflict`, `NotFound`."""
    _check_free(tx, changed.name, changed.domain_id, changed.id)
    values = {
        "name": checked_name(changed.name),
        "description": checked_description(changed.description),
        "options": dict(changed.options),
        "extra": dict(changed.extra),
    }
    if tx.execute(CHANGE.values(**values), {"this": changed.id}).rowcount == 0:
        raise missing("role", changed.id)
    epoch.record(tx, now, [(revocation.ROLE, changed.id, False)])


def delete(tx: Connection, role_id: str, now: float) -> None:
    """Remove the role with grants, implications and the application credentials that hand it on; ends every token that holds it."""
    changes = removal.by_roles(tx, THIS_ROLE, {"this": role_id}) + application_credentials.remove_with_role(tx, role_id)
    tx.execute(DELETE_GRANTS, {"this": role_id})
    if tx.execute(DELETE, {"this": role_id}).rowcount == 0:
        raise NotFound(reason="no such role")
    epoch.record(tx, now, changes)


def imply(tx: Connection, prior_id: str, implied_id: str, now: float) -> bool:
    """Let whoever has the first role have the second too; False when that was so already.

    Raises `BadRequest` for a circle, `NotFound` for an unknown role.
    """
    tx.execute(HELD_ENDS, {"this": prior_id, "implied": implied_id}).all()
    tx.execute(ONE_AT_A_TIME)
    if prior_id == implied_id or prior_id in set(tx.execute(REACH, {"start": implied_id}).scalars()):
        raise BadRequest("A role cannot imply itself.")
    if implied_id in set(tx.execute(IMPLIED, {"prior": prior_id}).scalars()):
        return False
    tx.execute(IMPLY, {"prior_id": prior_id, "implied_id": implied_id})
    epoch.record(tx, now, [(revocation.ROLE, prior_id, False)])
    return True


def unimply(tx: Connection, prior_id: str, implied_id: str, now: float) -> None:
    """Undo `imply`; ends every token that holds the first role. Raises `NotFound`."""
    if tx.execute(UNIMPLY, {"prior": prior_id, "implied": implied_id}).rowcount == 0:
        raise NotFound(reason="the one role does not imply the other")
    epoch.record(tx, now, [(revocation.ROLE, prior_id, True)])


def inferences(db: Connection) -> list[Inference]:
    """Every rule that one role implies another (not what follows of two), by the names of both. One query."""
    return [_inference(row) for row in db.execute(INFERENCES)]


def implied_by(db: Connection, prior_id: str) -> list[Inference]:
    """The rules of one role, by name. One query."""
    return [_inference(row) for row in db.execute(OF_PRIOR, {"this": prior_id})] if findable(prior_id) else []


def inference(db: Connection, prior_id: str, implied_id: str) -> Inference | None:
    """The rule that the one role implies the other, if there is one. One query."""
    if not findable(prior_id, implied_id):
        return None
    row = db.execute(INFERENCE, {"this": prior_id, "implied": implied_id}).first()
    return _inference(row) if row is not None else None


def _check_free(tx: Connection, name: str, domain_id: str | None, id: str | None = None) -> None:
    """Says it better than the constraint, which holds in a race."""
    found = find(tx, name, domain_id)
    if found is not None and found.id != id:
        raise Conflict(f"There is already a role named {name[:64]!r}; choose another name.")


def _inference(row: Sequence[Any]) -> Inference:
    return Inference(entry_of(row[: len(ENTRY)]), entry_of(row[len(ENTRY) :]))


def entry_of(row: Sequence[Any]) -> RoleEntry:
    """The role in a row of `ENTRY`."""
    return RoleEntry(*row)
