"""One client's connection: what has arrived, whose turn it is, and sending without waiting where that works."""

from __future__ import annotations

import socket
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
    LINGER = auto()  # answered for the last time; what still comes is thrown away


IN_A_THREAD: Final = frozenset({Phase.SHAKING, Phase.SERVING})


class Conn:
    """One connection. It belongs to a thread while it is SHAKING or SERVING, else to the event loop."""

    __slots__ = ("born", "buffer", "client", "context", "deadline", "fd", "framing", "message", "phase", "served", "server", "sock")

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
        self.context: ssl.SSLContext | None = None
        self.served = 0

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


def send_all(sock: socket.socket, data: bytes, patience: float) -> None:
    """Send at once, or within `patience` seconds where the client is slow. The socket is non-blocking before and after."""
    try:
        sent = sock.send(data)
    except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
        sent = 0
    if sent == len(data):
        return
    sock.settimeout(patience)
    try:
        sock.sendall(memoryview(data)[sent:])
    finally:
        sock.setblocking(False)
