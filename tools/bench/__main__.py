"""`python -m tools.bench`: measure, print a table, write build/bench.json. Two to four minutes."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from identity.manage.demo.realm import Realm

from . import cloud, peer, serving, tokens
from .api import Api
from .rows import Row, Sides, rates

RESULT = serving.ROOT / "build" / "bench.json"


def measured(screen: Console, directory: Path) -> Iterator[Row]:
    with ExitStack() as ends:
        screen.print("making a cloud, a realm and a peer ...", style="dim")
        realm = ends.enter_context(Realm(directory / "realm"))
        os.environ.update(realm.environ)  # our own side of Kerberos lives in the realm, too
        ours = cloud.make(directory / "cloud", realm=realm)
        rival = peer.find()
        if rival:
            ends.enter_context(rival)
            rival.api.log_in()
        yield Row(
            "start to the first /v3 (s)",
            statistics.median(serving.start_times(ours.config)),
            rival.start_seconds if rival else None,
        )
        sides, server = _sides(ends, directory, ours, rival)
        sizes = f"one token in JSON: ours {sides.ours.size} bytes" + (f", Keystone's {rival.api.size}" if rival else "")
        screen.print(sizes, style="dim")
        yield from rates(sides)
        mine = [serving.memory(pid) for pid in serving.workers(server.pid)]
        theirs = rival.worker_memory() if rival else []
        for kind, what in (("Rss", "resident"), ("Pss", "proportional")):
            largest = [max(found[kind] for found in side) if side else None for side in (mine, theirs)]
            yield Row(f"worker's memory after that, {what} (MB)", *largest)


def _sides(ends: ExitStack, directory: Path, ours: cloud.Cloud, rival: peer.Peer | None) -> tuple[Sides, serving.Server]:
    krb5 = ours.realm.environ if ours.realm else {}
    server = ends.enter_context(serving.gatestone(ours.config, environ=krb5))
    crt, key = ours.pair("server")
    secure = ends.enter_context(serving.gatestone(ours.config, (f"server.tls_cert={crt}", f"server.tls_key={key}")))
    x509 = ends.enter_context(serving.gatestone(ours.config, listener="x509"))
    server.wait()
    secure.wait(listens_only=True)
    x509.wait(listens_only=True)
    api = Api(server.port, cloud.ADMIN, cloud.ADMIN_PASSWORD)
    api.log_in()
    bare = ends.enter_context(serving.bare(ours.config, api.size))
    bare.wait()
    sealing = ends.enter_context(tokens.mint(ours))
    pids = {"ours": server.pid, "bare": bare.pid, **({"keystone": rival.pid} if rival else {})}
    ports = {"bare": bare.port, "secure": (secure.port, secure.pid), "x509": (x509.port, x509.pid)}
    return Sides(ours, api, sealing, **ports, directory=directory, peer=rival, pids=pids), server


def table(rows: list[Row]) -> Table:
    found = Table(title="Gatestone, measured")
    found.add_column("what")
    for name in ("ours", "Keystone", "ratio", "bare function"):
        found.add_column(name, justify="right")
    for row in rows:
        found.add_row(row.name, *[_shown(number) for number in (row.ours, row.keystone, row.ratio, row.bare)])
    return found


def _shown(number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:,.2f}" if number < 100 else f"{number:,.0f}"


def main() -> int:
    screen = Console()
    if shutil.which("wrk") is None:
        screen.print("wrk is not installed: apt-get install wrk")
        return 1
    begun, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="gatestone-bench-") as directory:
        for row in measured(screen, Path(directory)):
            screen.print(f"  {row.name}: {'-' if row.ours is None else round(row.ours, 2)}", style="dim", highlight=False)
            rows.append(row)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([row.as_json() for row in rows], indent=1) + "\n")
    screen.print(table(rows))
    cores, busy, took = len(os.sched_getaffinity(0)), os.getloadavg()[0], time.monotonic() - begun
    screen.print(f"{cores} cores, load {busy:.1f}, {took:.0f} s; written to {RESULT.relative_to(serving.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
