"""Keystone's token payloads: a version number, then that version's fields in a fixed order, in MessagePack.

Versions 0 to 10 are Keystone's (`keystone/token/token_formatters.py`). Version 64 is our own and holds every field; it is
written only for claims that none of Keystone's versions can hold whole, because dropping a field could drop a restriction.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, Final

import msgpack

from ..errors import TokenNotFound
from ..model.token import Claims
from .audit import audit_bytes
from .methods import MethodTable

EVERYTHING: Final = 64
MAX_TIME: Final = 253402300799
"""The last second of the year 9999: what lies beyond cannot be written as an ISO 8601 time."""

_HEX: Final = re.compile(r"[0-9a-f]{32}")
_FEDERATED: Final = frozenset({"idp_id", "protocol_id"})

# Kinds of fields: an id is the pair (is it 16 bytes, value); a bare one stands without that flag.
_ID, _BARE, _TEXT, _METHODS, _TIME, _AUDIT, _GROUPS = "id", "bare", "text", "methods", "time", "audit", "groups"

_USER: Final = (("user_id", _ID), ("methods", _METHODS))
_END: Final = (("expires_at", _TIME), ("audit_ids", _AUDIT))
_PROJECT: Final = ("project_id", _ID)
_ORIGIN: Final = (("group_ids", _GROUPS), ("idp_id", _ID), ("protocol_id", _TEXT))

_LAYOUTS: Final[dict[int, tuple[tuple[str, str], ...]]] = {
    0: (*_USER, *_END),
    1: (*_USER, ("domain_id", _BARE), *_END),
    2: (*_USER, _PROJECT, *_END),
    3: (*_USER, _PROJECT, *_END, ("trust_id", _BARE)),
    4: (*_USER, *_ORIGIN, *_END),
    5: (*_USER, _PROJECT, *_ORIGIN, *_END),
    6: (*_USER, ("domain_id", _ID), *_ORIGIN, *_END),
    7: (*_USER, _PROJECT, ("access_token_id", _ID), *_END),
    8: (*_USER, ("system", _TEXT), *_END),
    9: (*_USER, _PROJECT, *_END, ("app_cred_id", _ID)),
    10: (*_USER, _PROJECT, ("domain_id", _ID), *_END, ("thumbprint", _ID)),
    EVERYTHING: (
        *_USER,
        _PROJECT,
        ("domain_id", _ID),
        ("system", _TEXT),
        *_ORIGIN,
        *_END,
        ("trust_id", _ID),
        ("access_token_id", _ID),
        ("app_cred_id", _ID),
        ("thumbprint", _ID),
    ),
}

_OPTIONAL: Final = tuple(name for name, _ in _LAYOUTS[EVERYTHING] if name not in {n for n, _ in _LAYOUTS[0]})

_VERSIONS: Final[dict[frozenset[str], int]] = {
    frozenset(): 0,
    frozenset({"domain_id"}): 1,
    frozenset({"project_id"}): 2,
    frozenset({"project_id", "trust_id"}): 3,
    _FEDERATED: 4,
    _FEDERATED | {"group_ids"}: 4,
    _FEDERATED | {"project_id"}: 5,
    _FEDERATED | {"project_id", "group_ids"}: 5,
    _FEDERATED | {"domain_id"}: 6,
    _FEDERATED | {"domain_id", "group_ids"}: 6,
    frozenset({"project_id", "access_token_id"}): 7,
    frozenset({"system"}): 8,
    frozenset({"project_id", "app_cred_id"}): 9,
    frozenset({"project_id", "thumbprint"}): 10,
}


def one_scope(claims: Claims) -> bool:
    """Whether the claims name one scope at most."""
    return (claims.project_id, claims.domain_id, claims.system).count(None) >= 2


def version_for(claims: Claims) -> int:
    """The payload version that holds all that is set in `claims`; ValueError for more than one scope."""
    present = frozenset(name for name in _OPTIONAL if getattr(claims, name) not in (None, ()))
    if not one_scope(claims):
        raise ValueError("a token has one scope at most")
    return _VERSIONS.get(present, EVERYTHING)


def pack(claims: Claims, methods: MethodTable) -> bytes:
    """The payload of `claims`; `issued_at` is not in it, as Fernet carries that time itself. ValueError if it cannot be."""
    version = version_for(claims)
    if not (0 <= claims.expires_at <= MAX_TIME and claims.audit_ids and claims.user_id):
        raise ValueError("claims without user, audit id or a sensible end")
    values: list[Any] = [version]
    for name, kind in _LAYOUTS[version]:
        value = getattr(claims, name)
        values.append(methods.number(value) if kind is _METHODS else _WRITE[kind](value))
    packed: bytes = msgpack.packb(values)
    return packed


def unpack(payload: bytes, issued_at: int, methods: MethodTable) -> Claims:
    """The claims of a payload that was sealed at `issued_at`; TokenNotFound for anything else."""
    try:
        version, *values = msgpack.unpackb(payload)
        fields: dict[str, Any] = {"issued_at": issued_at}
        for (name, kind), value in zip(_LAYOUTS[version], values, strict=True):
            if kind is _ID and value[0] is True and type(value[1]) is bytes and len(value[1]) == 16:
                fields[name] = value[1].hex()  # nearly every id: spared a call, for this is the path of every new token
            else:
                fields[name] = methods.names[value] if kind is _METHODS else _READ[kind](value)
        claims = Claims(**fields)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as fault:
        raise TokenNotFound(reason=f"token payload malformed: {type(fault).__name__}") from None
    sensible = 0 <= issued_at <= MAX_TIME and 0 <= claims.expires_at <= MAX_TIME
    scoped_once = (claims.project_id, claims.domain_id, claims.system).count(None) >= 2
    if not (sensible and scoped_once and claims.user_id and claims.audit_ids):
        raise TokenNotFound(reason="token payload malformed: contradictory claims")
    return claims


def _write_bare(value: str | None) -> bytes | str | None:
    """Sixteen bytes for the usual id. Only that one spelling is shortened, so that every other string survives as it is."""
    return bytes.fromhex(value) if value is not None and _HEX.fullmatch(value) else value


def _write_id(value: str | None) -> tuple[bool, bytes | str | None]:
    short = _write_bare(value)
    return isinstance(short, bytes), short


def _write_groups(ids: tuple[str, ...]) -> list[tuple[bool, bytes | str | None]]:
    return [_write_id(value) for value in ids]


def _write_audit(ids: tuple[str, ...]) -> list[bytes]:
    found = []
    for audit_id in ids:
        raw = audit_bytes(audit_id)
        if raw is None:
            raise ValueError("an audit id is URL-safe base64 of 3n+1 bytes")
        found.append(raw)
    return found


def _read_bare(value: object) -> str | None:
    """An id or a text. Old Pythons wrote texts as bytes, so sixteen bytes are an id and other bytes UTF-8."""
    if isinstance(value, bytes):
        return value.hex() if len(value) == 16 else value.decode()
    return _read_text(value)


def _read_text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode()
    if value is None or isinstance(value, str):
        return value
    raise TypeError("not a text")


def _read_id(value: Any) -> str | None:
    packed, inner = value
    if not packed and type(inner) is str:
        return inner
    if packed and type(inner) is bytes and len(inner) == 16:
        return inner.hex()
    if packed:
        raise TypeError("not an id")
    return _read_text(inner)


def _read_groups(values: list[Any]) -> tuple[str, ...]:
    found = tuple(_read_id(value) for value in values)
    if None in found:
        raise TypeError("a group without id")
    return found  # type: ignore[return-value]


def _read_audit(values: list[bytes]) -> tuple[str, ...]:
    found = []
    for raw in values:
        found.append(base64.urlsafe_b64encode(raw).decode().rstrip("="))  # as `audit_text`, without its call
    return tuple(found)


_WRITE: Final[dict[str, Callable[[Any], Any]]] = {
    _ID: _write_id,
    _BARE: _write_bare,
    _TEXT: lambda value: value,
    _TIME: float,  # Keystone writes a float
    _AUDIT: _write_audit,
    _GROUPS: _write_groups,
}
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    _ID: _read_id,
    _BARE: _read_bare,
    _TEXT: _read_text,
    _TIME: int,  # whole seconds, rounded down: reading never lengthens a life
    _AUDIT: _read_audit,
    _GROUPS: _read_groups,
}
