"""Signing keys as wrapped bytes; this file can neither wrap nor open them."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ..errors import NotFound
from ..model import revocation
from . import epoch
from .tables import signing_key


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """`position` as Keystone names key files: 0 is staged, the highest is the primary, those between only open."""

    id: str
    purpose: str
    position: int
    blob: bytes = field(repr=False)
    created_at: float


ROWS = (
    select(signing_key.c.id, signing_key.c.purpose, signing_key.c.position, signing_key.c.blob, signing_key.c.created_at)
    .where(signing_key.c.purpose == bindparam("purpose"))
    .order_by(signing_key.c.position)
)
ADD = insert(signing_key)
MOVE = update(signing_key).where(signing_key.c.id == bindparam("this")).values(position=bindparam("place"))
DELETE = delete(signing_key).where(signing_key.c.id == bindparam("this"))


def rows(db: Connection, purpose: str) -> list[WrappedKey]:
    """The keys for a purpose ("fernet", "jws" ...), by position. One query."""
    return [
        WrappedKey(id, what, position, bytes(blob), at) for id, what, position, blob, at in db.execute(ROWS, {"purpose": purpose})
    ]


def add(tx: Connection, *, purpose: str, position: int, blob: bytes, now: float, id: str | None = None) -> str:
    """Keep a wrapped key; gives its id. Raises `Conflict` for a position that is taken: someone else was first."""
    key_id = id or uuid4().hex
    tx.execute(ADD, {"id": key_id, "purpose": purpose, "position": position, "blob": blob, "created_at": now})
    return key_id


def move(tx: Connection, key_id: str, position: int) -> None:
    """Give a key another position. Raises `Conflict` for one that is taken, `NotFound`."""
    if tx.execute(MOVE, {"this": key_id, "place": position}).rowcount == 0:
        raise NotFound(reason="no such key")


def drop(tx: Connection, key_id: str) -> None:
    """Remove a key. Raises `NotFound`."""
    if tx.execute(DELETE, {"this": key_id}).rowcount == 0:
        raise NotFound(reason="no such key")


def changed(tx: Connection, purpose: str, now: float) -> int:
    """Tell every worker to read the keys again: the last step of a rotation. Gives the change's number."""
    return epoch.record(tx, now, [(revocation.KEYS, purpose, False)])
