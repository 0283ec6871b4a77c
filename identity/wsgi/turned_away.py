"""What is told of those who are turned away: each is counted; the log is told of a few, and how many it was not told of.

A flood of refusals must not become a flood of lines (CWE-779).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from .observe import Metrics, log, metrics

BURST: Final = 10  # lines of one reason
WINDOW: Final = 10.0  # seconds


class TurnedAway:
    """Counts and logs refusals. Reasons are our own few words, so what is kept here is bounded."""

    def __init__(self, telemetry: Metrics | None = None, timer: Callable[[], float] = time.monotonic) -> None:
        self._metrics = telemetry or metrics()
        self._timer = timer
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}  # reason: the window's start, refusals in it

    def tell(self, reason: str, address: str, *, status: int = 0, detail: str = "", request_id: str = "") -> None:
        """`address`: the client's, or the other end's where no client is known. `status` 0: closed without an answer."""
        self._metrics.refused(reason)
        unsaid = self._admit(reason)
        if unsaid is None:
            return
        more: dict[str, int | str] = {"unsaid": unsaid} if unsaid else {}
        given = {"status": status, "detail": detail, "request_id": request_id}
        log().warning("refused", reason=reason, address=address, **{name: value for name, value in given.items() if value}, **more)

    def _admit(self, reason: str) -> int | None:
        """How many were passed over since the last line, if this one may be written; else None."""
        now = self._timer()
        with self._lock:
            start, count = self._windows.get(reason, (now, 0))
            unsaid = 0
            if now - start >= WINDOW:
                unsaid, start, count = max(0, count - BURST), now, 0
            self._windows[reason] = (start, count + 1)
            return unsaid if count < BURST else None
