"""`gatestone demo`: build the world, start the gateway, take the tour, stay, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import click

from .. import options
from .wanted import Wanted

_FIXED = {
    "server.port": "--port",
    "x509.port": "--x509-port",
    "server.host": "",
    "x509.host": "",
    "server.public_urls": "",
}


class _Stopped(Exception):
    """Ctrl-C or a signal; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"stopped by {signal.Signals(number).name}")


class _Wish:
    """The wish to end. Signals only set it, and it is looked at between steps: no process is lost halfway through its start."""

    def __init__(self) -> None:
        self.number = 0
        self._event = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        self._event.set()

    def proceed(self) -> None:
        if self.number:
            raise _Stopped(self.number)

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)


@click.command()
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path), help="New or empty directory to live in; else a temporary one."
)
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the API listener, 0 for any.  [default: 5000, or a free one]")
@click.option(
    "--x509-port", type=click.IntRange(0, 65535), help="Port of the certificate listener.  [default: 8443, or a free one]"
)
@click.option("--check", is_flag=True, help="End after the tour; exit code 0 only if every line worked.")
@click.option("--no-tour", is_flag=True, help="Only serve.")
@click.option(
    "--seed",
    type=click.IntRange(0, 1_000_000),
    default=0,
    metavar="N",
    help="Add N users, N/5 projects, 3N grants.",
)
@click.option("--since", type=float, hidden=True, help="Seconds since the epoch from which the set-up is counted in.")
@options.overrides
def demo(
    *,
    directory: Path | None,
    port: int | None,
    x509_port: int | None,
    check: bool,
    no_tour: bool,
    seed: int,
    since: float | None,
    overrides: tuple[str, ...],
) -> None:
    """Show all of it on this machine, in a throw-away directory, until Ctrl-C."""
    if check and no_tour:
        raise click.UsageError("--check needs the tour: leave --no-tour out")
    for override in overrides:
        name = override.partition("=")[0].strip()
        if name in _FIXED:
            raise click.UsageError(f"the demo sets {name} itself" + (f": use {_FIXED[name]}" if _FIXED[name] else ""))
    os.umask(0o077)
    wish = _Wish()
    try:
        with ExitStack() as ends:
            good = _run(ends, wish, Wanted(directory, port, x509_port, seed, since, overrides), tour=not no_tour, stay=not check)
    except _Stopped as stopped:
        click.echo(f"Gone: {stopped}; nothing is left behind.", err=True)
        raise SystemExit(128 + stopped.number) from None
    if not good:
        raise SystemExit(1)


def _run(ends: ExitStack, wish: _Wish, wanted: Wanted, *, tour: bool, stay: bool) -> bool:
    """True if all that was tried worked. `ends` takes what must be undone, the last thing first."""
    from . import report, steps

    screen, begun = report.console(), time.monotonic()
    house = steps.build(ends, screen, wish.proceed, wanted)
    world, seconds = house.world, time.monotonic() - begun
    screen.print(f"[bold green]Gatestone answers[/] at {world.api_url} and {world.x509_url} after {seconds:.1f} s")
    screen.print(f"Everything lives in {world.directory}; scripts read demo.json there.\n", soft_wrap=True)
    good = True
    if tour:
        good = steps.show(screen, wish.proceed, house)
        verdict = "[bold green]Every line worked.[/]" if good else "[bold red]Not every line worked.[/]"
        screen.print(verdict, _whole_time(time.monotonic() - begun, wanted.since))
    if not stay:
        return good
    report.show_ready_to_paste(screen, world)
    screen.print("[bold]Ctrl-C ends the demo and removes all of it.[/]")
    while not wish.wait(0.5):
        house.check_alive()
    screen.print("Ending.")
    return True


def _whole_time(seconds: float, since: float | None) -> str:
    told = f"{seconds:.1f} s in all"
    return told + (f", {time.time() - since:.1f} s with the set-up." if since is not None else ".")
