"""A site of ten hosts, each in a network namespace, loses parts of itself under load; `make world` runs the long form of this."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.world import audit, faults, outages, report
from tools.world.hosts import Network
from tools.world.load import Load
from tools.world.machines import running
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


def _namespace_of(path: str) -> int:
    from os import stat

    return stat(path).st_ino
