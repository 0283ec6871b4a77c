"""The authorities of client certificates and their revocation lists, as files that may be replaced at any time."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from identity.errors import Unauthorized, Unavailable

_PEM_LIST = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)
_DEEPEST = 8  # certificates above the client's
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


@dataclass(frozen=True, eq=False)
class _List:
    issuer: x509.Name
    serials: frozenset[int]
    starts: float
    ends: float
    signers: tuple[x509.Certificate, ...]  # authorities whose signature it bears


@dataclass(frozen=True)
class _Files:
    authorities: tuple[x509.Certificate, ...]
    lists: tuple[_List, ...]


class Trust:
    """Tells at each request whether a certificate is still good; an open connection outlives the list it was checked with.

    `ca_path`: PEM bundle of the authorities; "" : the listener's verdict on the chain stands and lists are believed by
    their issuer's name. `crl_path`: PEM bundle of lists, one for every authority; "" : no revocation.
    """

    def __init__(self, ca_path: str = "", crl_path: str = "") -> None:
        self._ca_path = ca_path
        self._crl_path = crl_path
        self._lock = threading.Lock()
        self._stamp: object = None
        self._files = _Files((), ())

    def check(self, certificate: x509.Certificate, now: float) -> None:
        """Unauthorized for a revoked certificate or a foreign issuer; Unavailable where that cannot be told now."""
        files = self.files()
        for _ in range(_DEEPEST):
            above = [one for one in files.authorities if _issued(certificate, one, now)]
            if self._ca_path and not above:
                raise Unauthorized(reason="the certificate was not issued by a present authority of the bundle")
            if self._crl_path:
                _check_lists(certificate, _lists(certificate.issuer, above, files.lists), now)
            if not above or above[0].issuer == above[0].subject:
                return
            certificate = above[0]
        raise Unauthorized(reason="the chain of authorities is too long")

    def files(self) -> _Files:
        """The parsed files, read again when one of them changed; Unavailable where one cannot be read."""
        try:
            stamp = tuple(_stamp(path) for path in (self._ca_path, self._crl_path))
            with self._lock:
                if stamp != self._stamp:
                    authorities = tuple(x509.load_pem_x509_certificates(_content(self._ca_path))) if self._ca_path else ()
                    lists = _read_lists(_content(self._crl_path), authorities) if self._crl_path else ()
                    self._files, self._stamp = _Files(authorities, lists), stamp
                return self._files
        except OSError as problem:
            raise Unavailable(reason=f"{problem.filename}: {problem.strerror}") from None
        except _UNREADABLE:
            raise Unavailable(reason=f"{self._ca_path or '-'} or {self._crl_path or '-'} is not a PEM bundle") from None


def _check_lists(certificate: x509.Certificate, lists: Iterable[_List], now: float) -> None:
    lists = tuple(lists)
    if any(certificate.serial_number in one.serials for one in lists):
        raise Unauthorized(reason="the certificate, or an authority above it, is revoked")
    if not any(one.starts <= now <= one.ends for one in lists):
        issuer = certificate.issuer.rfc4514_string()
        raise Unavailable(reason=f"no current revocation list of {issuer}: fetch a new one")


def _issued(certificate: x509.Certificate, authority: x509.Certificate, now: float) -> bool:
    # By signature too: an authority of the bundle could have made an intermediate that bears another one's name.
    if authority.subject != certificate.issuer:
        return False
    if not authority.not_valid_before_utc.timestamp() <= now <= authority.not_valid_after_utc.timestamp():
        return False
    return _signed_by(certificate, authority)


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, *_UNREADABLE):
        return False
    return True


def _lists(issuer: x509.Name, above: list[x509.Certificate], lists: Iterable[_List]) -> list[_List]:
    named = [one for one in lists if one.issuer == issuer]
    if not above:
        return named
    return [one for one in named if any(authority in one.signers for authority in above)]


def _list_signed_by(signed: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        return signed.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    except _UNREADABLE:
        return False


def _read_lists(content: bytes, authorities: tuple[x509.Certificate, ...]) -> tuple[_List, ...]:
    blocks = _PEM_LIST.findall(content)
    if not blocks:
        raise ValueError("no list")
    return tuple(_read_list(x509.load_pem_x509_crl(block), authorities) for block in blocks)


def _read_list(signed: x509.CertificateRevocationList, authorities: tuple[x509.Certificate, ...]) -> _List:
    if any(extension.critical for extension in signed.extensions):
        # A delta, or a list of only some certificates (RFC 5280, section 5.2): it would not say who is good.
        raise ValueError("a partial list")
    ends = signed.next_update_utc
    return _List(
        signed.issuer,
        frozenset(revoked.serial_number for revoked in signed),
        signed.last_update_utc.timestamp(),
        ends.timestamp() if ends else 0.0,
        tuple(one for one in authorities if one.subject == signed.issuer and _list_signed_by(signed, one)),
    )


def _stamp(path: str) -> tuple[int, int, int] | None:
    if not path:
        return None
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
