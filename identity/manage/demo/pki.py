"""A small certificate authority, for the demo and for tests.

Keys are on P-256; certificates and lists have all that OpenSSL's X509_STRICT asks for (RFC 5280, section 4.2).
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

_SKEW = datetime.timedelta(minutes=5)
_CA_LIFE = datetime.timedelta(days=30)
_LEAF_LIFE = datetime.timedelta(days=7)
_CRL_LIFE = datetime.timedelta(days=7)

_Hash = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key, and the intermediates that lead from it to a root (the root left out)."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def cert_pem(self) -> bytes:
        """The certificate, then its intermediates, as a TLS server or client wants them in one file."""
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (self.certificate, *self.chain))

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.key)

    def write(self, directory: Path, stem: str) -> tuple[Path, Path]:
        """Write `stem`.crt and `stem`.key, readable by their owner only; returns both names."""
        return (
            write_private(Path(directory) / f"{stem}.crt", self.cert_pem),
            write_private(Path(directory) / f"{stem}.key", self.key_pem),
        )


class Authority:
    """A certificate authority: a root, or an intermediate that `issue_intermediate` made.

    `now` is the moment of making, UTC; `hash_algorithm` signs everything it issues.
    """

    def __init__(
        self,
        name: str,
        *,
        organization: str = "Gatestone",
        parent: Authority | None = None,
        now: datetime.datetime | None = None,
        hash_algorithm: _Hash | None = None,
    ) -> None:
        self.parent = parent
        self.key = ec.generate_private_key(ec.SECP256R1())
        self._hash: _Hash = hash_algorithm or hashes.SHA256()
        self._now = now
        self._revoked: dict[int, datetime.datetime] = {}
        self._crl_number = 0
        self.name = x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization), x509.NameAttribute(NameOID.COMMON_NAME, name)]
        )
        self.certificate = self._make_own()

    def issue_server(
        self,
        names: Sequence[str],
        *,
        usage: Sequence[ObjectIdentifier] = SERVER,
        not_before: datetime.datetime | None = None,
        not_after: datetime.datetime | None = None,
    ) -> Issued:
        """A server certificate for host names and IP addresses; the first is its common name. A proxy's is for clients too."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        alternative = x509.SubjectAlternativeName([_general_name(name) for name in names])
        return self._issue(subject, usage, alternative, not_before, not_after)

    def issue_client(
        self,
        common_name: str,
        *,
        organization: str = "Gatestone",
        subject: x509.Name | None = None,
        usage: Sequence[ObjectIdentifier] = CLIENT,
        not_before: datetime.datetime | None = None,
        not_after: datetime.datetime | None = None,
    ) -> Issued:
        """A client certificate for O=`organization`, CN=`common_name` (or `subject`); no `usage`: no such extension."""
        if subject is None:
            subject = x509.Name(
                [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
            )
        return self._issue(subject, usage, None, not_before, not_after)

    def issue_intermediate(self, name: str, *, organization: str = "Gatestone") -> Authority:
        return Authority(name, organization=organization, parent=self, now=self._now, hash_algorithm=self._hash)

    def revoke(self, certificate: x509.Certificate) -> None:
        """Put the certificate on the next `crl_pem`."""
        self._revoked[certificate.serial_number] = self._moment()

    def crl_pem(self, *, last_update: datetime.datetime | None = None, next_update: datetime.datetime | None = None) -> bytes:
        """The signed list of what this authority revoked."""
        self._crl_number += 1
        start = last_update or self._moment() - _SKEW
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(start)
            .next_update(next_update or start + _CRL_LIFE)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(self._crl_number), critical=False)
        )
        for serial, since in self._revoked.items():
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since).build()
            builder = builder.add_revoked_certificate(revoked)
        return builder.sign(self.key, self._hash).public_bytes(serialization.Encoding.PEM)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """This authority and those above it, the root left out."""
        return () if self.parent is None else (self.certificate, *self.parent.chain)

    @property
    def bundle_pem(self) -> bytes:
        """This authority and all those above it, the root included."""
        above = b"" if self.parent is None else self.parent.bundle_pem
        return self.certificate.public_bytes(serialization.Encoding.PEM) + above

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.key)

    def write(self, directory: Path, stem: str) -> tuple[Path, Path]:
        """Write the bundle as `stem`.crt and the key as `stem`.key; returns both names."""
        return (
            write_private(Path(directory) / f"{stem}.crt", self.bundle_pem),
            write_private(Path(directory) / f"{stem}.key", self.key_pem),
        )

    def _moment(self) -> datetime.datetime:
        return self._now or datetime.datetime.now(datetime.UTC)

    def _make_own(self) -> x509.Certificate:
        signer, issuer = (self.key, self.name) if self.parent is None else (self.parent.key, self.parent.name)
        start = self._moment() - _SKEW
        return (
            _builder(self.name, issuer, self.key.public_key(), signer.public_key())
            .not_valid_before(start)
            .not_valid_after(start + _CA_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(signer, self._hash)
        )

    def _issue(
        self,
        subject: x509.Name,
        usage: Sequence[ObjectIdentifier],
        alternative: x509.SubjectAlternativeName | None,
        not_before: datetime.datetime | None,
        not_after: datetime.datetime | None,
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        start = not_before or self._moment() - _SKEW
        builder = (
            _builder(subject, self.name, key.public_key(), self.key.public_key())
            .not_valid_before(start)
            .not_valid_after(not_after or start + _LEAF_LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
        )
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(usage)), critical=False)
        if alternative is not None:
            builder = builder.add_extension(alternative, critical=False)
        return Issued(builder.sign(self.key, self._hash), key, self.chain)


def write_private(path: Path, content: bytes) -> Path:
    """Write a file that only its owner can read; it has that mode from its first moment."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, 0o600)  # an existing file keeps its mode otherwise
        file.write(content)
    return path


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, signer: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
