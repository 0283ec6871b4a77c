"""Answers to what never reaches the application, in the same form to the byte as `web/problem.py` writes its own.

RFC 9110, section 15: any 4xx may say why. Nothing that the client sent is repeated (it may be a secret).
"""

from __future__ import annotations

import json
from typing import Final
from uuid import uuid4

TITLES: Final = {
    400: "Bad Request",
    404: "Not Found",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    417: "Expectation Failed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class Refused(Exception):
    """A request that is turned away before the application. `reason` is a short word for the metrics."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status = status
        self.reason = reason
        self.message = message
        super().__init__(reason)


def body(status: int, message: str) -> bytes:
    """The JSON of one error."""
    found = {"error": {"code": status, "message": message, "title": TITLES[status]}}
    return json.dumps(found, separators=(",", ":")).encode("ascii")


def headers(content: bytes, request_id: str) -> list[tuple[str, str]]:
    """The fields that every refusal carries."""
    return [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(content))),
        ("Vary", "X-Auth-Token"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Openstack-Request-Id", request_id),
    ]


def message(status: int, text: str, *, server: str) -> bytes:
    """A whole HTTP/1.1 answer that closes the connection, for requests of which no more can be known."""
    content = body(status, text)
    fields = [("Server", server), ("Connection", "close"), *headers(content, f"req-{uuid4()}")]
    if status == 503:
        fields.append(("Retry-After", "1"))  # as web/problem.py
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {status} {TITLES[status]}\r\n{lines}\r\n".encode("ascii") + content
