"""TLS contexts of the listeners, made anew when a file of theirs changes.

RFC 5280, section 6.3: every certificate of a client's chain is checked against a current revocation list, at every
handshake; sessions are never resumed there, for a resumed one would skip that check (RFC 8446, section 2.2).
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Collection
from typing import Any, Final

from identity.errors import StartError
from identity.settings import X509, Hop, Server, Settings

from .observe import log

# TLS 1.2 with forward secrecy and authenticated encryption only (RFC 9325, section 4.2); 1.3 has its own list.
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"

# OpenSSL's names for a client that shows no certificate, or cannot sign with the key of the one that it shows.
_UNPROVEN: Final = frozenset({"PEER_DID_NOT_RETURN_A_CERTIFICATE", "BAD_SIGNATURE"})

Signature = tuple[tuple[int, int, int], ...]
ClientCheck = Callable[[ssl.SSLSocket], None]


def _context(cert: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(cert, key or None)
    return context


def api_context(server: Server) -> ssl.SSLContext:
    """The context of the API listener: no client certificates."""
    return _context(server.tls_cert, server.tls_key)


def x509_context(x509: X509) -> ssl.SSLContext:
    """The context of the certificate listener: a verified, unrevoked client certificate or no connection."""
    context = _mutual_context(x509)
    if x509.crl:
        context.load_verify_locations(cafile=x509.crl)
    # Without a list this refuses everybody: a missing list is a mistake of the operator, not a reason to let go.
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    return context


def hop_context(hop: Hop) -> ssl.SSLContext:
    """The context of the listener for a proxy: its certificate is from the authority of such proxies, or there is no connection."""
    context = _mutual_context(hop)
    if hop.crl:
        context.load_verify_locations(cafile=hop.crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    return context


def _mutual_context(part: X509 | Hop) -> ssl.SSLContext:
    context = _context(part.tls_cert, part.tls_key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cafile=part.client_ca)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context


class Contexts:
    """The current context; `current()` costs a stat of each file and builds only when one changed.

    If the new files do not load (half written, say) the old context stays: its revocation lists are still bounded by
    their own `nextUpdate`, which OpenSSL checks at each handshake.
    """

    def __init__(self, make: Callable[[], ssl.SSLContext], files: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._make = make
        self._files = files
        self._signature = self._stat()
        self._context = make()

    def current(self) -> ssl.SSLContext:
        with self._lock:  # nobody gets the old context while the new one is made: it knows fewer revocations
            signature = self._stat()
            if signature != self._signature:
                self._signature = signature
                try:
                    self._context = self._make()
                except (OSError, ssl.SSLError, ValueError) as error:
                    log().error("tls_reload_failed", files=list(self._files), reason=str(error))
            return self._context

    def _stat(self) -> Signature:
        found = []
        for file in self._files:
            try:
                entry = os.stat(file)
                found.append((entry.st_mtime_ns, entry.st_size, entry.st_ino))
            except OSError:
                found.append((0, 0, 0))
        return tuple(found)


def for_listener(settings: Settings, listener: str) -> Contexts | None:
    """The contexts of a listener, or None for plain HTTP. Raises StartError naming the file and the cure."""
    if listener == "x509":
        x509 = settings.x509
        wanted = {"x509.tls_cert": x509.tls_cert, "x509.client_ca": x509.client_ca, "x509.crl": x509.crl}
        missing = [name for name, value in wanted.items() if not value]
        if missing:
            raise StartError(f"the certificate listener needs {', '.join(missing)}: set them, or x509.enabled = false")
        optional = {"x509.tls_key": x509.tls_key} if x509.tls_key else {}
        return _checked({**wanted, **optional}, lambda: x509_context(x509))
    if listener == "hop":
        return _for_hop(settings.hop)
    server = settings.server
    if not server.tls_cert:
        return None
    files = {"server.tls_cert": server.tls_cert}
    if server.tls_key:
        files["server.tls_key"] = server.tls_key
    return _checked(files, lambda: api_context(server))


def _for_hop(hop: Hop) -> Contexts | None:
    if not hop.enabled:
        raise StartError("the listener for a proxy is switched off: set hop.enabled = true")
    if hop.host.startswith("unix:"):
        if not hop.unix_peers:
            raise StartError("hop.unix_peers: is needed on a Unix socket: name the user as whom the proxy runs")
        return None
    wanted = {"hop.tls_cert": hop.tls_cert, "hop.client_ca": hop.client_ca, "hop.names": ",".join(hop.names)}
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        raise StartError(f"the listener for a proxy needs {', '.join(missing)}: set them, or hop.host = unix:/path")
    files = {"hop.tls_cert": hop.tls_cert, "hop.client_ca": hop.client_ca, "hop.tls_key": hop.tls_key, "hop.crl": hop.crl}
    return _checked({name: file for name, file in files.items() if file}, lambda: hop_context(hop))


def _checked(files: dict[str, str], make: Callable[[], ssl.SSLContext]) -> Contexts:
    for option, file in files.items():
        try:
            with open(file, "rb"):
                pass
        except OSError as error:
            raise StartError(
                f"{option}: cannot read {file} ({error.strerror}): set the right file, or let this user read it"
            ) from None
    try:
        return Contexts(make, tuple(files.values()))
    except (OSError, ssl.SSLError, ValueError) as error:
        names = ", ".join(files.values())
        raise StartError(f"TLS files do not fit together or are no PEM ({error}): check {names}") from None


class NotWelcome(ssl.SSLError):
    """A certificate that OpenSSL lets in and we do not."""


def check_client(connection: ssl.SSLSocket) -> None:
    """What the certificate listener asks beyond OpenSSL, once the handshake is done. Raises NotWelcome."""
    certificate = connection.getpeercert(binary_form=True)
    if certificate is None or connection.session_reused:
        raise NotWelcome("no certificate in this handshake")
    if is_authority(certificate):
        raise NotWelcome("the certificate is an authority's own")


def client_check(settings: Settings, listener: str) -> ClientCheck | None:
    """What a listener asks of each client's certificate once the handshake is done; None where it asks for none."""
    if listener == "x509":
        return check_client
    if listener != "hop" or settings.hop.host.startswith("unix:"):
        return None
    names = frozenset(name.lower() for name in settings.hop.names)

    def check(connection: ssl.SSLSocket) -> None:
        check_client(connection)
        if not names & set(_dns_names(connection.getpeercert() or {})):
            raise NotWelcome("the certificate names no proxy of hop.names")

    return check


def _dns_names(certificate: Any) -> Collection[str]:
    return [value.lower() for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]


def is_unproven(error: Exception) -> bool:
    """Whether a handshake failed at the client's certificate: a login that failed, and no slip of the protocol."""
    return isinstance(error, (ssl.SSLCertVerificationError, NotWelcome)) or getattr(error, "reason", None) in _UNPROVEN


def is_authority(certificate: bytes) -> bool:
    """Whether a certificate (DER) is an authority's own: OpenSSL lets one log in as a client, we do not.

    The rule is the plugin's, which asks it again at each request. What cannot be read whole might be one.
    """
    from cryptography import x509  # noqa: PLC0415 (30 ms that the API listener need not pay)

    from authplugins.x509 import is_authority as bears_a_mark  # noqa: PLC0415 (the same)

    try:
        return bears_a_mark(x509.load_der_x509_certificate(certificate).extensions)
    except Exception:  # the parser has many kinds of error, and not all are ValueErrors
        return True
