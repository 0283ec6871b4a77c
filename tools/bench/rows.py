"""What is measured: one row each, the sides taking turns, so that whatever else the machine does falls on all of them."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from . import load, serving
from .api import Api, password_body, rescope_body
from .cloud import PASSWORD, PROJECT, USER, Cloud
from .load import Tally
from .peer import Peer
from .tokens import Mint, negotiate_headers

ROUNDS = 2
SECONDS = 2.0  # of one side in one round
HASHING = 5.0  # the same where an answer takes long
MANY = 1000
FRESH = 14_000  # new tokens for one round; a run that used them all up would measure old ones
TICKETS = 1_500  # for one round

Measure = Callable[[], Tally]


@dataclass(frozen=True)
class Row:
    """One line of the result. A rate: higher is better; `ratio` is ours divided by Keystone's."""

    name: str
    ours: float | None = None
    keystone: float | None = None
    bare: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.ours / self.keystone if self.ours is not None and self.keystone else None

    def as_json(self) -> dict[str, object]:
        numbers = {"ours": self.ours, "keystone": self.keystone, "bare": self.bare, "ratio": self.ratio}
        return {"name": self.name, **{key: None if value is None else round(value, 3) for key, value in numbers.items()}}


@dataclass(frozen=True)
class Sides:
    """Everything that answers; `pids` are the masters of the three that are compared. `bare` is a port, `secure` port and master
    of our listener over TLS, `x509` of that for certificates.
    """

    cloud: Cloud
    ours: Api
    mint: Mint
    bare: int
    secure: tuple[int, int]
    x509: tuple[int, int]
    directory: Path
    peer: Peer | None = None
    pids: dict[str, int] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)


def take_turns(
    sides: Sides, name: str, ours: Measure, peer: Measure | None = None, bare: Measure | None = None, *, pid: int = 0
) -> list[Row]:
    """The row of rates, and what the server's processes worked for one answer, which a busy machine changes less.

    `pid`: the master of the listener of ours that is asked, where it is not the plain one.
    """
    totals: dict[str, Tally] = {}
    pids = {**sides.pids, **({"ours": pid} if pid else {})}
    for _ in range(ROUNDS):
        for side, measure in (("ours", ours), ("keystone", peer), ("bare", bare)):
            if measure is not None:
                before = serving.cpu(pids[side])
                found = measure()
                spent = serving.cpu(pids[side]) - before
                totals[side] = totals.get(side, Tally()) + replace(found, cpu=spent)
    work = {side: tally.cpu / tally.count * 1000 for side, tally in totals.items()}
    return [
        Row(f"{name} (1/s)", **{side: tally.rate for side, tally in totals.items()}),
        Row(f"{name} (ms of processor)", **work),
    ]


def rates(sides: Sides) -> Iterator[Row]:
    """Every row that is a rate, one after the other."""
    ours, peer = sides.ours, sides.peer.api if sides.peer else None
    bare, secure = f"http://127.0.0.1:{sides.bare}/v3/auth/tokens", f"https://127.0.0.1:{sides.secure[0]}/v3/auth/tokens"
    for connections in (1, 8, 32):
        name = f"validate one token, {connections} connections"
        yield from take_turns(
            sides, name, _one(ours, connections), peer and _one(peer, connections), _one(ours, connections, bare)
        )[: 2 if connections == 8 else 1]
    yield from take_turns(sides, "validate one token over TLS, 8 connections", _one(ours, 8, secure), pid=sides.secure[1])
    yield from take_turns(
        sides,
        f"validate {MANY} tokens, 8 connections",
        _each(sides, ours, sides.mint.copies(ours.user, MANY)),
        peer and _each(sides, peer, peer.rescoped(MANY)),
    )
    yield from take_turns(
        sides, "validate new tokens, 8 connections", lambda: _new(sides), sides.peer and _peer_new(sides, sides.peer)
    )
    for connections in (1, 4):
        name = f"issue by password, {connections} connections"
        yield from take_turns(sides, name, _password(ours, connections), peer and _password(peer, connections))[:1]
    for connections in (1, 8):
        name = f"issue by token, {connections} connections"
        yield from take_turns(sides, name, _rescope(ours, connections), peer and _rescope(peer, connections))[
            : 2 if connections == 8 else 1
        ]
    yield from take_turns(sides, "issue by Kerberos, 8 connections", lambda: _kerberos(sides))
    yield from take_turns(
        sides, "issue by certificate, a TLS handshake each, 8 at a time", lambda: _certificate(sides), pid=sides.x509[1]
    )


def _one(api: Api, connections: int, url: str = "") -> Measure:
    script = load.get({"X-Auth-Token": api.caller, "X-Subject-Token": api.user})
    return lambda: load.wrk(url or api.url, script, connections, SECONDS)


def _password(api: Api, connections: int) -> Measure:
    script = load.post(password_body(USER, PASSWORD, PROJECT))
    return lambda: load.wrk(api.url, script, connections, HASHING, sheds=True)


def _rescope(api: Api, connections: int) -> Measure:
    script = load.post(rescope_body(api.user))
    return lambda: load.wrk(api.url, script, connections, SECONDS)


def _each(sides: Sides, api: Api, tokens: list[str]) -> Measure:
    file = sides.directory / f"tokens-{next(sides.numbers)}"
    script = load.get_each("/v3/auth/tokens", api.caller, tokens, file)
    return lambda: load.wrk(api.url, script, 8, SECONDS)


def _new(sides: Sides) -> Tally:
    found = _each(sides, sides.ours, sides.mint.copies(sides.ours.user, FRESH))()
    if found.count > FRESH:
        raise RuntimeError("more new tokens are needed: raise FRESH")
    return found


def _peer_new(sides: Sides, peer: Peer) -> Measure:
    """Keystone caches what it issues, so it is made to forget first."""
    tokens = peer.api.rescoped(2 * MANY)

    def run() -> Tally:
        peer.forget()
        found = _each(sides, peer.api, tokens)()
        if found.count > len(tokens):
            raise RuntimeError("more new tokens are needed")
        return found

    return run


BODY = {"auth": {"identity": {"methods": []}, "scope": {"project": {"name": PROJECT, "domain": {"id": "default"}}}}}


def _kerberos(sides: Sides) -> Tally:
    realm = sides.cloud.realm
    assert realm is not None
    ticket = realm.kinit(USER, password=PASSWORD, ccache=sides.directory / "user.cc")
    headers = negotiate_headers(ticket, TICKETS)
    messages = [load.message("/krb/v3/auth/tokens", BODY, {"Authorization": header}) for header in headers]
    return load.each_once(sides.ours.port, messages, 8, SECONDS)


def _certificate(sides: Sides) -> Tally:
    context = ssl.create_default_context(cafile=str(sides.cloud.directory / "ca.crt"))
    context.load_cert_chain(*sides.cloud.pair("user"))
    return load.each_once(sides.x509[0], [load.message("/x509/v3/auth/tokens", BODY, {})] * 5000, 8, SECONDS, context)
