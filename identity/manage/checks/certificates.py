"""Certificates and revocation lists: in their time, fitting their keys and names."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from ...settings import Settings
from .finding import Finding, failed, ok, warning

_TOPIC = "certificates"
_EARLY = datetime.timedelta(days=30)


def check(settings: Settings, now: datetime.datetime | None = None) -> Iterator[Finding]:
    """`now`: the moment to judge by, UTC; the present one by default."""
    moment = now or datetime.datetime.now(datetime.UTC)
    server, listener = settings.server, settings.x509
    if server.tls_cert:
        yield from _server("server", server.tls_cert, server.tls_key, _hosts(settings, server.port), moment)
    elif server.host not in ("127.0.0.1", "::1", "localhost") and not server.host.startswith("unix:"):
        yield warning(_TOPIC, f"{server.host} is served in plain HTTP", "set server.tls_cert, or keep it behind a TLS proxy")
    if listener.enabled:
        if listener.tls_cert and listener.tls_cert != server.tls_cert:
            yield from _server("x509", listener.tls_cert, listener.tls_key, _hosts(settings, listener.port), moment)
        if listener.client_ca:
            yield from _authorities(listener.client_ca, listener.crl, moment)


def _hosts(settings: Settings, port: int) -> list[str]:
    """The names by which clients reach a port, as far as the settings say."""
    parts = [urlsplit(url) for url in settings.server.public_urls if url.startswith("https:")]
    return sorted({part.hostname for part in parts if part.hostname and (part.port or 443) == port})


def _server(section: str, cert: str, key: str, hosts: list[str], now: datetime.datetime) -> Iterator[Finding]:
    try:
        leaf = x509.load_pem_x509_certificates(Path(cert).read_bytes())[0]
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key or None)
    except OSError as error:  # ssl.SSLError is one
        why = getattr(error, "reason", None) or error.strerror or "they do not fit"
        yield failed(
            _TOPIC, f"{section}.tls_cert and tls_key: {why}", "correct the file names and owners; the key must be the certificate's"
        )
        return
    except ValueError:
        yield failed(
            _TOPIC, f"{section}.tls_cert: {cert} holds no certificate in PEM", "convert it: openssl x509 -inform der -outform pem"
        )
        return
    missing = [host for host in hosts if host not in _names(leaf)]
    if missing:
        yield failed(
            _TOPIC, f"{section}.tls_cert is not for {', '.join(missing)}", "have it issued for every name in server.public_urls"
        )
    yield _life(f"{section}.tls_cert", leaf, now)


def _names(leaf: x509.Certificate) -> set[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return set()
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    found = {name.lower() for name in names.get_values_for_type(x509.DNSName)}
    return addresses | found


def _life(what: str, certificate: x509.Certificate, now: datetime.datetime) -> Finding:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < start:
        return failed(_TOPIC, f"{what} is not valid before {start:%Y-%m-%d %H:%M}", "correct the clock, or have it issued anew")
    if now >= end:
        return failed(
            _TOPIC, f"{what} expired on {end:%Y-%m-%d %H:%M}", "have it renewed; the listener takes the new file by itself"
        )
    if end - now < min(_EARLY, (end - start) / 4):
        return warning(
            _TOPIC, f"{what} expires on {end:%Y-%m-%d %H:%M}", "have it renewed; the listener takes the new file by itself"
        )
    return ok(_TOPIC, f"{what} is good until {end:%Y-%m-%d %H:%M}")


def _authorities(bundle: str, crl: str, now: datetime.datetime) -> Iterator[Finding]:
    try:
        authorities = x509.load_pem_x509_certificates(Path(bundle).read_bytes())
        lists = [x509.load_pem_x509_crl(part) for part in _lists(Path(crl).read_bytes())] if crl else []
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not PEM"
        yield failed(_TOPIC, f"x509.client_ca or x509.crl cannot be read: {why}", "correct the file names, owners and form (PEM)")
        return
    for authority in authorities:
        name = authority.subject.rfc4514_string()
        yield _life(f"authority {name}", authority, now)
        own = [one for one in lists if one.issuer == authority.subject]
        if not own:
            yield failed(
                _TOPIC, f"x509.crl has no list of {name}: its certificates are all refused", "append the authority's list in PEM"
            )
        for one in own:
            yield _list_life(name, one, now)


def _lists(content: bytes) -> list[bytes]:
    mark = b"-----BEGIN X509 CRL-----"
    return [mark + part for part in content.split(mark)[1:]]


def _list_life(name: str, one: x509.CertificateRevocationList, now: datetime.datetime) -> Finding:
    end = one.next_update_utc
    if end is None:
        return warning(_TOPIC, f"the list of {name} has no next update", "have the authority set one (RFC 5280, section 5.1.2.5)")
    if now >= end:
        return failed(
            _TOPIC, f"the list of {name} ended on {end:%Y-%m-%d %H:%M}: its certificates are all refused", "fetch the new list"
        )
    if end - now < (end - one.last_update_utc) / 4:
        return warning(_TOPIC, f"the list of {name} ends on {end:%Y-%m-%d %H:%M}", "fetch the new list")
    return ok(_TOPIC, f"the list of {name} is good until {end:%Y-%m-%d %H:%M}")
