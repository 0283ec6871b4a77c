"""What a person reads of a run: a line for progress, a line for each failure, the counts, and how they compare."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence

from .outcome import FAIL, PASS, SKIP, Comparison, Result, tally

FULL = 2102  # tests that pass on Keystone
_EVERY = 10.0  # seconds between two lines of progress


class Progress:
    """Prints failures as they come and, now and then, how far the run is."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._counts: Counter[str] = Counter()
        self._begun = self._told = time.monotonic()

    def add(self, one: Result) -> None:
        self._counts[one.status] += 1
        if one.status == FAIL:
            print(f"FAILED {one.id} | {one.reason}", flush=True)
        if time.monotonic() - self._told > _EVERY:
            self._told = time.monotonic()
            self.tell()

    def tell(self) -> None:
        done = sum(self._counts.values())
        counts = f"passed {self._counts[PASS]}, failed {self._counts[FAIL]}, skipped {self._counts[SKIP]}"
        print(f"  {done}/{self._expected} in {time.monotonic() - self._begun:.0f} s: {counts}", file=sys.stderr, flush=True)


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def summary(results: Sequence[Result], comparison: Comparison, seconds: float) -> str:
    """The end of the output; its last line has the counts."""
    lines = []
    titles = {
        "worse": "fails here, passes on Keystone",
        "unset": "not run, since the set-up of their class failed",
        "missing": "selected, but never reported by the suites",
        "better": "passes here, fails or is skipped on Keystone",
    }
    for name, title in titles.items():
        ids: tuple[str, ...] = getattr(comparison, name)
        if ids:
            # Failures were shown with their reasons as they came; the classes of the others are enough.
            lines.append(f"{title}: {len(ids)}")
            shown = ids if name in ("better", "missing") else ()
            lines += [f"  {test_id}" for test_id in shown[:50]]
    *suites, (_, passed, failed, skipped) = tally(results) or [("all", 0, 0, 0)]
    lines += [f"  {suite}: passed {good}, failed {bad}, skipped {left}" for suite, good, bad, left in suites]
    lines.append(f"passed {passed}, failed {failed}, skipped {skipped} in {seconds:.0f} s")
    return "\n".join(lines)


def verdict(results: Sequence[Result], comparison: Comparison, *, whole: bool) -> list[str]:
    """Why the run is not good enough; empty if it is. `whole`: every test of both suites was to run."""
    passed = sum(one.status == PASS for one in results)
    failed = sum(one.status == FAIL for one in results)
    found = []
    if comparison.worse or comparison.unset or comparison.missing:
        found.append("a test that passes on Keystone did not pass or did not run")
    if whole and passed < FULL:
        found.append(f"{passed} tests passed, {FULL} pass on Keystone")
    if not whole and failed:
        found.append(f"{failed} failed")
    if not passed:
        found.append("no test passed")
    return found
