"""Clients that are slow, silent or greedy cost a place in a table, never a thread."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pki import Authority
from tests.support.rawhttp import Served, Wire, ask, serving

FAST = {"server": {"workers": 1, "threads": 2, "header_timeout": 1.0, "body_timeout": 2.0, "keepalive": 1}}
HEAD = "POST /v3/echo HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("slow"), FAST) as served:
        yield served


@pytest.fixture(scope="module")
def tls_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("slowtls")
    cert, key = Authority("Test CA").issue_server(["localhost"]).write(directory, "server")
    with serving(directory, {"server": {**FAST["server"], "tls_cert": str(cert), "tls_key": str(key)}}) as served:
        yield served


def timed(served: Served, tls: ssl.SSLContext | None = None) -> float:
    began = time.monotonic()
    assert ask(served.address, "GET", "/v3/echo", tls=tls).status == 200
    return time.monotonic() - began


@pytest.mark.parametrize(
    "start",
    [
        "",
        "G",
        "GET /v3 HTTP/1.1\r\nHost: a\r\nX: ",
        HEAD + "Content-Length: 100\r\n\r\nhalf",
        HEAD + "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_fifty_slow_connections_do_not_stop_a_normal_one(gateway: Served, start: str) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(Wire(gateway.address)).send(start) for _ in range(50)]
        assert max(timed(gateway) for _ in range(5)) < 1.0
        began = time.monotonic()
        if start:
            assert slow[-1].answer().status == 408
        assert slow[-1].ended(4.0)
        assert time.monotonic() - began < 4.0


def test_a_dripping_head_is_ended_although_it_never_pauses(gateway: Served) -> None:
    began = time.monotonic()
    with Wire(gateway.address) as wire, contextlib.suppress(OSError):
        wire.send("GET /v3 HTTP/1.1\r\nHost: a\r\nX: ")
        while time.monotonic() - began < 5:
            wire.send("a")
            wire.sock.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                assert wire.answer().status == 408
                break
    assert time.monotonic() - began < 3.5


def test_a_slow_but_honest_request_is_answered(gateway: Served) -> None:
    began = time.monotonic()
    with Wire(gateway.address) as wire:
        for piece, pause in ((HEAD[:10], 0.1), (HEAD[10:], 0.1), ("Content-Length: 6\r\n\r\n", 0.6), ("abc", 0.6), ("def", 0.0)):
            wire.send(piece)
            if pause:
                assert not wire.ended(pause)
        wire.sock.settimeout(5)
        assert wire.answer().json()["body"] == "abcdef"
    assert time.monotonic() - began > 1.0, "the body must be allowed its own time beside the head's"


def test_fifty_unfinished_handshakes_do_not_stop_a_normal_one(tls_gateway: Served) -> None:
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    hello = ssl.MemoryBIO()
    half = anyone.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        half.do_handshake()
    greeting = hello.read()
    with contextlib.ExitStack() as stack:
        for index in range(50):
            wire = stack.enter_context(Wire(tls_gateway.address))
            wire.send((b"", greeting[:20], greeting, b"\x16\x03\x01\xff\xff")[index % 4])
        assert max(timed(tls_gateway, anyone) for _ in range(5)) < 1.0
        began = time.monotonic()
        assert wire.ended(4.0) or time.monotonic() - began < 4.0


def test_plain_http_and_rubbish_at_a_tls_port_end_quickly(tls_gateway: Served) -> None:
    for data in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x00" * 600, b"\x16\x03\x01\x00\x05hello"):
        with Wire(tls_gateway.address) as wire:
            wire.send(data).sock.settimeout(3)
            with contextlib.suppress(OSError):
                while wire.sock.recv(4096):
                    pass
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    assert timed(tls_gateway, anyone) < 1.0


def test_clients_that_reset_instead_of_a_handshake_do_not_end_the_worker(tls_gateway: Served) -> None:
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    pid = ask(tls_gateway.address, "GET", "/v3/echo", tls=anyone).json()["pid"]
    for data in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n") * 10:
        with Wire(tls_gateway.address) as wire:
            wire.send(data).sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert ask(tls_gateway.address, "GET", "/v3/echo", tls=anyone).json()["pid"] == pid
    assert not [line for line in tls_gateway.lines() if line["event"] == "connection_failed"]


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 114689",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: chunked\r\n\r\n1c001\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
    ],
)
def test_a_body_too_large_is_refused_before_it_is_read(gateway: Served, framing: str) -> None:
    with Wire(gateway.address) as wire:
        answer = wire.send(HEAD + framing + ("" if "\r\n" in framing else "\r\n\r\n")).answer()
        assert answer.status == 413
        assert answer.json()["error"]["title"] == "Request Entity Too Large"
        assert wire.ended()


def test_many_chunks_that_sum_up_to_too_much_are_refused(gateway: Served) -> None:
    with Wire(gateway.address) as wire, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        wire.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n")
        wire.send(b"4000\r\n" + b"a" * 0x4000 + b"\r\n")
        for _ in range(7):
            wire.send(b"4000\r\n" + b"a" * 0x4000 + b"\r\n")
        assert wire.answer().status == 413


def test_a_body_in_tiny_chunks_costs_little(gateway: Served) -> None:
    tiny = b"1\r\na\r\n" * 38_000
    began = time.monotonic()
    assert ask(gateway.address, "POST", "/v3/echo", "Transfer-Encoding: chunked", body=tiny + b"0\r\n\r\n").status == 200
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("size", [0, 1, 1000, 114688])
def test_bodies_up_to_the_limit_arrive_whole_in_either_framing(gateway: Served, size: int) -> None:
    body = b"a" * size
    assert len(ask(gateway.address, "POST", "/v3/echo", f"Content-Length: {size}", body=body).json()["body"]) == size
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[i : i + 5000] for i in range(0, size, 5000)))
    seen = ask(gateway.address, "POST", "/v3/echo", "Transfer-Encoding: chunked", body=chunks + b"0\r\nX-Trailer: 1\r\n\r\n").json()
    assert len(seen["body"]) == size
    assert seen["environ"].get("CONTENT_LENGTH", "0") == str(size)


def test_methods_with_unusual_bodies_are_fine(gateway: Served) -> None:
    with Wire(gateway.address) as wire:
        for method in ("GET", "DELETE", "PATCH", "PUT", "OPTIONS"):
            assert wire.ask(method, "/v3/echo", body=b"abc").json()["body"] == "abc"
        assert wire.ask("HEAD", "/v3/big?100").body == b""
        assert wire.ask("GET", "/v3/big?3").body == b"xxx"


def test_a_client_that_waits_for_continue_gets_it_once(gateway: Served) -> None:
    with Wire(gateway.address) as wire:
        assert wire.ask("POST", "/v3/echo", "Expect: 100-continue", "Content-Length: 3").status == 100
        wire.send("abc")
        assert wire.answer().json()["body"] == "abc"
        assert wire.ask("POST", "/v3/echo", "Expect: 100-continue", "Content-Length: 999999").status == 413


def test_a_client_that_does_not_read_holds_a_thread_for_a_bounded_time(gateway: Served) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(2):  # as many as there are threads
            stack.enter_context(Wire(gateway.address)).send("GET /v3/big?30000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        began = time.monotonic()
        assert ask(gateway.address, "GET", "/v3/echo").status == 200
        assert time.monotonic() - began < 4.0


def test_idle_connections_end_after_keepalive(gateway: Served) -> None:
    with Wire(gateway.address) as wire:
        assert wire.ask("GET", "/v3/big?1").status == 200
        assert wire.ended(4.0)


def test_more_connections_than_places_push_out_the_oldest_idle_ones(tmp_path: Path) -> None:
    patient = {"server": {"workers": 1, "header_timeout": 30, "keepalive": 30}}
    with serving(tmp_path, patient, files=256) as served, contextlib.ExitStack() as stack:
        first = stack.enter_context(Wire(served.address))
        for _ in range(300):
            stack.enter_context(Wire(served.address))
        assert timed(served) < 1.0
        assert first.ended(5.0)
