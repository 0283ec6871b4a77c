"""A site of ten hosts, each in a network namespace, loses parts of itself under load; `make world` runs the long form of this."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.world import audit, faults, outages, report
from tools.world.hosts import Network
from tools.world.load import Load
from tools.world.machines import running
from tools.world.processes import ROOT, until
from tools.world.stage import Fault, Stage


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with running() as machines:
        load = Load(machines.network["client"], machines.files, machines.password)
        load.start()
        try:
            yield Stage(machines, load)
        finally:
            load.over.set()
            load.stop()


@pytest.fixture
def well(stage: Stage) -> Iterator[Stage]:
    """The stage for one test; everything that was found wrong meanwhile fails it."""
    tally = stage.load.tally
    known, wrong = len(stage.faults), len(tally.wrong)
    yield stage
    found = report.complaints(stage.faults[known:], tally) if len(tally.wrong) > wrong else _complaints(stage.faults[known:])
    assert not found, (found, [fault.as_json() for fault in stage.faults[known:]])


def _complaints(found: list[Fault]) -> list[str]:
    return [f"{fault.name}: {words}" for fault in found for words in fault.complaints]


def test_a_killed_worker(well: Stage) -> None:
    faults.worker_killed(well)
    assert well.faults[-1].requests > 0


def test_a_killed_back_end(well: Stage) -> None:
    faults.back_end_killed(well)


def test_a_back_end_that_is_cut_off(well: Stage) -> None:
    faults.back_end_cut_off(well)


def test_a_killed_load_balancer(well: Stage) -> None:
    faults.load_balancer_killed(well)


def test_a_rolling_restart_of_one_of_a_pool_and_of_the_only_certificate_listener(well: Stage) -> None:
    faults.rolling_restart(well, ("v3a", "x1"))


def test_a_database_that_stands_still(well: Stage) -> None:
    outages.hung(well)


def test_a_failover_loses_nothing_that_was_acknowledged(well: Stage) -> None:
    """And at the end of all this, everything that a client was ever told still holds."""
    outages.failed_over(well)
    load = well.load
    load.over.set()
    load.stop()
    audit.audit(load)
    tally = load.tally
    assert tally.live and tally.revoked and tally.granted
    assert {name: tally.counts[name] for name in report.COUNTED} == dict.fromkeys(report.COUNTED, 0), tally.wrong
    assert not report.complaints([], tally)


def test_two_networks_of_the_same_addresses_do_not_meet() -> None:
    """They are gone with the run: nothing of them has a name, or an interface in the machine's own network."""
    addresses = {"here": "192.0.2.1", "there": "192.0.2.2"}
    with Network(addresses) as one, Network(addresses) as other:
        inodes = {_namespace_of(network[name].path) for network in (one, other) for name in addresses}
        assert len(inodes) == 4
        one.cut("here")
        one.mend("here")
    assert not one.hosts and not other.hosts


def test_where_namespaces_cannot_be_made_it_says_what_it_needs() -> None:
    code = "from tools.world.hosts import Network\nNetwork({'here': '192.0.2.1'}).__enter__()"
    command = ["setpriv", "--bounding-set=-sys_admin", "--", sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "network namespaces cannot be made here (Operation not permitted)" in done.stderr
    assert "as root" in done.stderr


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    """SIGTERM while the hosts start: every daemon ends, and its files go."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.world", "worker"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until(lambda: _mentioning(str(tmp_path)) or process.poll() is not None, 30, "a daemon of it")
        process.terminate()
        told, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, told
    assert not _mentioning(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def _mentioning(word: str) -> list[int]:
    """Processes that have it in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and word in (entry / "cmdline").read_bytes().decode(errors="replace"):
                found.append(int(entry.name))
    return found


def _namespace_of(path: str) -> int:
    return os.stat(path).st_ino
