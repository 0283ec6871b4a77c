"""The body of `POST /v3/auth/tokens`, typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from identity import errors
from identity.model.auth import AuthRequest, DomainRef, ProjectRef, ScopeRequest

MAX_METHODS = 16


class DomainShape(msgspec.Struct):
    id: str | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET


class ProjectShape(msgspec.Struct):
    id: str | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    domain: DomainShape | msgspec.UnsetType = msgspec.UNSET


class SystemShape(msgspec.Struct):
    all: bool


class ScopeShape(msgspec.Struct):
    project: ProjectShape | msgspec.UnsetType = msgspec.UNSET
    domain: DomainShape | msgspec.UnsetType = msgspec.UNSET
    system: SystemShape | msgspec.UnsetType = msgspec.UNSET
    unscoped: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    trust: dict[str, Any] | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="OS-TRUST:trust")


class AuthShape(msgspec.Struct):
    identity: dict[str, msgspec.Raw]
    scope: str | ScopeShape | msgspec.UnsetType = msgspec.UNSET


class AuthBody(msgspec.Struct):
    """{"auth": {"identity": {"methods": [...], "<method>": {...}}, "scope": {...} or "unscoped"}}"""

    auth: AuthShape


_decode = msgspec.json.Decoder(AuthBody).decode
_methods = msgspec.json.Decoder(list[str]).decode


def decode(raw: bytes, choose: Callable[[tuple[str, ...]], tuple[str, ...]], payload_type: Callable[[str], Any]) -> AuthRequest:
    """Read the body; `choose` maps the methods asked for to the plugins to run. Raises `errors.BadRequest`."""
    try:
        auth = _decode(raw).auth
        listed = auth.identity.get("methods")
        if listed is None:
            raise errors.BadRequest("Invalid input: identity.methods is missing.")
        asked = tuple(dict.fromkeys(_methods(listed)))
        if len(asked) > MAX_METHODS:
            raise errors.BadRequest("Invalid input: identity.methods names too many methods.")
        scope = _scope(auth.scope)
        methods = choose(asked)
        payloads = {name: _payload(auth.identity, name, asked, payload_type(name)) for name in methods}
    except msgspec.ValidationError as problem:
        raise errors.BadRequest(f"Invalid input: {problem}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise errors.BadRequest("Expecting to find valid JSON in the request body.") from None
    return AuthRequest(methods, payloads, scope)


def _payload(identity: dict[str, msgspec.Raw], name: str, asked: tuple[str, ...], shape: Any) -> Any:
    raw = identity.get(name)
    if raw is None or (name not in asked):
        # A face that decides the proof itself needs no payload for it.
        raw = msgspec.Raw(b"{}") if name not in asked else None
    if raw is None:
        raise errors.BadRequest(f"Expecting to find {name} in identity.")
    return msgspec.json.decode(raw, type=shape)


def _scope(scope: str | ScopeShape | msgspec.UnsetType) -> ScopeRequest:
    if scope is msgspec.UNSET:
        return ScopeRequest()
    if isinstance(scope, str):
        if scope != "unscoped":
            raise errors.BadRequest("Invalid input: scope must be an object or 'unscoped'.")
        return ScopeRequest(unscoped=True)
    assert isinstance(scope, ScopeShape)
    given = [part for part in (scope.project, scope.domain, scope.system, scope.unscoped, scope.trust) if part is not msgspec.UNSET]
    if len(given) != 1:
        raise errors.BadRequest("Expecting to find exactly one of system, project, domain, OS-TRUST:trust or unscoped in scope.")
    part = given[0]
    if part is scope.trust:
        raise errors.Unauthorized(reason="trust scope is not served")
    if isinstance(part, ProjectShape):
        return ScopeRequest(project=_project(part))
    if isinstance(part, DomainShape):
        return ScopeRequest(domain=_domain(part, "scope.domain"))
    if isinstance(part, SystemShape):
        if not part.all:
            raise errors.BadRequest("Invalid input: scope.system.all must be true.")
        return ScopeRequest(system=True)
    return ScopeRequest(unscoped=True)


def _project(shape: ProjectShape) -> ProjectRef:
    if isinstance(shape.name, str):
        if not isinstance(shape.domain, DomainShape):
            raise errors.BadRequest("Expecting to find domain in scope.project.")
        return ProjectRef(name=shape.name, domain=_domain(shape.domain, "scope.project.domain"))
    if isinstance(shape.id, str):
        return ProjectRef(id=shape.id)
    raise errors.BadRequest("Invalid input for scope.project: id or name must be present.")


def _domain(shape: DomainShape, place: str) -> DomainRef:
    if isinstance(shape.name, str):
        return DomainRef(name=shape.name)
    if isinstance(shape.id, str):
        return DomainRef(id=shape.id)
    raise errors.BadRequest(f"Invalid input for {place}: id or name must be present.")
