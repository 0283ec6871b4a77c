"""Clients that keep threads busy: slow readers and storms of log-ins. Whoever validates a token must not notice."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.support.rawhttp import Served, Wire, ask, serving

THREADS = 2


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = {"server": {"workers": 1, "threads": THREADS, "body_timeout": 6.0}}
    with serving(tmp_path_factory.mktemp("starve"), settings) as served:
        yield served


def answered(served: Served) -> float:
    began = time.monotonic()
    assert ask(served.address, "GET", "/v3/echo").status == 200
    return time.monotonic() - began


def test_clients_that_do_not_read_hold_no_thread(gateway: Served) -> None:
    """Each lets an answer fill the socket's buffer; one byte a second would have kept a thread for as long as it liked."""
    with contextlib.ExitStack() as stack:
        for _ in range(4 * THREADS):
            stack.enter_context(Wire(gateway.address)).send("GET /v3/big?9000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert max(answered(gateway) for _ in range(5)) < 1.0


def test_a_client_that_reads_late_gets_all_of_it_and_then_the_next_answer(gateway: Served) -> None:
    with Wire(gateway.address) as wire:
        wire.send("GET /v3/big?9000000 HTTP/1.1\r\nHost: a\r\n\r\nGET /v3/big?3 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answered(gateway) < 1.0
        assert len(wire.answer().body) == 9_000_000
        assert wire.answer().body == b"xxx"
        assert wire.ask("GET", "/v3/big?5").body == b"xxxxx"


def test_one_that_never_reads_is_given_up(gateway: Served) -> None:
    with Wire(gateway.address, timeout=12.0) as wire:
        wire.send("GET /v3/big?9000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        ends = time.monotonic() + 10.0
        while time.monotonic() < ends:
            try:
                wire.send("GET / HTTP/1.1\r\n")  # the server resets what comes after the end
            except OSError:
                break
            time.sleep(0.1)
        assert time.monotonic() < ends


def test_a_storm_of_logins_leaves_the_threads_that_validate(gateway: Served) -> None:
    """A password waits for its turn to be hashed, by design; nothing else may wait behind it."""
    with contextlib.ExitStack() as stack:
        storm = [stack.enter_context(Wire(gateway.address)) for _ in range(6 * THREADS)]
        for wire in storm:
            wire.send('POST /v3/slow?0.4 HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\r\n{"password":0}')
        began = time.monotonic()
        assert ask(gateway.address, "POST", "/v3/echo", body=b'{"token":0}').status == 200  # there is nothing to hash
        assert time.monotonic() - began < 0.8
        assert max(answered(gateway) for _ in range(5)) < 0.8
        assert {wire.answer().status for wire in storm} == {200}


def test_a_login_is_served_while_all_others_are_busy(gateway: Served) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(2 * THREADS):
            stack.enter_context(Wire(gateway.address)).send("GET /v3/slow?1 HTTP/1.1\r\nHost: a\r\n\r\n")
        began = time.monotonic()
        assert ask(gateway.address, "POST", "/v3/echo", body=b'{"password":0}').status == 200
        assert time.monotonic() - began < 0.8
