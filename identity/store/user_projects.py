"""The projects in which a user has a role, as a list with filters, order and pages."""

from __future__ import annotations

from sqlalchemy import Connection, String, bindparam, text

from ..model.listing import EVERYTHING, Page
from ..model.tenancy import ProjectRecord
from .projects import HELD
from .tables import project
from .tenancy import LISTING, record
from .text import findable

IDS = text("".join((HELD, "SELECT id FROM wanted")))


def listed(
    db: Connection, user_id: str, page: Page = EVERYTHING, *, domain_id: str | None = None
) -> tuple[list[ProjectRecord], bool]:
    """Those of that page, by name, and whether there are more; only those in a domain, if one is named.

    Direct, group and inherited grants count; disabled projects too.
    """
    if not findable(user_id):
        return [], False
    held = IDS.bindparams(bindparam("user", user_id, type_=String), bindparam("groups", (), type_=String, expanding=True))
    inside = () if domain_id is None else (project.c.domain_id == domain_id,)
    found = LISTING.page(db, page, project.c.id.in_(held.columns(project.c.id)), *inside)
    return [record(row) for row in found.rows], found.more
