"""TLS handshakes in threads of their own: they compute for long, and a client may take its time between two steps."""

from __future__ import annotations

import queue
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from identity.model.event import LoginEvent
from identity.ports import EventSink

from . import proxy_protocol
from .connection import Conn, Phase
from .observe import log, metrics
from .tls import ClientCheck, Contexts, is_unproven
from .turned_away import TurnedAway

IN: Final = select.EPOLLIN | select.EPOLLONESHOT
OUT: Final = select.EPOLLOUT | select.EPOLLONESHOT
_THREADS: Final = 2


class Handshakes:
    """Takes connections by `put` and arms each again when its handshake is done, or when the client is to go on with it.

    `arm(conn, mask)` lets the event loop wait for the client; `failed(conn)` gives a connection back that must be closed.
    `check`: what is asked of the client's certificate beyond TLS itself. `sink`: who is told of certificates that were refused.
    """

    def __init__(
        self,
        listener: str,
        contexts: Contexts,
        check: ClientCheck | None,
        told: tuple[EventSink, TurnedAway],
        arm: Callable[[Conn, int], None],
        failed: Callable[[Conn], None],
    ) -> None:
        self._listener = listener
        self._contexts = contexts
        self._check = check
        self._sink, self._away = told
        self._arm = arm
        self._failed = failed
        self._waiting: queue.SimpleQueue[Conn | None] = queue.SimpleQueue()
        self.put = self._waiting.put

    def start(self) -> None:
        for number in range(_THREADS):
            threading.Thread(target=self.run, name=f"handshake-{number}", daemon=True).start()

    def run(self) -> None:
        """What each thread does, until it is given None."""
        while True:
            conn = self._waiting.get()
            if conn is None:
                return
            try:
                self._step(conn)
            except Exception as error:  # one client must not take the thread from all
                self.tell_failed(conn, error)
                self._failed(conn)

    def _step(self, conn: Conn) -> None:
        """Do as much of the handshake as has arrived. Raises OSError or ValueError where it cannot succeed any more."""
        try:
            if conn.context is None:
                if not conn.proxied and proxy_protocol.is_header(_first_bytes(conn)):
                    raise proxy_protocol.BadHeader("a PROXY header from one who is no trusted proxy")
                context = self._contexts.current()
                conn.sock = context.wrap_socket(conn.sock, server_side=True, do_handshake_on_connect=False)  # fails if reset by now
                conn.context = context
            conn.sock.do_handshake()
            if self._check is not None:
                self._check(conn.sock)
        except ssl.SSLWantReadError:
            conn.phase = Phase.HANDSHAKE
            self._arm(conn, IN)
        except ssl.SSLWantWriteError:
            conn.phase = Phase.HANDSHAKE
            self._arm(conn, OUT)
        else:
            conn.phase = Phase.READING
            self._arm(conn, IN)

    def tell_failed(self, conn: Conn, error: Exception) -> None:
        """A certificate that was refused is a login that failed; anything else is a client that speaks no TLS, or not ours."""
        if isinstance(error, proxy_protocol.BadHeader):
            self._away.tell("proxy", conn.address, detail=str(error))
        elif self._listener == "x509" and is_unproven(error):
            metrics().refused("handshake")
            self._sink.login(LoginEvent("failure", ("x509",), "/x509", conn.address, f"req-{uuid4()}", reason=str(error)))
        elif isinstance(error, (ssl.SSLEOFError, ConnectionError)):
            metrics().refused("handshake")  # gone again: a load balancer that looks whether the port is open does this all day
            log().debug("handshake_failed", address=conn.address, reason=str(error))
        elif isinstance(error, (OSError, ValueError)):
            self._away.tell("handshake", conn.address, detail=str(error))
        else:
            metrics().refused("handshake")
            log().exception("handshake_failed", address=conn.address)


def _first_bytes(conn: Conn) -> bytes:
    try:
        found: bytes = conn.sock.recv(len(proxy_protocol.SIGNATURE), socket.MSG_PEEK)
    except OSError:
        return b""  # the handshake will meet it too
    return found
