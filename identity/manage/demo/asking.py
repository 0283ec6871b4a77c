"""Plain HTTPS questions to the gateway, for what the stock client does not show: one connection each, no redirects."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .processes import Tls

_TRIES = 3
_SILENCE = 3.0  # seconds after which a listener that says nothing has let us in


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: Any  # decoded JSON, or text

    @property
    def message(self) -> str:
        """The API's error message, or what else there is to say."""
        if isinstance(self.body, dict) and isinstance(self.body.get("error"), dict):
            return str(self.body["error"].get("message", ""))
        return "" if self.body is None else str(self.body)[:200]


def ask(tls: Tls, port: int, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
    """One request. Asked again where the connection broke, for a worker may be replaced at any moment; TLS refusals are not."""
    for attempt in range(1, _TRIES + 1):
        try:
            return _once(tls, port, (method, path, body), headers or {})
        except (ConnectionError, TimeoutError, ssl.SSLEOFError, http.client.HTTPException):
            if attempt == _TRIES:
                raise
            time.sleep(0.2 * attempt)
    raise AssertionError("not reached")


def _once(tls: Tls, port: int, question: tuple[str, str, Any], headers: Mapping[str, str]) -> Reply:
    method, path, body = question
    connection = http.client.HTTPSConnection("localhost", port, context=tls.context(), timeout=10)
    try:
        sent = {"Content-Type": "application/json", **headers} if body is not None else dict(headers)
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        response = connection.getresponse()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, _decoded(response.read()))
    finally:
        connection.close()


def refusal(tls: Tls, port: int) -> str:
    """The TLS alert with which the listener refuses this certificate; an empty text where it lets us in.

    TLS 1.3 tells a client so at its first read (RFC 8446, section 4.4.2.4). Nothing is sent before that read: an answer to data
    that nobody takes is a reset, which may overtake the alert.
    """
    context = tls.context()
    for attempt in range(1, _TRIES + 1):
        try:
            with (
                socket.create_connection(("localhost", port), 10) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as secure,
            ):
                secure.settimeout(_SILENCE)
                secure.recv(1)
                return ""
        except TimeoutError:
            return ""
        except (ConnectionError, ssl.SSLEOFError) as error:
            if attempt == _TRIES:
                return f"no alert: {error}"
            time.sleep(0.2 * attempt)
        except ssl.SSLError as error:
            return error.reason or str(error)
    raise AssertionError("not reached")


def _decoded(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace")


def password_login(user: str, password: str, domain: str, project: str | None = None) -> dict[str, Any]:
    """The body of a log-in by password."""
    auth: dict[str, Any] = {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": user, "domain": {"name": domain}, "password": password}},
        }
    }
    if project is not None:
        auth["scope"] = {"project": {"name": project, "domain": {"name": domain}}}
    return {"auth": auth}
