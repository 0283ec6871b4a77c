"""Plain HTTPS questions to the gateway, for what the stock client does not show: one connection each, no redirects."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .processes import Tls

_TRIES = 3


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
