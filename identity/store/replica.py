"""How far a replica of the database is behind its primary, and whether it still hears of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text

from ..errors import Unavailable
from ..ports import Clock
from ..settings import Cell
from .engine import Store

# Seen by any user of the database: of the receiver only that there is one, and that is enough.
STATE: Final = text(
    "SELECT pg_is_in_recovery(), EXISTS (SELECT 1 FROM pg_stat_wal_receiver),"
    " coalesce(pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn(), false),"
    " extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float"
)
EVERY: Final = 1.0  # seconds between two looks


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds by which the replica trails what it has received, and for which it has heard of no primary; 0: neither."""

    behind: float = 0.0
    alone: float = 0.0

    @property
    def seconds(self) -> float:
        """The age of the newest change that may be missing."""
        return max(self.behind, self.alone)


class Replica:
    """The change counter of a replica that is near enough to its primary. Told of each look through `tell`."""

    def __init__(self, store: Store, cell: Cell, timer: Clock, tell: Callable[[float], None]) -> None:
        self._store = store
        self._cell = cell
        self._timer = timer
        self._tell = tell
        self._lock = threading.Lock()
        self._next = float("-inf")
        self._begun = 0.0
        self._level: float | None = None  # when all that had been received was replayed, and
        self._heard: float | None = None  # when there was a primary, as far as we have seen it
        self.lag = Lag()

    def sequence(self) -> int:
        """As `Store.sequence`. Raises `errors.Unavailable` where the replica is further behind than the cell allows."""
        self.look()
        if (why := self.fault()) is not None:
            raise Unavailable(reason=f"database: {why}")
        return self._store.sequence()

    def look(self) -> None:
        """Measure anew, at most once in `EVERY` seconds; one thread does it, the others go by what is known."""
        if self._store.dialect != "postgresql" or self._timer() < self._next:
            return
        if not self._lock.acquire(blocking=self._next < 0):  # before the first look nothing is known
            return
        try:
            self._begun = self._begun or self._timer()
            found: Any = self._store.execute(STATE, {})[0]
            recovering, hears, trails, age = found
            now = self._timer()
            if not recovering or hears:
                self._heard = now
            if not recovering or not trails:
                self._level = now
            self.lag = Lag(*(_since(seen, now, age, now - self._begun) for seen in (self._level, self._heard)))
            self._next = now + EVERY
        finally:
            self._lock.release()
        self._tell(self.lag.seconds)

    def fault(self) -> str | None:
        """Why nothing may be answered from this replica now; None: it may."""
        if self._cell.max_lag and self.lag.behind > self._cell.max_lag:
            return f"the replica is {self.lag.behind:.0f} s behind"
        if self._cell.max_away and self.lag.alone > self._cell.max_away:
            return f"the replica has heard of no primary for {self.lag.alone:.0f} s"
        return None

    def detail(self) -> str | None:
        """What a health check tells of it; None where there is nothing to tell."""
        if self.lag.behind >= EVERY:
            return f"{self.lag.behind:.0f} s behind"
        if self.lag.alone >= EVERY:
            return f"no primary for {self.lag.alone:.0f} s: what it has is served"
        return None


def _since(seen: float | None, now: float, age: float | None, watched: float) -> float:
    """Seconds since the last transaction that was replayed, or since all was well, whichever is less.

    The one alone is large where nobody has written for long, the other under a load that never pauses.
    """
    if seen is None:
        return watched if age is None else age
    return now - seen if age is None else min(age, now - seen)
