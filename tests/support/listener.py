"""Listeners of `gatestone serve` as processes, plain questions to them, and their logs."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from identity.manage.demo.processes import DIES_WITH_US

ROOT = Path(__file__).parents[2]
GATESTONE = [sys.executable, "-m", "identity.manage"]
DOMAIN = "Default"
TOKENS = "/v3/auth/tokens"
Found = TypeVar("Found")


def until(condition: Callable[[], Found], seconds: float = 20.0, what: str = "the condition") -> Found:
    """The first true value of `condition`; asks often, and fails after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)
    return found


def within(seconds: float, call: Callable[[], Found]) -> Found:
    """What `call` gives, or its exception; fails if it has not ended in that time (its thread is left behind)."""
    box: list[tuple[bool, Any]] = []

    def run() -> None:
        try:
            box.append((True, call()))
        except BaseException as fault:
            box.append((False, fault))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert box, f"hangs: not done after {seconds} s"
    good, value = box[0]
    if not good:
        raise value
    return value


@dataclass(frozen=True)
class Reply:
    """`headers` by lower-case name; of a repeated one the last."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json()["error"]["message"])

    @property
    def token(self) -> str:
        assert self.status == 201, (self.status, self.body)
        return self.headers["x-subject-token"]


@dataclass
class Listener:
    """A running listener. `pid`: its master's; `secrets`: whatever was sent to it that no log may hold."""

    port: int
    ca: Path
    pid: int
    log: Path
    secrets: set[str] = field(default_factory=set)
    probe: tuple[Path | str, Path | str] | None = None  # the certificate with which to ask whether it answers

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def context(self, cert: tuple[Path | str, Path | str] | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        if cert is not None:
            context.load_cert_chain(*cert)
        return context

    def connect(self, cert: tuple[Path | str, Path | str] | None = None, timeout: float = 15.0) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, context=self.context(cert), timeout=timeout)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        cert: tuple[Path | str, Path | str] | None = None,
        on: http.client.HTTPSConnection | None = None,
    ) -> Reply:
        """One question: on a connection of its own, or `on` one that is kept. Never repeated."""
        connection = on or self.connect(cert)
        try:
            content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            sent = ({"Content-Type": "application/json"} if content is not None else {}) | dict(headers or {})
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            if on is None:
                connection.close()
        self._remember(sent, reply)
        return reply

    def _remember(self, sent: Mapping[str, str], reply: Reply) -> None:
        found = [sent.get("X-Auth-Token"), sent.get("X-Subject-Token"), reply.headers.get("x-subject-token")]
        found.append((sent.get("Authorization") or "").removeprefix("Negotiate "))
        self.secrets.update(word for word in found if word and len(word) > 20)

    def login(
        self,
        user: str,
        password: str,
        project: str | None = None,
        *,
        face: str = "/main",
        on: http.client.HTTPSConnection | None = None,
    ) -> Reply:
        self.secrets.add(password)
        return self.ask("POST", face + TOKENS, password_body(user, password, project), on=on)

    def show(self, caller: str, subject: str, query: str = "", *, on: http.client.HTTPSConnection | None = None) -> Reply:
        """Validate a token."""
        headers = {"X-Auth-Token": caller, "X-Subject-Token": subject}
        return self.ask("GET", f"/main{TOKENS}{query}", headers=headers, on=on)

    def revoke(self, caller: str, subject: str) -> Reply:
        return self.ask("DELETE", f"/main{TOKENS}", headers={"X-Auth-Token": caller, "X-Subject-Token": subject})

    def workers(self) -> list[int]:
        """Process ids of the workers, the oldest first."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and parent_of(entry) == self.pid:
                found.append(int(entry.name))
        return sorted(found)

    def one_connection_a_worker(self) -> dict[int, http.client.HTTPSConnection]:
        """A kept connection to each worker, by its process id: the log-in line of a request without a ticket tells who has it."""
        wanted = set(self.workers())
        found: dict[int, http.client.HTTPSConnection] = {}
        for _ in range(200):
            connection = self.connect()
            line = self.line_of(self.ask("POST", f"/krb{TOKENS}", proof_body(), on=connection))
            if line["pid"] in found:
                connection.close()
            else:
                found[line["pid"]] = connection
            if found.keys() == wanted:
                return found
        raise AssertionError(f"only workers {sorted(found)} of {sorted(wanted)} were reached")

    def lines(self) -> list[dict[str, Any]]:
        """Everything logged so far; fails on a line that is not a JSON object."""
        found = [json.loads(line) for line in self.log.read_text("ascii").splitlines()]
        assert all(isinstance(line, dict) for line in found)
        return found

    def line_of(self, reply: Reply) -> dict[str, Any]:
        """The log-in line of one answer."""
        wanted = reply.headers["x-openstack-request-id"]
        return until(lambda: next((line for line in self.lines() if line.get("request_id") == wanted), None), 5, "the log line")


def password_body(user: str, password: str, project: str | None = None, domain: str = DOMAIN) -> dict[str, Any]:
    """A log-in by password; without a project it is unscoped."""
    identity = {"methods": ["password"], "password": {"user": {"name": user, "domain": {"name": domain}, "password": password}}}
    scope: Any = {"project": {"name": project, "domain": {"name": DOMAIN}}} if project else "unscoped"
    return {"auth": {"identity": identity, "scope": scope}}


def proof_body(method: str = "kerberos", project: str | None = None) -> dict[str, Any]:
    """A log-in whose proof is not in the body."""
    auth: dict[str, Any] = {"identity": {"methods": [method], method: {}}}
    if project:
        auth["scope"] = {"project": {"name": project, "domain": {"name": DOMAIN}}}
    return {"auth": auth}


@contextlib.contextmanager
def serving(
    config: Path,
    port: int,
    ca: Path,
    directory: Path,
    overrides: list[str],
    environ: Mapping[str, str],
    secrets: set[str],
    probe: tuple[Path | str, Path | str] | None = None,
) -> Iterator[Listener]:
    """`gatestone serve` as an operator starts it; ends with the block, where it must end well unless it is gone by then.

    With a `probe` it is the certificate listener.
    """
    log = directory / f"serve-{port}.log"
    sets = [word for override in overrides for word in ("--set", override)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*DIES_WITH_US, *GATESTONE, "serve", "--config", str(config), *sets, "--listener", "x509" if probe else "api"],
            cwd=ROOT,
            env={**environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    listener = Listener(port, ca, process.pid, log, secrets, probe)
    try:
        until(lambda: _answers(listener) or process.poll() is not None, 30, "the listener")
        assert process.poll() is None, log.read_text()
        yield listener
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()[-3000:]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
    no_secret_in(listener)


def no_secret_in(listener: Listener) -> None:
    """Every line is JSON, and nothing that was sent as a secret or given as a token stands in any."""
    text = listener.log.read_text("ascii")
    listener.lines()
    assert not [word for word in listener.secrets if word in text]
    assert "Traceback" not in text


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(listener: Listener) -> bool:
    try:
        # The list of versions (300): there whichever of them the listener serves.
        return listener.ask("GET", "/x509/" if listener.probe else "/", cert=listener.probe).status == 300
    except OSError:
        return False


def parent_of(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1
