"""Measure the gateway, print a table for each part and write build/bench.json. Three to six minutes."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from identity.manage.demo.realm import Realm

from . import cloud, peer, scale, serving, tokens
from .api import Api
from .rows import Row, Sides, rates
from .scale import Scaled

RESULT = serving.ROOT / "build" / "bench.json"
PARTS = ("tokens", "scale")


def measured(screen: Console, directory: Path, rival: peer.Peer | None) -> Iterator[Row]:
    with ExitStack() as ends:
        screen.print("making a cloud and a realm ...", style="dim")
        realm = ends.enter_context(Realm(directory / "realm"))
        os.environ.update(realm.environ)  # our own side of Kerberos lives in the realm, too
        ours = cloud.make(directory / "cloud", realm=realm)
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


def table(title: str, columns: Sequence[str], rows: Sequence[Row | Scaled]) -> Table:
    found = Table(title=title)
    found.add_column("what")
    for name in columns:
        found.add_column(name, justify="right")
    for row in rows:
        numbers = (
            (row.ours, row.keystone, row.ratio, row.bare)
            if isinstance(row, Row)
            else (row.small, row.large, row.ratio, row.keystone)
        )
        found.add_row(row.name, *map(_shown, numbers))
    return found


def _shown(number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:,.2f}" if number < 100 else f"{number:,.0f}"


def _all(screen: Console, directory: Path, parts: Sequence[str]) -> Iterator[tuple[str, Row | Scaled]]:
    with ExitStack() as ends:
        rival = peer.find()
        if rival:
            screen.print("starting the peer ...", style="dim")
            ends.enter_context(rival)
            rival.api.log_in()
        for part in parts:
            for row in (measured if part == "tokens" else scale.measured)(screen, directory, rival):
                number = row.ours if isinstance(row, Row) else row.large
                screen.print(f"  {row.name}: {'-' if number is None else round(number, 2)}", style="dim", highlight=False)
                yield part, row


def _parts(words: Sequence[str]) -> Sequence[str]:
    parser = argparse.ArgumentParser(prog="tools.bench", description=__doc__, epilog=f"{peer.__doc__}\n{scale.__doc__}")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("parts", nargs="*", choices=(*PARTS, "all"), default="all", help="default: all")
    found: Sequence[str] = parser.parse_args(words).parts
    return PARTS if "all" in found else found


def main(words: Sequence[str]) -> int:
    screen = Console()
    parts = _parts(words)
    if shutil.which("wrk") is None:
        screen.print("wrk is not installed: apt-get install wrk")
        return 1
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gatestone-bench-") as directory:
        found = list(_all(screen, Path(directory), parts))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([row.as_json() for _, row in found], indent=1) + "\n")
    for part, title, columns in (
        ("tokens", "Gatestone, measured", ("ours", "Keystone", "ratio", "bare function")),
        ("scale", "Milliseconds by size", (f"{scale.SMALL:,} users", f"{scale.LARGE:,} users", "ratio", "Keystone")),
    ):
        rows = [row for name, row in found if name == part]
        if rows:
            screen.print(table(title, columns, rows))
    cores, busy, took = len(os.sched_getaffinity(0)), os.getloadavg()[0], time.monotonic() - begun
    screen.print(f"{cores} cores, load {busy:.1f}, {took:.0f} s; written to {RESULT.relative_to(serving.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
