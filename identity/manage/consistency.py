"""What settings say together: options that need one another, files that must be there, values with a form of their own.

Each problem is one line that ends with the cure. `settings_load` has checked every option by itself before.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from ..settings import Settings

_FILES = (
    ("server", "tls_cert"),
    ("server", "tls_key"),
    ("x509", "tls_cert"),
    ("x509", "tls_key"),
    ("x509", "client_ca"),
    ("x509", "crl"),
    ("kerberos", "keytab"),
    ("kerberos", "channel_binding_cert"),
    ("keys", "master_key_file"),
    ("catalog", "template_file"),
    ("oslo_policy", "policy_file"),
)
_RULE_WORDS = {"issuer", "subject", "domain", "domain_id"}


def problems(settings: Settings) -> list[str]:
    """Every problem, in the order of the sections."""
    return [*_files(settings), *_server(settings), *_x509(settings), *_kerberos(settings), *_rest(settings)]


def _files(settings: Settings) -> Iterator[str]:
    for section, option in _FILES:
        path = getattr(getattr(settings, section), option)
        if path and not os.path.isfile(path):
            yield f"{section}.{option}: there is no file {path}: make it, or correct the name"
        elif path and not os.access(path, os.R_OK):
            yield f"{section}.{option}: {path} cannot be read by this user: correct its owner or mode"


def _server(settings: Settings) -> Iterator[str]:
    server = settings.server
    if server.tls_key and not server.tls_cert:
        yield "server.tls_cert: is needed beside server.tls_key"
    for url in server.public_urls:
        reason = _base_url_fault(url)
        if reason:
            yield f"server.public_urls: {url!r} {reason}; write e.g. https://identity.example.org:5000"
    for hop in server.trusted_hops:
        if hop != "unix" and not _is_network(hop):
            yield f"server.trusted_hops: {hop!r} is no address, network or `unix`"


def _base_url_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (raises for a bad port)
    except ValueError:
        return "is no URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is no http or https URL"
    if parts.username is not None or parts.query or parts.fragment or parts.path not in {"", "/"}:
        return "is more than a base URL"
    return ""


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _x509(settings: Settings) -> Iterator[str]:
    x509 = settings.x509
    if x509.enabled:
        for option in ("tls_cert", "client_ca", "crl", "rules"):
            if not getattr(x509, option):
                yield f"x509.{option}: is needed where x509.enabled is true"
    for number, rule in enumerate(x509.rules, 1):
        foreign = sorted(set(rule) - _RULE_WORDS)
        if foreign:
            yield f"x509.rules: rule {number} has unknown {', '.join(foreign)}; known are {', '.join(sorted(_RULE_WORDS))}"
        if "{user}" not in rule.get("subject", "") or not rule.get("issuer"):
            yield f"x509.rules: rule {number} needs `issuer`, and `subject` with {{user}} in it"
        if ("domain" in rule) == ("domain_id" in rule):
            yield f"x509.rules: rule {number} needs either `domain` or `domain_id`"


def _kerberos(settings: Settings) -> Iterator[str]:
    kerberos = settings.kerberos
    if kerberos.keytab and not kerberos.realms:
        yield 'kerberos.realms: is empty, so every ticket is refused: map the realm to a domain, e.g. EXAMPLE.ORG = "Default"'
    if kerberos.keytab and not kerberos.service and not settings.server.public_urls:
        yield "kerberos.service: set it to HTTP@host.name, or set server.public_urls"
    if kerberos.service and ("@" not in kerberos.service or "/" in kerberos.service):
        yield f"kerberos.service: {kerberos.service!r} must have the form HTTP@host.name"


def _rest(settings: Settings) -> Iterator[str]:
    if settings.catalog.driver == "templated" and not settings.catalog.template_file:
        yield "catalog.template_file: is needed where catalog.driver is templated"
    unknown = sorted(set(settings.token.readers) - {"fernet", "jws", "uuid"})
    if unknown:
        yield f"token.readers: unknown {', '.join(unknown)}; known are fernet, jws, uuid"
    if settings.fernet_tokens.key_repository and not os.path.isdir(settings.fernet_tokens.key_repository):
        yield f"fernet_tokens.key_repository: there is no directory {settings.fernet_tokens.key_repository}"
    if settings.keys.master_key and settings.keys.master_key_file:
        yield "keys.master_key and keys.master_key_file: set one of them"
