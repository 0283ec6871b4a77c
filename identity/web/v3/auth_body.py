"""The body of `POST /v3/auth/tokens`, typed."""

from __future__ import annotations

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
    identity: dict[str, Any]
    scope: str | ScopeShape | msgspec.UnsetType = msgspec.UNSET


class AuthBody(msgspec.Struct):
    """{"auth": {"identity": {"methods": [...], "<method>": {...}}, "scope": {...} or "unscoped"}}"""

    auth: AuthShape


_decode = msgspec.json.Decoder(AuthBody).decode


def decode(raw: bytes) -> AuthRequest:
    """Read the body: methods, scope, and each method's payload as plain JSON, which is its plugin's to judge.

    Raises `errors.BadRequest`, or `errors.Unauthorized` for a scope that is not served.
    """
    try:
        auth = _decode(raw).auth
        listed = auth.identity.pop("methods", None)
        asked = tuple(dict.fromkeys(msgspec.convert(listed, list[str])))
    except msgspec.ValidationError as problem:
        raise errors.BadRequest(f"Invalid input: {problem}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise errors.BadRequest("Expecting to find valid JSON in the request body.") from None
    if len(asked) > MAX_METHODS:
        raise errors.BadRequest("Invalid input: identity.methods names too many methods.")
    payloads = {name: auth.identity[name] for name in asked if name in auth.identity}
    return AuthRequest(asked, payloads, _scope(auth.scope))


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
