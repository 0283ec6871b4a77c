"""Whether the database answers at all: once it is known to stand still, nobody else waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic

from ..errors import Unavailable

DOUBT = 1.0  # seconds of silence in one exchange after which we ask the server anew
PROOF = 0.3  # seconds that such a question may stay unanswered before requests are turned away
SURE = 2.0  # seconds of silence after which an exchange is given up where that question has no answer, either
_PAUSE = 0.2
_log = logging.getLogger(__name__)


class Watch:
    """Asks the server on a thread of its own, on a connection of its own, from the first doubt until it answers quickly.

    `probe` connects, asks and closes, or raises: a refusal that comes at once is an answer, too, and each request may have it
    for itself. `drop` forgets connections that stood idle: they lead to where nobody answers.
    """

    def __init__(self, probe: Callable[[], None], drop: Callable[[], None]) -> None:
        self.since: float | None = None  # when doubt began; None: the server answers. Read on the hot path.
        self._probe = probe
        self._drop = drop
        self._lock = threading.Lock()
        self._ended = threading.Event()

    @property
    def away(self) -> bool:
        since = self.since
        return since is not None and monotonic() - since >= PROOF

    def refuse(self) -> None:
        """Raises `errors.Unavailable` while the server does not answer."""
        if self.away:
            raise Unavailable(reason="database: it does not answer")

    def doubt(self) -> None:
        """Somebody waits for long. That may be a slow statement, so the server is asked something easy."""
        self._begin(monotonic())

    def lost(self) -> None:
        """Somebody has waited in vain."""
        self._begin(float("-inf"))

    def reset(self) -> None:
        """In a child process: the thread has stayed with the parent."""
        self._lock, self._ended = threading.Lock(), threading.Event()
        self.since = None

    def end(self) -> None:
        self._ended.set()

    def _begin(self, since: float) -> None:
        with self._lock:
            if self.since is not None:
                self.since = min(self.since, since)
            elif not self._ended.is_set():  # nobody would end the doubt
                threading.Thread(target=self._ask, name="database-watch", daemon=True).start()
                self.since = since

    def _ask(self) -> None:
        told = False
        while not self._ended.is_set():
            began, why = monotonic(), ""
            try:
                self._probe()
            except Exception as error:  # whatever it is, requests meet it themselves; here only its time counts
                why = type(error).__name__
            if monotonic() - began < DOUBT:
                break
            self.lost()
            if not told:
                told = True
                _log.error("the database does not answer (%s): requests that need it get 503 until it does", why or "slow")
            self._drop()
            self._ended.wait(_PAUSE)
        with self._lock:
            self.since = None
        if told and not self._ended.is_set():
            _log.error("the database answers again")
