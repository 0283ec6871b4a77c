"""Method `external`: a web server before us authenticated the user and says so in REMOTE_USER."""

from __future__ import annotations

from collections.abc import Mapping

from identity.errors import Unauthorized
from identity.model.evidence import AuthenticatedIdentity, Evidence

from . import payload
from .names import user_name


class External:
    """Believes REMOTE_USER: `identity/wsgi/edge.py` lets it through from a trusted hop only.

    Without `realms` the whole value is the name, in the domain given (Keystone's DefaultDomain). With `realms`
    (realm to domain name) the part after the last `@` must be listed there; a value without `@` is of the domain given.
    `method`: as which it stands in the token, where the web server took the proof of another method (a Kerberos ticket).
    """

    name: str = "external"
    Payload: type = payload.Nothing
    reads: frozenset[str] = frozenset({"REMOTE_USER"})

    def __init__(
        self,
        *,
        domain_id: str | None = None,
        domain_name: str | None = None,
        realms: Mapping[str, str] | None = None,
        method: str = "external",
    ) -> None:
        self.name = method
        self._domain_id = domain_id if domain_name is None else None
        self._domain_name = domain_name
        self._realms = dict(realms or {})

    def authenticate(self, evidence: Evidence) -> AuthenticatedIdentity:
        if evidence.payload is not None:
            payload.read(payload.Nothing, evidence.payload, evidence.method)
        name, realm = _decoded(evidence.environ.get("REMOTE_USER", "")), None
        if not name:
            raise Unauthorized(reason="no trusted hop named a user (REMOTE_USER)")
        if self._realms and "@" in name:
            name, _, realm = name.rpartition("@")
        name = user_name(name, "REMOTE_USER")
        if realm is None:
            return AuthenticatedIdentity(method=self.name, name=name, domain_id=self._domain_id, domain_name=self._domain_name)
        domain = self._realms.get(realm)
        if domain is None:
            raise Unauthorized(reason="REMOTE_USER is of a realm that is not in the table")
        return AuthenticatedIdentity(method=self.name, name=name, domain_name=domain)


def _decoded(value: str) -> str:
    # WSGI hands over each byte as one character (PEP 3333); names are UTF-8.
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        raise Unauthorized(reason="REMOTE_USER is not UTF-8") from None
