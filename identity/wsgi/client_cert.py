"""The certificate that a terminating proxy hands on (RFC 9440): read, and verified as if nobody had done it before.

Which user it means, and whether it is revoked, is judged by the plugin, as for a certificate of our own listener.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import threading
from typing import TYPE_CHECKING, Final

from .refusal import Refused

if TYPE_CHECKING:
    from cryptography.x509.verification import PolicyBuilder

MOST: Final = 8  # intermediates
LONGEST: Final = 16384  # characters of one certificate; larger ones are nobody's
_ITEM = re.compile(r":([A-Za-z0-9+/]*={0,2}):")  # a byte sequence of RFC 8941, section 3.3.5


class NotVerified(Exception):
    """A certificate that does not prove its owner; the text says why, for the log."""


def read(leaf: str, chain: str = "") -> tuple[bytes, tuple[bytes, ...]]:
    """The DER of `Client-Cert` and of each part of `Client-Cert-Chain` ("" : none). Raises Refused (400)."""
    above = tuple(_item(part.strip(" \t")) for part in chain.split(",")) if chain.strip() else ()
    if len(above) > MOST:
        raise Refused(400, "certificate", "The certificate chain of the proxy is too long.")
    return _item(leaf.strip(" \t")), above


def _item(text: str) -> bytes:
    found = _ITEM.fullmatch(text) if len(text) <= LONGEST else None
    try:
        if found is None or not found[1]:
            raise ValueError
        return base64.b64decode(found[1], validate=True)
    except (ValueError, binascii.Error):
        raise Refused(400, "certificate", "The certificate header of the proxy is malformed.") from None


class Verifier:
    """Checks a chain against the authorities of `ca_path` (PEM), which is read again when it changes."""

    def __init__(self, ca_path: str) -> None:
        self._path = ca_path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._policy: PolicyBuilder | None = None

    def check(self, leaf: bytes, above: tuple[bytes, ...]) -> None:
        """Raises NotVerified unless the chain leads to an authority, in its times, by its constraints, and for TLS clients."""
        from cryptography import x509  # noqa: PLC0415 (30 ms that only this listener pays)
        from cryptography.x509 import verification  # noqa: PLC0415

        try:
            certificate, *between = (x509.load_der_x509_certificate(der) for der in (leaf, *above))
            self._builder().build_client_verifier().verify(certificate, between)
        except verification.VerificationError as error:
            raise NotVerified(str(error)) from None
        except OSError as error:
            raise NotVerified(f"{self._path}: {error.strerror}") from None
        except Exception as error:  # the parser has many kinds of error, and each means: not a proof
            raise NotVerified(f"the certificate, or {self._path}, cannot be read ({type(error).__name__})") from None

    def _builder(self) -> PolicyBuilder:
        """The authorities as they are now. Raises OSError or ValueError."""
        found = os.stat(self._path)
        stamp = found.st_mtime_ns, found.st_size, found.st_ino
        with self._lock:
            if self._policy is None or stamp != self._stamp:
                with open(self._path, "rb") as file:
                    self._policy, self._stamp = _policy(file.read()), stamp
            return self._policy


def _policy(bundle: bytes) -> PolicyBuilder:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509 import verification  # noqa: PLC0415

    # The defaults are those of web servers. People's certificates differ in one thing: they need no subjectAltName.
    people = verification.ExtensionPolicy.webpki_defaults_ee().may_be_present(
        x509.SubjectAlternativeName, verification.Criticality.AGNOSTIC, None
    )
    store = verification.Store(x509.load_pem_x509_certificates(bundle))
    authorities = verification.ExtensionPolicy.webpki_defaults_ca()
    return verification.PolicyBuilder().store(store).extension_policies(ee_policy=people, ca_policy=authorities)
