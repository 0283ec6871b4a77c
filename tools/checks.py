#!/usr/bin/env python3
"""Runs every check, says what runs and how long it took, and fails when any of them failed. Standard library only."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
PYTEST = [str(BIN / "python"), "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
# What counts calls or seconds gets the machine to itself; all else shares the cores. Tests of one file share their daemons.
ALONE = ["tests/perf", "tests/e2e/test_world.py"]
DAEMONS = "tests/e2e"
PARTS: dict[str, list[str]] = {
    "lint": [str(BIN / "ruff"), "check", "."],
    "format": [str(BIN / "ruff"), "format", "--check", "."],
    "types": [str(BIN / "mypy")],
    "client types": [str(BIN / "mypy"), "--config-file", "client/pyproject.toml", "client/keystoneauth_gatestone"],
    "tests": [*PYTEST, "-n", "2", "--dist", "loadgroup", "tests", *(f"--ignore={path}" for path in (*ALONE, DAEMONS))],
    "daemons": [*PYTEST, "-n", "2", "--dist", "loadfile", DAEMONS, *(f"--ignore={path}" for path in ALONE)],
    "alone": [*PYTEST, *ALONE],
    # A part of the field's own suites; `make conformance` runs them whole.
    "conformance": [str(BIN / "python"), "-m", "tools.conformance", "--fast"],
}
COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected)")


def run(command: list[str]) -> tuple[int, str]:
    """Exit code and last line; the output is passed on as it comes."""
    last = ""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    return child.returncode, last


def main(chosen: list[str]) -> int:
    unknown = set(chosen) - set(PARTS)
    if unknown:
        print(f"no such part: {', '.join(sorted(unknown))}; known are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    rows, counts, failed, begun = [], dict.fromkeys(("passed", "failed", "error", "skipped"), 0), False, time.monotonic()
    for name in chosen or PARTS:
        print(f"\n--- {name}: {' '.join(PARTS[name]).replace(str(ROOT) + '/', '')}", flush=True)
        start = time.monotonic()
        code, last = run(PARTS[name])
        failed = failed or code != 0
        rows.append(f"{name:12} {time.monotonic() - start:7.1f} s  {'ok' if code == 0 else f'FAILED (exit code {code})'}")
        if "pytest" in PARTS[name]:
            for number, word in COUNT.findall(last):
                counts[word.rstrip("s")] = counts.get(word.rstrip("s"), 0) + int(number)
    print("\n" + "\n".join(rows))
    tally = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    print(f"===== {tally or 'no tests'} in {time.monotonic() - begun:.1f}s =====")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
