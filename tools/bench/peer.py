"""The real Keystone beside us, where somebody has set one up; without it those columns stay empty.

PEER_SETUP is a program that takes the words `services`, `start`, `stop` and `stop-all`; PEER_HOME is where it keeps things, among
them `run/server.pid`. PORT (5000), MC_PORT (21211) and ADMIN_PASSWORD (peeradmin) are as that program has them.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from .api import Api
from .serving import memory, workers

_STARTED = re.compile(r"after ([0-9.]+) s")


class Peer:
    """As a context manager: Keystone runs inside, and is stopped afterwards."""

    def __init__(self, program: str, home: Path) -> None:
        self._program = program
        self._home = home
        self.port = int(os.environ.get("PORT", "5000"))
        self.starts: list[float] = []
        self.api = Api(self.port, "admin", os.environ.get("ADMIN_PASSWORD", "peeradmin"))

    def __enter__(self) -> Peer:
        self._do("stop")
        self._do("services")
        for turn in range(3):
            if turn:
                self._do("stop")
            _wait_until_free(self.port)
            found = _STARTED.search(self._do("start"))
            if found is None:
                raise RuntimeError("the peer did not say how long its start took")
            self.starts.append(float(found[1]))
        self.api.seed()
        return self

    def __exit__(self, *_: object) -> None:
        self._do("stop-all")

    @property
    def start_seconds(self) -> float:
        return statistics.median(self.starts)

    def worker_memory(self) -> list[dict[str, float]]:
        return [memory(pid) for pid in workers(self.pid)]

    @property
    def pid(self) -> int:
        return int((self._home / "run" / "server.pid").read_text())

    def forget(self) -> None:
        """Empty its cache, so that it has seen no token; then let it read the catalogue again."""
        with socket.create_connection(("127.0.0.1", int(os.environ.get("MC_PORT", "21211"))), 5) as sock:
            sock.sendall(b"flush_all\r\n")
            if not sock.recv(16).startswith(b"OK"):
                raise RuntimeError("memcached did not forget")
        for _ in range(4):
            self.api.call("GET", "/auth/tokens", headers={"X-Subject-Token": self.api.user})

    def _do(self, word: str) -> str:
        with tempfile.TemporaryFile("w+") as output:  # a file: its daemons keep what they were given open
            environ = {**os.environ, "PEER_HOME": str(self._home)}
            done = subprocess.run(
                [self._program, word], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ, timeout=120, check=False
            )
            output.seek(0)
            told = output.read()
        if done.returncode:
            raise RuntimeError(f"{self._program} {word}: {told[-400:]}")
        return told


def _wait_until_free(port: int, patience: float = 20.0) -> None:
    """Its workers may hold the port for a while after their master has gone."""
    end = time.monotonic() + patience
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return
            except OSError:
                if time.monotonic() > end:
                    raise RuntimeError(f"port {port} is taken: name another for the peer in PORT") from None
                time.sleep(0.05)


def find() -> Peer | None:
    """The peer that the environment names, if it has been installed."""
    program = os.environ.get("PEER_SETUP", "")
    home = Path(os.environ.get("PEER_HOME") or Path(tempfile.gettempdir()) / "gatestone-peer")
    return Peer(program, home) if program and (home / "kvenv" / "bin" / "keystone-manage").exists() else None
