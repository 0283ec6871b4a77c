"""Rows held for a change. Whoever reads a row, changes what was read and writes it whole would else undo what another writer
has stored in between: PostgreSQL shows each statement what is committed by then (its read-committed isolation). SQLite has one
writer at a time.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, bindparam, select

from .text import findable


def pin(tx: Connection, table: Table, id: str) -> None:
    """Let whoever wants to change the row with this id too wait until this transaction has ended. Call it before the row is read.

    Others may still refer to the row by a foreign key meanwhile.
    """
    if findable(id):
        row = select(table.c.id).where(table.c.id == bindparam("this"))
        tx.execute(row.with_for_update(key_share=True), {"this": id}).first()


def pin_whole(tx: Connection, table: Table, id: str) -> None:
    """The same before a deletion: what comes to refer to the row meanwhile waits too, and then finds it gone."""
    if findable(id):
        tx.execute(select(table.c.id).where(table.c.id == bindparam("this")).with_for_update(), {"this": id}).first()
