"""A worker's view of the change log: what has happened since it last looked."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from identity import errors
from identity.model.revocation import Change
from identity.ports import Clock
from identity.store import epoch
from identity.store.engine import Store

Listener = Callable[[Sequence[Change], int], None]
"""Told the new changes, oldest first, and the sequence they lead to; None of them means: forget everything."""

BATCH = 1000
CLOCKS = 60.0  # seconds by which the clocks of two hosts may differ
_log = logging.getLogger(__name__)


class ChangeFeed:
    """Brings a worker's caches up to date before they are relied on.

    One look costs one read of the counter row. Whoever sees the counter raised applies the new rows before
    any answer is given, so a change committed before a request began is never missed by it.

    The log is not always the one that was read before: a standby that was promoted may lack its last changes, and so does a
    backup. Each new connection may lead to such a database, so the last change seen is compared then; where it is not the same,
    nothing that was remembered counts. Where `resumes` is true, the log then goes on above every number seen (a replica cannot).
    `read` gives the counter, where it is more than a look at `store`.
    """

    def __init__(
        self,
        store: Store,
        max_staleness: float = 0.0,
        timer: Clock = time.monotonic,
        *,
        read: Callable[[], int] | None = None,
        resumes: bool = True,
    ) -> None:
        self._store = store
        self._read = read or store.sequence
        self._timer = timer  # not the clock: one that is put back would make revocations wait
        self._max_staleness = max_staleness
        self._resumes = resumes
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._last: Change | None = None  # the change numbered `seq`
        self._connections = 0  # how many there had been when `_last` was found to be the database's
        self.seq = -1

    def subscribe(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def sync(self, *, fresh: bool = False) -> int:
        """Apply what is new and return the sequence reached. `fresh` looks even within `max_staleness`.

        Issuing is always fresh: a token bears the sequence it was issued at, and an old one would void it.
        """
        if not self._max_staleness:
            now = self._read()
            if now != self.seq or self._store.connections != self._connections:
                now = self._catch_up(now)
            return now
        began = self._timer()
        age = began - self._looked
        if age < self._max_staleness / 2 and not fresh:
            return self.seq
        try:
            now = self._catch_up(self._read())
        except errors.Unavailable:
            # Looked for early: whenever the database goes away, half of the time allowed is still to come.
            if age < self._max_staleness and not fresh:
                return self.seq
            raise
        self._looked = max(self._looked, began)
        return now

    def _catch_up(self, now: int) -> int:
        with self._lock:
            connections = self._store.connections
            if connections == self._connections:
                if now < self.seq:  # another thread may have come further since `now` was read
                    now = self._read()
                if now == self.seq and self._store.connections == connections:
                    return now
            with self._store.read() as db:
                now = epoch.current(db)
                known = epoch.since(db, self.seq - 1, BATCH) if self.seq >= 0 else []
                # Without the row that was read last there is no telling whether this is the log that it was read from.
                gap = self.seq < 0 or epoch.oldest(db) > self.seq + (self._last is None)
                last = known[-1] if known and known[-1].seq == now else epoch.at(db, now)
            first = known[0] if known and known[0].seq == self.seq else None
            if not gap and (now < self.seq or first != self._last):
                now, last = self._start_over(now, last)
                self._tell((), now)
            elif gap or len(known) == BATCH:
                self._tell((), now)
            elif now != self.seq:
                self._tell([change for change in known if change.seq > self.seq], now)
            self._last, self._connections = last, connections
            return now

    def _start_over(self, now: int, last: Change | None) -> tuple[int, Change | None]:
        """The log is another one than was read so far. Gives where it ends, and the change there."""
        _log.error(
            "the database lacks changes that were seen here, up to %s; its last is %s: nothing counts of them", self.seq, now
        )
        if self._resumes:
            seen = self._last.at if self._last is not None else 0.0
            with self._store.begin() as tx:
                now = epoch.resume(tx, self.seq, seen, seen - CLOCKS)
                last = epoch.at(tx, now)
        return now, last

    def _tell(self, changes: Sequence[Change], seq: int) -> None:
        for listener in self._listeners:
            listener(changes, seq)
        self.seq = seq
