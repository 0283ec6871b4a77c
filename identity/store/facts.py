"""What the doctor asks of a database beside its schema."""

from __future__ import annotations

import os

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ..settings import Database
from .engine import Store

CLOCK = text("SELECT EXTRACT(EPOCH FROM clock_timestamp())")


def absent_file(database: Database) -> str:
    """The SQLite file that the settings name, as an absolute path, where there is none: to open it would make it. Else ""."""
    try:
        url = make_url(database.connection)
    except ArgumentError:
        return ""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:" or "uri" in url.query:
        return ""
    return "" if os.path.exists(url.database) else os.path.abspath(url.database)


def clock(store: Store) -> float | None:
    """The database's time, in seconds since the epoch; None where it is this host's own. Raises `errors.Unavailable`."""
    if store.dialect != "postgresql":
        return None
    with store.read() as db:
        return float(db.execute(CLOCK).scalar_one())
