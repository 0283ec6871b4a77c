"""Request bodies: {"user": {...}} read into a typed shape, with whatever else the client sent kept beside it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from identity import errors
from identity.store.text import findable
from identity.web.context import Call

__all__ = [
    "UNSET",
    "Description",
    "Given",
    "Id",
    "Name",
    "ShortName",
    "Unset",
    "given",
    "given_list",
    "kept",
    "optional",
    "present",
]

Shape = TypeVar("Shape", bound=msgspec.Struct)

Unset = UnsetType
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
ShortName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\S")]
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9-]+$")]
Description = Annotated[str, Meta(max_length=65535)]

MOST_DEEP = 32
INTEGERS = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Given(Generic[Shape]):
    """`known`: the members that the shape names. `extra`: all others, fit to be stored as JSON."""

    known: Shape
    extra: Mapping[str, Any]


def given(call: Call, key: str, shape: type[Shape]) -> Given[Shape]:
    """The body's one member, of that shape. Raises `errors.BadRequest` that says where it does not fit."""
    member = _member(call, key)
    if not isinstance(member, dict):
        raise errors.BadRequest(f"Invalid input: {key} must be an object.")
    return _given(member, f"$.{key}", shape)


def given_list(call: Call, key: str, shape: type[Shape]) -> list[Given[Shape]]:
    """As `given`, where the body's one member is a list, such as {"limits": [{...}, {...}]}."""
    members = _member(call, key)
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise errors.BadRequest(f"Invalid input: {key} must be a list of objects.")
    return [_given(member, f"$.{key}[{place}]", shape) for place, member in enumerate(members)]


def present(known: msgspec.Struct, *names: str) -> dict[str, Any]:
    """The members that the client sent (of those named, if any are), by the shape's attribute names."""
    wanted: Iterable[str] = names or known.__struct_fields__
    return {name: value for name in wanted if (value := getattr(known, name)) is not UNSET}


def kept(extra: Mapping[str, Any], never: Container[str] = ("links",)) -> dict[str, Any]:
    """The unknown attributes to store. `never`: what we write ourselves, and clients send back with the rest."""
    return {name: value for name, value in extra.items() if name not in never}


Value = TypeVar("Value")
Default = TypeVar("Default")


def optional(value: Value | UnsetType, default: Default) -> Value | Default:
    """The value, or the default where the client sent none."""
    return default if isinstance(value, UnsetType) else value


def _member(call: Call, key: str) -> Any:
    try:
        body = msgspec.json.decode(call.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise errors.BadRequest("Expecting to find valid JSON in the request body.") from None
    if not isinstance(body, dict) or key not in body:
        raise errors.BadRequest(f"Invalid input: the body must be an object with the member {key!r}.")
    return body[key]


def _given(member: dict[str, Any], place: str, shape: type[Shape]) -> Given[Shape]:
    try:
        known = msgspec.convert(member, shape)
    except msgspec.ValidationError as problem:
        raise errors.BadRequest(f"Invalid input: {str(problem).replace('$', place)}") from None
    names = _names(shape)
    extra = {name: value for name, value in member.items() if name not in names}
    _check(member, place)
    return Given(known, extra)


@cache
def _names(shape: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(shape.__struct_encode_fields__)


def _check(value: Any, place: str, depth: int = 0) -> None:
    """Both databases must be able to keep it, and the encoder to show it again."""
    if depth > MOST_DEEP:
        raise errors.BadRequest(f"Invalid input: {place} is nested too deeply.")
    if isinstance(value, str) and not findable(value):
        raise errors.BadRequest(f"Invalid input: {place} holds a character that cannot be stored.")
    if isinstance(value, int) and value not in INTEGERS:
        raise errors.BadRequest(f"Invalid input: {place} is too large a number.")
    inner: Iterable[Any] = ()
    if isinstance(value, dict):
        inner = [*value, *value.values()]
    elif isinstance(value, list):
        inner = value
    for part in inner:
        _check(part, place, depth + 1)
