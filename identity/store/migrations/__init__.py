"""The schema's history, and the way to its newest state. Steps are expand/contract: old and new code run against one schema.

Depends on the store's tables; Alembic is loaded only when a schema is really altered or compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from ...errors import Unavailable
from ..engine import Store

HEAD = "0003"
"""The revision that this code is written for; a test holds it against the files in `versions/`."""

VERSION = text("SELECT version_num FROM alembic_version")
LOCK = 7_230_419_155  # of no meaning: the number by which upgrades of several hosts wait for one another


def upgrade(store: Store) -> str:
    """Bring the schema to `HEAD` in one transaction; does nothing when it is there. Gives the revision."""
    if current(store) == HEAD:
        return HEAD
    from alembic import command  # noqa: PLC0415 (slow to load)
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with store.begin() as tx, _unhurried(tx):
        config.attributes["connection"] = tx
        command.upgrade(config, "head")
    return HEAD


@contextmanager
def _unhurried(tx: Connection) -> Iterator[None]:
    """One host at a time, and for as long as it takes: tables may be large."""
    if tx.dialect.name != "postgresql":
        yield
        return
    tx.execute(text("SET LOCAL statement_timeout = 0"))
    tx.execute(text("SET LOCAL lock_timeout = 0"))
    tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    driver: Any = tx.connection.driver_connection
    usual, driver.patience = driver.patience, None
    try:
        tx.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK})
        yield
    finally:
        driver.patience = usual


def current(store: Store) -> str | None:
    """The schema's revision; None for an empty database. Does not load Alembic."""
    with store.read() as db:
        if not db.dialect.has_table(db, "alembic_version"):
            return None
        found = db.execute(VERSION).scalar()
        return str(found) if found is not None else None


def check(store: Store) -> str | None:
    """None when the schema is the one that this code needs; else one line that says what to do."""
    try:
        found = current(store)
    except Unavailable as problem:
        return problem.reason
    if found == HEAD:
        return None
    return f"the schema is at {found or 'nothing'}, this code needs {HEAD}: run `gatestone db upgrade`"
