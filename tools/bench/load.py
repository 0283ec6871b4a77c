"""Load: `wrk` for requests that may be repeated, threads of ours for those that may be sent once only."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_DONE = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('RESULT {"count":%d,"seconds":%f,"bad":%d,"broken":%d}\\n', summary.requests, summary.duration / 1e6,
    e.status, e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass(frozen=True)
class Tally:
    """Requests that were answered, the seconds it took, and the processor seconds that the server used."""

    count: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.count + other.count, self.seconds + other.seconds, self.cpu + other.cpu)

    @property
    def rate(self) -> float:
        return self.count / self.seconds if self.seconds else 0.0


def get(headers: Mapping[str, str]) -> str:
    """The script for one GET, again and again."""
    return "".join(f'wrk.headers["{name}"] = "{value}"\n' for name, value in headers.items())


def get_each(path: str, caller: str, tokens: Sequence[str], file: Path) -> str:
    """The script for one GET a token in turn. `file` takes the tokens, and must stay until the run is over."""
    file.write_text("\n".join(tokens))
    return f"""
local tokens, n = {{}}, 0
for line in io.lines("{file}") do tokens[#tokens + 1] = line end
request = function()
  n = n + 1
  return wrk.format("GET", "{path}", {{["X-Auth-Token"] = "{caller}", ["X-Subject-Token"] = tokens[(n - 1) % #tokens + 1]}})
end
"""


def post(body: object) -> str:
    """The script for one POST, again and again."""
    return f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [==[{json.dumps(body)}]==]\n'


def wrk(url: str, script: str, connections: int, seconds: float, *, sheds: bool = False) -> Tally:
    """Run it; `sheds`: a server under load may refuse some, which are not counted. Else RuntimeError for any bad answer."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script + _DONE)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "20s", "-s", file.name, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise RuntimeError(f"wrk gave no result: {done.stdout}{done.stderr}")
    found = json.loads(line.removeprefix("RESULT "))
    if (found["bad"] and not sheds) or found["bad"] == found["count"]:
        raise RuntimeError(f"{url}: {found['bad']} of {found['count']} answers were refusals")
    return Tally(found["count"] - found["bad"], found["seconds"])


def message(path: str, body: object, headers: Mapping[str, str]) -> bytes:
    """A whole POST request."""
    raw = json.dumps(body).encode()
    fields = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(len(raw)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + raw


def each_once(port: int, messages: Sequence[bytes], connections: int, seconds: float, tls: ssl.SSLContext | None = None) -> Tally:
    """Send each of them once, over connections that stay open; with `tls`, over a new one each time, as clients log in.

    Ends when all are sent or the time is up. Raises RuntimeError for an answer that is not a 201.
    """
    waiting, end = deque(messages), time.monotonic() + seconds
    with ThreadPoolExecutor(connections) as pool:
        begun = time.monotonic()
        turns = [pool.submit(_send_all, port, waiting, end, tls) for _ in range(connections)]
        return Tally(sum(turn.result() for turn in turns), time.monotonic() - begun)


def _send_all(port: int, waiting: deque[bytes], end: float, tls: ssl.SSLContext | None) -> int:
    """Take from `waiting` until it is empty or the time is up; gives how many were answered."""
    count = 0
    sock = None if tls else _connect(port, None)
    try:
        while waiting and time.monotonic() < end:
            try:
                message = waiting.popleft()
            except IndexError:  # another thread had the last
                break
            with _connect(port, tls) if tls else contextlib.nullcontext(sock) as used:
                assert used is not None
                used.sendall(message)
                status = _status(used)
            if status != 201:
                raise RuntimeError(f"a log-in was answered with {status}")
            count += 1
    finally:
        if sock is not None:
            sock.close()
    return count


def _connect(port: int, tls: ssl.SSLContext | None) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock if tls is None else tls.wrap_socket(sock, server_hostname="localhost")


def _status(sock: socket.socket) -> int:
    """Read one answer whole; gives its status."""
    data = b""
    for piece in _pieces(sock):
        data += piece
        head, gap, rest = data.partition(b"\r\n\r\n")
        if gap:
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            if len(rest) >= length:
                return int(head.split(b" ", 2)[1])
    raise OSError("the connection ended within an answer")


def _pieces(sock: socket.socket) -> Iterator[bytes]:
    while data := sock.recv(65536):
        yield data
