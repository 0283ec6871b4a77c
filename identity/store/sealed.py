"""Every column that holds a sealed secret, as bytes; this file can neither seal nor open them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, LargeBinary, Table, and_, literal, select, tuple_, update

from . import tables

WIDTH: Final = 500
COLUMNS: Final[tuple[Column[Any], ...]] = tuple(
    column
    for table in tables.metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, LargeBinary) and table.name != "signing_key"  # those are wrapped by the master key
)
"""A table that gets another such column is found by itself."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One row's secret: the values of its primary key, and what is stored."""

    key: tuple[Any, ...]
    sealed: bytes = field(repr=False)


def some(db: Connection, column: Column[Any], after: tuple[Any, ...] | None = None) -> list[Secret]:
    """The next secrets of a column by primary key, at most `WIDTH`. One query."""
    keys = list(_table(column).primary_key.columns)
    query = select(*keys, column).where(column.is_not(None)).order_by(*keys).limit(WIDTH)
    if after is not None:
        query = query.where(tuple_(*keys) > tuple_(*(literal(value, key.type) for key, value in zip(keys, after, strict=True))))
    return [Secret(tuple(row[:-1]), bytes(row[-1])) for row in db.execute(query)]


def replace(tx: Connection, column: Column[Any], changes: Sequence[tuple[Secret, bytes]]) -> None:
    """Store other bytes for secrets that are still as they were read: who wrote one meanwhile sealed with the newest key."""
    for secret, sealed in changes:
        tx.execute(update(_table(column)).where(_same(column, secret)).values({column.name: sealed}))


def _same(column: Column[Any], secret: Secret) -> ColumnElement[bool]:
    keys = _table(column).primary_key.columns
    return and_(*(key == value for key, value in zip(keys, secret.key, strict=True)), column == secret.sealed)


def _table(column: Column[Any]) -> Table:
    table = column.table
    assert isinstance(table, Table)
    return table
