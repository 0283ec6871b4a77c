"""The run of the suites as a child: its files, its results as they come, and its end."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.conformance import __main__ as command
from tools.conformance import running, workspace
from tools.conformance.workspace import Target

# Says one result, starts a child of its own as stestr does, and would go on for a minute.
STESTR = """#!/bin/sh
sleep 60 &
echo "$$ $!" > pids
echo '{"status": "success", "seconds": 1, "id": "m.A.test_one[id-1]", "reason": ""}'
wait
"""
PYTHON = """#!/bin/sh
case "$1" in */stestr) exec sh "$@" ;; *) exec cat ;; esac
"""


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    programs = tmp_path / "venv" / "bin"
    programs.mkdir(parents=True)
    for name, text in (("stestr", STESTR), ("python", PYTHON)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setattr(running, "VENV", tmp_path / "venv")
    yield tmp_path


def prepared(tmp_path: Path, target: Target | None = None, patterns: tuple[str, ...] = ()) -> Path:
    workspace.prepare(tmp_path / "work", target or Target("http://127.0.0.1:1/v3", "admin", "secret"), patterns)
    return tmp_path / "work"


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"  # our init may be slow to reap it


def test_a_run_that_takes_too_long_is_cut_with_all_that_it_started(venv: Path) -> None:
    work = prepared(venv)
    run = running.Run(work, workers=2, limit=0.5)
    assert [one.id for one in run] == ["m.A.test_one"]
    assert run.overdue
    assert all(gone(int(word)) for word in (work / "pids").read_text().split())


def test_a_caller_that_stops_listening_ends_the_run(venv: Path) -> None:
    work = prepared(venv)
    run = running.Run(work, workers=2, limit=60)
    results = iter(run)
    assert next(results).status == "pass"
    results.close()  # type: ignore[attr-defined]
    assert not run.overdue
    assert all(gone(int(word)) for word in (work / "pids").read_text().split())


def test_what_is_written_is_for_us_alone_and_keeps_every_character(tmp_path: Path) -> None:
    work = prepared(tmp_path, Target("https://id/v3", "admin", "pa$$w%rd", ca="/ca.pem"), (r"test_region",))
    assert (work / "tempest.conf").stat().st_mode & 0o077 == 0
    parser = configparser.RawConfigParser()
    parser.read(work / "tempest.conf")
    assert parser["auth"]["admin_password"].replace("$$", "$") == "pa$$w%rd"
    assert parser["identity"]["ca_certificates_file"] == "/ca.pem"
    assert (work / "include").read_text() == "test_region\n"


def test_the_requests_of_one_test_are_found_in_the_log(tmp_path: Path) -> None:
    work = prepared(tmp_path)
    head = "2026-11-21 11:53:45.527 26492"
    (work / "log" / "tempest.log").write_text(
        f"{head} INFO tempest.lib [-] Request (RegionsTest:test_a): 201 POST http://x/v3/regions 0.010s\n"
        f"{head} DEBUG tempest.lib [-] Request - Headers: {{}}\n        Body: mine\n"
        f"{head} INFO tempest.lib [-] Request (RegionsTest:setUpClass): 200 GET http://x/v3/roles 0.010s\n"
        f"{head} INFO tempest.lib [-] Request (RegionsTest:test_ab): 404 GET http://x/v3/other 0.010s\n"
    )
    found = workspace.requests_of(work, "m.RegionsTest.test_a")
    assert "201 POST" in found and "Body: mine" in found and "other" not in found and "roles" not in found
    assert "200 GET http://x/v3/roles" in workspace.requests_of(work, "setUpClass (m.RegionsTest)")


def test_the_command_line_chooses_what_to_run(tmp_path: Path) -> None:
    results = tmp_path / "r.tsv"
    results.write_text("fail\t0.10\tm.A.test_b\twhy\npass\t0.10\tm.A.test_c\t\n")
    assert command.patterns_of(command.options(["one", "two"])) == ["one", "two"]
    assert command.patterns_of(command.options(["--failed", "--results", str(results)])) == [r"^m\.A\.test_b(\[|$)"]
    assert command.patterns_of(command.options(["--fast"]))[0].startswith(r"^tempest\.api\.identity\.v3\.")
    with pytest.raises(SystemExit):
        command.options(["--fast", "test_region"])
