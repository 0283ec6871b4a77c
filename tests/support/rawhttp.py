"""A client on a bare socket, for requests that no HTTP library would send, and a gateway process to send them to."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_SERVER = Path(__file__).with_name("echo_server.py")


@dataclass
class Answer:
    """One response. `reads`: how many `recv` calls brought it; `closed`: the server ended the connection after it."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes
    reads: int = 0
    closed: bool = False

    def get(self, name: str) -> str | None:
        found = [value for key, value in self.fields if key.lower() == name.lower()]
        return found[0] if found else None

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection. Every wait is bounded by `timeout` seconds."""

    def __init__(
        self, address: tuple[str, int] | str, tls: ssl.SSLContext | None = None, timeout: float = 5.0, source: str = "", **wrap: Any
    ) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock: Any = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(address)
        self._rest = b""
        if tls is not None:
            try:
                self.sock = tls.wrap_socket(self.sock, server_hostname="localhost", **wrap)
            except BaseException:
                self.sock.close()
                raise

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.sock.close()

    def send(self, data: bytes | str) -> Wire:
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def ask(self, method: str, target: str, *lines: str, body: bytes = b"", host: str | None = "localhost") -> Answer:
        """Send one request with the header lines exactly as given, and read its answer."""
        head = [f"{method} {target} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *lines]
        if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines):
            head.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
        return self.answer(method)

    def answer(self, method: str = "GET") -> Answer:
        data, reads = self._rest, 0
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(262144)
            reads += 1
            if not more:
                raise ConnectionError(f"closed without an answer: {data!r}")
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        status = int(lines[0].split(" ")[1])
        got = Answer(status, fields, b"", reads)
        if status == 100:
            self._rest = rest
            return got
        if method == "HEAD" or status in (204, 304):
            length = 0
        elif (got.get("Transfer-Encoding") or "") == "chunked":
            while not rest.endswith(b"0\r\n\r\n"):
                rest += self._more(got)
            got.body, self._rest = _dechunk(rest), b""
            return got
        else:
            length = int(got.get("Content-Length") or 0)
        while len(rest) < length:
            rest += self._more(got)
        got.body, self._rest = rest[:length], rest[length:]
        return got

    def _more(self, got: Answer) -> bytes:
        more = self.sock.recv(262144)
        got.reads += 1
        if not more:
            raise ConnectionError("the answer is cut short")
        return bytes(more)

    def ended(self, within: float = 5.0) -> bool:
        """Whether the server ends the connection in that time without a further byte."""
        self.sock.settimeout(within)
        try:
            return self.sock.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


def _dechunk(data: bytes) -> bytes:
    out = b""
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line, 16)
        if size == 0:
            return out
        out, data = out + data[:size], data[size + 2 :]


def ask(address: tuple[str, int] | str, method: str, target: str, *lines: str, body: bytes = b"", **options: Any) -> Answer:
    """One request on a connection of its own."""
    tls = options.pop("tls", None)
    with Wire(address, tls) as wire:
        return wire.ask(method, target, *lines, body=body, **options)


@dataclass
class Served:
    """A running gateway process with the echo application behind the real edge."""

    process: subprocess.Popen[bytes]
    address: tuple[str, int] | str
    pid: int
    seconds: float
    log: Path
    fields: dict[str, Any] = field(default_factory=dict)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@contextlib.contextmanager
def serving(
    directory: Path, settings: dict[str, dict[str, Any]] | None = None, listener: str = "api", files: int | None = None
) -> Iterator[Served]:
    """Run `echo_server.py` with settings by section, on a free port. `files`: how many descriptors it may open."""
    chosen = {name: dict(part) for name, part in (settings or {}).items()}
    chosen.setdefault("server", {}).setdefault("port", 0)
    chosen.setdefault("x509", {}).setdefault("port", 0)
    chosen.setdefault("hop", {}).setdefault("port", 0)
    log = directory / f"gateway-{time.monotonic_ns()}.log"
    place = directory / "place"  # its home and its temporary directory: what it leaves behind is seen there
    place.mkdir(exist_ok=True)
    environ = {**os.environ, "TMPDIR": str(place), "HOME": str(place)}
    began = time.monotonic()
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [*(["prlimit", f"--nofile={files}"] if files else []), sys.executable, str(_SERVER), listener, json.dumps(chosen)],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=out,
        )
    try:
        host, port, pid = _told(process, log)
        address: tuple[str, int] | str = (host, int(port)) if int(port) else host
        served = Served(process, address, int(pid), time.monotonic() - began, log)
        yield served
        served.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def _told(process: subprocess.Popen[bytes], log: Path) -> list[str]:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 20)
    line = process.stdout.readline().decode() if ready else ""
    if not line.startswith("READY "):
        process.kill()
        process.wait(10)
        raise AssertionError(f"the gateway did not start: {line!r} {log.read_text()}")
    return line.split()[1:]
