"""Trusts: a user lets another act with some of the first one's roles on a project."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select

from ..errors import missing
from ..model import revocation
from ..model.assignment import RoleEntry
from ..model.delegation import Trust
from ..model.listing import EVERYTHING, Page
from . import epoch
from .handed_roles import COLUMNS as ROLE_COLUMNS
from .listing import Listing
from .tables import role, trust, trust_role
from .text import findable

COLUMNS = tuple(name for name in Trust.__dataclass_fields__ if name != "roles")
ROWS = select(*[trust.c[name] for name in COLUMNS])
FILTERS = ("trustor_user_id", "trustee_user_id", "project_id")
LISTING = Listing(ROWS, trust.c.id, {name: trust.c[name] for name in FILTERS}, ("id",))
GET = ROWS.where(trust.c.id == bindparam("this"))
ROLES = (
    select(*ROLE_COLUMNS)
    .join(trust_role, trust_role.c.role_id == role.c.id)
    .where(trust_role.c.trust_id == bindparam("this"))
    .order_by(role.c.name, role.c.id)
)
CREATE = insert(trust)
ADD_ROLE = insert(trust_role)
DELETE = delete(trust).where(trust.c.id == bindparam("this"))
_below = select(trust.c.id).where(trust.c.redelegated_trust_id == bindparam("this")).cte("below", recursive=True)
BELOW = select(_below.union(select(trust.c.id).join(_below, trust.c.redelegated_trust_id == _below.c.id)).c.id)


def get(db: Connection, trust_id: str, now: float) -> Trust | None:
    """The trust with its roles; None also when it has expired or is used up. Two queries."""
    row = db.execute(GET, {"this": trust_id}).first() if findable(trust_id) else None
    if row is None:
        return None
    spent = row.remaining_uses is not None and row.remaining_uses <= 0
    if spent or (row.expires_at is not None and row.expires_at < now):
        return None
    roles = tuple(RoleEntry(*found) for found in db.execute(ROLES, {"this": trust_id}))
    return Trust(**dict(zip(COLUMNS, row, strict=True)), roles=roles)


def listed(db: Connection, page: Page = EVERYTHING) -> tuple[list[Trust], bool]:
    """The trusts of that page without their roles, expired ones too, and whether there are more."""
    found = LISTING.page(db, page)
    return [Trust(**dict(zip(COLUMNS, row, strict=True))) for row in found.rows], found.more


def create(tx: Connection, new: Trust) -> None:
    """Store a new trust. Raises `NotFound` where something that it names is gone meanwhile."""
    tx.execute(CREATE, {**{name: getattr(new, name) for name in COLUMNS}, "extra": dict(new.extra)})
    if new.roles:
        tx.execute(ADD_ROLE, [{"trust_id": new.id, "role_id": held.id} for held in new.roles])


def remove(tx: Connection, trust_id: str, now: float) -> None:
    """Delete the trust and all that were made of it, and end their tokens. Raises `NotFound`."""
    below = tx.execute(BELOW, {"this": trust_id}).scalars().all()
    if tx.execute(DELETE, {"this": trust_id}).rowcount == 0:
        raise missing("trust", trust_id)
    epoch.record(tx, now, [(revocation.TRUST, id, True) for id in (trust_id, *below)])
