"""Counting what a piece of work takes: statements and calls."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event

from identity.store.engine import Store

ROOT = Path(__file__).resolve().parents[2]


class Cost:
    """Statements of SQL, and calls of functions of ours, that a piece of work takes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.statements: list[str] = []
        self.calls: Counter[str] = Counter()

    @contextmanager
    def counted(self):
        self.statements.clear()
        self.calls.clear()
        event.listen(self.store.engine, "before_cursor_execute", self._note)
        sys.setprofile(self._called)
        try:
            yield self
        finally:
            sys.setprofile(None)
            event.remove(self.store.engine, "before_cursor_execute", self._note)

    def _note(self, connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        self.statements.append(statement)

    def _called(self, frame: Any, what: str, _arg: Any) -> None:
        if what == "call":
            place = Path(frame.f_code.co_filename)
            if place.is_relative_to(ROOT) and place.relative_to(ROOT).parts[0] in ("identity", "authplugins", "catalog"):
                self.calls[f"{place.relative_to(ROOT)}:{frame.f_code.co_name}"] += 1

    @property
    def total(self) -> int:
        return sum(self.calls.values())
