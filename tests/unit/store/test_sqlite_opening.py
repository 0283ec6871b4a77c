"""Two processes that open a new database file at the same moment."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from identity.errors import Unavailable
from identity.settings import Database
from identity.store.engine import Store


def test_the_switch_to_a_write_ahead_log_waits_for_a_writer(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE first (x)")
    other.execute("BEGIN IMMEDIATE")
    store = Store.open(Database(connection=f"sqlite:///{tmp_path}/new.db"))
    ends = threading.Timer(0.2, other.execute, ["COMMIT"])
    ends.start()
    try:
        with store.read() as db:
            assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    finally:
        ends.join()
        other.close()
        store.close()


def test_a_writer_that_never_ends_is_told_in_bounded_time(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    other.execute("CREATE TABLE first (x)")
    other.execute("BEGIN IMMEDIATE")
    store = Store.open(Database(connection=f"sqlite:///{tmp_path}/new.db", statement_timeout=0.2))
    try:
        with pytest.raises(Unavailable), store.read():
            pass
    finally:
        other.close()
        store.close()
