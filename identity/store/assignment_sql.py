"""The statements that list assignments, put together of fixed pieces: every value is bound, and no piece comes from a client.

CROSS JOIN keeps SQLite to the order written, as in `subjects.py`: from the few to the many, each step by an index.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..model.assignment import AssignmentQuery

KEY: Final = (
    "actor_kind",
    "actor_id",
    "target_kind",
    "target_id",
    "inherited",
    "role_id",
    "prior_id",
    "group_id",
    "source_kind",
    "source_id",
)
"""What tells one assignment from another, and the order of lists: that of the primary key of grants."""

NONE: Final = "CAST('' AS VARCHAR(64))"
STORED: Final = """SELECT g.actor_kind, g.actor_id, g.target_kind, g.target_id, g.inherited, g.role_id,
    {none} AS prior_id, {none} AS group_id, {none} AS source_kind, {none} AS source_id FROM {source} WHERE {where}"""
FOUND: Final = "SELECT {columns} FROM found g WHERE {where}"
PAGE: Final = "WITH RECURSIVE {parts} SELECT {columns}{names} ORDER BY {order}"
PLACED: Final = "(g.target_kind, g.target_id, g.inherited) IN (SELECT kind, id, inherited FROM spot)"
# A condition on grants alone would make SQLite read all of them into a Bloom filter before it looks for the few at a spot; one that
# names the spot too does not.
AT_SPOT: Final = "g.target_id = s.id AND g.target_kind = s.kind AND g.inherited = s.inherited AND (s.id IS NULL OR ({where}))"

WANTED: Final = "wanted (id) AS (SELECT p.id FROM project p WHERE p.id = :project{inside})"
WANTED_TREE: Final = """wanted (id) AS (
    SELECT p.id FROM project p WHERE p.id = :project{inside}
    UNION SELECT p.id FROM wanted w CROSS JOIN project p WHERE p.parent_id = w.id
)"""
# Upwards from the projects asked for: a domain's inherited grant is not spread over all its projects to find one of them.
# Ends with a source that is NULL, which joins with nothing: to leave it out here would make SQLite read all projects (see AT_SPOT).
REACH_UP: Final = """reach (source_id, project_id) AS (
    SELECT p.parent_id, p.id FROM wanted w CROSS JOIN project p WHERE p.id = w.id
    UNION ALL
    SELECT p.parent_id, r.project_id FROM reach r CROSS JOIN project p WHERE p.id = r.source_id
)"""
REACH_DOWN: Final = """reach (source_id, project_id) AS (
    SELECT b.target_id, p.id FROM (SELECT DISTINCT target_id FROM base WHERE inherited) b CROSS JOIN project p
    WHERE p.parent_id = b.target_id
    UNION ALL
    SELECT r.source_id, p.id FROM reach r CROSS JOIN project p WHERE p.parent_id = r.project_id
)"""
# Where a grant may stand to count: the filters on the scope as rows.
SPOTS: Final = {
    "system": "SELECT 'system', 'system', FALSE",
    "domain": "SELECT 'domain', :domain, FALSE",
    "domain stored": "SELECT 'domain', :domain, FALSE UNION ALL SELECT 'domain', :domain, TRUE",
    "project": """SELECT 'project', id, FALSE FROM wanted
    UNION SELECT CASE WHEN p.is_domain THEN 'domain' ELSE 'project' END, p.id, TRUE
    FROM reach r CROSS JOIN project p WHERE p.id = r.source_id""",
    "project stored": "SELECT 'project', id, FALSE FROM wanted UNION ALL SELECT 'project', id, TRUE FROM wanted",
    "inside": """SELECT 'domain', :inside, FALSE UNION ALL SELECT 'domain', :inside, TRUE
    UNION ALL SELECT 'project', id, FALSE FROM project WHERE domain_id = :inside
    UNION ALL SELECT 'project', id, TRUE FROM project WHERE domain_id = :inside""",
}
# The roles that bring a role which may stand in a token (or the one asked for).
TELLING: Final = """telling (id) AS (
    SELECT r.id FROM role r WHERE r.domain_id IS NULL{role}
    UNION SELECT i.prior_id FROM telling t CROSS JOIN role_implication i WHERE i.implied_id = t.id
)"""
BY_USER: Final = """base AS (
    SELECT g.actor_id AS user_id, {none} AS group_id, g.target_kind, g.target_id, g.inherited, g.role_id
    FROM role_grant g WHERE g.actor_kind = 'user' AND {user} AND {where}
    UNION ALL
    SELECT m.user_id, g.actor_id, g.target_kind, g.target_id, g.inherited, g.role_id
    FROM membership m CROSS JOIN role_grant g
    WHERE g.actor_kind = 'group' AND g.actor_id = m.group_id AND {member} AND {where}
)"""
BY_PLACE: Final = """base AS (
    SELECT CASE WHEN g.actor_kind = 'user' THEN g.actor_id ELSE m.user_id END AS user_id,
           CASE WHEN g.actor_kind = 'user' THEN {none} ELSE g.actor_id END AS group_id,
           g.target_kind, g.target_id, g.inherited, g.role_id
    FROM spot s CROSS JOIN role_grant g LEFT JOIN membership m ON g.actor_kind = 'group' AND m.group_id = g.actor_id
    WHERE {at} AND (g.actor_kind = 'user' OR m.user_id IS NOT NULL)
)"""
GROWN: Final = """grown (root_id, role_id, prior_id) AS (
    SELECT DISTINCT role_id, role_id, {none} FROM base
    UNION SELECT c.root_id, i.implied_id, i.prior_id FROM grown c CROSS JOIN role_implication i WHERE i.prior_id = c.role_id
),
placed AS (
    SELECT user_id, group_id, target_kind, target_id, {none} AS source_kind, {none} AS source_id, role_id
    FROM base WHERE NOT inherited
    UNION ALL
    SELECT b.user_id, b.group_id, 'project', r.project_id, b.target_kind, b.target_id, b.role_id
    FROM base b JOIN reach r ON r.source_id = b.target_id WHERE b.inherited
),
found AS (
    SELECT DISTINCT 'user' AS actor_kind, p.user_id AS actor_id, p.target_kind, p.target_id, FALSE AS inherited,
           c.role_id, c.prior_id, p.group_id, p.source_kind, p.source_id
    FROM placed p JOIN grown c ON c.root_id = p.role_id JOIN role r ON r.id = c.role_id
    WHERE r.domain_id IS NULL{role}
)"""
NAMES: Final = """, COALESCE(u.name, m.name, ''), COALESCE(ad.id, ''), COALESCE(ad.name, ''),
       COALESCE(t.name, ''), COALESCE(td.id, ''), COALESCE(td.name, ''), r.name, COALESCE(rd.id, ''), COALESCE(rd.name, '')
FROM page LEFT JOIN user_account u ON page.actor_kind = 'user' AND u.id = page.actor_id
LEFT JOIN user_group m ON page.actor_kind = 'group' AND m.id = page.actor_id
LEFT JOIN project ad ON ad.id = COALESCE(u.domain_id, m.domain_id)
LEFT JOIN project t ON t.id = page.target_id
LEFT JOIN project td ON td.id = t.domain_id
JOIN role r ON r.id = page.role_id
LEFT JOIN project rd ON rd.id = r.domain_id"""
# The user up to whom a page of effective assignments can be filled: every grant counted here brings one at least.
LAST_USER: Final = """WITH RECURSIVE {telling}
SELECT x.user_id FROM (
    SELECT a.user_id FROM (
        SELECT g.actor_id AS user_id FROM role_grant g
        WHERE g.actor_kind = 'user' AND g.actor_id > :behind AND {where} ORDER BY g.actor_id LIMIT :most
    ) a
    UNION ALL
    SELECT b.user_id FROM (
        SELECT m.user_id FROM membership m CROSS JOIN role_grant g
        WHERE g.actor_kind = 'group' AND g.actor_id = m.group_id AND m.user_id > :behind AND {where} ORDER BY m.user_id LIMIT :most
    ) b
) x ORDER BY x.user_id LIMIT 1 OFFSET :most - 1"""
BRINGS: Final = (
    "g.role_id IN (SELECT id FROM telling)",
    "(NOT g.inherited OR EXISTS (SELECT 1 FROM project c WHERE c.parent_id = g.target_id))",
)


def stored(wanted: AssignmentQuery, order: str, after: str) -> str:
    """The list of the grants themselves."""
    spot = _spot(wanted)
    actor = "user" if wanted.user_id is not None else "group" if wanted.group_id is not None else ""
    by_place = spot and not actor
    where = [*_conditions(wanted), after]
    if wanted.role_id is not None:
        where.append("g.role_id = :role")
    if actor:
        where.append(f"g.actor_kind = '{actor}' AND g.actor_id = :actor")
    if by_place:
        source, chosen = "spot s CROSS JOIN role_grant g", AT_SPOT.format(where=_all(where))
    else:
        source, chosen = "role_grant g", _all([*where, PLACED] if spot else where)
    return _paged([*_places(wanted), *spot], STORED.format(none=NONE, source=source, where=chosen), wanted, order)


def effective(wanted: AssignmentQuery, order: str, after: str, *, bounded: bool) -> str:
    """The list of what the grants come to. `bounded`: of the users from `:first` to `:last` alone."""
    spot = _spot(wanted)
    where = _conditions(wanted)
    role = ""
    parts = _places(wanted)
    if wanted.role_id is not None:
        role = " AND r.id = :role"
        parts.append(TELLING.format(role=role))
        where.append(BRINGS[0])
    if wanted.user_id is not None or not spot:
        user = "{} = :actor" if wanted.user_id is not None else "{} >= :first AND {} <= :last" if bounded else "TRUE"
        if spot:
            where.append(PLACED)
        base = BY_USER.format(
            none=NONE, user=user.replace("{}", "g.actor_id"), member=user.replace("{}", "m.user_id"), where=_all(where)
        )
    else:
        base = BY_PLACE.format(none=NONE, at=AT_SPOT.format(where=_all(where)))
    parts += [*spot, base]
    if wanted.project_id is None:
        parts.append(REACH_DOWN)
    parts.append(GROWN.format(none=NONE, role=role))
    return _paged(parts, FOUND.format(columns=", ".join(KEY), where=_all([after])), wanted, order)


def last_user(wanted: AssignmentQuery) -> str:
    role = " AND r.id = :role" if wanted.role_id is not None else ""
    return LAST_USER.format(telling=TELLING.format(role=role), where=_all([*_conditions(wanted), *BRINGS]))


def _paged(parts: Iterable[str], rows: str, wanted: AssignmentQuery, order: str) -> str:
    limit = " LIMIT :limit" if wanted.limit is not None else ""
    page = f"page AS ({rows} ORDER BY {order.format('g')}{limit})"
    columns = ", ".join(f"page.{name}" for name in KEY)
    names = NAMES if wanted.names else " FROM page"
    return PAGE.format(parts=", ".join([*parts, page]), columns=columns, names=names, order=order.format("page"))


def _places(wanted: AssignmentQuery) -> list[str]:
    """The projects asked for, and what they inherit from."""
    if wanted.project_id is None:
        return []
    inside = " AND p.domain_id = :inside" if wanted.inside is not None else ""
    found = [(WANTED_TREE if wanted.subtree else WANTED).format(inside=inside)]
    return [*found, REACH_UP] if wanted.effective else found


def _spot(wanted: AssignmentQuery) -> list[str]:
    if wanted.system:
        kind = "system"
    elif wanted.project_id is not None or wanted.domain_id is not None:
        kind = "project" if wanted.project_id is not None else "domain"
        kind = kind if wanted.effective else f"{kind} stored"
    elif wanted.inside is not None:
        kind = "inside"
    else:
        return []
    # Not merged into what asks it: its constants would be conditions on grants alone (see AT_SPOT).
    return [f"spot (kind, id, inherited) AS MATERIALIZED ({SPOTS[kind]})"]


def _conditions(wanted: AssignmentQuery) -> list[str]:
    found = []
    if wanted.inherited is not None:
        found.append("g.inherited" if wanted.inherited else "NOT g.inherited")
    if wanted.effective and not wanted.system:
        found.append("g.target_kind <> 'system'")
    return found


def _all(conditions: Iterable[str]) -> str:
    return " AND ".join(condition for condition in conditions if condition) or "TRUE"
