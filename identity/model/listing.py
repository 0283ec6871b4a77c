"""What a client asks of a list: which rows, in which order, from where, how many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

EQUALS: Final = "equals"
COMPARATORS: Final = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith")
"""Comparators beside equality, written `name__contains=x`; those with an i take no notice of case."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition; `comparator` is EQUALS or one of COMPARATORS. `value` is as the client wrote it."""

    name: str
    value: str
    comparator: str = EQUALS


@dataclass(frozen=True, slots=True)
class Sort:
    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """`limit` rows after the one whose id is `marker`; None: all of them, from the first on."""

    filters: tuple[Filter, ...] = ()
    sort: tuple[Sort, ...] = ()
    limit: int | None = None
    marker: str | None = field(default=None)


EVERYTHING: Final = Page()
