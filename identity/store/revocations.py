"""The revoking changes of the log, as services that validate tokens by themselves would be told of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BindParameter, Connection, bindparam, select

from ..model import revocation
from ..model.revocation import Change
from .tables import change, membership, project

THESE: BindParameter[Sequence[str]] = bindparam("these", expanding=True)
REVOKING = (
    select(change.c.seq, change.c.tag, change.c.at)
    .where(change.c.revokes, change.c.seq > bindparam("after"), change.c.at > bindparam("since"))
    .order_by(change.c.seq)
    .limit(bindparam("limit"))
)
DOMAINS = select(project.c.id).where(project.c.id.in_(THESE), project.c.is_domain)
MEMBERS = select(membership.c.group_id, membership.c.user_id).where(membership.c.group_id.in_(THESE))

NAMES: Final = {
    revocation.USER: "user_id",
    revocation.PROJECT: "project_id",
    revocation.DOMAIN: "domain_id",
    revocation.ROLE: "role_id",
    revocation.AUDIT: "audit_id",
    revocation.CHAIN: "audit_chain_id",
    revocation.TRUST: "OS-TRUST:trust_id",
    revocation.ACCESS_TOKEN: "OS-OAUTH1:access_token_id",
}
"""The API's name for the thing that a change is about."""
_EVERYWHERE: Final = frozenset({"*", "system"})


@dataclass(frozen=True, slots=True)
class Revocation:
    """Tokens issued before `at` (seconds since the epoch) and meeting every one of `keys` are void."""

    keys: tuple[tuple[str, str], ...]
    at: float


def listed(db: Connection, *, since: float, after: int, limit: int) -> tuple[list[Revocation], int | None]:
    """What was revoked later than `since`, oldest first, from `limit` changes behind number `after`; and the number to go on
    behind, or None at the end. Three queries. What is told again later is told once: the later covers the earlier.
    """
    rows = db.execute(REVOKING, {"after": after, "since": since, "limit": limit + 1}).all()
    changes = []
    for seq, tag, at in rows[:limit]:
        kind, _, id = tag.partition(":")
        changes.append(Change(seq, kind, id, at, True))
    latest: dict[tuple[tuple[str, str], ...], float] = {}
    for keys, at in _told(db, changes):
        latest.pop(keys, None)
        latest[keys] = at
    return [Revocation(keys, at) for keys, at in latest.items()], changes[-1].seq if len(rows) > limit else None


def _told(db: Connection, changes: Sequence[Change]) -> Iterable[tuple[tuple[tuple[str, str], ...], float]]:
    """Each change's keys. A grant names a user or a group; a group is told as its members, for events know no groups."""
    grants = [change.id.partition("/") for change in changes if change.kind == revocation.GRANT]
    domains = set(db.execute(DOMAINS, {"these": sorted({target for _, _, target in grants})}).scalars())
    members: dict[str, list[str]] = {}
    for group, user in db.execute(MEMBERS, {"these": sorted({actor for actor, _, _ in grants})}):
        members.setdefault(group, []).append(user)
    for one in changes:
        if one.kind in NAMES:
            yield ((NAMES[one.kind], one.id),), one.at
        elif one.kind == revocation.GRANT:
            actor, _, target = one.id.partition("/")
            scope = () if target in _EVERYWHERE else (("domain_id" if target in domains else "project_id", target),)
            for user in members.get(actor, [actor]):
                yield (("user_id", user), *scope), one.at
