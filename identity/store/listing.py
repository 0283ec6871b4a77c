"""Lists of rows: filters, order and pages, in one query (two from the second page on), whatever the length of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, Row, Select, String, and_, false, func, literal, or_

from ..errors import BadRequest
from ..model.listing import EQUALS, Filter, Page, Sort
from .text import findable

FALSE = frozenset({"0", "false", "f", "n", "no", "off"})


@dataclass(frozen=True, slots=True)
class Found:
    """`more`: there are rows after these."""

    rows: Sequence[Row[Any]]
    more: bool


class Listing:
    """A statement that can be filtered and sorted by the columns named. `id` parts rows that are else equal, and marks places.

    Rows come in the order of `order`, the API's names of columns, where the client names none.
    """

    def __init__(
        self,
        rows: Select[Any],
        id: ColumnElement[Any],
        columns: Mapping[str, ColumnElement[Any]],
        order: tuple[str, ...] = ("name",),
    ) -> None:
        self._rows = rows
        self._id = id
        self._columns = {"id": id, **columns}
        self._order = tuple(Sort(name) for name in order)

    def page(self, db: Connection, page: Page, *where: ColumnElement[bool]) -> Found:
        """The rows of that page that also meet `where`. Raises `errors.BadRequest` for an unknown marker, sort key or filter."""
        keys = self._keys(page.sort or self._order)
        statement = self._rows.where(*where, *[self._condition(wanted) for wanted in page.filters])
        statement = statement.order_by(*[key.desc() if descending else key.asc() for key, descending in keys])
        if page.marker is not None:
            statement = statement.where(self._after(db, page.marker, keys, where))
        if page.limit is None:
            return Found(db.execute(statement).all(), False)
        rows = db.execute(statement.limit(page.limit + 1)).all()
        return Found(rows[: page.limit], len(rows) > page.limit)

    def _keys(self, sort: Sequence[Sort]) -> list[tuple[ColumnElement[Any], bool]]:
        """What to order by: no NULLs, which sort first in one database and last in the other, and the id at the end."""
        keys = []
        for wanted in sort:
            column = self._column(wanted.name)
            nullable = getattr(column, "nullable", True)
            keys.append((func.coalesce(column, "") if nullable and isinstance(column.type, String) else column, wanted.descending))
        if all(wanted.name != "id" for wanted in sort):
            keys.append((self._id, bool(sort) and sort[-1].descending))
        return keys

    def _column(self, name: str) -> ColumnElement[Any]:
        try:
            return self._columns[name]
        except KeyError:
            raise BadRequest(f"This list cannot be sorted or filtered by {name[:64]!r}.") from None

    def _after(
        self,
        db: Connection,
        marker: str,
        keys: Sequence[tuple[ColumnElement[Any], bool]],
        where: Sequence[ColumnElement[bool]],
    ) -> ColumnElement[bool]:
        """Behind the marked row: (a > x) or (a = x and b > y) ..., which an index answers without counting off what came before.

        A row outside `where` marks nothing: its place would tell who may not see it that it is there, and what is in it (CWE-203).
        """
        at = None
        if findable(marker):
            place = self._rows.with_only_columns(*[key for key, _ in keys], maintain_column_froms=True)
            at = db.execute(place.where(self._id == marker, *where)).first()
        if at is None:
            raise BadRequest("The marker is not the id of an entry of this list.")
        reached: list[ColumnElement[bool]] = []
        for depth, (key, descending) in enumerate(keys):
            here: ColumnElement[bool] = key < at[depth] if descending else key > at[depth]
            reached.append(and_(*[before == at[place] for place, (before, _) in enumerate(keys[:depth])], here))
        if not keys[0][1]:  # said once more for the index: an OR alone is not seen as a range
            return and_(keys[0][0] >= at[0], or_(*reached))
        return and_(keys[0][0] <= at[0], or_(*reached))

    def _condition(self, wanted: Filter) -> ColumnElement[bool]:
        column = self._column(wanted.name)
        if not findable(wanted.value):
            return false()
        if isinstance(column.type, Boolean):
            return column.is_(wanted.value.lower() not in FALSE)
        if not isinstance(column.type, String):
            number = wanted.value.removeprefix("-")
            return column == int(wanted.value) if number.isascii() and number.isdigit() and len(number) < 19 else false()
        return compared(column, wanted.comparator, wanted.value)


def compared(column: ColumnElement[Any], comparator: str, value: str) -> ColumnElement[bool]:
    """The condition on a text column. Not by LIKE: its case rules differ between databases, and its wildcards are data here."""
    if comparator == EQUALS:
        return column == value
    if comparator.startswith("i"):
        column, value, comparator = func.lower(column), value.lower(), comparator[1:]
    size = len(value)
    match comparator:
        case "contains":
            return func.replace(column, literal(value), "") != column if value else column.is_not(None)
        case "startswith":
            return func.substr(column, 1, size) == value
        case _:
            return func.substr(column, func.length(column) - size + 1, size) == value
