"""Projects, and in which of them (and of the domains, and of the system) a user has a role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, String, bindparam, insert, select, text, update
from sqlalchemy import delete as remove

from ..errors import BadRequest, Conflict, NotFound
from ..model import revocation
from ..model.auth import ProjectRef
from ..model.subject import Domain, Project
from . import epoch, tenancy
from .lookup import Finder, home
from .tables import credential, project, role_grant, user_account
from .text import checked_description, checked_id, checked_name, findable

THIS: BindParameter[str] = bindparam("this")
FIND = Finder(select(project.c.id).select_from(project.outerjoin(home, home.c.id == project.c.domain_id)), project)
PARENT = select(project.c.domain_id, project.c.is_domain).where(project.c.id == THIS)
CHILD = select(project.c.id).where(project.c.parent_id == THIS).limit(1)
CREATE = insert(project)
DELETE = remove(project).where(project.c.id == THIS, project.c.is_domain.is_(False))
# What refers to a project without a foreign key. Tags, limits, trusts and the like go with the row itself.
FORGET = (
    remove(role_grant).where(role_grant.c.target_kind == "project", role_grant.c.target_id == THIS),
    remove(credential).where(credential.c.project_id == THIS),
    update(user_account).where(user_account.c.default_project_id == THIS).values(default_project_id=None),
)

# CROSS JOIN as in `subjects.py`. A walk upwards ends with a NULL, which joins with nothing: with a condition on the parent
# SQLite would first read all projects into a Bloom filter.
GET = text("""
WITH RECURSIVE wanted (id) AS (SELECT :this),
above (id) AS (
    SELECT id FROM wanted
    UNION SELECT p.parent_id FROM above a CROSS JOIN project p WHERE p.id = a.id
)
SELECT p.id, p.name, p.parent_id, p.enabled, p.description, d.id, d.name, d.enabled, CASE WHEN w.id IS NULL THEN 0 ELSE 1 END
FROM above a CROSS JOIN project p JOIN project d ON d.id = COALESCE(p.domain_id, p.id) LEFT JOIN wanted w ON w.id = p.id
WHERE p.id = a.id
""").bindparams(bindparam("this", type_=String))

# A grant counts when its role, or one that it implies, may stand in a token: roles of one domain do not.
HELD = """
WITH RECURSIVE
telling (role_id) AS (
    SELECT r.id FROM role r WHERE r.domain_id IS NULL
    UNION SELECT i.prior_id FROM telling t JOIN role_implication i ON i.implied_id = t.role_id
),
actor (kind, id) AS (
    SELECT 'user', :user
    UNION SELECT 'group', m.group_id FROM membership m WHERE m.user_id = :user
    UNION SELECT 'group', g.id FROM user_group g WHERE g.id IN :groups
),
held (kind, id, inherited) AS (
    SELECT DISTINCT g.target_kind, g.target_id, g.inherited
    FROM actor a CROSS JOIN role_grant g
    WHERE g.actor_kind = a.kind AND g.actor_id = a.id AND g.target_kind <> 'system' AND g.role_id IN (SELECT role_id FROM telling)
),
below (id) AS (
    SELECT p.id FROM held h CROSS JOIN project p WHERE p.parent_id = h.id AND h.inherited
    UNION SELECT p.id FROM below b CROSS JOIN project p WHERE p.parent_id = b.id
),
wanted (id) AS (SELECT h.id FROM held h WHERE h.kind = 'project' AND NOT h.inherited UNION SELECT b.id FROM below b)
"""
# `above` brings the ancestors along, since a project is switched off by any of them.
WITH_ANCESTORS = """, above (id) AS (
    SELECT id FROM wanted
    UNION SELECT p.parent_id FROM above a CROSS JOIN project p WHERE p.id = a.id
)
SELECT p.id, p.name, p.parent_id, p.enabled, p.description, d.id, d.name, d.enabled, CASE WHEN w.id IS NULL THEN 0 ELSE 1 END
FROM above a CROSS JOIN project p JOIN project d ON d.id = COALESCE(p.domain_id, p.id) LEFT JOIN wanted w ON w.id = p.id
WHERE p.id = a.id
"""
OF_USER = text("".join((HELD, WITH_ANCESTORS))).bindparams(
    bindparam("user", type_=String), bindparam("groups", type_=String, expanding=True)
)


def find(db: Connection, ref: ProjectRef) -> str | None:
    """The id of the project that a client named. A domain's id finds it too: it may act as a project. One query."""
    found = FIND.statement(ref)
    return db.execute(*found).scalar() if found else None


def get(db: Connection, project_id: str) -> Project | None:
    """The project with its ancestors taken into account. One query."""
    if not findable(project_id):
        return None
    found = _projects(db.execute(GET, {"this": project_id}).all())
    return found[0] if found else None


def projects_of(db: Connection, user_id: str, groups: tuple[str, ...] = ()) -> list[Project]:
    """Where the user has a role (direct, by group, inherited), by name; disabled ones too. One query.

    `groups` are ids that a federated login adds.
    """
    if not findable(user_id, *groups):
        return []
    return _projects(db.execute(OF_USER, {"user": user_id, "groups": groups}).all())


def create(
    tx: Connection,
    *,
    name: str,
    now: float,
    domain_id: str | None = None,
    parent_id: str | None = None,
    id: str | None = None,
    enabled: bool = True,
    description: str = "",
    options: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
) -> str:
    """Store a new project under `parent_id`, or else at the top of `domain_id`; gives its id.

    Raises `BadRequest` when neither is there or they disagree, `Conflict` for a name that the domain has already.
    """
    values = {
        "id": checked_id(id),
        "name": checked_name(name),
        **_place(tx, parent_id or domain_id, domain_id),
        "enabled": enabled,
        "description": checked_description(description),
        "options": dict(options or {}),
        "extra": dict(extra or {}),
        "created_at": now,
    }
    tx.execute(CREATE, values)
    if tags:
        tenancy.set_tags(tx, str(values["id"]), tags)
    epoch.record(tx, now, [(revocation.PROJECT, str(values["id"]), False)])
    return str(values["id"])


def _place(tx: Connection, parent_id: str | None, domain_id: str | None) -> dict[str, str]:
    """Where a new project stands: below its parent, in the parent's domain."""
    row = tx.execute(PARENT, {"this": parent_id}).first() if parent_id and findable(parent_id) else None
    if parent_id is None or row is None:
        raise BadRequest("The parent of the project does not exist.")
    above = parent_id if row[1] else row[0]
    if domain_id not in (None, above):
        raise BadRequest("The parent of the project is in another domain.")
    return {"domain_id": above, "parent_id": parent_id}


def delete(tx: Connection, project_id: str, now: float) -> None:
    """Remove the project, and what refers to it. Raises `NotFound`, or `Conflict` while there are projects below."""
    if not findable(project_id):
        raise NotFound(reason="no such project")
    if tx.execute(CHILD, {"this": project_id}).first() is not None:
        raise Conflict("The project has projects below it; delete those first.")
    if tx.execute(DELETE, {"this": project_id}).rowcount == 0:
        raise NotFound(reason="no such project")
    for statement in FORGET:  # after the row, which nobody can grant anything on from then on
        tx.execute(statement, {"this": project_id})
    epoch.record(tx, now, [(revocation.PROJECT, project_id, True)])


def _projects(rows: Sequence[Sequence[Any]]) -> list[Project]:
    """Those that were wanted; the others are ancestors, which tell whether they are enabled."""
    known = {row[0]: row for row in rows}
    found = []
    for id, name, parent_id, enabled, description, domain_id, domain_name, domain_enabled, wanted in rows:
        if wanted:
            place, every = parent_id, bool(enabled)
            while place is not None and place != domain_id:
                every, place = every and bool(known[place][3]), known[place][2]
            domain = Domain(domain_id, domain_name, bool(domain_enabled))
            found.append(Project(id, name, domain, every, parent_id is None, parent_id, description))
    return sorted(found, key=lambda project: (project.name, project.id))
