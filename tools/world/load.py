"""Clients that issue, validate and revoke the whole time, and hold each answer against what they know."""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import site
from .clients import Answer, Client
from .hosts import Host
from .processes import WorldFault
from .tally import Kept, Tally

DOMAIN = "Default"
PROJECT, ROLE = "load", "member"
PEOPLE = ("alice", "bob", site.CARD)
_PASSWORD = "a-word-of-the-load"  # noqa: S105 (of accounts that live as long as the world)
_POPULAR = 8
KINDS = ("v3", "v3", "v2", "v2", "x509", "writer")


@dataclass(frozen=True)
class Account:
    """What the administrator made for the load."""

    admin_password: str
    project: str
    role: str


class Load:
    """Threads on the client's host; `pause` in seconds between two requests of one client bounds the rate."""

    def __init__(self, host: Host, files: site.Files, password: str, *, kinds: Sequence[str] = KINDS, pause: float = 0.03) -> None:
        self.host, self.pause, self.kinds = host, pause, kinds
        self.tally = Tally()
        self.contexts = {site.API_PORT: files.context(), site.X509_PORT: files.context(card=True)}
        self.password = password
        self.account = Account(password, "", "")
        self.over = threading.Event()
        self.faults: list[BaseException] = []
        self._names = itertools.count(1)
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Make the accounts, then let every client begin."""
        self.run(self._prepare)
        for number, kind in enumerate(self.kinds):
            self._threads.append(self._spawn(lambda kind=kind, number=number: self._client(kind, number)))  # type: ignore[misc]

    def stop(self) -> None:
        """Return once no request is under way."""
        self.over.set()
        for thread in self._threads:
            thread.join(40)
            if thread.is_alive():
                self.tally.blame("unexpected", "a request hangs")
        self.check()

    def check(self) -> None:
        """Raises the fault of a client's own."""
        if self.faults:
            raise WorldFault(f"a client failed: {self.faults[0]!r}") from self.faults[0]

    def more(self, requests: int, seconds: float = 60) -> None:
        """Return after so many further answers."""
        wanted, end = self.tally.done + requests, time.monotonic() + seconds
        while self.tally.done < wanted:
            self.check()
            if time.monotonic() > end:
                raise WorldFault(f"the load made no {requests} requests in {seconds:.0f} s")
            self.over.wait(0.02)

    def run(self, call: Callable[[Client], Any]) -> Any:
        """What `call` gives, asked from the client's host."""
        found: list[Any] = []
        thread = self._spawn(lambda: found.append(call(Client(self.contexts, 0))))
        thread.join()
        self.check()
        return found[0]

    def _spawn(self, call: Callable[[], Any]) -> threading.Thread:
        def go() -> None:
            try:
                self.host.enter()
                call()
            except BaseException as fault:  # told by `check`
                self.faults.append(fault)

        thread = threading.Thread(target=go, daemon=True)
        thread.start()
        return thread

    def _prepare(self, client: Client) -> None:
        """A project, a role on it, and people who have both."""
        token = admin_token(client, self.password)
        made = _must(client.ask("prepare", "POST", "/main/v3/projects", {"project": {"name": PROJECT}}, token=token), 201)
        project = made.json()["project"]["id"]
        roles = _must(client.ask("prepare", "GET", f"/main/v3/roles?name={ROLE}", token=token), 200).json()["roles"]
        for name in PEOPLE:
            body = {"user": {"name": name, "password": _PASSWORD, "default_project_id": project}}
            user = _must(client.ask("prepare", "POST", "/main/v3/users", body, token=token), 201).json()["user"]["id"]
            grant = f"/main/v3/projects/{project}/users/{user}/roles/{roles[0]['id']}"
            _must(client.ask("prepare", "PUT", grant, token=token), 204)
        self.account = Account(self.password, project, roles[0]["id"])

    def _client(self, kind: str, number: int) -> None:
        with contextlib.closing(Client(self.contexts, number)) as client:
            token = ""
            while not token and not self.over.is_set():
                token = self.login(client, "v3", "admin", self.password, "admin")
            life = self._writes(client, token) if kind == "writer" else self._lives(client, token, kind)
            for _ in life:
                if self.over.wait(self.pause):
                    return

    def login(self, client: Client, api: str, user: str, password: str = _PASSWORD, project: str = PROJECT) -> str:
        """A token that was acknowledged, or ""."""
        if api == "v2":
            given = {"username": user, "password": password}
            answer = client.ask(
                "issue", "POST", "/main/v2.0/tokens", {"auth": {"passwordCredentials": given, "tenantName": project}}
            )
            return str(answer.json()["access"]["token"]["id"]) if self.tally.note(answer, (200,)) else ""
        if api == "x509":
            answer = client.ask(
                "issue by certificate", "POST", "/x509/v3/auth/tokens", _proof("x509", {}, project), port=site.X509_PORT
            )
        else:
            named = {"user": {"name": user, "domain": {"name": DOMAIN}, "password": password}}
            answer = client.ask("issue", "POST", "/main/v3/auth/tokens", _proof("password", named, project))
        return answer.headers["x-subject-token"] if self.tally.note(answer, (201,)) else ""

    def validate(self, client: Client, caller: str, token: str, api: str) -> Answer:
        """A question about a token, on either API."""
        if api == "v2":
            return client.ask("validate", "GET", f"/admin/v2.0/tokens/{token}", token=caller)
        return client.ask("validate", "GET", "/main/v3/auth/tokens", token=caller, subject=token)

    def _lives(self, client: Client, caller: str, kind: str) -> Iterator[None]:
        """A token's life: issued, validated on both APIs, in three of four cases revoked, and then refused."""
        other = {"v3": "v2", "v2": "v3", "x509": "v3"}[kind]
        own = "v3" if kind == "x509" else kind
        for turn in itertools.count():
            token = self.login(client, kind, PEOPLE[turn % 2])
            yield
            if not token:
                yield from self._look_back(client, caller)
                continue
            kept = Kept(token, own)
            for api in (own, other, own):
                self.tally.valid(self.validate(client, caller, token, api))
                yield
            if turn % 4 == 0:
                self.tally.keep(kept)
            else:
                yield from self._revoke(client, caller, kept, other)
            yield from self._look_back(client, caller)

    def _revoke(self, client: Client, caller: str, kept: Kept, other: str) -> Iterator[None]:
        if kept.api == "v2":
            answer = client.ask("revoke", "DELETE", f"/admin/v2.0/tokens/{kept.token}", token=caller)
        else:
            answer = client.ask("revoke", "DELETE", "/main/v3/auth/tokens", token=caller, subject=kept.token)
        again = (404,) if answer.tries == 2 else ()  # the first try did it, and its answer was lost
        good = self.tally.note(answer, (204, *again))
        yield
        if good:
            gone = self.tally.revoke(kept)
            for api in (other, kept.api):
                self.tally.refused(self.validate(client, caller, kept.token, api), gone)
                yield

    def _look_back(self, client: Client, caller: str) -> Iterator[None]:
        """Older ones, of all clients; a few that are good are asked about again and again, as services do."""
        if self.tally.live:
            kept = random.choice(self.tally.live[:_POPULAR])  # noqa: S311
            self.tally.valid(self.validate(client, caller, kept.token, kept.api))
            yield
        if self.tally.revoked:
            kept = random.choice(self.tally.revoked)  # noqa: S311
            self.tally.refused(self.validate(client, caller, kept.token, kept.api), kept)
            yield

    def _writes(self, client: Client, caller: str) -> Iterator[None]:
        """Users and grants are made; who was told so must find them there for ever."""
        while True:
            name = f"user-{next(self._names)}"
            body = {"user": {"name": name, "password": _PASSWORD}}
            answer = client.ask("create", "POST", "/main/v3/users", body, token=caller)
            again = (409,) if answer.tries == 2 else ()
            if not self.tally.note(answer, (201, *again)) or answer.status == 409:
                self.tally.doubtful.append(name)
                yield
                continue
            user = answer.json()["user"]["id"]
            yield
            grant = f"/main/v3/projects/{self.account.project}/users/{user}/roles/{self.account.role}"
            granted = self.tally.note(client.ask("grant", "PUT", grant, token=caller), (204,))
            yield
            if granted:
                self.tally.granted.append((user, name))
                for _ in range(3):
                    yield  # users are made less often than tokens


def admin_token(client: Client, password: str) -> str:
    named = {"user": {"name": "admin", "domain": {"name": DOMAIN}, "password": password}}
    answer = client.ask("issue", "POST", "/main/v3/auth/tokens", _proof("password", named, "admin"))
    return _must(answer, 201).headers["x-subject-token"]


def logs_in(client: Client, user: str) -> bool:
    """Whether one of the users that were made can."""
    named = {"user": {"name": user, "domain": {"name": DOMAIN}, "password": _PASSWORD}}
    body = {"auth": {"identity": {"methods": ["password"], "password": named}, "scope": "unscoped"}}
    return client.ask("issue", "POST", "/main/v3/auth/tokens", body).status == 201


def _proof(method: str, payload: dict[str, Any], project: str) -> dict[str, Any]:
    scope = {"project": {"name": project, "domain": {"name": DOMAIN}}}
    return {"auth": {"identity": {"methods": [method], method: payload}, "scope": scope}}


def _must(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise WorldFault(f"{answer.what}: {answer.status} {answer.body[:300]!r}")
    return answer
