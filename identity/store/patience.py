"""A connection that gives up on a PostgreSQL server which stands still: the network is well, and nobody answers."""

from __future__ import annotations

from collections.abc import Generator
from time import monotonic
from typing import Any

from psycopg import Connection, OperationalError


class Patient(Connection[Any]):
    """`patience`: seconds without a byte in one exchange, after which the connection is closed; None: no bound.

    Neither the server's own time limits nor TCP's help here: a frozen server watches no clock, and its kernel
    acknowledges what it never reads.
    """

    patience: float | None = None

    def wait(self, gen: Any, *rest: Any, **named: Any) -> Any:
        """psycopg's one place of waiting. Raises OperationalError."""
        if self.patience is None:
            return super().wait(gen, *rest, **named)
        return super().wait(self._bounded(gen, self.patience), *rest, **named)

    def _bounded(self, exchange: Any, patience: float) -> Generator[Any, Any, Any]:
        end = monotonic() + patience
        try:
            wanted = next(exchange)
            while True:
                ready = yield wanted  # falsy: psycopg looked up from its waiting, and nothing has come
                if ready:
                    end = monotonic() + patience
                elif monotonic() > end:
                    self.pgconn.finish()  # in the midst of an exchange: of no more use
                    raise OperationalError("the server does not answer")
                wanted = exchange.send(ready)
        except StopIteration as done:
            return done.value
