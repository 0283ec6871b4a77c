"""The interfaces between the layers: what a plugin, a token's spelling, a catalogue or a log must offer, and may ask for.

Depends on `identity.model` only. A port's contract is a runnable suite in `tests/contract/`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from .model.auth import UserRef
from .model.catalog import Service
from .model.delegation import CredentialRef, StoredSecret
from .model.event import LoginEvent
from .model.evidence import AuthenticatedIdentity, Evidence
from .model.token import Claims

Clock = Callable[[], float]
"""Seconds since the epoch, UTC; passed in so that tests can turn it."""


class AuthPlugin(Protocol):
    """Turns a proof into an identity. Raises `errors.Unauthorized` with a reason, `BadRequest` or `Unavailable`.

    `Payload` is a msgspec type: the shape of `identity.<name>` in the body. `reads` names the WSGI variables
    that the plugin wants to see; it is shown no others. One that asks for its proof raises `errors.ChallengeRequired` with
    the `WWW-Authenticate` header (RFC 9110, section 11.6.1).
    """

    name: str
    Payload: type
    reads: frozenset[str]

    def authenticate(self, evidence: Evidence) -> AuthenticatedIdentity: ...


class CredentialReader(Protocol):
    """Checks a password. Takes the same time whether or not the user exists (CWE-208).

    `verify` returns the user id, and the end of the password's own life (None: never); it raises
    `errors.Unauthorized`, or `errors.PasswordTooLong` for more than 4,096 bytes.
    """

    def verify(self, user: UserRef, password: str) -> tuple[str, float | None]: ...


class ApplicationCredentialReader(Protocol):
    """Checks the secret of an application credential; raises `errors.Unauthorized`. Takes the same time for every refusal."""

    def verify(self, ref: CredentialRef, secret: str) -> StoredSecret: ...


class TokenReader(Protocol):
    """Opens a token that a caller shows, with all that makes it valid. Raises `errors.TokenNotFound`."""

    def read(self, token: str) -> Claims: ...


class TokenProvider(Protocol):
    """One spelling of tokens. `open` raises `errors.TokenNotFound` for everything that `seal` did not write."""

    name: str

    def seal(self, claims: Claims) -> str: ...

    def open(self, token: str) -> Claims: ...

    def owns(self, token: str) -> bool: ...


class KeySource(Protocol):
    """Signing keys, newest first: `primary` seals, all of `keys` open."""

    def primary(self) -> bytes: ...

    def keys(self) -> Sequence[bytes]: ...


class CatalogSource(Protocol):
    """The services of this pool, with URLs as templates."""

    def services(self) -> Sequence[Service]: ...


class EventSink(Protocol):
    def login(self, event: LoginEvent) -> None: ...
