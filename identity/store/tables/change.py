"""The change log and the one counter that numbers it."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, Table, Text, text

from .columns import COUNT, metadata, moment

change_counter = Table(
    "change_counter",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", COUNT, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

change = Table(
    "change",
    metadata,
    Column("seq", COUNT, primary_key=True, autoincrement=False),
    Column("tag", Text, nullable=False),  # "kind:id"
    moment("at"),
    Column("revokes", Boolean, nullable=False),
)

# Answers "was this revoked after N" with one probe, however long the log is.
Index("ix_change_revoked", change.c.tag, change.c.seq, sqlite_where=text("revokes"), postgresql_where=text("revokes"))
