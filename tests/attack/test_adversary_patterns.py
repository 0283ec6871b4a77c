"""Input that makes a pattern search for ever: one request must never hold the worker that reads it (CWE-1333)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity.settings import Log
from identity.wsgi import observe
from identity.wsgi.edge import check_path
from identity.wsgi.framing import Framing
from identity.wsgi.refusal import Refused
from tests.support.rawhttp import Served, Wire, ask, serving

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
SOON = 0.5  # seconds; each of these took from ten seconds to hours


def seconds(work, *arguments: object) -> float:
    began = time.perf_counter()
    with contextlib.suppress(Refused):
        work(*arguments)
    return time.perf_counter() - began


@pytest.mark.parametrize("name", [b"Content-Length:", b"Transfer-Encoding:", b"Expect:"])
@pytest.mark.parametrize(
    "value",
    [b"1" + b" " * 60000 + b"1", b" " * 4000 + b"\rx", b"\t" * 60000, b" " * 30000 + b"5" + b" " * 30000 + b"\r"],
    ids=["blanks within", "blanks before a bare CR", "tabs", "blanks around"],
)
def test_blanks_in_a_framing_header_cost_nothing(name: bytes, value: bytes) -> None:
    head = bytearray(HEAD + name + value + b"\r\n\r\n")
    assert seconds(Framing(131070, 114688).extent, head) < SOON


def test_blanks_around_a_length_still_count_for_nothing() -> None:
    head = bytearray(HEAD + b"content-length: \t 5 \t \r\n\r\nabcdeGET")
    assert Framing(131070, 114688).extent(head) == len(head) - 3
    head = bytearray(HEAD + b"TRANSFER-encoding: \t chunked \r\n\r\n3\r\nabc\r\n0\r\n\r\nGET")
    assert Framing(131070, 114688).extent(head) == len(head) - 3


@pytest.mark.parametrize("piece", ["eyJ", "eyJa.", "gAAAA", "://", "://a:", "Negotiate ", "a:"])
def test_a_name_that_looks_like_half_a_secret_is_logged_at_once(tmp_path: Path, piece: str) -> None:
    """A log-in's body, and so the user's name in it, may have 112 kB."""
    observe.configure(Log(file=str(tmp_path / "log")))
    try:
        assert seconds(lambda: observe.log().info("login", user_name=piece * (112_000 // len(piece)))) < SOON
        assert (tmp_path / "log").stat().st_size < 5000
    finally:
        observe.configure(Log())


@pytest.mark.parametrize(
    "path", ["/a" * 4000 + "%", "/" + "." * 8000 + "%", "/%25" * 2000, "/" + "a." * 4000 + "\\", "/a?" + "%" * 8000]
)
def test_no_path_takes_long(path: str) -> None:
    assert seconds(check_path, path) < SOON


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("patterns"), {"server": {"workers": 1, "threads": 2}}) as served:
        yield served


def test_others_are_answered_while_such_a_request_is_looked_at(gateway: Served) -> None:
    with Wire(gateway.address) as wire:
        wire.send(HEAD + b"Content-Length: " + b" " * 50000 + b"\r" + b" " * 50000 + b"\r\n\r\n")
        assert seconds(ask, gateway.address, "GET", "/v3/echo") < SOON
        assert wire.answer().status == 400
