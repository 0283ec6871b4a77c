"""The steps of the demo, each with a line that says what was done and how long it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rich.console import Console

from ...errors import StartError
from . import cloud, doors, report, scale
from .place import Place
from .processes import Listener, clean_environ, free_port, stop_all, wait_for_all
from .tour import Tour
from .wanted import Wanted
from .world import World, make

_PORT = 5000
_X509_PORT = 8443


@dataclass(frozen=True)
class House:
    """A world whose gateway answers."""

    world: World
    listeners: tuple[Listener, ...]

    def check_alive(self) -> None:
        """StartError if a listener ended unasked."""
        for listener in self.listeners:
            if listener.ended():
                raise StartError(f"the {listener.name} listener ended: {listener.last_words()}")


def build(ends: ExitStack, screen: Console, proceed: Callable[[], None], wanted: Wanted) -> House:
    """Make everything and start it; returns once both listeners answer and demo.json is there."""
    api_port = _port(ends, screen, wanted.port, _PORT, "--port")
    x509_port = _port(ends, screen, wanted.x509_port, _X509_PORT, "--x509-port")
    place = Place(wanted.directory)
    ends.callback(place.remove)
    proceed()
    with _step(screen, "certificates, keys and the configuration"):
        world = make(place.directory, api_port, x509_port, wanted.overrides)
    proceed()
    listeners = _start(ends, screen, world, wanted.seed, proceed)
    with _step(screen, "both listeners answer over TLS"):
        wait_for_all(listeners, proceed)
    report.write_ready_to_paste(world)
    target = report.write_demo_json(world, listeners[0].pid)
    ends.callback(target.unlink, missing_ok=True)  # first of all at the end: what it tells is then no longer so
    return House(world, listeners)


def _port(ends: ExitStack, screen: Console, asked: int | None, usual: int, option: str) -> int:
    number, claim = free_port(asked, usual, option)
    ends.callback(claim.close)
    if asked is None and number != usual:
        screen.print(f"Port {usual} is taken; {number} is used.")
    return number


def _start(ends: ExitStack, screen: Console, world: World, seed: int, proceed: Callable[[], None]) -> tuple[Listener, ...]:
    """The realm here, for its KDC dies with the thread that started it, and the cloud beside it."""
    filling = _Beside(lambda: cloud.fill(world))
    ends.callback(filling.join)
    with _step(screen, f"Kerberos realm {world.realm.realm}"):
        ends.callback(world.realm.stop)
        world.realm.start()
    with _step(screen, "database, users, projects, roles and a catalogue"):
        filling.result()
    if seed:
        scale.add(screen, world, seed, proceed)
    environ = clean_environ({"HOME": str(world.directory / "home"), "TMPDIR": str(world.directory / "tmp"), **world.realm.environ})
    started: list[Listener] = []
    ends.callback(stop_all, started)
    for name, port, tls in (
        ("api", world.api_port, world.api_tls),
        ("x509", world.x509_port, world.x509_tls(world.people[0].pair)),
    ):
        started.append(Listener(name, world.config, port, tls=tls, log=world.log(name), environ=environ))
    return tuple(started)


class _Beside:
    """Work in a thread of its own; `result` gives its exception to the caller."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as fault:
            self._fault = fault

    def join(self) -> None:
        self._thread.join()

    def result(self) -> None:
        self.join()
        if self._fault is not None:
            raise self._fault


def show(screen: Console, proceed: Callable[[], None], house: House) -> bool:
    """Take the tour and try the doors; true if every line worked."""
    tour = Tour(house.world)
    with _step(screen, "tickets for the tour"):
        logins = tour.logins()
    rows = {}
    with screen.status("The stock openstack client takes the tour ..."):
        for row in tour.take(logins, proceed):
            rows[id(row.login)] = row
            screen.print(f"  {row.login.method:9} {row.login.client:13} {'FAILED' if row.fault else 'ok'}", markup=False)
    house.check_alive()
    in_order = [rows[id(login)] for login in logins]
    screen.print(report.tour_table(in_order))
    tried = []
    for door in doors.try_all(house.world):
        proceed()
        tried.append(door)
    screen.print(report.doors_table(tried))
    for row in in_order:
        if row.fault:
            screen.print(f"FAILED {row.login.method} ({row.login.client}): {row.fault}", markup=False, soft_wrap=True)
    for line in [line for listener in house.listeners for line in report.error_lines(listener.log)]:
        screen.print(f"log: {line}", markup=False, soft_wrap=True)
    return not any(row.fault for row in in_order) and all(door.held for door in tried)


@contextmanager
def _step(screen: Console, what: str) -> Iterator[None]:
    begun = time.monotonic()
    with screen.status(f"{what} ..."):
        yield
    screen.print(f"  {what}: {time.monotonic() - begun:.1f} s", markup=False)
