"""One client's connection: what has arrived, what has yet to leave, and whose turn it is. Nothing here waits."""

from __future__ import annotations

import ssl
import time
from enum import Enum, auto
from typing import Any, Final

from .framing import Framing

CHUNK: Final = 65536


class Phase(Enum):
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
        "born", "buffer", "client", "context", "deadline", "fd", "framing", "keep", "message", "outgoing", "phase", "served",
        "server", "sock",
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

    @property
    def address(self) -> str:
        """The client's address for the log; "" on a Unix socket."""
        return self.client[0] if isinstance(self.client, tuple) else ""

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
