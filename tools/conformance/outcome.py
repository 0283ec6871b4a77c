"""What a run found, test by test, and how it compares with Keystone. Pure functions: no process, no clock."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PASS, FAIL, SKIP = "pass", "fail", "skip"
SUITES = (
    "tempest.api.identity",
    "keystone_tempest_plugin.tests.api",
    "keystone_tempest_plugin.tests.rbac",
    "keystone_tempest_plugin.tests.scenario",
)
_WORDS = {"success": PASS, "xfail": PASS, "skip": SKIP}  # whatever else subunit says is a failure
_TAGS = re.compile(r"\[[^\]]*\]$")
_FIXTURE = re.compile(r"^(?:setUpClass|tearDownClass) \((?P<owner>[\w.]+)\)$")


@dataclass(frozen=True)
class Result:
    """One test: `status` is pass, fail or skip; `reason` one line; `detail` all that the suite says of a failure."""

    status: str
    seconds: float
    id: str
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Comparison:
    """Ids of tests. `worse`: fails here, passes on Keystone; `better`: passes here, not there.

    `unset`: not run since the set-up of their class failed; `missing`: selected, yet never seen.
    """

    worse: tuple[str, ...]
    better: tuple[str, ...]
    unset: tuple[str, ...]
    missing: tuple[str, ...]


def bare(test_id: str) -> str:
    """The id without the tags in brackets at its end, which differ from release to release."""
    return _TAGS.sub("", test_id)


def parse(line: str) -> Result:
    """A line of subunit_lines.py."""
    told = json.loads(line)
    status = _WORDS.get(told["status"], FAIL)
    detail = told["reason"].strip()
    if told["status"] == "inprogress":
        detail = "did not end: " + detail
    return Result(status, told["seconds"], bare(told["id"]), last_line(detail), detail if status == FAIL else "")


def last_line(text: str, width: int = 300) -> str:
    """What went wrong, in one line: the exception at the end of the last traceback, with the lines that follow it."""
    lines = text.rpartition("Traceback (most recent call last):")[2].splitlines()
    start = next((n for n, line in enumerate(lines) if line[:1].strip()), 0)
    return " ".join(" ".join(lines[start:]).split())[:width]


def load_facts(path: Path) -> dict[str, str]:
    """Test id to status on Keystone."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#"))
    return {test_id: status for status, test_id in rows}


def compare(results: Iterable[Result], facts: Mapping[str, str], selected: Iterable[str]) -> Comparison:
    """`selected`: ids of the fact table that this run was to cover. A test that the table does not know is one that should pass."""
    found = {one.id: one.status for one in results}
    broken = {owner for name, status in found.items() if status != PASS and (owner := owner_of_fixture(name))}
    unseen = [name for name in selected if name not in found]
    unset = {name for name in unseen if class_of(name) in broken}
    worse = [name for name, status in found.items() if status == FAIL and facts.get(name, PASS) == PASS]
    better = [name for name, status in found.items() if status == PASS and facts.get(name, PASS) != PASS]
    missing = [name for name in unseen if name not in unset]
    return Comparison(tuple(sorted(worse)), tuple(sorted(better)), tuple(sorted(unset)), tuple(sorted(missing)))


def owner_of_fixture(test_id: str) -> str | None:
    """The class, where the id is that of a class's set-up or tear-down and not of a test."""
    match = _FIXTURE.match(test_id)
    return match["owner"] if match else None


def class_of(test_id: str) -> str:
    return test_id.rpartition(".")[0]


def select(facts: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The ids that any of these regular expressions finds; all of them where there is no pattern."""
    compiled = [re.compile(pattern) for pattern in patterns]
    return [name for name in facts if not compiled or any(one.search(name) for one in compiled)]


def again(results: Iterable[Result]) -> list[str]:
    """Regular expressions for what did not pass: the test, or every test of a class that could not be set up."""
    failed = [one.id for one in results if one.status == FAIL]
    owners = {owner for name in failed if (owner := owner_of_fixture(name))}
    patterns = [rf"^{re.escape(owner)}\." for owner in sorted(owners)]
    return patterns + [
        rf"^{re.escape(name)}(\[|$)" for name in failed if not owner_of_fixture(name) and class_of(name) not in owners
    ]


def tally(results: Sequence[Result]) -> list[tuple[str, int, int, int]]:
    """Suite, passed, failed, skipped; the last row is `all`."""
    rows = []
    for suite in (*SUITES, ""):
        counts = Counter(one.status for one in results if suite in one.id)
        if counts:
            rows.append((suite or "all", counts[PASS], counts[FAIL], counts[SKIP]))
    return rows


def write(path: Path, results: Iterable[Result]) -> None:
    """status, seconds, id, reason; sorted by id. Replaced in one step, so that a reader never sees half a file."""
    rows = [f"{one.status}\t{one.seconds:.2f}\t{one.id}\t{one.reason}\n" for one in sorted(results, key=lambda one: one.id)]
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text("".join(rows), encoding="utf-8")
    fresh.replace(path)


def read(path: Path) -> list[Result]:
    """What `write` wrote."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        status, seconds, test_id, reason = line.split("\t", 3)
        found.append(Result(status, float(seconds), test_id, reason))
    return found
