"""Who holds which role where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, String, bindparam, insert, select, text
from sqlalchemy import delete as deletion

from ..errors import NotFound
from ..model import revocation
from ..model.subject import Domain, Role
from . import epoch
from .tables import project, role_grant, user_account, user_group
from .text import findable

SYSTEM = "system"
"""The id of the system as a target."""


@dataclass(frozen=True, slots=True)
class Grant:
    """`actor_kind`: user or group; `target_kind`: project, domain or system (whose id is 'system').

    An inherited grant holds for all projects below its target, and not for the target itself.
    """

    actor_kind: str
    actor_id: str
    target_kind: str
    target_id: str
    role_id: str
    inherited: bool = False

    @property
    def change(self) -> str:
        return f"{self.actor_id}/{self.target_id}"


COLUMNS = tuple(role_grant.c[name] for name in ("actor_kind", "actor_id", "target_kind", "target_id", "role_id", "inherited"))
ADD = insert(role_grant)
EXACTLY = [column == bindparam(f"the_{column.name}") for column in COLUMNS]
HAS = select(role_grant.c.role_id).where(*EXACTLY)
REMOVE = deletion(role_grant).where(*EXACTLY)
ON_TARGET = select(*COLUMNS).where(role_grant.c.target_kind == bindparam("kind"), role_grant.c.target_id == bindparam("this"))
ACTORS = {
    "user": select(user_account.c.id).where(user_account.c.id == bindparam("this")),
    "group": select(user_group.c.id).where(user_group.c.id == bindparam("this")),
}
TARGETS = {
    "project": select(project.c.id).where(project.c.id == bindparam("this")),
    "domain": select(project.c.id).where(project.c.id == bindparam("this"), project.c.is_domain),
}

# Implied roles count; those for use inside one domain do not.
HELD = text("""
WITH RECURSIVE
actor (kind, id) AS (
    SELECT 'user', :user
    UNION SELECT 'group', m.group_id FROM membership m WHERE m.user_id = :user
    UNION SELECT 'group', g.id FROM user_group g WHERE g.id IN :groups
),
held (target_id, role_id) AS (
    SELECT g.target_id, g.role_id FROM actor a CROSS JOIN role_grant g
    WHERE g.actor_kind = a.kind AND g.actor_id = a.id AND g.target_kind = :kind AND NOT g.inherited
    UNION SELECT h.target_id, i.implied_id FROM held h JOIN role_implication i ON i.prior_id = h.role_id
)
SELECT r.id, r.name, d.id, d.name, d.enabled, d.description
FROM held h JOIN role r ON r.id = h.role_id LEFT JOIN project d ON d.id = h.target_id
WHERE r.domain_id IS NULL
""").bindparams(bindparam("user", type_=String), bindparam("kind", type_=String), bindparam("groups", type_=String, expanding=True))


def add(tx: Connection, grant: Grant, now: float) -> bool:
    """Give the role; False when it was held already. Raises `NotFound` for an unknown actor, target or role."""
    for kinds, kind, id in ((ACTORS, grant.actor_kind, grant.actor_id), (TARGETS, grant.target_kind, grant.target_id)):
        if kind == "system" and id == SYSTEM:
            continue
        if kind not in kinds or not findable(id) or tx.execute(kinds[kind], {"this": id}).first() is None:
            raise NotFound(reason=f"no such {kind if kind in kinds else 'target'}")
    if tx.execute(HAS, _exactly(grant)).first() is not None:
        return False
    tx.execute(ADD, {column.name: getattr(grant, column.name) for column in COLUMNS})
    epoch.record(tx, now, [(revocation.GRANT, grant.change, False)])
    return True


def remove(tx: Connection, grant: Grant, now: float) -> None:
    """Take the role away; ends every token that may rest on it. Raises `NotFound`."""
    if tx.execute(REMOVE, _exactly(grant)).rowcount == 0:
        raise NotFound(reason="no such grant")
    epoch.record(tx, now, [(revocation.GRANT, grant.change, True)])


def on(db: Connection, target_kind: str, target_id: str) -> Sequence[Grant]:
    """The grants on a target as they are stored: neither inherited nor implied ones are added. One query."""
    if not findable(target_id):
        return ()
    return [Grant(*row) for row in db.execute(ON_TARGET, {"kind": target_kind, "this": target_id})]


def domains_of(db: Connection, user_id: str, groups: tuple[str, ...] = ()) -> list[Domain]:
    """The domains on which the user has a role (direct or by group), by name; disabled ones too. One query."""
    found = {Domain(id, name, bool(enabled), about) for _, _, id, name, enabled, about in _held(db, user_id, "domain", groups)}
    return sorted(found, key=lambda domain: domain.name)


def system_roles(db: Connection, user_id: str, groups: tuple[str, ...] = ()) -> list[Role]:
    """The user's roles on the system (direct, by group, implied), by name. One query."""
    return sorted({Role(row[0], row[1]) for row in _held(db, user_id, "system", groups)}, key=lambda role: role.name)


def _held(db: Connection, user_id: str, kind: str, groups: tuple[str, ...]) -> Sequence[Sequence[Any]]:
    if not findable(user_id, *groups):
        return ()
    return db.execute(HELD, {"user": user_id, "kind": kind, "groups": groups}).all()


def _exactly(grant: Grant) -> dict[str, object]:
    return {f"the_{column.name}": getattr(grant, column.name) for column in COLUMNS}
