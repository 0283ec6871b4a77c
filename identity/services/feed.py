"""A worker's view of the change log: what has happened since it last looked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from identity.model.revocation import Change
from identity.ports import Clock
from identity.store import epoch
from identity.store.engine import Store

Listener = Callable[[Sequence[Change], int], None]
"""Told the new changes, oldest first, and the sequence they lead to; None of them means: forget everything."""

BATCH = 1000


class ChangeFeed:
    """Brings a worker's caches up to date before they are relied on.

    One look costs one read of the counter row. Whoever sees the counter raised applies the new rows before
    any answer is given, so a change committed before a request began is never missed by it.
    """

    def __init__(self, store: Store, max_staleness: float = 0.0, timer: Clock = time.monotonic) -> None:
        self._store = store
        self._read = store.sequence
        self._timer = timer  # not the clock: one that is put back would make revocations wait
        self._max_staleness = max_staleness
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self.seq = -1

    def subscribe(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def sync(self, *, fresh: bool = False) -> int:
        """Apply what is new and return the sequence reached. `fresh` looks even within `max_staleness`.

        Issuing is always fresh: a token bears the sequence it was issued at, and an old one would void it.
        """
        if self._max_staleness and not fresh and self._timer() - self._looked < self._max_staleness:
            return self.seq
        looked = self._timer() if self._max_staleness else 0.0
        now = self._read()
        if now != self.seq:
            self._catch_up(now)
        self._looked = looked
        return now

    def _catch_up(self, now: int) -> None:
        with self._lock:
            if now < self.seq:
                # Another thread may have come further since `now` was read. But the counter never goes down: where it has,
                # the database was put back to an older state, and what was read of the newer one counts no more.
                now = self._read()
                if now < self.seq:
                    self._tell((), now)
            if now <= self.seq:
                return
            if self.seq < 0:
                self._tell((), now)
                return
            with self._store.read() as db:
                missing = epoch.oldest(db) > self.seq + 1
                changes = epoch.since(db, self.seq, BATCH)
            if missing or len(changes) >= BATCH:
                self._tell((), now)
            else:
                self._tell(changes, max(now, changes[-1].seq if changes else now))

    def _tell(self, changes: Sequence[Change], seq: int) -> None:
        for listener in self._listeners:
            listener(changes, seq)
        self.seq = seq
