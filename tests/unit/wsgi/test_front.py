"""The worker's turns between threads and event loop, one step at a time."""

from __future__ import annotations

import os
import queue
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from identity.errors import StartError
from identity.settings import Settings
from identity.wsgi.connection import Conn, Phase
from identity.wsgi.front import FrontWorker
from identity.wsgi.handshake import Handshakes
from identity.wsgi.turned_away import TurnedAway
from tests.support.pki import Authority

REQUEST = b"GET /v3 HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def worker() -> Iterator[FrontWorker]:
    """A worker that is not run: no thread, no listener."""
    made = FrontWorker.__new__(FrontWorker)
    made.listener, made.contexts, made.alive = "api", None, True
    made.header_timeout, made.body_timeout, made.keepalive = 5.0, 5.0, 5.0
    made.max_head, made.max_body = 131070, 114688
    made.max_held, made.held, made.check = 1 << 25, 0, None
    made.away = TurnedAway()
    made.conns, made.returned, made.poll = {}, deque(), select.epoll()
    made.ready, made.logins, made.handshakes = queue.SimpleQueue(), queue.SimpleQueue(), None
    made.PIPE = os.pipe()
    for end in made.PIPE:
        os.set_blocking(end, False)
    yield made
    for end in made.PIPE:
        os.close(end)
    made.poll.close()


def joined(worker: FrontWorker, sock: Any) -> Conn:
    sock.setblocking(False)
    conn = Conn(sock, ("127.0.0.1", 1), ("127.0.0.1", 2), time.monotonic() - 1)  # whose time is up
    worker.conns[conn.fd] = conn
    worker.poll.register(conn.fd, 0)
    return conn


def handshakes(worker: FrontWorker, current: Callable[[], ssl.SSLContext], heard: list[Any], listener: str = "api") -> Handshakes:
    contexts: Any = SimpleNamespace(current=current)
    sink: Any = SimpleNamespace(login=heard.append)
    return Handshakes(listener, contexts, None, (sink, worker.away), worker._arm, worker._hang_up)


def test_a_last_answer_gets_its_time_before_the_loop_may_look(worker: FrontWorker) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = joined(worker, ours)
        conn.phase, conn.outgoing = Phase.SERVING, memoryview(b"bye")
        worker._give_back(conn)
        worker._reap(time.monotonic())  # before it is taken back
        assert worker.conns[conn.fd] is conn
        worker._take_back()
        assert theirs.recv(10) == b"bye" and conn.phase is Phase.LINGER


def test_a_failed_handshake_gets_its_time_too(worker: FrontWorker, tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = joined(worker, ours)
        conn.phase = Phase.SHAKING
        made = handshakes(worker, lambda: server_side(tmp_path), [])
        theirs.sendall(b"GET / HTTP/1.1\r\n\r\n")
        for one in (conn, None):
            made.put(one)
        made.run()
        worker._reap(time.monotonic())
        assert worker.conns[conn.fd] is conn and conn.phase is Phase.LINGER


def test_the_deadline_is_new_by_the_time_that_the_phase_is() -> None:
    written: list[str] = []

    class Watched:
        def __setattr__(self, name: str, _value: object) -> None:
            written.append(name)

    FrontWorker._end(Watched())  # type: ignore[arg-type]
    assert written == ["deadline", "phase"]


def test_a_handshake_that_fails_in_our_own_code_keeps_its_thread(worker: FrontWorker) -> None:
    def broken() -> ssl.SSLContext:
        raise StartError("of a kind that nobody expects")

    made = handshakes(worker, broken, [])
    pairs = [socket.socketpair() for _ in range(2)]
    conns = [joined(worker, ours) for ours, _ in pairs]
    for one in (*conns, None):
        made.put(one)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive() and list(worker.returned) == conns
    for pair in pairs:
        for sock in pair:
            sock.close()


def server_side(directory: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Authority("Test CA").issue_server(["localhost"]).write(directory, "server"))
    return context


@pytest.mark.parametrize("start", [0, 1, 9])
@pytest.mark.parametrize("way", ["taken back", "written on"])
def test_a_request_that_waits_within_tls_is_not_forgotten(worker: FrontWorker, tmp_path: Path, start: int, way: str) -> None:
    """Nothing is left on the socket, so no event will tell of it. `start`: how much of it is in our buffer."""
    inner, outer = socket.socketpair()
    anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    theirs: list[ssl.SSLSocket] = []
    thread = threading.Thread(target=lambda: theirs.append(anyone.wrap_socket(outer)), daemon=True)
    thread.start()
    context = server_side(tmp_path)
    ours = context.wrap_socket(inner, server_side=True)
    thread.join(10)
    with ours, theirs[0]:
        theirs[0].sendall(b"?" + REQUEST)
        assert ours.recv(1) == b"?"
        conn = joined(worker, ours)
        conn.context = context
        conn.buffer += ours.recv(start) if start else b""
        assert ours.pending() == len(REQUEST) - start
        if way == "taken back":
            conn.phase = Phase.READING
            worker.returned.append(conn)
            worker._take_back()
        else:
            conn.phase, conn.keep = Phase.WRITING, True
            worker._advance(conn)
        assert worker.ready.get(timeout=1) is conn and conn.message == REQUEST


def test_the_sink_of_the_application_hears_of_refused_certificates(
    worker: FrontWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever builds the application with a sink of his own is told of all log-ins, or of none."""
    heard: list[Any] = []
    sink = SimpleNamespace(login=heard.append)
    worker.app = SimpleNamespace(built=SimpleNamespace(sink=sink), settings=Settings(), say_ready=lambda: None)
    worker.sockets, worker.cfg, worker.listener = [], SimpleNamespace(threads=0), "x509"
    worker.contexts = SimpleNamespace(current=lambda: server_side(tmp_path))
    monkeypatch.setattr(Handshakes, "start", lambda _self: None)
    worker._open()
    made = worker.handshakes
    assert made is not None
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = joined(worker, ours)
        for error in (
            ssl.SSLCertVerificationError("refused"),
            ssl.SSLError("[SSL: SSLV3_ALERT_BAD_CERTIFICATE]"),
            ConnectionResetError("certificate"),
        ):
            made.tell_failed(conn, error)
    assert len(heard) == 1
    assert (heard[0].outcome, heard[0].methods, heard[0].address) == ("failure", ("x509",), "127.0.0.1")
    assert "refused" in heard[0].reason
