"""Domains: the rows of `project` that are their own root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, insert, select, update
from sqlalchemy import delete as remove

from ..errors import Forbidden, NotFound
from ..model import revocation
from ..model.auth import DomainRef
from ..model.subject import Domain
from . import epoch, removal, tenancy
from .tables import credential, project, role, role_grant, role_implication, user_account, user_group
from .text import checked_description, checked_id, checked_name, findable

THIS: BindParameter[str] = bindparam("this")
ROWS = select(project.c.id, project.c.name, project.c.enabled, project.c.description).where(project.c.is_domain)
BY_ID = ROWS.where(project.c.id == THIS)
BY_NAME = ROWS.where(project.c.name == THIS, project.c.domain_id.is_(None))  # the second for the sake of the unique index
CREATE = insert(project)

INSIDE = select(project.c.id).where((project.c.id == THIS) | (project.c.domain_id == THIS))
USERS = select(user_account.c.id).where(user_account.c.domain_id == THIS)
GROUPS = select(user_group.c.id).where(user_group.c.domain_id == THIS)
ROLES = select(role.c.id).where(role.c.domain_id == THIS)
# Held until the end, so that nobody grants something to what is about to go: no foreign key watches over grants and credentials.
PIN = (
    BY_ID.with_for_update(),
    *[
        select(func.count()).select_from(select(table.c.id).where(table.c.domain_id == THIS).with_for_update().subquery())
        for table in (project, user_account, user_group)
    ],
)
# Children before parents: foreign keys are checked at the end of each statement, so one DELETE takes a whole tree.
EMPTY = (
    remove(credential).where(credential.c.user_id.in_(USERS)),
    remove(credential).where(credential.c.project_id.in_(INSIDE)),
    update(user_account).where(user_account.c.default_project_id.in_(INSIDE)).values(default_project_id=None),
    remove(role_grant).where(role_grant.c.target_id.in_(INSIDE)),
    remove(role_grant).where(role_grant.c.actor_kind == "user", role_grant.c.actor_id.in_(USERS)),
    remove(role_grant).where(role_grant.c.actor_kind == "group", role_grant.c.actor_id.in_(GROUPS)),
    remove(role_grant).where(role_grant.c.role_id.in_(ROLES)),
    remove(role_implication).where(role_implication.c.prior_id.in_(ROLES) | role_implication.c.implied_id.in_(ROLES)),
    remove(user_account).where(user_account.c.domain_id == THIS),
    remove(user_group).where(user_group.c.domain_id == THIS),
    remove(role).where(role.c.domain_id == THIS),
    remove(project).where((project.c.id == THIS) | (project.c.domain_id == THIS)),
)


def get(db: Connection, ref: DomainRef) -> Domain | None:
    """The domain by id or by name; an id beats a name. One query."""
    if not findable(ref.id, ref.name) or (ref.id is None and ref.name is None):
        return None
    statement, value = (BY_ID, ref.id) if ref.id is not None else (BY_NAME, ref.name)
    row = db.execute(statement, {"this": value}).first()
    return Domain(*row) if row is not None else None


def find(db: Connection, ref: DomainRef) -> str | None:
    """The id of the domain that a client named. One query."""
    found = get(db, ref)
    return found.id if found else None


def must_exist(tx: Connection, domain_id: str) -> None:
    """Raises `NotFound` unless this is the id of a domain. One query."""
    if not findable(domain_id) or tx.execute(BY_ID, {"this": domain_id}).first() is None:
        raise NotFound(reason="no such domain")


def create(
    tx: Connection,
    *,
    name: str,
    now: float,
    id: str | None = None,
    enabled: bool = True,
    description: str = "",
    options: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
) -> str:
    """Store a new domain; gives its id. Raises `Conflict` for a name that is taken."""
    values = {
        "id": checked_id(id),
        "name": checked_name(name),
        "is_domain": True,
        "enabled": enabled,
        "description": checked_description(description),
        "options": dict(options or {}),
        "extra": dict(extra or {}),
        "created_at": now,
    }
    tx.execute(CREATE, values)
    if tags:
        tenancy.set_tags(tx, str(values["id"]), tags)
    epoch.record(tx, now, [(revocation.DOMAIN, str(values["id"]), False)])
    return str(values["id"])


def delete(tx: Connection, domain_id: str, now: float) -> None:
    """Remove a domain that is switched off, with all that is in it. Raises `NotFound`, or `Forbidden` while it is enabled."""
    found = get(tx, DomainRef(id=domain_id))
    if found is None:
        raise NotFound(reason="no such domain")
    if found.enabled:
        raise Forbidden("Cannot delete a domain that is enabled; disable it first.")
    for pin in PIN:
        tx.execute(pin, {"this": domain_id}).all()
    changes = [(revocation.DOMAIN, domain_id, True)]
    # Its own users and projects carry the domain's tag. Its groups and roles may serve people of other domains elsewhere.
    changes += removal.by_groups(tx, GROUPS, {"this": domain_id})
    changes += removal.by_roles(tx, ROLES, {"this": domain_id})
    for statement in EMPTY:
        tx.execute(statement, {"this": domain_id})
    epoch.record(tx, now, changes)
