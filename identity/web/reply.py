"""An answer on its way out."""

from __future__ import annotations

from typing import Any

import msgspec

JSON = "application/json"
encode = msgspec.json.Encoder().encode


class Reply(msgspec.Struct, frozen=True):
    """Status, body in bytes, and headers: handlers return bytes, which is what keeps the hot path short."""

    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = JSON


def json_reply(value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    return Reply(encode(value), status, headers)


NO_CONTENT = Reply(b"", 204)
