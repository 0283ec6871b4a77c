"""Faults of the gateways and load balancers, and the steps that an operator takes while all goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from . import releases
from .machines import GATEWAYS
from .processes import until
from .stage import Stage

_HOLD = 4.0  # seconds for which a fault stays: longer than anybody may take to notice


def worker_killed(stage: Stage) -> None:
    """One of two workers of a back end."""
    daemon = stage.machines.gateways["v3a"]
    with stage.fault("worker killed") as fault:
        worker = daemon.family()[1]
        os.kill(worker, signal.SIGKILL)
        until(lambda: worker not in daemon.family() and len(daemon.family()) >= 3, 20, "a new worker")
        stage.hold(1.0)
    stage.survived(fault)


def back_end_killed(stage: Stage) -> None:
    """A back end with all its workers."""
    daemon = stage.machines.gateways["v3b"]
    with stage.fault("back end killed") as fault:
        daemon.kill()
        stage.hold(_HOLD)
        daemon.start()
    stage.survived(fault)


def back_end_cut_off(stage: Stage) -> None:
    """Its cable is pulled: no packet tells anybody."""
    with stage.fault("back end cut off") as fault:
        stage.machines.network.cut("v3a")
        try:
            stage.hold(_HOLD)
        finally:
            stage.machines.network.mend("v3a")
    stage.survived(fault)


def load_balancer_killed(stage: Stage) -> None:
    """One of two, which half of the clients talk to."""
    daemon = stage.machines.balancers["lb01"]
    with stage.fault("load balancer killed") as fault:
        daemon.kill()
        stage.hold(3.0)
        daemon.start()
    stage.survived(fault)


def rolling_restart(stage: Stage, names: Sequence[str] = GATEWAYS) -> None:
    """Back ends one by one, by SIGTERM as a service manager does it."""
    with stage.fault("rolling restart") as fault:
        stage.machines.roll(names)
    stage.spared(fault)


def load_balancers_reloaded(stage: Stage) -> None:
    """New configuration for the load balancers, one by one: HAProxy hands its sockets on (SIGUSR2)."""
    with stage.fault("load balancers reloaded") as fault:
        for name, daemon in stage.machines.balancers.items():
            before = set(daemon.family())
            daemon.tell(signal.SIGUSR2)
            until(lambda d=daemon, b=before: set(d.family()) - b, 20, f"{name} to reload")  # type: ignore[misc]
            stage.load.more(40)
            stage.machines.wait_until_well()
    stage.spared(fault)


def rolling_upgrade(stage: Stage) -> None:
    """A column comes and goes: the schema is altered while the release before serves, then the hosts follow one by one."""
    machines = stage.machines
    expand, contract = releases.following(machines.directory)
    written = f"SELECT count(*) FROM {releases.TABLE} WHERE {releases.COLUMN} = '{releases.VALUE}'"  # noqa: S608 (our own words)
    with stage.fault("rolling upgrade: expand") as fault:
        machines.operate("db", "upgrade", tree=expand)
        stage.load.more(40)  # the old release on the new schema
        machines.roll(tree=expand)
        rows = int(machines.primary.one(written, "gatestone"))
        fault.notes.append(f"{rows} rows with the new column")
        fault.expect(rows > 0, "the new release never wrote its column")
    stage.spared(fault)
    with stage.fault("rolling upgrade: contract") as fault:
        machines.roll(tree=contract)
        machines.operate("db", "upgrade", tree=contract)
        left = f"SELECT count(*) FROM information_schema.columns WHERE column_name = '{releases.COLUMN}'"  # noqa: S608
        fault.expect(machines.primary.one(left, "gatestone") == 0, "the column is still there")
    stage.spared(fault)
