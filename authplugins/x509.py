"""Method `x509`: a TLS client certificate, as the listener itself verified it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from identity.errors import Unauthorized, Unavailable
from identity.model.evidence import AuthenticatedIdentity, Evidence
from identity.ports import Clock

from . import payload
from .certificate_names import read_rules
from .names import user_name
from .revocation_lists import Trust


@dataclass(frozen=True)
class _Facts:
    """What is read from a certificate, all at once, so that a malformed one fails in one place."""

    certificate: x509.Certificate
    issuer: x509.Name
    subject: x509.Name
    starts: float
    ends: float
    authority: bool
    for_clients: bool


class X509:
    """Issuer and subject together name the user, by the first rule that fits; a header never does.

    `rules`: as `x509.rules` in the settings. `crl_path`, `ca_path`: PEM bundles, re-read when they change; with
    `ca_path` the certificate and the lists are also checked against the authorities' keys. What TLS checked when the
    connection opened is checked again, because a connection may stay open for longer than a certificate stays good.
    """

    name = "x509"
    Payload: type = payload.Nothing
    reads: frozenset[str] = frozenset()

    def __init__(
        self, *, rules: Sequence[Mapping[str, str]], crl_path: str = "", ca_path: str = "", clock: Clock = time.time
    ) -> None:
        self._rules = read_rules(rules)
        self._trust = Trust(str(ca_path), str(crl_path))
        self._clock = clock

    def health(self) -> str | None:
        """Why no certificate can be accepted now; None: all is well."""
        try:
            self._trust.files()
        except Unavailable as problem:
            return problem.reason
        return None

    def authenticate(self, evidence: Evidence) -> AuthenticatedIdentity:
        if evidence.payload is not None:
            payload.read(payload.Nothing, evidence.payload, evidence.method)
        if evidence.peer.certificate is None:
            raise Unauthorized("no client certificate was sent", reason="no client certificate on this connection")
        facts = _read(evidence.peer.certificate)
        now = self._clock()
        _check(facts, now)
        self._trust.check(facts.certificate, now)
        for rule in self._rules:
            user = rule.user(facts.issuer, facts.subject)
            if user is not None:
                return AuthenticatedIdentity(
                    method=self.name,
                    name=user_name(user, "the certificate"),
                    domain_id=rule.domain_id,
                    domain_name=rule.domain,
                    not_after=facts.ends,
                )
        raise Unauthorized(reason="no rule fits the certificate's issuer and subject")


def _check(facts: _Facts, now: float) -> None:
    if now < facts.starts:
        raise Unauthorized(reason="the certificate is not valid yet")
    if now > facts.ends:
        raise Unauthorized(reason="the certificate has expired")
    if facts.authority:
        raise Unauthorized(reason="the certificate is an authority's own")
    if not facts.for_clients:
        raise Unauthorized(reason="the certificate's extended key usage leaves out clientAuth")


def _read(der: bytes) -> _Facts:
    try:
        certificate = x509.load_der_x509_certificate(der)
        if certificate.version is not x509.Version.v3:
            raise ValueError("not version 3")  # nothing would tell an authority from a user
        extensions = certificate.extensions
        return _Facts(
            certificate,
            certificate.issuer,
            certificate.subject,
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
            is_authority(extensions),
            _is_for_clients(extensions),
        )
    except Exception as problem:  # the parser has many kinds of error, and each means: not a proof
        raise Unauthorized(reason=f"the certificate cannot be read ({type(problem).__name__})") from None


def is_authority(extensions: x509.Extensions) -> bool:
    """Whether any mark says that this certificate signs certificates or lists; the TLS listener asks the same function."""
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            return True
        if isinstance(value, x509.KeyUsage) and (value.key_cert_sign or value.crl_sign):
            return True
    return False


def _is_for_clients(extensions: x509.Extensions) -> bool:
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage):
            # anyExtendedKeyUsage is not enough, as OpenSSL has it: a certificate for all ends was made for none.
            return ExtendedKeyUsageOID.CLIENT_AUTH in value
    return True
