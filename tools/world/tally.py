"""What was asked, how each answer is judged, and what the clients hold the site to afterwards."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .clients import Answer

REFUSALS = (429, 502, 503, 504)


@dataclass(frozen=True)
class Sample:
    """One request on the timeline. `first`: the status of the first try; `ours`: a gateway gave the last answer.

    `failed`: its first try was not answered as it should be, which was known at `told`; `lost`: the second neither.
    """

    what: str
    began: float
    ended: float
    status: int
    first: int
    told: float
    why: str
    ours: bool
    failed: bool
    lost: bool


@dataclass(frozen=True)
class Kept:
    """A token that a client holds; `since`: when its revocation was acknowledged."""

    token: str
    api: str
    since: float = 0.0


class Tally:
    """All threads tell it. `wrong` explains every answer that must never come, in words."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.samples: list[Sample] = []
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.live: list[Kept] = []
        self.revoked: list[Kept] = []
        self.granted: list[tuple[str, str]] = []  # user, project: acknowledged
        self.doubtful: list[str] = []  # names of users whose making was not acknowledged
        self.staleness = 0.0  # seconds for which a revocation may be unheard, as configured

    @property
    def done(self) -> int:
        return len(self.samples)

    def note(self, answer: Answer, good: Sequence[int]) -> bool:
        """Count a request whose right answers are `good`; says whether it had one of them."""
        fine = answer.status in good
        sample = Sample(
            answer.what,
            answer.began,
            answer.ended,
            answer.status,
            answer.first,
            answer.told,
            answer.why,
            answer.ours,
            failed=not fine or answer.first not in good,
            lost=not fine,
        )
        with self._lock:
            self.samples.append(sample)
            if 500 in (answer.status, answer.first):
                self._wrong("server_errors", f"{answer.what}: 500 {answer.body[:200]!r}")
            elif not fine and answer.status not in (0, *REFUSALS):
                self._wrong("unexpected", f"{answer.what}: {answer.status} {answer.body[:200]!r}")
            elif answer.status == 503 and answer.ours and "retry-after" not in answer.headers:
                self._wrong("unexpected", f"{answer.what}: 503 without Retry-After")
        return fine

    def valid(self, answer: Answer) -> bool:
        """The validation of a token that is good."""
        if answer.status in (401, 404):
            with self._lock:
                self._wrong("tokens_lost", f"{answer.what}: {answer.status} for a good token: {answer.body[:200]!r}")
        return self.note(answer, (200, 401, 404)) and answer.status == 200

    def refused(self, answer: Answer, kept: Kept) -> bool:
        """The validation of a token whose revocation was acknowledged."""
        if answer.status == 200:
            with self._lock:
                late = answer.began - kept.since
                if late > self.staleness:
                    self._wrong("revoked_accepted", f"{answer.what}: 200 for a token revoked {late:.2f} s before")
            return self.note(answer, (200,))
        return self.note(answer, (404,))

    def keep(self, kept: Kept) -> None:
        with self._lock:
            self.live.append(kept)

    def revoke(self, kept: Kept) -> Kept:
        """Its revocation was acknowledged just now."""
        gone = Kept(kept.token, kept.api, time.monotonic())
        with self._lock:
            self.revoked.append(gone)
        return gone

    def _wrong(self, kind: str, words: str) -> None:
        self.counts[kind] += 1
        if len(self.wrong) < 200:
            self.wrong.append(f"{kind}: {words}")

    def blame(self, kind: str, words: str) -> None:
        with self._lock:
            self._wrong(kind, words)

    def between(self, begin: float, end: float) -> list[Sample]:
        """Requests that were under way in that time."""
        with self._lock:
            return [one for one in self.samples if one.ended >= begin and one.began <= end]

    def rate(self, seconds: float, now: Callable[[], float] = time.monotonic) -> float:
        """Answers a second of late."""
        since = now() - seconds
        with self._lock:
            return sum(one.ended >= since for one in self.samples[-2000:]) / seconds
