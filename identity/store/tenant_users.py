"""The users who have a role in a project, as a list with order and pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, String, bindparam, text

from ..model.account import Account
from ..model.listing import EVERYTHING, Page
from .accounts import LISTING
from .tables import user_account
from .text import findable

# Up from the project, then down from each grant to the people: both ends are found by index.
IDS = text("""
WITH RECURSIVE
lineage (id, parent_id, is_domain) AS (
    SELECT p.id, p.parent_id, p.is_domain FROM project p WHERE p.id = :tenant
    UNION SELECT p.id, p.parent_id, p.is_domain FROM lineage l CROSS JOIN project p WHERE p.id = l.parent_id
),
target (kind, id, inherited) AS (
    SELECT 'project', :tenant, FALSE
    UNION ALL SELECT CASE WHEN l.is_domain THEN 'domain' ELSE 'project' END, l.id, TRUE FROM lineage l WHERE l.id <> :tenant
),
held (kind, id) AS (
    SELECT g.actor_kind, g.actor_id FROM target t CROSS JOIN role_grant g
    WHERE g.target_kind = t.kind AND g.target_id = t.id AND g.inherited = t.inherited
)
SELECT h.id FROM held h WHERE h.kind = 'user'
UNION SELECT m.user_id FROM held h CROSS JOIN membership m WHERE h.kind = 'group' AND m.group_id = h.id
""")


def listed(db: Connection, project_id: str, domain_id: str, page: Page = EVERYTHING) -> tuple[list[Account], bool]:
    """The users of that domain on that page, by name, and whether there are more. Grants to groups and from above count too."""
    if not findable(project_id):
        return [], False
    held = IDS.bindparams(bindparam("tenant", project_id, type_=String)).columns(user_account.c.id)
    found = LISTING.page(db, page, user_account.c.id.in_(held), user_account.c.domain_id == domain_id)
    rows: Sequence[Sequence[Any]] = found.rows
    return [Account(*row) for row in rows], found.more
