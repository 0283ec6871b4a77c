"""A connection that gives up on a PostgreSQL server which stands still: the network is well, and nobody answers."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any

from psycopg import Connection, OperationalError

from .watch import DOUBT, SURE, Watch

_hurried: ContextVar[float] = ContextVar("hurried", default=float("inf"))


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """Within it no exchange is waited for longer, whatever the connection's own patience: for who must not be late."""
    kept = _hurried.set(seconds)
    try:
        yield
    finally:
        _hurried.reset(kept)


class Silent(OperationalError):
    """We gave up, so there is no use in asking once more."""

    gave_up = True


class Patient(Connection[Any]):
    """`patience`: seconds without a byte in one exchange, after which the connection is closed; None: no bound.

    Neither the server's own time limits nor TCP's help here: a frozen server watches no clock, and its kernel
    acknowledges what it never reads. `watch` is told, and says whether others wait in vain as well.
    """

    patience: float | None = None
    watch: Watch | None = None

    def wait(self, gen: Any, *rest: Any, **named: Any) -> Any:
        """psycopg's one place of waiting. Raises Silent."""
        if self.patience is None:
            return super().wait(gen, *rest, **named)
        return super().wait(self._bounded(gen, min(self.patience, _hurried.get())), *rest, **named)

    def _bounded(self, exchange: Any, patience: float) -> Generator[Any, Any, Any]:
        quiet, doubted = monotonic(), False
        try:
            wanted = next(exchange)
            while True:
                ready = yield wanted  # falsy: psycopg looked up from its waiting, and nothing has come
                if ready:
                    quiet = monotonic()
                else:
                    silence = monotonic() - quiet
                    if silence > patience or (silence > SURE and self.watch is not None and self.watch.away):
                        self._give_up(silence)
                    if silence > DOUBT and self.watch is not None and not doubted:
                        doubted = True
                        self.watch.doubt()
                wanted = exchange.send(ready)
        except StopIteration as done:
            return done.value

    def _give_up(self, silence: float) -> None:
        """In the midst of an exchange the connection is of no more use; closed, it ends the server's side of it, too."""
        self.pgconn.finish()
        if self.watch is not None:
            self.watch.lost() if silence > SURE else self.watch.doubt()
        raise Silent("the server does not answer")
