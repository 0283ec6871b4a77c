"""`python -m tools.conformance`: the suites against a gateway of our own, or one that is running. `--help` tells the options."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from . import gateway, outcome, report, workspace
from .running import Run

FACTS = workspace.ROOT / "tests" / "conformance" / "keystone-30.tsv"
FAST = workspace.ROOT / "tests" / "conformance" / "fast.txt"
RESULTS = Path(os.environ.get("CONFORMANCE_RESULTS") or workspace.ROOT / "build" / "conformance.tsv")


def options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools.conformance", description=__doc__)
    parser.add_argument("patterns", nargs="*", metavar="REGEX", help="tests to run: any of these in the test's id; default: all")
    parser.add_argument("--fast", action="store_true", help="the subset in tests/conformance/fast.txt")
    parser.add_argument("--failed", action="store_true", help="what failed last time, as --results has it")
    parser.add_argument("--postgresql", action="store_true", help="on a throw-away PostgreSQL instead of SQLite")
    parser.add_argument("--face", default="", choices=["", "/main", "/admin"], help="the entry point to test, default /v3")
    parser.add_argument("--server", metavar="URL", help="a gateway that is already running, e.g. http://127.0.0.1:5000/v3")
    parser.add_argument("--user", default="admin", help="its administrator")
    parser.add_argument("--password", help="of the administrator; better in OS_PASSWORD")
    parser.add_argument("--ca", default="", help="PEM bundle of an https server")
    parser.add_argument("--no-lockout", action="store_true", help="the server has no lock-out for 5 s after 2 attempts")
    parser.add_argument("--workers", type=int, default=2, help="tests at a time (2)")
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds after which the run is cut short (3600)")
    parser.add_argument("-v", "--verbose", action="store_true", help="tracebacks and requests of failed tests")
    parser.add_argument("--keep", action="store_true", help="keep the run's directory (configuration, database, logs)")
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="file to write, and to read with --failed (build/conformance.tsv)"
    )
    found = parser.parse_args(words)
    if sum(map(bool, (found.patterns, found.fast, found.failed))) > 1:
        parser.error("give one of: REGEX, --fast, --failed")
    return found


def patterns_of(chosen: argparse.Namespace) -> list[str]:
    """Regular expressions of what to run; none for everything."""
    if chosen.failed:
        return outcome.again(outcome.read(chosen.results))
    if chosen.fast:
        lines = (line.partition("#")[0].strip() for line in FAST.read_text(encoding="utf-8").splitlines())
        return [rf"^{re.escape(line)}\." for line in lines if line]
    return list(chosen.patterns)


@contextlib.contextmanager
def directory_of(chosen: argparse.Namespace) -> Iterator[Path]:
    """A directory that only this run uses."""
    if chosen.keep:
        kept = Path(tempfile.mkdtemp(prefix="gatestone-conformance-"))
        print(f"directory: {kept}", flush=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="gatestone-conformance-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextlib.contextmanager
def target_of(chosen: argparse.Namespace, directory: Path) -> Iterator[workspace.Target]:
    if chosen.server:
        password = chosen.password or os.environ.get("OS_PASSWORD", "")
        yield workspace.Target(chosen.server, chosen.user, password, ca=chosen.ca, compliant=not chosen.no_lockout)
        return
    with gateway.running(directory, postgresql=chosen.postgresql, face=chosen.face) as target:
        yield target


def run(chosen: argparse.Namespace, patterns: list[str], expected: int, directory: Path) -> tuple[list[outcome.Result], str]:
    """The results, and what went wrong with the run itself."""
    progress = report.Progress(expected)
    results = []
    with target_of(chosen, directory) as target:
        work = directory / "suites"
        workspace.prepare(work, target, patterns, log=chosen.verbose)
        running = Run(work, workers=chosen.workers, limit=chosen.limit)
        for one in running:
            results.append(one)
            progress.add(one)
            if chosen.verbose and one.status == outcome.FAIL:
                print(report.indented(one.detail), report.indented(workspace.requests_of(work, one.id)), sep="\n", flush=True)
    if running.overdue:
        return results, f"cut short after {chosen.limit:.0f} s"
    return results, "" if results else f"no test ran: {running.errors()[-2000:]}"


def main(words: list[str]) -> int:
    chosen = options(words)
    if not (workspace.VENV / "bin" / "stestr").exists():
        print("the suites are not installed: tools/setup.sh conformance", file=sys.stderr)
        return 1
    facts = outcome.load_facts(FACTS)
    patterns = patterns_of(chosen)
    if chosen.failed and not patterns:
        print("nothing failed last time")
        return 0
    selected = outcome.select(facts, patterns)
    begun = time.monotonic()
    with directory_of(chosen) as directory:
        try:
            results, trouble = run(chosen, patterns, len(selected), directory)
        except gateway.GatewayError as error:
            print(error, file=sys.stderr)
            return 1
    outcome.write(chosen.results, results)
    comparison = outcome.compare(results, facts, selected)
    print(report.summary(results, comparison, time.monotonic() - begun))
    reasons = report.verdict(results, comparison, whole=not patterns) + ([trouble] if trouble else [])
    for reason in reasons:
        print(f"not good enough: {reason}", file=sys.stderr)
    return int(bool(reasons))


def _stop(*_: object) -> None:
    raise SystemExit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)  # so that what was started is ended
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
