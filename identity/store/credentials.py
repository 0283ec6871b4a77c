"""Credentials, with their blobs sealed; this file can neither seal nor open them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, or_, select, update

from ..errors import Conflict, NotFound
from ..model.credential import EC2, KeptSecret
from ..model.listing import EVERYTHING, Page
from .listing import Listing
from .pinning import pin
from .tables import credential, project, user_account
from .text import findable

ROWS = select(
    credential.c.id, credential.c.user_id, credential.c.project_id, credential.c.type, credential.c.blob, credential.c.extra
)
LISTING = Listing(
    ROWS,
    credential.c.id,
    {"user_id": credential.c.user_id, "project_id": credential.c.project_id, "type": credential.c.type},
    ("id",),
)
GET = ROWS.where(credential.c.id == bindparam("this"))
CREATE = insert(credential)
CHANGE = update(credential).where(credential.c.id == bindparam("this"))
DELETE = delete(credential).where(credential.c.id == bindparam("this"))
COUNT = select(func.count()).select_from(credential).where(credential.c.user_id == bindparam("user_id"))
# Whether these are there, as one row: a user that is one's own, and a project.
THERE = select(
    select(user_account.c.id).where(user_account.c.id == bindparam("user_id")).exists(),
    select(project.c.id).where(project.c.id == bindparam("project_id")).exists(),
)


def get(db: Connection, credential_id: str) -> KeptSecret | None:
    """The credential, or None. One query."""
    row = db.execute(GET, {"this": credential_id}).first() if findable(credential_id) else None
    return _kept(row) if row is not None else None


def listed(
    db: Connection, page: Page = EVERYTHING, *, user_id: str | None = None, project_id: str | None = None
) -> tuple[list[KeptSecret], bool]:
    """The credentials of that page, by id, and whether there are more; only those of the user or the project, if one is named."""
    owners: list[ColumnElement[bool]] = []
    if user_id is not None:
        owners.append(credential.c.user_id == user_id)
    if project_id is not None:
        owners.append(credential.c.project_id == project_id)
    found = LISTING.page(db, page, *([or_(*owners)] if owners else []))
    return [_kept(row) for row in found.rows], found.more


def ec2_listed(db: Connection, user_id: str, page: Page = EVERYTHING) -> tuple[list[KeptSecret], bool]:
    """The user's EC2 credentials."""
    found = LISTING.page(db, page, credential.c.user_id == user_id, credential.c.type == EC2)
    return [_kept(row) for row in found.rows], found.more


def there(db: Connection, user_id: str, project_id: str | None = None) -> tuple[bool, bool]:
    """Whether there is this user, and this project. One query."""
    if not findable(user_id, project_id):
        return False, False
    user, found = db.execute(THERE, {"user_id": user_id, "project_id": project_id}).one()
    return bool(user), bool(found)


def create(tx: Connection, new: KeptSecret) -> None:
    """Store a new credential. Raises `Conflict` for an id that is taken."""
    if get(tx, new.id) is not None:
        raise Conflict("There is already a credential of this kind with this access key.")
    values = {"user_id": new.user_id, "project_id": new.project_id, "type": new.type, "extra": dict(new.extra)}
    tx.execute(CREATE, {"id": new.id, "blob": new.sealed, **values})


def count(db: Connection, user_id: str) -> int:
    """How many credentials the user has."""
    return int(db.execute(COUNT, {"user_id": user_id}).scalar_one())


def counted(tx: Connection, user_id: str) -> int:
    """The same before one more is made: whoever is about to make another one waits until this transaction has ended."""
    pin(tx, user_account, user_id)
    return count(tx, user_id)


def reseal(tx: Connection, credential_id: str, sealed: bytes) -> None:
    """Store another blob. Raises `NotFound`."""
    if tx.execute(CHANGE.values(blob=sealed), {"this": credential_id}).rowcount == 0:
        raise NotFound(reason="no such credential")


def remove(tx: Connection, credential_id: str) -> None:
    """Remove a credential. Raises `NotFound`."""
    if tx.execute(DELETE, {"this": credential_id}).rowcount == 0:
        raise NotFound(reason="no such credential")


def _kept(row: Sequence[Any]) -> KeptSecret:
    return KeptSecret(*row)
