"""The gateway's listeners as children: they start, answer, are watched, and never outlive the demo."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import StartError

_START_LIMIT = 30.0  # seconds until a listener must answer
_STOP_LIMIT = 6.0  # seconds that it may take to end
_CHECKOUT = Path(__file__).resolve().parents[3]

# setpriv sets the parent-death signal (prctl(2)) between fork and exec, where Python code of a threaded program must not run.
DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM", "--")


def free_port(asked: int | None, usual: int, option: str) -> tuple[int, socket.socket]:
    """A port to listen on, and a claim to hold as long as it is used: two demos must not choose the same one.

    A taken port that was asked for is a StartError; else another is taken. 0 asks for any.
    """
    for port in (usual if asked is None else asked, 0):
        found = _claim(port)
        if found is not None:
            return found
        if asked is not None:
            raise StartError(f"port {asked} is taken: end the program that listens there, or choose another with {option}")
    raise StartError("no TCP port is free on 127.0.0.1")


def _claim(port: int) -> tuple[int, socket.socket] | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        number: int = probe.getsockname()[1]
        claim = socket.socket(socket.AF_UNIX)
        try:
            # An abstract socket: it leaves no file, and is gone when its holder is.
            claim.bind(f"\0gatestone-demo-port-{number}")
        except OSError:
            claim.close()
            return None if port else _claim(0)
    return number, claim


def clean_environ(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: nothing of the caller's but where programs are, so that no stale OS_*, GATESTONE_* or
    certificate variable decides anything."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TZ") if name in os.environ}
    return {"PATH": path, "LANG": "C.UTF-8", **kept, **extra}


@dataclass(frozen=True)
class Tls:
    """How to speak to a listener: its authority, and the certificate to show where it asks for one."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key)
        return context


class Listener:
    """One `gatestone serve`: its master process is `pid`, all that it says goes to `log`."""

    def __init__(self, name: str, config: Path, port: int, *, tls: Tls, log: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self.port = port
        self.log = log
        self._tls = tls
        command = [sys.executable, "-P", "-m", "identity.manage", "serve", "--config", str(config), "--listener", name]
        with log.open("ab") as output:
            # A session of its own: Ctrl-C reaches the demo alone, which then ends its children in order.
            self._process = subprocess.Popen(  # noqa: S603 (our own program)
                [*DIES_WITH_US, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**environ, "PYTHONPATH": str(_CHECKOUT)},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> bool:
        return self._process.poll() is not None

    def answers(self) -> bool:
        """Whether its discovery document is answered; StartError with the log's last line if the listener ended."""
        if self.ended():
            raise StartError(f"the {self.name} listener did not start: {self.last_words()}")
        connection = http.client.HTTPSConnection("localhost", self.port, context=self._tls.context(), timeout=5)
        try:
            connection.request("GET", "/x509/v3" if self.name == "x509" else "/v3")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def last_words(self) -> str:
        """The last line of the log that is not blank."""
        lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else "it said nothing"

    def stop(self) -> None:
        """End it and its workers; may be called twice."""
        if not self.ended():
            self._process.terminate()
            try:
                self._process.wait(_STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # workers whose master could not end them


def wait_for_all(listeners: Sequence[Listener], proceed: Callable[[], None]) -> None:
    """Return once each answers. `proceed` is called between looks, and raises to give up waiting."""
    deadline = time.monotonic() + _START_LIMIT
    waiting = list(listeners)
    while waiting:
        proceed()
        waiting = [listener for listener in waiting if not listener.answers()]
        if waiting and time.monotonic() > deadline:
            late = waiting[0]
            raise StartError(f"the {late.name} listener does not answer on port {late.port}: {late.last_words()}")
        time.sleep(0.02)


def stop_all(listeners: Sequence[Listener]) -> None:
    for listener in listeners:
        if not listener.ended():
            os.kill(listener.pid, signal.SIGTERM)
    for listener in listeners:
        listener.stop()
