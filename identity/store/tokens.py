"""Tokens that are kept in the database, under a digest: the table alone lets nobody in."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select

from .tables import uuid_token
from .text import findable

PUT = insert(uuid_token)
GET = select(uuid_token.c.claims).where(uuid_token.c.digest == bindparam("digest"))
PURGE = delete(uuid_token).where(uuid_token.c.expires_at < bindparam("now"))


def put(tx: Connection, digest: str, claims_json: str, expires_at: float) -> None:
    """Keep a token's claims. `digest` (at most 128 characters) is of the token, never the token. Raises `Conflict`."""
    tx.execute(PUT, {"digest": digest, "claims": claims_json, "expires_at": expires_at})


def get(db: Connection, digest: str) -> str | None:
    """The claims as they were put, expired or not. One query."""
    return db.execute(GET, {"digest": digest}).scalar() if findable(digest) else None


def purge(tx: Connection, now: float) -> int:
    """Drop the tokens that expired before `now` (seconds; leave room for `allow_expired_window`); gives how many."""
    return int(tx.execute(PURGE, {"now": now}).rowcount)
