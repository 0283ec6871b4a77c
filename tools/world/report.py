"""The results: a table for people, build/world.json for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from .stage import Fault
from .tally import Tally

COUNTED = ("tokens_lost", "revoked_accepted", "server_errors")
_OTHERS = ("grants_lost", "half_done", "unexpected")


def document(faults: Sequence[Fault], tally: Tally) -> dict[str, object]:
    """What build/world.json holds."""
    counts = {name: tally.counts[name] for name in (*COUNTED, *_OTHERS)}
    held = {"issued_and_kept": len(tally.live), "revoked": len(tally.revoked), "granted": len(tally.granted)}
    return {
        "faults": [fault.as_json() for fault in faults],
        **counts,
        "requests": tally.done,
        "held": held,
        "wrong": tally.wrong[:50],
    }


def complaints(faults: Sequence[Fault], tally: Tally) -> list[str]:
    """Everything that must not have been, in words; empty after a good run."""
    found = [f"{fault.name}: {words}" for fault in faults for words in fault.complaints]
    return found + [f"{name}: {tally.counts[name]}" for name in (*COUNTED, *_OTHERS) if tally.counts[name]] + tally.wrong[:20]


def write(file: Path, faults: Sequence[Fault], tally: Tally) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(document(faults, tally), indent=1) + "\n")


def table(faults: Sequence[Fault]) -> Table:
    found = Table(title="One site, ten hosts, load the whole time")
    found.add_column("fault", no_wrap=True)
    for name in ("requests", "failed", "after retry", "recovery s", "slowest s"):
        found.add_column(name, justify="right")
    found.add_column("well")
    for fault in faults:
        numbers = (str(fault.requests), str(fault.failed), str(fault.lost), f"{fault.recovery_s:.2f}", f"{fault.slowest_s:.2f}")
        found.add_row(fault.name, *numbers, "no" if fault.complaints else "yes")
    return found
