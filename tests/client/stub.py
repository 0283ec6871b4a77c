"""A stand-in for the gateway: TLS, a client-certificate listener and a GSSAPI acceptor are real, the rest is canned.

The real gateway takes its place in tests/e2e; here it is only who logged in, how, and what the client then asked.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gssapi

PASSWORDS = {"alice": "alice's secret"}


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    who: str | None = None
    proof: str | None = None
    body: dict[str, Any] = field(default_factory=dict)


class Stub:
    """Two listeners on free ports: `krb`, `main` and `x509` are the URLs of the faces; `seen` is what came in."""

    def __init__(self, *, cert: Path, key: Path, ca: Path, keytab: Path) -> None:
        self.seen: list[Seen] = []
        self.tokens: dict[str, str] = {}
        self.keytab = keytab
        plain = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        mutual = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ca))
        mutual.verify_mode = ssl.CERT_REQUIRED
        self._servers = []
        for context in (plain, mutual):
            context.load_cert_chain(cert, key)
            self._servers.append(_Server(self, context))
        one, two = (f"https://localhost:{server.server_port}" for server in self._servers)
        self.main, self.krb, self.x509 = f"{one}/main/v3", f"{one}/krb/v3", f"{two}/x509/v3"

    def __enter__(self) -> Stub:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @property
    def logins(self) -> list[Seen]:
        """The logins that succeeded."""
        return [seen for seen in self.seen if seen.who]

    def accept(self, header: str) -> tuple[str | None, str]:
        """The principal behind a Negotiate header, and the reply token."""
        if not header:  # an empty token would be answered with hints, on which requests-kerberos chokes
            return None, ""
        name = gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service)
        store = {b"keytab": str(self.keytab).encode()}
        try:
            context = gssapi.SecurityContext(creds=gssapi.Credentials(name=name, usage="accept", store=store), usage="accept")
            reply = context.step(base64.b64decode(header.removeprefix("Negotiate "), validate=True)) or b""
            who = str(context.initiator_name) if context.complete else None
        except (ValueError, gssapi.exceptions.GSSError):
            return None, ""
        return who, base64.b64encode(reply).decode()

    def issue(self, who: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        name = who.partition("@")[0]
        token = f"token-{len(self.tokens)}-{name}"
        self.tokens[token] = name
        domain = {"id": "default", "name": "Default"}
        now = datetime.now(UTC)
        reply: dict[str, Any] = {
            "methods": ["external"],
            "user": {"id": f"id-of-{name}", "name": name, "domain": domain},
            "issued_at": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}",
            "expires_at": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%S.%fZ}",
            "audit_ids": ["x"],
        }
        project = body["auth"].get("scope", {}).get("project")
        if project:
            reply["project"] = {"id": "p1", "name": project.get("name", "p1"), "domain": domain}
            reply["roles"] = [{"id": "r1", "name": "member"}]
            endpoint = {"id": "e1", "interface": "public", "region": "r", "region_id": "r", "url": self.main}
            reply["catalog"] = [{"id": "s1", "type": "identity", "name": "keystone", "endpoints": [endpoint]}]
        return token, {"token": reply}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, stub: Stub, context: ssl.SSLContext) -> None:
        self.stub, self.context = stub, context
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake belongs to the connection's own thread, and may fail there without a word.
        try:
            with self.context.wrap_socket(request, server_side=True) as tls:
                super().finish_request(tls, client_address)
        except OSError:
            pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        stub = self.server.stub
        stub.seen.append(Seen("GET", self.path))
        if self.path.endswith("/projects"):
            name = stub.tokens.get(self.headers.get("X-Auth-Token", ""))
            if name is None:
                return self._answer(401, {"error": {"message": "no such token", "code": 401}})
            return self._answer(200, {"projects": [{"id": "p1", "name": f"project of {name}", "domain_id": "default"}]})
        here = f"https://{self.headers['Host']}{self.path.rstrip('/')}/"
        version = {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": here}]}
        return self._answer(200, {"version": version})

    def do_POST(self) -> None:
        stub, face = self.server.stub, self.path.split("/")[1]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        who, headers = None, {}
        if face == "krb":
            who, reply = stub.accept(self.headers.get("Authorization", ""))
            if reply or who is None:
                headers["WWW-Authenticate"] = f"Negotiate {reply}".strip()
        elif face == "x509":
            names = [part for group in self.connection.getpeercert()["subject"] for part in group]
            who = dict(names)["commonName"]
        elif "password" in body["auth"]["identity"]:
            user = body["auth"]["identity"]["password"]["user"]
            who = user["name"] if PASSWORDS.get(user.get("name")) == user["password"] else None
        elif "token" in body["auth"]["identity"]:
            who = stub.tokens.get(body["auth"]["identity"]["token"]["id"])
        stub.seen.append(Seen("POST", self.path, who, face, body))
        if who is None:
            return self._answer(401, {"error": {"message": "the stub knows nobody", "code": 401}}, headers)
        token, reply_body = stub.issue(who, body)
        return self._answer(201, reply_body, {**headers, "X-Subject-Token": token})

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in {**(headers or {}), "Content-Type": "application/json", "Content-Length": str(len(payload))}.items():
            self.send_header(name, value)
        self.wfile.write(b"".join([*self._headers_buffer, b"\r\n", payload]))
        self._headers_buffer = []

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `seen` is the log."""
