"""Back ends that tell what a proxy handed to them, word for word; and a client that is tidied up by nobody."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar


class Recorder(ThreadingHTTPServer):
    """Answers every request with what arrived: `name`, request line, header lines, body. `seen` holds them too."""

    daemon_threads = True

    def __init__(self, name: str, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler)
        self.name = name
        self.seen: list[dict[str, Any]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a proxy may hang up whenever it likes."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Recorder

    def _answer(self) -> None:
        body = self._body()
        line = self.raw_requestline.decode("latin-1").rstrip("\r\n")
        found = {"pool": self.server.name, "line": line, "headers": self.headers.items(), "body": body.decode("latin-1")}
        if self.path != "/healthcheck":
            self.server.seen.append(found)
        content = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _answer

    def _body(self) -> bytes:
        if "chunked" not in (self.headers.get("Transfer-Encoding") or "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return body

    def log_message(self, *_args: Any) -> None:
        """Nothing: what came is in `seen`."""


_LOCAL = b"\x20"  # version 2 of the PROXY protocol, and its command for a proxy that speaks for itself
Kind = TypeVar("Kind", bound=socketserver.BaseServer)


@contextlib.contextmanager
def running(server: Kind) -> Iterator[Kind]:
    """A server in a thread of this process, until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Greeted(socketserver.BaseRequestHandler):
    server: Greeted

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            began = self.request.recv(64)
            if began[12:13] != _LOCAL:
                self.server.seen.append(began)


class Greeted(socketserver.ThreadingTCPServer):
    """Takes connections that a TCP proxy passes on. `seen`: how each began, but for those by which the proxy looks after us."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Greeted)
        self.seen: list[bytes] = []
