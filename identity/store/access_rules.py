"""Access rules: which requests application credentials may make. Each user has a set of them, and each rule is in it once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, tuple_

from ..errors import BadRequest, Forbidden, missing
from ..model.delegation import AccessRule, WantedRule
from ..model.listing import EVERYTHING, Page
from .listing import Listing
from .tables import access_rule, application_credential_access_rule
from .text import findable

ROWS = select(access_rule.c.id, access_rule.c.service, access_rule.c.path, access_rule.c.method)
LISTING = Listing(
    ROWS,
    access_rule.c.id,
    {"service": access_rule.c.service, "path": access_rule.c.path, "method": access_rule.c.method},
    ("id",),
)
MINE = (access_rule.c.user_id == bindparam("user"), access_rule.c.id == bindparam("this"))
GET = ROWS.where(*MINE)
USED = (
    select(application_credential_access_rule.c.access_rule_id)
    .where(application_credential_access_rule.c.access_rule_id == bindparam("this"))
    .limit(1)
)
DELETE = delete(access_rule).where(*MINE)
CREATE = insert(access_rule)


def get(db: Connection, user_id: str, rule_id: str) -> AccessRule | None:
    """The user's rule, or None. One query."""
    row = db.execute(GET, {"user": user_id, "this": rule_id}).first() if findable(user_id, rule_id) else None
    return AccessRule(*row) if row is not None else None


def listed(db: Connection, user_id: str, page: Page = EVERYTHING) -> tuple[list[AccessRule], bool]:
    """The user's rules of that page, and whether there are more."""
    if not findable(user_id):
        return [], False
    found = LISTING.page(db, page, access_rule.c.user_id == user_id)
    return [AccessRule(*[str(value) for value in row]) for row in found.rows], found.more


def remove(tx: Connection, user_id: str, rule_id: str) -> None:
    """Delete a rule that is in no use. Raises `NotFound`, or `Forbidden` while an application credential has it."""
    if get(tx, user_id, rule_id) is None:
        raise missing("access rule", rule_id)
    if tx.execute(USED, {"this": rule_id}).first() is not None:
        raise Forbidden("The access rule is in use: delete the application credentials that have it first.")
    tx.execute(DELETE, {"user": user_id, "this": rule_id})


def obtain(tx: Connection, user_id: str, wanted: Sequence[WantedRule]) -> tuple[AccessRule, ...]:
    """The user's rules that are meant, made where they do not exist yet. Two statements.

    A rule that another user has is not told from one that nobody has. Raises `NotFound` for an id alone that is not the
    user's, `BadRequest` for a rule that is not whole.
    """
    if not wanted:
        return ()
    ids = [rule.id for rule in wanted if rule.id is not None and findable(rule.id)]
    spelled = [(rule.service, rule.path, rule.method) for rule in wanted if _whole(rule)]
    meant = or_(access_rule.c.id.in_(ids), tuple_(access_rule.c.service, access_rule.c.path, access_rule.c.method).in_(spelled))
    known = [AccessRule(*row) for row in tx.execute(ROWS.where(access_rule.c.user_id == user_id, meant))]
    by_id = {rule.id: rule for rule in known}
    by_text = {(rule.service, rule.path, rule.method): rule for rule in known}
    new: list[AccessRule] = []
    chosen: dict[str, AccessRule] = {}
    for rule in wanted:
        found = by_id.get(rule.id or "") or by_text.get((rule.service or "", rule.path or "", rule.method or ""))
        if found is None:
            found = _made(rule)
            new.append(found)
            by_text[found.service, found.path, found.method] = found
        chosen[found.id] = found
    if new:
        columns = ("id", "service", "path", "method")
        tx.execute(CREATE, [{"user_id": user_id, **{name: getattr(rule, name) for name in columns}} for rule in new])
    return tuple(chosen[id] for id in sorted(chosen))


def _whole(rule: WantedRule) -> bool:
    return None not in (rule.service, rule.path, rule.method)


def _made(rule: WantedRule) -> AccessRule:
    if rule.service is None or rule.path is None or rule.method is None:
        if rule.id is not None:
            raise missing("access rule", rule.id)
        raise BadRequest("An access rule needs a service, a path and a method, or the id of one that exists.")
    return AccessRule(uuid4().hex, rule.service, rule.path, rule.method)
