"""The servers under measurement as child processes, and what /proc tells of them."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from identity.manage.demo.processes import DIES_WITH_US, clean_environ, free_port

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 20.0  # seconds that a server may take to answer or to end


class Server:
    """A program that listens on `port` of 127.0.0.1. As a context manager: it answers inside, and is gone afterwards."""

    def __init__(self, command: Sequence[str], port: int, environ: Mapping[str, str], log: Path) -> None:
        self.port = port
        self._log = log.open("ab")
        self.begun = time.monotonic()
        self._process = subprocess.Popen(
            [*DIES_WITH_US, *command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=environ,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()

    def wait(self, path: str = "/v3", *, listens_only: bool = False) -> float:
        """Seconds from the start to the first answer 200 (or to the first connection taken)."""
        while time.monotonic() - self.begun < _PATIENCE:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended with {self._process.returncode}")
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.connect()
                if listens_only:
                    return time.monotonic() - self.begun
                connection.request("GET", path)
                if connection.getresponse().status == 200:
                    return time.monotonic() - self.begun
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)
            finally:
                connection.close()
        raise RuntimeError("the server does not answer")


def gatestone(
    config: Path, sets: Sequence[str] = (), *, listener: str = "api", tree: Path = ROOT, environ: Mapping[str, str] | None = None
) -> Server:
    """`gatestone serve` from `tree`, on a free port."""
    port, claim = free_port(0, 0, "")
    section = "x509" if listener == "x509" else "server"
    options = [word for text in (*sets, f"{section}.port={port}") for word in ("--set", text)]
    command = [sys.executable, "-P", "-m", "identity.manage", "serve", "--config", str(config), "--listener", listener, *options]
    variables = clean_environ({"PYTHONPATH": str(tree), **(environ or {})})
    server = Server(command, port, variables, config.parent / f"serve-{listener}.log")
    claim.close()
    return server


def bare(config: Path, size: int) -> Server:
    """A WSGI function with a fixed answer of `size` bytes on the same server with the same settings."""
    port, claim = free_port(0, 0, "")
    command = [sys.executable, "-m", "tools.bench.bare", str(config), str(port), str(size)]
    server = Server(command, port, clean_environ({"PYTHONPATH": str(ROOT)}), config.parent / "bare.log")
    claim.close()
    return server


def workers(master: int) -> list[int]:
    """The children of a process."""
    return [int(word) for word in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def cpu(master: int) -> float:
    """Processor seconds that a master and its workers have used so far."""
    ticks = 0
    for pid in (master, *workers(master)):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> dict[str, float]:
    """Resident (Rss) and proportional (Pss) memory in MB: pages shared with the master count in part in the second."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    values = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
    return {name: values[name] for name in ("Rss", "Pss")}


def peak(pid: int) -> float:
    """The highest resident memory so far, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def start_times(config: Path, count: int = 5, *, tree: Path = ROOT, environ: Mapping[str, str] | None = None) -> list[float]:
    """Seconds from starting the command to the first /v3, `count` times."""
    found = []
    for _ in range(count):
        with gatestone(config, tree=tree, environ=environ) as server:
            found.append(server.wait())
    return found
