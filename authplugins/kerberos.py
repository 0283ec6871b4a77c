"""Method `kerberos`: a Kerberos service ticket in `Authorization: Negotiate` (RFC 4559, RFC 4178).

Only `gssapi` itself reads the token; the checks on what it found are here. Every login is one step: a negotiation
that needs a second leg would bind state to a connection, and is refused.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from identity.errors import Unavailable
from identity.model.evidence import AuthenticatedIdentity, Evidence
from identity.ports import Clock

from . import negotiate, payload
from .bindings import server_end_point
from .names import user_name


class _Accepted(NamedTuple):
    principal: str
    lifetime: float  # seconds
    reply: bytes | None
    bound: bool


class Kerberos:
    """Accepts tickets for the named services only, of the realms in the table only.

    `keytab`: file name; replaced at run time, the new keys are used. `service`: "HTTP@host", or several of them.
    `realms`: realm to domain name. `server_cert_der`: the certificate that the client sees, for channel bindings;
    `bindings_required` refuses a client that sends none. `replay_cache`: a file; empty: the library's default, one
    file a user id in /var/tmp. `clock_skew`: krb5.conf's `clockskew`, seconds by which the library lets a ticket
    outlive its end: no token is given for that grace.
    """

    name = "kerberos"
    Payload: type = payload.Nothing
    reads: frozenset[str] = frozenset({"HTTP_AUTHORIZATION"})

    def __init__(
        self,
        *,
        keytab: str,
        service: str | Sequence[str],
        realms: Mapping[str, str],
        bindings_required: bool = False,
        server_cert_der: bytes | None = None,
        replay_cache: str = "",
        clock: Clock = time.time,
        clock_skew: float = 300.0,
    ) -> None:
        self._keytab = str(keytab)
        self._services = (service,) if isinstance(service, str) else tuple(service)
        self._realms = dict(realms)
        self._required = bindings_required
        self._replay_cache = replay_cache
        self._store = {"keytab": f"FILE:{keytab}"} | ({"rcache": f"file2:{replay_cache}"} if replay_cache else {})
        self._clock = clock
        self._skew = clock_skew
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._credentials: tuple[Any, ...] = ()
        self._gssapi, self._bindings, self._broken = self._prepare(server_cert_der)

    def health(self) -> str | None:
        """Why no ticket can be accepted now, with the cure; None: all is well."""
        try:
            _check_writable(self._replay_cache)
            self._acceptors()
        except Unavailable as problem:
            return problem.reason
        return None

    def authenticate(self, evidence: Evidence) -> AuthenticatedIdentity:
        if evidence.payload is not None:
            payload.read(payload.Nothing, evidence.payload, evidence.method)
        acceptors = self._acceptors()
        token = negotiate.token(evidence.environ.get("HTTP_AUTHORIZATION", ""))
        accepted = self._accept(token, acceptors)
        if self._required and not accepted.bound:
            raise negotiate.refused("channel bindings are required and the client sent none")
        name, domain = self._who(accepted.principal)
        left = accepted.lifetime - self._skew
        if left <= 0:
            raise negotiate.refused("the ticket has expired")
        return AuthenticatedIdentity(
            method=self.name,
            name=name,
            domain_name=domain,
            not_after=self._clock() + left,
            response_headers=negotiate.reply(accepted.reply),
        )

    def _prepare(self, server_cert_der: bytes | None) -> tuple[Any, Any, str | None]:
        try:
            import gssapi  # noqa: PLC0415 (slow, and a C library: not before Kerberos is wanted)
        except (ImportError, OSError) as problem:
            return None, None, f"the gssapi package cannot be loaded ({problem}): install it and libgssapi-krb5-2"
        data = None
        if server_cert_der is not None:
            try:
                data = server_end_point(server_cert_der)
            except ValueError:
                return gssapi, None, "the certificate for channel bindings cannot be read"
        if self._required and data is None:
            cause = "there is no server certificate" if server_cert_der is None else "its signature names no one hash (RFC 5929)"
            return gssapi, None, f"channel bindings are required, but {cause}"
        bindings = None if data is None else gssapi.raw.ChannelBindings(application_data=data)
        return gssapi, bindings, None

    def _acceptors(self) -> tuple[Any, ...]:
        """The acceptor credentials; made again when the keytab is another file than before."""
        if self._broken:
            raise Unavailable(reason=self._broken)
        try:
            status = os.stat(self._keytab)
        except OSError as problem:
            raise Unavailable(reason=f"keytab {self._keytab}: {problem.strerror}") from None
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        with self._lock:
            if stamp != self._stamp:
                _check_writable(self._replay_cache)
                self._credentials = self._acquire_all()
                self._stamp = stamp
            return self._credentials

    def _acquire_all(self) -> tuple[Any, ...]:
        """A credential for each service that the keytab has keys of: one is enough, as a host may have more names than keys."""
        found, problems = [], []
        for service in self._services:
            try:
                found.append(self._acquire(service))
            except Unavailable as problem:
                problems.append(problem.reason)
        if not found:
            raise Unavailable(reason="; ".join(problems) or "no service name was given: set kerberos.service")
        return tuple(found)

    def _acquire(self, service: str) -> Any:
        # Named: a nameless credential would take a ticket for any principal of the keytab. All mechanisms: one for
        # krb5 alone does not accept SPNEGO.
        gssapi = self._gssapi
        try:
            name = gssapi.Name(service, gssapi.NameType.hostbased_service)
            return gssapi.Credentials(name=name, usage="accept", store=self._store)
        except gssapi.exceptions.GSSError as problem:
            raise Unavailable(reason=f"keytab {self._keytab} does not serve {service}: {_told(problem)}") from None

    def _accept(self, token: bytes, acceptors: tuple[Any, ...]) -> _Accepted:
        reasons = []
        for credential in acceptors:
            try:
                accepted = self._step(token, credential)
            except (self._gssapi.exceptions.GSSError, UnicodeError, ValueError) as problem:
                reasons.append(_told(problem))
                continue
            if accepted is not None:
                return accepted
            reasons.append("the negotiation needs another leg")
        raise negotiate.refused_token(token, "; ".join(reasons))

    def _step(self, token: bytes, credential: Any) -> _Accepted | None:
        """What the library found; None where it asks for another leg. Raises its errors, and Unauthorized."""
        context = self._gssapi.SecurityContext(creds=credential, usage="accept", channel_bindings=self._bindings)
        reply = context.step(token)
        # step() does not raise where the failure made an error token too: the next attribute read does. So nothing
        # counts before `complete` was read here, within the caller's `try`.
        if not context.complete:
            return None
        if context.mech != self._gssapi.MechType.kerberos:
            raise negotiate.refused("the mechanism is not Kerberos")
        flags = context.actual_flags
        flag = self._gssapi.RequirementFlag
        if flag.anonymity in flags or context.initiator_name.name_type == self._gssapi.NameType.anonymous:
            raise negotiate.refused("the ticket is anonymous")
        lifetime = context.lifetime
        if lifetime is None:
            raise negotiate.refused("the ticket has no end")
        principal = bytes(context.initiator_name).decode()
        return _Accepted(principal, float(lifetime), reply, flag.channel_bound in flags)

    def _who(self, principal: str) -> tuple[str, str]:
        """User and domain name of alice@REALM; alice/admin is another principal, and \\ hides a / or @ in a part."""
        name, at, realm = principal.rpartition("@")
        if not at or "\\" in principal or "@" in name or "/" in name:
            raise negotiate.refused("the principal is not of the form name@REALM")
        domain = self._realms.get(realm)
        if domain is None:
            raise negotiate.refused("the principal is of a realm that is not in the table")
        return user_name(name, "the principal", negotiate.CHALLENGE), domain


def _check_writable(replay_cache: str) -> None:
    # The library would refuse every ticket, and the user would look for the fault in his own.
    if replay_cache and not os.access(os.path.dirname(replay_cache) or ".", os.W_OK | os.X_OK):
        raise Unavailable(reason=f"the replay cache {replay_cache} cannot be written: make its directory ours")


def _told(problem: Exception) -> str:
    """The library's words in one line, bounded: they may quote a principal of the caller's choice."""
    return " ".join(str(problem).split())[:300]
