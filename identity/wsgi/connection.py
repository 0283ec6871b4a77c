"""One client's connection: what has arrived, what has yet to leave, and whose turn it is. Nothing here waits."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from enum import Enum, auto
from typing import Any, Final

from . import proxy_protocol
from .framing import Framing

CHUNK: Final = 65536


class Phase(Enum):
    PREFACE = auto()  # waiting for the proxy to say for whom it speaks
    HANDSHAKE = auto()  # waiting for the client's next step
    SHAKING = auto()  # a thread takes a step
    READING = auto()  # waiting for a request: `Conn.buffer` says whether it has begun
    SERVING = auto()  # a thread has it
    WRITING = auto()  # answered; the client has yet to take the rest of `Conn.outgoing`
    LINGER = auto()  # answered for the last time; what still comes is thrown away


IN_A_THREAD: Final = frozenset({Phase.SHAKING, Phase.SERVING})


class Conn:
    """One connection. It belongs to a thread while it is SHAKING or SERVING, else to the event loop."""

    __slots__ = (
        "born", "buffer", "client", "context", "deadline", "fd", "framing", "keep", "message", "outgoing", "phase", "proxied",
        "served", "server", "sock",
    )  # fmt: skip

    def __init__(self, sock: Any, client: Any, server: Any, deadline: float) -> None:
        self.sock = sock
        self.fd: int = sock.fileno()
        self.client = client
        self.server = server
        self.phase = Phase.READING
        self.born = time.monotonic()
        self.deadline = deadline
        self.buffer = bytearray()
        self.framing: Framing | None = None
        self.message = b""
        self.outgoing = memoryview(b"")
        self.keep = False  # whether another request may follow once all is sent
        self.context: ssl.SSLContext | None = None
        self.served = 0
        self.proxied = False  # whether a proxy told of the client by the PROXY protocol

    @property
    def address(self) -> str:
        """The client's address for the log; "" on a Unix socket."""
        return self.client[0] if isinstance(self.client, tuple) else ""

    def hear_proxy(self, version: str) -> bool | None:
        """Take the PROXY header and not a byte more, for TLS reads on from the socket. True: `client` is now whom it names;
        False: more is to come; None: the other end is gone. Raises BadHeader.
        """
        try:
            ahead = self.sock.recv(proxy_protocol.LONGEST - len(self.buffer), socket.MSG_PEEK)
            if not ahead:
                return None
            found = proxy_protocol.read(bytes(self.buffer) + ahead, version)
            # Where the header has no end yet, all of it is header: taken, or epoll would tell of it for ever.
            self.buffer += self.sock.recv(len(ahead) if found is None else found.length - len(self.buffer))
        except BlockingIOError:
            return False
        except OSError:
            return None
        if found is None:
            return False
        self.buffer.clear()
        self.client = found.client or self.client
        self.proxied = True
        return True

    def receive(self, limit: int) -> bool:
        """Take what has arrived without waiting. False: the other end is gone."""
        while len(self.buffer) <= limit:
            try:
                data = self.sock.recv(CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return True
            except OSError:
                return False
            if not data:
                return False
            self.buffer += data
            if self.context is None or not self.sock.pending():
                return True
        return True

    def push(self) -> bool:
        """Send what the client takes without waiting. Returns whether nothing is left; where it is gone, nothing will follow."""
        while self.outgoing:
            try:
                self.outgoing = self.outgoing[self.sock.send(self.outgoing) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                return False
            except OSError:
                self.outgoing, self.keep = memoryview(b""), False
        return True

    def say_goodbye(self) -> bool:
        """Send nothing more. False: the other end is gone."""
        try:
            if self.context is not None:
                with contextlib.suppress(OSError, ValueError):
                    self.sock.unwrap()  # says good-bye in TLS; the answer to it is not waited for
            socket.socket.shutdown(self.sock, socket.SHUT_WR)
        except OSError:
            return False
        return True

    def discard(self) -> bool:
        """Throw away what comes; False at the end of the stream, which alone is of interest.

        What lies unread at a close makes the kernel send a reset, and that takes our last words away from a client that has not
        read them yet: an answer, or the alert of a failed handshake.
        """
        try:
            data: bytes = socket.socket.recv(self.sock, CHUNK)  # below TLS, whose session is over or never began
        except BlockingIOError:
            return True
        except (OSError, ValueError):
            return False
        return bool(data)
