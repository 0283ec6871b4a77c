"""Asks a gateway in this process, and counts what an answer cost: calls of our own code, and statements sent to SQLite."""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import event

from identity import app
from identity.model.event import LoginEvent
from identity.settings import Settings
from identity.wsgi import tls
from tools.bench.cloud import DOMAIN, PASSWORD, PROJECT, USER, Cloud

ROOT = Path(__file__).resolve().parents[2]
OURS = tuple(f"{ROOT / name}/" for name in ("identity", "catalog", "authplugins"))
COUNTER = "SELECT seq FROM change_counter"
# What opens and closes transactions asks nothing of the tables.
_FRAMING = re.compile(r"BEGIN|COMMIT|ROLLBACK|PRAGMA query_only", re.IGNORECASE)

# Hashes that cost next to nothing, for calls and queries are counted here, not time.
CHEAP = ("identity.argon2_time_cost=1", "identity.argon2_memory_cost=64")
SCOPE = {"project": {"name": PROJECT, "domain": {"id": DOMAIN}}}


class Quiet:
    """An event sink that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[LoginEvent] = []

    def login(self, event: LoginEvent) -> None:
        self.events.append(event)


@dataclass
class Answer:
    """`frames` lists the calls of ours by file and name; `statements` everything sent to the database, values filled in."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    frames: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)

    @property
    def token(self) -> str:
        return self.headers["X-Subject-Token"]

    @property
    def queries(self) -> list[str]:
        return [text for text in self.statements if not _FRAMING.match(text)]

    @property
    def beyond_counter(self) -> list[str]:
        return [text for text in self.queries if text != COUNTER]


class Asked:
    """A gateway whose every statement is heard, whichever way it reaches the driver."""

    def __init__(self, cloud: Cloud, settings: Settings | None = None, clock: Callable[[], float] | None = None) -> None:
        self.cloud = cloud
        self.sink = Quiet()
        self.heard: list[str] = []
        arguments: dict[str, Any] = {"clock": clock} if clock else {}
        self.gateway = app.build(settings or cloud.settings, sink=self.sink, **arguments)
        event.listen(self.gateway.store.engine, "connect", self._listen)
        self.gateway.store.close()  # connections made while it was built are not listened to

    def _listen(self, connection: Any, _record: object) -> None:
        connection.set_trace_callback(self.heard.append)

    def ask(self, method: str, path: str, body: object = None, sock: object = None, **headers: str) -> Answer:
        """One request through `Gateway.wsgi`; `headers` in their WSGI form without HTTP_, e.g. X_AUTH_TOKEN."""
        variables = _environ(method, path, body, sock, headers)
        answer = Answer()

        def start_response(status: str, fields: list[tuple[str, str]], _info: object = None) -> Callable[[bytes], object]:
            answer.status = int(status[:3])
            answer.headers = {name.title(): value for name, value in fields}
            return lambda data: None

        def count(frame: FrameType, what: str, _argument: object) -> None:
            if what == "call" and frame.f_code.co_filename.startswith(OURS):
                answer.frames.append(f"{frame.f_code.co_filename.removeprefix(f'{ROOT}/')}:{frame.f_code.co_name}")

        self.heard.clear()
        wsgi, before = self.gateway.wsgi, sys.getprofile()
        sys.setprofile(count)
        try:
            parts = wsgi(variables, start_response)
            body_parts = list(parts)
        finally:
            sys.setprofile(before)
        if hasattr(parts, "close"):
            parts.close()
        answer.body = b"".join(body_parts)
        answer.statements = list(self.heard)
        return answer

    def plan(self, statement: str) -> list[str]:
        """How SQLite would run it: the lines of EXPLAIN QUERY PLAN."""
        pooled = self.gateway.store.engine.raw_connection()
        try:
            cursor = pooled.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            return [str(row[3]) for row in cursor.fetchall()]
        finally:
            pooled.close()

    def validate(self, caller: str, subject: str, method: str = "GET") -> Answer:
        answer = self.ask(method, "/v3/auth/tokens", X_AUTH_TOKEN=caller, X_SUBJECT_TOKEN=subject)
        assert answer.status == 200, answer.body
        return answer

    def log_in(self, path: str = "/v3/auth/tokens", *, methods: dict[str, Any], scope: object = SCOPE, **more: Any) -> Answer:
        body = {"auth": {"identity": {"methods": list(methods), **methods}, "scope": scope}}
        return self.ask("POST", path, body, **more)

    def password(self, password: str = PASSWORD, scope: object = SCOPE, user: str = USER) -> Answer:
        who = {"name": user, "domain": {"id": DOMAIN}, "password": password}
        return self.log_in(methods={"password": {"user": who}}, scope=scope)

    def fresh_token(self) -> str:
        """A token that this gateway has issued and not yet looked at."""
        answer = self.password()
        assert answer.status == 201, answer.body
        return answer.token

    def rescope(self, token: str, scope: object = SCOPE) -> Answer:
        return self.log_in(methods={"token": {"id": token}}, scope=scope)

    def warm(self) -> tuple[str, str]:
        """A caller and a subject that have both been seen, with a catalogue that is rendered."""
        caller, subject = self.fresh_token(), self.fresh_token()
        self.validate(caller, caller)
        self.validate(caller, subject)
        return caller, subject


def _environ(method: str, path: str, body: object, sock: object, headers: dict[str, str]) -> dict[str, Any]:
    """As identity/wsgi/reply.py makes it."""
    plain, _, query = path.partition("?")
    found: dict[str, Any] = {
        "wsgi.errors": sys.stderr, "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": True,
        "wsgi.run_once": False, "wsgi.input_terminated": True, "wsgi.url_scheme": "http", "gunicorn.socket": sock,
        "gatestone.listener": "x509" if path.startswith("/x509/") else "api", "REQUEST_METHOD": method, "QUERY_STRING": query,
        "RAW_URI": path, "PATH_INFO": plain, "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "Gatestone",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "5000", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "40000",
        "HTTP_HOST": "localhost", "HTTP_ACCEPT": "application/json", "HTTP_USER_AGENT": "budget",
    }  # fmt: skip
    raw = b"" if body is None else json.dumps(body).encode()
    found["wsgi.input"] = BytesIO(raw)
    if raw:
        found |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(raw))}
    return found | {f"HTTP_{name}": value for name, value in headers.items()}


@contextmanager
def certificate_connection(cloud: Cloud) -> Iterator[ssl.SSLSocket]:
    """The server's end of a real TLS connection on which the user's certificate was shown."""
    inner, outer = socket.socketpair()
    inner.settimeout(10)
    outer.settimeout(10)
    client = ssl.create_default_context(cafile=str(cloud.directory / "ca.crt"))
    client.load_cert_chain(*cloud.pair("user"))
    wrapped: list[ssl.SSLSocket] = []
    thread = threading.Thread(target=lambda: wrapped.append(client.wrap_socket(outer, server_hostname="localhost")), daemon=True)
    thread.start()
    with inner, outer, tls.x509_context(cloud.settings.x509).wrap_socket(inner, server_side=True) as connection:
        thread.join()
        yield connection
    for sock in wrapped:
        sock.close()
