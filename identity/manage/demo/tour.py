"""The tour: the stock client logs in by each method, lists the catalogue, and makes a call that goes by it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from ...errors import StartError
from .asking import ask
from .processes import DIES_WITH_US, clean_environ
from .world import DOMAIN, REGION, Person, World

_TIME_LIMIT = 60.0  # seconds for one command of the client
_TRIES = 3
# What the client says when the connection broke, as when the worker that served it was killed.
_CUT = re.compile(r"Unable to establish connection|Connection aborted|RemoteDisconnected|ConnectFailure|EOF occurred|reset by peer")
COMMANDS = (("token", "issue"), ("catalog", "list"), ("federation", "project", "list"))


@dataclass(frozen=True)
class Login:
    """A way in. `client` says what the user had to set; `environ` is that, on top of the scope."""

    method: str
    client: str
    person: Person
    environ: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Row:
    """What came of one login. `times` are whole milliseconds of each of COMMANDS, client's start included."""

    login: Login
    times: tuple[int, ...] = ()
    user: str = ""
    project: str = ""
    roles: str = ""
    expires: str = ""
    retries: int = 0
    fault: str = ""


class _Failed(Exception):
    """A command did not do its work; the text says why in one line."""


class Tour:
    """Runs `openstack` in processes with an environment and a home of their own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._program = _client_program()
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def logins(self) -> list[Login]:
        """With the package: by OS_AUTH_URL alone. Without: by what the stock client has."""
        world, (alice, bob, carol) = self._world, self._world.people
        kerberos = {"OS_AUTH_URL": f"{world.api_url}/krb/v3"}
        x509 = {"OS_AUTH_URL": f"{world.x509_url}/x509/v3"}
        password = {
            "OS_AUTH_URL": f"{world.api_url}/main/v3",
            "OS_USERNAME": alice.name,
            "OS_PASSWORD": alice.password,
            "OS_USER_DOMAIN_NAME": DOMAIN,
        }
        stock = {"OS_AUTH_TYPE": "v3kerberos", "OS_MUTUAL_AUTH": "required"}
        by_url, by_stock = "the URL only", "v3kerberos"
        return [
            Login("password", by_url, alice, password),
            Login("kerberos", by_url, bob, {**kerberos, **self._ticket(bob)}),
            Login("x509", by_url, carol, {**x509, **_certificate(carol)}),
            Login("kerberos", by_stock, alice, {**kerberos, **stock, **self._ticket(alice)}),
            Login("x509", by_stock, bob, {**x509, "OS_AUTH_TYPE": "v3kerberos", **_certificate(bob)}),
        ]

    def take(self, logins: list[Login], proceed: Callable[[], None]) -> Iterator[Row]:
        """The rows as they are ready, some at a time. `proceed` is called now and then, and raises to end the tour."""
        with ThreadPoolExecutor(max_workers=min(4, max(2, os.cpu_count() or 2))) as pool:
            pending = {pool.submit(self._row, login) for login in logins}
            try:
                while pending:
                    proceed()
                    done, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            finally:
                self._stop()

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def _ticket(self, person: Person) -> dict[str, str]:
        cache = self._world.directory / "realm" / f"{person.name}.cc"
        self._world.realm.kinit(person.principal, keytab=person.keytab, ccache=cache)
        return {"KRB5CCNAME": f"FILE:{cache}"}

    def _row(self, login: Login) -> Row:
        times: list[int] = []
        answers: list[Any] = []
        retries = 0
        for command in COMMANDS:
            try:
                answer, milliseconds, tries = self._patiently(login, command)
            except _Failed as failure:
                return Row(login, tuple(times), retries=retries, fault=f"{' '.join(command)}: {failure}")
            times.append(milliseconds)
            answers.append(answer)
            retries += tries - 1
        try:
            return self._described(login, tuple(times), answers, retries)
        except (OSError, KeyError, TypeError, _Failed) as failure:
            return Row(login, tuple(times), retries=retries, fault=f"the token could not be read: {failure!r}")

    def _described(self, login: Login, times: tuple[int, ...], answers: list[Any], retries: int) -> Row:
        """Look the token up, and compare all that was seen with what it must be."""
        secret = answers[0]["id"]
        tokens = {"X-Auth-Token": secret, "X-Subject-Token": secret}
        reply = ask(self._world.api_tls, self._world.api_port, "GET", "/main/v3/auth/tokens", headers=tokens)
        if reply.status != 200:
            raise _Failed(f"{reply.status} {reply.message}")
        token = reply.body["token"]
        reachable = {project["Name"] for project in answers[2]}
        fault = ""
        if token["user"]["name"] != login.person.name:
            fault = f"the token is {token['user']['name']}'s, not {login.person.name}'s"
        elif reachable != set(login.person.projects):
            fault = f"the catalogue's way led to projects {sorted(reachable)}, not {sorted(login.person.projects)}"
        elif not answers[1]:
            fault = "the catalogue is empty"
        return Row(
            login,
            times,
            user=token["user"]["name"],
            project=token["project"]["name"],
            roles=", ".join(sorted(role["name"] for role in token["roles"])),
            expires=token["expires_at"],
            retries=retries,
            fault=fault,
        )

    def _patiently(self, login: Login, command: tuple[str, ...]) -> tuple[Any, int, int]:
        """The answer, milliseconds and tries; a command whose connection was cut is run again."""
        for attempt in range(1, _TRIES + 1):
            begun = time.monotonic()
            code, out, err = self._run(login, command)
            if code == 0:
                return json.loads(out), round((time.monotonic() - begun) * 1000), attempt
            if attempt == _TRIES or not _CUT.search(err):
                raise _Failed(_last_line(err))
        raise AssertionError("not reached")

    def _run(self, login: Login, command: tuple[str, ...]) -> tuple[int, str, str]:
        process = self._start([self._program, *command, "-f", "json"], self.environ(login))
        try:
            out, err = process.communicate(timeout=_TIME_LIMIT)
            return process.returncode, out, err
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise _Failed(f"the client did not end within {_TIME_LIMIT:.0f} s") from None
        finally:
            with self._lock:
                self._running.discard(process)

    def _start(self, command: list[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
        with self._lock:
            if self._stopped:
                raise _Failed("the tour was ended")
            process = subprocess.Popen(  # noqa: S603 (the stock client)
                [*DIES_WITH_US, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=environ,
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def environ(self, login: Login) -> dict[str, str]:
        """The whole environment of the client for a login."""
        home = str(self._world.directory / "home")
        realm = {**self._world.realm.environ, "KRB5CCNAME": f"FILE:{home}/no-ticket"}
        scope = {
            "OS_IDENTITY_API_VERSION": "3",
            "OS_PROJECT_NAME": login.person.projects[0],
            "OS_PROJECT_DOMAIN_NAME": DOMAIN,
            "OS_REGION_NAME": REGION,
            "OS_CACERT": str(self._world.ca),
        }
        return clean_environ({"HOME": home, "TMPDIR": str(self._world.directory / "tmp"), **realm, **scope, **login.environ})


def client_directory() -> Path | None:
    """Where `openstack` is: beside this interpreter, or on the PATH."""
    beside = Path(sys.executable).parent / "openstack"
    found = str(beside) if beside.exists() else shutil.which("openstack")
    return Path(found).parent if found else None


def _client_program() -> str:
    directory = client_directory()
    if directory is None:
        raise StartError("the `openstack` client is not installed: run `make setup`, or use --no-tour")
    try:
        metadata.distribution("keystoneauth-gatestone")
    except metadata.PackageNotFoundError:
        raise StartError("the client package keystoneauth-gatestone is not installed: run `make setup`, or use --no-tour") from None
    return str(directory / "openstack")


def _certificate(person: Person) -> dict[str, str]:
    return {"OS_CERT": str(person.pair.cert), "OS_KEY": str(person.pair.key)}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it failed and said nothing"
