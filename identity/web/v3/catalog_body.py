"""What the bodies of the catalogue's resources have in common."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from identity import errors
from identity.web.body import Given, given, present
from identity.web.context import Call

Shape = TypeVar("Shape", bound=msgspec.Struct)


def change_of(call: Call, key: str, shape: type[Shape], id: str) -> Given[Shape]:
    """The body of a change to the thing with that id. Raises `errors.BadRequest` for another id, and where it changes nothing."""
    body = given(call, key, shape)
    sent = present(body.known)
    if not sent and not body.extra:
        raise errors.BadRequest(f"Invalid input: {key} must hold at least one attribute.")
    if sent.get("id") not in (None, id):
        raise errors.BadRequest(f"The id of a {key} cannot be changed.")
    return body
