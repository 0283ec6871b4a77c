"""What size costs: the same questions to a small store of ours, to one with 100,000 users, and to Keystone as it is found.

Milliseconds, one request after the other on one connection. BENCH_DATABASES may name two empty databases, parted by a blank, for
the small and the large store; else both are SQLite files.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from rich.console import Console

from identity.manage import opening
from identity.services.hashing import Hasher
from identity.store import roles, seeding

from . import cloud, serving
from .api import Api, password_body
from .peer import Peer

SMALL, LARGE = 100, 100_000
TURNS, SETTLING = 30, 3  # of each question to each side, and before they count
PASSWORD = "bench-seeded-1"  # noqa: S105 - of a throw-away store
NAMED = 10_000
ENOUGH = 1000  # entries from which the time for a thousand says something


@dataclass(frozen=True)
class Scaled:
    """One line: milliseconds on each side. `ratio` is the large store's divided by the small one's."""

    name: str
    small: float | None = None
    large: float | None = None
    keystone: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.large / self.small if self.small and self.large else None

    def as_json(self) -> dict[str, object]:
        numbers = {"small": self.small, "large": self.large, "keystone": self.keystone, "ratio": self.ratio}
        return {"name": self.name, **{key: None if value is None else round(value, 3) for key, value in numbers.items()}}


@dataclass(frozen=True)
class Person:
    """Somebody whom a question can be about; `project` is one on which a role is held."""

    id: str
    name: str
    password: str
    project: str


class Side:
    """Who is asked. `next` is another person for each question, `first` always the same one, who has logged in."""

    def __init__(self, api: Api, people: Sequence[Person]) -> None:
        self.api = api
        self.first = people[0]
        self._people = cycle(people)
        self.token = api.issue(_password(self.first))

    def next(self) -> Person:
        return next(self._people)

    def get(self, path: str) -> object:
        return self.api.call("GET", path)


def _password(person: Person) -> object:
    who = {"id": person.id, "password": person.password}
    return _auth({"methods": ["password"], "password": {"user": who}}, person)


def _exchange(side: Side) -> object:
    """Without the hash, beside which nothing else of a log-in is seen."""
    return _auth({"methods": ["token"], "token": {"id": side.token}}, side.first)


def _auth(identity: object, person: Person) -> object:
    return {"auth": {"identity": identity, "scope": {"project": {"id": person.project}}}}


QUESTIONS: tuple[tuple[str, Callable[[Side], object]], ...] = (
    ("GET /users?limit=100", lambda side: side.get("/users?limit=100")),
    ("GET /users?name=x", lambda side: side.get(f"/users?name={side.next().name}")),
    ("GET /users/x", lambda side: side.get(f"/users/{side.next().id}")),
    ("effective assignments of one user", lambda side: side.get(f"/role_assignments?user.id={side.next().id}&effective")),
    (
        "effective assignments of one user, with names",
        lambda side: side.get(f"/role_assignments?user.id={side.next().id}&effective&include_names"),
    ),
    ("log in by password", lambda side: side.api.issue(_password(side.next()))),
    ("log in by token", lambda side: side.api.issue(_exchange(side))),
)
# Path, and what is once in each entry of the answer: it may be too long to be taken apart.
WHOLE = (
    ("all users", "/users", b'"password_expires_at"'),
    ("all assignments", "/role_assignments", b'"role":'),
    # A page, where the side has pages: of the large store all would be 1.2 million, which nobody asks for in one answer.
    ("effective assignments, 10,000 or all", f"/role_assignments?effective&limit={NAMED}", b'"role":'),
)


def measured(screen: Console, directory: Path, rival: Peer | None) -> Iterator[Scaled]:
    urls = os.environ.get("BENCH_DATABASES", "").split() or ("", "")
    with ExitStack() as ends:
        screen.print(f"seeding stores of {SMALL:,} and {LARGE:,} users ...", style="dim")
        servers, sides = {}, {}
        for name, users, url in zip(("small", "large"), (SMALL, LARGE), urls, strict=True):
            servers[name], sides[name] = _store(ends, directory / f"store-{users}", users, url)
        if rival:
            sides["keystone"] = _beside(rival)
        for name, question in QUESTIONS:
            yield Scaled(name, **_turns(sides, question))
        path = f"/role_assignments?include_names&limit={NAMED}"
        yield Scaled(
            f"{NAMED:,} assignments with names in one answer", large=min(_taken(sides["large"], path)[0] for _ in range(3))
        )
        for name, path, mark in WHOLE:
            found = {side: _for_a_thousand(sides[side], path, mark) for side in ("large", "keystone") if side in sides}
            yield Scaled(f"{name}, for each thousand", **found)
        peaks = {name: max(map(serving.peak, serving.workers(server.pid))) for name, server in servers.items()}
        yield Scaled("a worker's highest memory in all this (MB)", **peaks)


def _store(ends: ExitStack, directory: Path, users: int, url: str) -> tuple[serving.Server, Side]:
    """A seeded store, and a server on it."""
    sets = (f"database.connection={url}",) if url else ()
    made = cloud.make(directory, sets)
    with opening.opened(made.settings) as store:
        with store.read() as db:
            held = [role.id for name in ("member", "reader", "manager") if (role := roles.find(db, name))]
        hashed = Hasher(made.settings.identity).hash(PASSWORD)
        seeding.seed(store, seeding.Size(users), held, hashed, time.time(), lambda kind, rows: None)
    server = ends.enter_context(serving.gatestone(made.config, sets))
    server.wait()
    api = Api(server.port, cloud.ADMIN, cloud.ADMIN_PASSWORD)
    api.caller = api.issue(password_body(cloud.ADMIN, cloud.ADMIN_PASSWORD, "admin"))
    names = [f"seed-user-{number}" for number in random.Random(1).sample(range(users), TURNS)]  # noqa: S311 - about whom to ask
    return server, Side(api, [_person(api, name, PASSWORD) for name in names])


def _beside(rival: Peer) -> Side:
    """Keystone, asked about the one user that is known to be there."""
    return Side(rival.api, [_person(rival.api, cloud.USER, cloud.PASSWORD)])


def _person(api: Api, name: str, password: str) -> Person:
    user = api.call("GET", f"/users?name={name}")["users"][0]["id"]
    return Person(user, name, password, api.call("GET", f"/users/{user}/projects")["projects"][0]["id"])


def _turns(sides: dict[str, Side], question: Callable[[Side], object]) -> dict[str, float]:
    """The median of each side; they take turns, so that whatever else the machine does falls on all of them."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(SETTLING + TURNS):
        for name, side in sides.items():
            begun = time.perf_counter()
            question(side)
            if turn >= SETTLING:
                times[name].append((time.perf_counter() - begun) * 1000)
    return {name: statistics.median(found) for name, found in times.items()}


def _taken(side: Side, path: str) -> tuple[float, bytes]:
    begun = time.perf_counter()
    body = side.api.read(path)
    return (time.perf_counter() - begun) * 1000, body


def _for_a_thousand(side: Side, path: str, mark: bytes) -> float | None:
    took, body = _taken(side, path)
    entries = body.count(mark)
    return took / entries * 1000 if entries >= ENOUGH else None
