"""Reading a method's payload: a typed shape or a clear 400 that repeats nothing of what was sent."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from identity.errors import BadRequest

_S = TypeVar("_S", bound=msgspec.Struct)
_PLACE = re.compile(r" - at `\$(?P<path>[.\w]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<field>\w+)`")


class Nothing(msgspec.Struct, frozen=True):
    """The payload of a method whose proof is not in the body: an object, by custom empty."""


def read(shape: type[_S], payload: Any, method: str) -> _S:
    """The payload in its shape; BadRequest names the place that is wrong, never the value (it may be a secret)."""
    if isinstance(payload, shape):
        return payload
    try:
        return msgspec.convert(payload, shape)
    except msgspec.ValidationError as problem:
        raise BadRequest(_explain(str(problem), f"identity.{method}")) from None
    except (UnicodeError, RecursionError):
        raise BadRequest(f"identity.{method} is not valid text.") from None


def text(value: str, place: str) -> str:
    """The value, if it can be a stored name or id: NUL and lone surrogates have no place in either database."""
    if "\0" in value:
        raise BadRequest(f"{place} holds a character that is not allowed.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRequest(f"{place} holds a character that is not allowed.") from None
    return value


def _explain(told: str, place: str) -> str:
    where = _PLACE.search(told)
    if where:
        place += where["path"]
    missing = _MISSING.match(told)
    if missing:
        return f"{place}.{missing['field']} is missing."
    return f"{place} has the wrong type."
