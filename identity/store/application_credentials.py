"""Application credentials: a share of a user's roles on one project, with a secret of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from ..errors import Conflict, Forbidden, missing
from ..model import revocation
from ..model.assignment import RoleEntry
from ..model.delegation import AccessRule, ApplicationCredential, StoredSecret
from ..model.listing import EVERYTHING, Page
from . import epoch
from .handed_roles import COLUMNS as ROLE_COLUMNS
from .listing import Listing
from .removal import Changes
from .tables import (
    access_rule,
    application_credential,
    application_credential_access_rule,
    application_credential_role,
    role,
    user_account,
)
from .text import checked_name, findable

T = application_credential
COLUMNS = ("id", "name", "user_id", "project_id", "description", "expires_at", "unrestricted")
ROWS = select(*[T.c[name] for name in COLUMNS])
LISTING = Listing(ROWS, T.c.id, {"name": T.c.name, "description": T.c.description, "project_id": T.c.project_id})
THIS = T.c.id == bindparam("this")
OWN_NAME = (T.c.user_id == bindparam("user"), T.c.name == bindparam("name"))
GET = ROWS.where(THIS)
SECRET = select(T.c.id, T.c.user_id, T.c.project_id, T.c.hash, T.c.expires_at)
SECRET_BY_ID = SECRET.where(THIS)
SECRET_BY_NAME = SECRET.where(*OWN_NAME)
# Whoever switches the user off takes all credentials away: none is to be made while that happens.
OWNER = select(user_account.c.enabled).where(user_account.c.id == bindparam("user")).with_for_update(read=True, key_share=True)
TAKEN = select(T.c.id).where(*OWN_NAME)
CREATE = insert(T)
DELETE = delete(T).where(THIS)
OF_USER = select(T.c.id).where(T.c.user_id == bindparam("user"))
OF_USER_ON = OF_USER.where(T.c.project_id == bindparam("project"))
WITH_ROLE = select(application_credential_role.c.application_credential_id).where(
    application_credential_role.c.role_id == bindparam("role")
)
ROLES = (
    select(application_credential_role.c.application_credential_id, *ROLE_COLUMNS)
    .join(role, role.c.id == application_credential_role.c.role_id)
    .join(T, T.c.id == application_credential_role.c.application_credential_id)
    .order_by(role.c.name, role.c.id)
)
RULES = (
    select(
        application_credential_access_rule.c.application_credential_id,
        access_rule.c.id,
        access_rule.c.service,
        access_rule.c.path,
        access_rule.c.method,
    )
    .join(access_rule, access_rule.c.id == application_credential_access_rule.c.access_rule_id)
    .join(T, T.c.id == application_credential_access_rule.c.application_credential_id)
    .order_by(access_rule.c.id)
)
ADD_ROLE = insert(application_credential_role)
ADD_RULE = insert(application_credential_access_rule)


def get(db: Connection, id: str) -> ApplicationCredential | None:
    """The credential with its roles and rules, or None. Three queries."""
    row = db.execute(GET, {"this": id}).first() if findable(id) else None
    return _filled(db, (row,), THIS, {"this": id})[0] if row is not None else None


def listed(db: Connection, user_id: str, page: Page = EVERYTHING) -> tuple[list[ApplicationCredential], bool]:
    """The user's credentials of that page, by name, and whether there are more. Three queries."""
    if not findable(user_id):
        return [], False
    found = LISTING.page(db, page, T.c.user_id == user_id)
    return _filled(db, found.rows, T.c.user_id == bindparam("user"), {"user": user_id}), found.more


def secret(db: Connection, id: str) -> StoredSecret | None:
    """What a log-in by id is held against. One query."""
    row = db.execute(SECRET_BY_ID, {"this": id}).first() if findable(id) else None
    return StoredSecret(*row) if row is not None else None


def secret_named(db: Connection, user_id: str, name: str) -> StoredSecret | None:
    """As `secret`, by the user and the name among the user's. One query."""
    row = db.execute(SECRET_BY_NAME, {"user": user_id, "name": name}).first() if findable(user_id, name) else None
    return StoredSecret(*row) if row is not None else None


def create(tx: Connection, new: ApplicationCredential, hash: str, now: float) -> None:
    """Store a new credential. Raises `Conflict` for a name that the user has given already, `Forbidden` for a user who is off."""
    if not tx.execute(OWNER, {"user": new.user_id}).scalar():
        raise Forbidden("The user was switched off meanwhile.")
    if tx.execute(TAKEN, {"user": new.user_id, "name": new.name}).first() is not None:
        raise Conflict("You have an application credential of this name already.")
    values = {
        "id": new.id,
        "name": checked_name(new.name),
        "user_id": new.user_id,
        "project_id": new.project_id,
        "hash": hash,
        "description": new.description,
        "created_at": now,
        "expires_at": new.expires_at,
        "unrestricted": new.unrestricted,
    }
    tx.execute(CREATE, values)
    if new.roles:
        tx.execute(ADD_ROLE, [{"application_credential_id": new.id, "role_id": held.id} for held in new.roles])
    if new.access_rules:
        tx.execute(ADD_RULE, [{"application_credential_id": new.id, "access_rule_id": rule.id} for rule in new.access_rules])


def remove(tx: Connection, id: str, now: float) -> None:
    """Delete the credential and end its tokens. Raises `NotFound`."""
    if tx.execute(DELETE, {"this": id}).rowcount == 0:
        raise missing("application credential", id)
    epoch.record(tx, now, [(revocation.APP_CRED, id, True)])


def remove_of_user(tx: Connection, user_id: str, project_id: str | None = None) -> Changes:
    """Delete all credentials of the user, or those for one project; gives the changes for the caller to record."""
    if project_id is None:
        return _remove(tx, tx.execute(OF_USER, {"user": user_id}).scalars().all())
    return _remove(tx, tx.execute(OF_USER_ON, {"user": user_id, "project": project_id}).scalars().all())


def remove_with_role(tx: Connection, role_id: str) -> Changes:
    """Delete all credentials that hand on the role; gives the changes for the caller to record."""
    return _remove(tx, tx.execute(WITH_ROLE, {"role": role_id}).scalars().all())


def _remove(tx: Connection, ids: Sequence[str]) -> Changes:
    if ids:
        tx.execute(DELETE, [{"this": id} for id in ids])
    return [(revocation.APP_CRED, id, True) for id in ids]


def _filled(db: Connection, rows: Sequence[Sequence[Any]], which: Any, given: dict[str, str]) -> list[ApplicationCredential]:
    """The rows with roles and rules. What is asked is asked of all that `which` has, so it takes no list of ids."""
    if not rows:
        return []
    roles: defaultdict[str, list[RoleEntry]] = defaultdict(list)
    for id, *columns in db.execute(ROLES.where(which), given):
        roles[id].append(RoleEntry(*columns))
    rules: defaultdict[str, list[AccessRule]] = defaultdict(list)
    for id, *columns in db.execute(RULES.where(which), given):
        rules[id].append(AccessRule(*columns))
    plain = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return [
        ApplicationCredential(**values, roles=tuple(roles[values["id"]]), access_rules=tuple(rules[values["id"]]))
        for values in plain
    ]
