"""Who holds which role where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Connection, String, bindparam, select, text
from sqlalchemy import delete as deletion

from ..errors import NotFound, missing
from ..model import revocation
from ..model.assignment import RoleEntry
from ..model.listing import EVERYTHING, Page
from ..model.subject import Role
from . import epoch, roles
from .handed_roles import COLUMNS as ROLE_COLUMNS
from .listing import Listing
from .tables import project, role, role_grant, user_account, user_group
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


@dataclass(frozen=True, slots=True)
class Party:
    """What a policy may ask about an end of a grant: its attributes by their names in the API, such as ("domain_id", "default")."""

    kind: str
    attributes: tuple[tuple[str, Any], ...]

    @property
    def id(self) -> str:
        return str(dict(self.attributes)["id"])

    @property
    def domain_id(self) -> str | None:
        return dict(self.attributes).get("domain_id")


COLUMNS = tuple(role_grant.c[name] for name in ("actor_kind", "actor_id", "target_kind", "target_id", "role_id", "inherited"))
# One statement that both databases know, so that two who give the same at once both succeed.
ADD = text("""
INSERT INTO role_grant (actor_kind, actor_id, target_kind, target_id, role_id, inherited)
VALUES (:actor_kind, :actor_id, :target_kind, :target_id, :role_id, :inherited) ON CONFLICT DO NOTHING
""").bindparams(bindparam("inherited", type_=Boolean))
EXACTLY = [column == bindparam(f"the_{column.name}") for column in COLUMNS]
HAS = select(role_grant.c.role_id).where(*EXACTLY)
REMOVE = deletion(role_grant).where(*EXACTLY)
ON_TARGET = select(*COLUMNS).where(role_grant.c.target_kind == bindparam("kind"), role_grant.c.target_id == bindparam("this"))
GIVEN_ROLES = select(*ROLE_COLUMNS).join(role_grant, role_grant.c.role_id == role.c.id)
GIVEN = Listing(GIVEN_ROLES, role.c.id, {"name": role.c.name, "domain_id": role.c.domain_id})
PARTIES = {
    kind: select(*[table.c[name] for name in names]).where(table.c.id == bindparam("this"), *where)
    for kind, table, names, where in (
        ("user", user_account, ("id", "name", "domain_id", "enabled", "default_project_id", "description"), ()),
        ("group", user_group, ("id", "name", "domain_id", "description"), ()),
        ("project", project, ("id", "name", "domain_id", "parent_id", "is_domain", "enabled", "description"), ()),
        ("domain", project, ("id", "name", "enabled", "description"), (project.c.is_domain,)),
    )
}
# While a grant is written, its ends may not be deleted: no foreign key watches over them. SQLite has one writer at a time.
PINNED = {kind: statement.with_for_update(read=True, key_share=True) for kind, statement in PARTIES.items()}

# Implied roles count; those for use inside one domain do not.
HELD_BY = """
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
"""
SHOWN = "SELECT DISTINCT r.id, r.name FROM held h JOIN role r ON r.id = h.role_id WHERE r.domain_id IS NULL"
HELD = text("".join((HELD_BY, SHOWN))).bindparams(
    bindparam("user", type_=String), bindparam("kind", type_=String), bindparam("groups", type_=String, expanding=True)
)


def add(tx: Connection, grant: Grant, now: float) -> bool:
    """Give the role; False when it was held already. Raises `NotFound` for an unknown actor, target or role."""
    # The place first, as the deletion of a domain takes its rows: else each might hold what the other waits for.
    for kind, id in ((grant.target_kind, grant.target_id), (grant.actor_kind, grant.actor_id)):
        if (kind, id) == (SYSTEM, SYSTEM):
            continue
        if kind not in PINNED or not findable(id) or tx.execute(PINNED[kind], {"this": id}).first() is None:
            raise missing(kind, id)
    if tx.execute(ADD, {column.name: getattr(grant, column.name) for column in COLUMNS}).rowcount == 0:
        return False
    epoch.record(tx, now, [(revocation.GRANT, grant.change, False)])
    return True


def has(db: Connection, grant: Grant) -> bool:
    """Whether exactly this is given. One query."""
    return findable(grant.actor_id, grant.target_id, grant.role_id) and db.execute(HAS, _exactly(grant)).first() is not None


def party(db: Connection, kind: str, id: str) -> Party | None:
    """An end of a grant: a user, group, project or domain. One query."""
    row = db.execute(PARTIES[kind], {"this": id}).first() if findable(id) else None
    return Party(kind, tuple(zip(row._fields, row, strict=True))) if row is not None else None


def held(db: Connection, grant: Grant, page: Page = EVERYTHING) -> tuple[list[RoleEntry], bool]:
    """That page of the roles given to the actor on the target, by name, and whether there are more. `role_id` is not looked at."""
    if not findable(grant.actor_id, grant.target_id):
        return [], False
    found = GIVEN.page(db, page, *[column == getattr(grant, column.name) for column in COLUMNS if column.name != "role_id"])
    return [roles.entry_of(row) for row in found.rows], found.more


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


def system_roles(db: Connection, user_id: str, groups: tuple[str, ...] = ()) -> list[Role]:
    """The user's roles on the system (direct, by group, implied), by name. One query."""
    if not findable(user_id, *groups):
        return []
    held = db.execute(HELD, {"user": user_id, "kind": SYSTEM, "groups": groups})
    return sorted({Role(id, name) for id, name in held}, key=lambda role: role.name)


def _exactly(grant: Grant) -> dict[str, object]:
    return {f"the_{column.name}": getattr(grant, column.name) for column in COLUMNS}
