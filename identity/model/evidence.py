"""What a caller shows, and what a plugin concludes from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .token import Claims


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of the connection, as the listener itself saw it.

    `certificate` is the verified client certificate in DER, present only where the listener asked for one.
    """

    address: str
    listener: str = "api"  # "api" or "x509"
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One method's proof: the typed payload, and only those variables that the plugin declared in `reads`."""

    method: str
    payload: Any
    environ: Mapping[str, str]
    peer: Peer


@dataclass(frozen=True, slots=True)
class AuthenticatedIdentity:
    """Who was proven: either `user_id`, or `name` with a domain (by id or by name).

    `not_after` (seconds since the epoch) is the end of the proof's own life; no token outlives it.
    `parent` is the token that was shown, when one was: the new token joins its audit chain.
    `app_cred_id` names the application credential that was the proof: the token is for its project, and held to it.
    `response_headers` go on the successful answer (the Negotiate reply of RFC 4559, section 5).
    """

    method: str
    user_id: str | None = None
    name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: str | None = None
    protocol: str | None = None
    not_after: float | None = None
    parent: Claims | None = None
    response_headers: tuple[tuple[str, str], ...] = ()
    app_cred_id: str | None = None
    project_id: str | None = None
