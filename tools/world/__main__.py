"""`python -m tools.world [FAULT ...]`: run the world, print a table, write build/world.json and build/world.png."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

from rich.console import Console

from . import audit, faults, outages, plot, report
from .hosts import NoNamespaces
from .load import Load
from .machines import Machines, running
from .processes import ROOT, WorldFault
from .stage import Stage

RESULT = ROOT / "build" / "world.json"
LOGS = ROOT / "build" / "world-logs"
PICTURE = RESULT.with_suffix(".png")
FAULTS: dict[str, Callable[[Stage], None]] = {
    "worker": faults.worker_killed,
    "back-end": faults.back_end_killed,
    "cut-off": faults.back_end_cut_off,
    "load-balancer": faults.load_balancer_killed,
    "restart": faults.rolling_restart,
    "upgrade": faults.rolling_upgrade,
    "reload": faults.load_balancers_reloaded,
    "db-hung": outages.hung,
    "db-restart": outages.restarted,
    "db-failover": outages.failed_over,
    "db-rebuild": outages.rebuilt,
    "db-staleness": outages.failed_over_with_staleness,
}


def perform(machines: Machines, chosen: Sequence[str], screen: Console) -> tuple[Stage, Load]:
    """The load from its first request to its last, with the faults in between, and the audit."""
    load = Load(machines.network["client"], machines.files, machines.password)
    load.start()
    stage = Stage(machines, load, lambda text: screen.print(f"  {text} ...", style="dim", highlight=False))
    try:
        for name in chosen:
            FAULTS[name](stage)
        load.more(100)
    finally:
        load.over.set()
    load.stop()
    stage.settle()
    screen.print("  everything that was ever told is looked at again ...", style="dim")
    audit.audit(load)
    return stage, load


def main(words: Sequence[str]) -> int:
    screen = Console()
    if not screen.is_terminal:
        screen = Console(width=132)  # a log has no edge
    if not set(words) <= set(FAULTS):
        screen.print(f"which faults? {' '.join(FAULTS)}")
        return 2
    signal.signal(signal.SIGTERM, _leave)
    begun = time.monotonic()
    try:
        screen.print("making ten hosts ...", style="dim")
        with running() as machines:
            try:
                stage, load = perform(machines, words or list(FAULTS), screen)
            finally:
                machines.keep_logs(LOGS)
    except (NoNamespaces, WorldFault) as fault:
        screen.print(str(fault), style="red", highlight=False)
        return 1
    except KeyboardInterrupt:
        screen.print("interrupted: all hosts are gone")
        return 130
    report.write(RESULT, stage.faults, load.tally)
    plot.draw(PICTURE, load.tally.samples, stage.faults)
    screen.print(report.table(stage.faults))
    wrong = report.complaints(stage.faults, load.tally)
    for one in stage.faults:
        for note in one.notes + one.failures:
            screen.print(f"  {one.name}: {note}", style="dim", highlight=False)
    for line in wrong:
        screen.print(line, style="red", highlight=False)
    counted = ", ".join(f"{name} {load.tally.counts[name]}" for name in report.COUNTED)
    took = time.monotonic() - begun
    screen.print(f"{load.tally.done} requests, {counted}; {took:.0f} s; written to {RESULT.relative_to(ROOT)}, {PICTURE.name}")
    return 1 if wrong else 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends it as Ctrl-C does: through every block that clears up."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
