"""The domains on which a user has a role, as a list with filters, order and pages."""

from __future__ import annotations

from sqlalchemy import Connection, String, bindparam, text

from ..model.listing import EVERYTHING, Page
from ..model.tenancy import ProjectRecord
from .grants import HELD_BY
from .tables import project
from .tenancy import LISTING, record
from .text import findable

IDS = text("".join((HELD_BY, "SELECT h.target_id FROM held h JOIN role r ON r.id = h.role_id WHERE r.domain_id IS NULL")))


def listed(db: Connection, user_id: str, page: Page = EVERYTHING, groups: tuple[str, ...] = ()) -> tuple[list[ProjectRecord], bool]:
    """Those of that page, by name, and whether there are more. Direct and group grants count; disabled domains too. One query.

    `groups` are ids that a federated login adds.
    """
    if not findable(user_id, *groups):
        return [], False
    held = IDS.bindparams(
        bindparam("user", user_id, type_=String),
        bindparam("kind", "domain", type_=String),
        bindparam("groups", groups, type_=String, expanding=True),
    )
    found = LISTING.page(db, page, project.c.id.in_(held.columns(project.c.id)))
    return [record(row) for row in found.rows], found.more
