"""A user within a scope, with effective roles and whatever revoked them: all of it in one statement, of one moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from sys import intern
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Connection, Double, String, bindparam, text

from ..model.delegation import AccessRule, Confinement
from ..model.revocation import APP_CRED
from ..model.subject import Domain, Project, Role, Subject, User
from .engine import Store
from .text import findable

MOST = 2**63 - 1

# Every row has the same columns; `part` tells what it is. An id that was not asked for is '', which no row has.
# CROSS JOIN keeps SQLite to this order: few actors, few targets, then one probe of the grants' primary key for each pair.
# The change log is likewise probed once a tag (a scalar subquery for each), so its length does not matter.
# A tag or group that comes twice does no harm, and UNION ALL spares a table to find out.
SUBJECT = """
WITH RECURSIVE
lineage (id, parent_id, is_domain, enabled) AS (
    SELECT p.id, p.parent_id, p.is_domain, p.enabled FROM project p WHERE p.id = :project
    UNION
    SELECT p.id, p.parent_id, p.is_domain, p.enabled FROM lineage l JOIN project p ON p.id = l.parent_id
),
actor (kind, id) AS (
    SELECT 'user', :user
    UNION ALL SELECT 'group', m.group_id FROM membership m WHERE m.user_id = :user
    UNION ALL SELECT 'group', g.id FROM user_group g WHERE g.id IN :groups
),
target (kind, id, inherited) AS (
    SELECT 'project', :project, FALSE WHERE :project <> ''
    UNION ALL SELECT 'domain', :domain, FALSE WHERE :domain <> ''
    UNION ALL SELECT 'system', 'system', FALSE WHERE :system <> ''
    UNION ALL SELECT CASE WHEN l.is_domain THEN 'domain' ELSE 'project' END, l.id, TRUE FROM lineage l WHERE l.id <> :project
),
held (role_id) AS (
    SELECT g.role_id
    FROM actor a CROSS JOIN target t CROSS JOIN role_grant g
    WHERE g.actor_kind = a.kind AND g.actor_id = a.id
      AND g.target_kind = t.kind AND g.target_id = t.id AND g.inherited = t.inherited
    UNION
    SELECT i.implied_id FROM held h JOIN role_implication i ON i.prior_id = h.role_id
),
mark (tag) AS (
    SELECT 'user:' || :user
    UNION ALL SELECT 'domain:' || u.domain_id FROM user_account u WHERE u.id = :user
    UNION ALL SELECT CASE WHEN l.is_domain THEN 'domain:' ELSE 'project:' END || l.id FROM lineage l
    UNION ALL SELECT 'project:' || :project WHERE :project <> ''
    UNION ALL SELECT 'domain:' || :domain WHERE :domain <> ''
    UNION ALL SELECT 'role:' || h.role_id FROM held h
    UNION ALL SELECT 'grant:' || a.id || '/' || t.id FROM actor a CROSS JOIN target t
    UNION ALL SELECT 'grant:' || :user || '/*' FROM target t
),
hit (seq) AS (
    SELECT (SELECT MAX(c.seq) FROM change c WHERE c.tag = k.tag AND c.revokes AND c.seq > :since AND c.at >= :since_at)
    FROM mark k
    UNION ALL
    SELECT c.seq FROM change c WHERE c.tag IN :extra AND c.revokes AND c.seq > :since AND c.at >= :since_at
)
SELECT 'user' AS part, u.id AS id, u.name AS name, d.id AS domain_id, d.name AS domain_name, u.default_project_id AS other_id,
       CASE WHEN u.enabled THEN 1 ELSE 0 END AS enabled, CASE WHEN d.enabled THEN 1 ELSE 0 END AS domain_enabled,
       (SELECT w.expires_at FROM password w WHERE w.user_id = u.id ORDER BY w.id DESC LIMIT 1) AS at
FROM user_account u JOIN project d ON d.id = u.domain_id WHERE u.id = :user
UNION ALL
SELECT 'project', p.id, p.name, d.id, d.name, p.parent_id,
       CASE WHEN p.enabled AND NOT EXISTS (SELECT 1 FROM lineage l WHERE l.parent_id IS NOT NULL AND NOT l.enabled)
            THEN 1 ELSE 0 END,
       CASE WHEN d.enabled THEN 1 ELSE 0 END, NULL
FROM project p JOIN project d ON d.id = COALESCE(p.domain_id, p.id) WHERE p.id = :project
UNION ALL
SELECT 'domain', d.id, d.name, NULL, NULL, NULL, CASE WHEN d.enabled THEN 1 ELSE 0 END, NULL, NULL
FROM project d WHERE d.id = :domain AND d.is_domain
UNION ALL
SELECT 'tag', k.tag, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM mark k
UNION ALL
SELECT 'role', r.id, r.name, r.domain_id, NULL, NULL, NULL, NULL, NULL FROM held h JOIN role r ON r.id = h.role_id
UNION ALL
SELECT 'log', NULL, NULL, NULL, NULL, NULL, COALESCE(MAX(hit.seq), 0),
       (SELECT MIN(c.seq) FROM change c), (SELECT c.at FROM change c WHERE c.seq = (SELECT MIN(m.seq) FROM change m))
FROM hit
"""
# An application credential, its roles and its access rules, for tokens that came of one.
CONFINED = """UNION ALL
SELECT 'confined', x.id, x.name, x.user_id, x.project_id, NULL, CASE WHEN x.unrestricted THEN 1 ELSE 0 END, NULL, x.expires_at
FROM application_credential x WHERE x.id = :app_cred
UNION ALL
SELECT 'handed', y.role_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM application_credential_role y WHERE y.application_credential_id = :app_cred
UNION ALL
SELECT 'rule', z.id, z.service, z.path, z.method, NULL, NULL, NULL, NULL
FROM application_credential_access_rule v JOIN access_rule z ON z.id = v.access_rule_id
WHERE v.application_credential_id = :app_cred
"""
PARAMETERS: tuple[BindParameter[Any], ...] = (
    bindparam("user", type_=String),
    bindparam("project", type_=String),
    bindparam("domain", type_=String),
    bindparam("system", type_=String),
    bindparam("groups", type_=String, expanding=True),
    bindparam("extra", type_=String, expanding=True),
    bindparam("since", type_=BigInteger),
    bindparam("since_at", type_=Double),
)
LOAD = text(SUBJECT).bindparams(*PARAMETERS)
LOAD_CONFINED = text(SUBJECT + CONFINED).bindparams(*PARAMETERS, bindparam("app_cred", type_=String))


def load(
    db: Connection | Store,
    user_id: str,
    *,
    project_id: str | None = None,
    domain_id: str | None = None,
    system: bool = False,
    groups: tuple[str, ...] = (),
    extra_tags: tuple[str, ...] = (),
    since: int,
    since_at: float | None = None,
    app_cred_id: str | None = None,
) -> Subject | None:
    """The user in that scope; None when the user or the scope's target does not exist.

    With `app_cred_id`, what remains of the user's roles under that application credential; None unless it is this user's and
    for this project.

    `groups` are ids that a federated login adds, `extra_tags` the token's own ("audit:...", "chain:..."). Only revoking changes
    numbered above `since`, and at or after `since_at` seconds where that is given, appear in `revoked_seq`.
    """
    if not findable(user_id, project_id, domain_id, app_cred_id, *groups, *extra_tags):
        return None
    if groups:  # a deleted group is in no table, but the token still names it
        extra_tags = (*extra_tags, *[f"grant:{group}/*" for group in groups])
    given = {
        "user": user_id,
        "project": project_id or "",
        "domain": domain_id or "",
        "system": "system" if system else "",
        "groups": groups,
        "extra": extra_tags,
        "since": min(since, MOST),
        "since_at": since_at or 0.0,
    }
    if app_cred_id is not None:
        given["extra"] = extra_tags = (*extra_tags, f"{APP_CRED}:{app_cred_id}")
        subject = _confined(list(db.execute(LOAD_CONFINED, {**given, "app_cred": app_cred_id})), extra_tags)
    else:
        subject = _assembled(db.execute(LOAD, given), system, extra_tags)
    if subject is None or (project_id and subject.project is None) or (domain_id and subject.domain is None):
        return None
    return subject


def _assembled(rows: Iterable[Sequence[Any]], system: bool, extra_tags: tuple[str, ...]) -> Subject | None:
    """One walk over the rows, without calls of ours: every new token passes here (tests/perf).

    Names and ids are interned: the thousands of tokens that a worker remembers share them, which is a quarter of their memory.
    """
    user = project = domain = log = None
    roles = []
    tags = [*extra_tags]
    for row in rows:
        match row[0]:
            case "tag":
                tags.append(intern(row[1]))
            case "role":
                if row[3] is None:  # else it is for use inside one domain
                    roles.append(Role(intern(row[1]), intern(row[2])))
            case "user":
                home = Domain(intern(row[3]), intern(row[4]), bool(row[7]))
                user = User(intern(row[1]), intern(row[2]), home, bool(row[6]), row[5], row[8])
            case "project":
                owner = Domain(intern(row[3]), intern(row[4]), bool(row[7]))
                parent = None if row[5] is None else intern(row[5])
                project = Project(intern(row[1]), intern(row[2]), owner, bool(row[6]), parent is None, parent)
            case "domain":
                domain = Domain(intern(row[1]), intern(row[2]), bool(row[6]))
            case "log":
                log = row
    if user is None or log is None:
        return None
    roles.sort(key=attrgetter("name"))
    return Subject(user, project, domain, system, tuple(roles), frozenset(tags), int(log[6]), log[7] or 0, log[8] or 0.0)


def _confined(rows: Sequence[Sequence[Any]], extra_tags: tuple[str, ...]) -> Subject | None:
    """As `_assembled`, held to the credential among the rows. A role that is not handed on is not there, whoever holds it."""
    subject = _assembled(rows, False, extra_tags)
    found = [row for row in rows if row[0] == "confined"]
    if subject is None or subject.project is None or not found:
        return None
    _, id, name, user_id, project_id, _, unrestricted, _, expires_at = found[0]
    if (user_id, project_id) != (subject.user.id, subject.project.id):
        return None
    handed = {row[1] for row in rows if row[0] == "handed"}
    rules = sorted((AccessRule(*row[1:5]) for row in rows if row[0] == "rule"), key=attrgetter("id"))
    return replace(
        subject,
        roles=tuple(role for role in subject.roles if role.id in handed),
        confinement=Confinement(id, name, bool(unrestricted), expires_at, tuple(rules)),
    )


def roles_held(db: Connection, user_id: str, project_id: str) -> set[str]:
    """The ids of the roles that the user has on the project: direct, by group, inherited, implied, and those of one domain."""
    if not findable(user_id, project_id):
        return set()
    given = {
        "user": user_id,
        "project": project_id,
        "domain": "",
        "system": "",
        "groups": (),
        "extra": (),
        "since": MOST,
        "since_at": 0.0,
    }
    return {row[1] for row in db.execute(LOAD, given) if row[0] == "role"}
