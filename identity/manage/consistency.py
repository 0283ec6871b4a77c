"""What settings say together: options that need one another, files that must be there, values with a form of their own.

Each problem is one line that ends with the cure. `settings_load` has checked every option by itself before. Where a part of
the service reads an option, that part judges it, and is imported only when the option is set.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..errors import SettingsError
from ..settings import Settings

_FILES = (
    ("server", "tls_cert"),
    ("server", "tls_key"),
    ("x509", "tls_cert"),
    ("x509", "tls_key"),
    ("x509", "client_ca"),
    ("x509", "crl"),
    ("hop", "tls_cert"),
    ("hop", "tls_key"),
    ("hop", "client_ca"),
    ("hop", "crl"),
    ("kerberos", "keytab"),
    ("kerberos", "channel_binding_cert"),
)
_FEWEST_KEYS = 3  # staged, sealing, and the one that sealed before


def problems(settings: Settings) -> list[str]:
    """Every problem: files that are away or closed, and all `mistakes`."""
    return [*_files(settings), *mistakes(settings)]


def mistakes(settings: Settings) -> list[str]:
    """What is wrong whatever the state of this host: with one of these, nothing is served.

    A keytab or revocation list that is away is none: its method answers 503, and the rest works.
    """
    parts = (_server, _peers, _unix, _x509, _hop, _kerberos, _methods, _tokens, _catalog, _policy, _cell)
    return [problem for part in parts for problem in part(settings)]


def warnings(settings: Settings) -> list[str]:
    """What can be meant so, but seldom is."""
    return [*_unreachable(settings), *_few_keys(settings)]


def _files(settings: Settings) -> Iterator[str]:
    for section, option in _FILES:
        path = getattr(getattr(settings, section), option)
        if path and not os.path.isfile(path):
            yield f"{section}.{option}: there is no file {path}: make it, or correct the name"
        elif path and not os.access(path, os.R_OK):
            yield f"{section}.{option}: {path} cannot be read by this user: correct its owner or mode"
    for section, directory in (
        ("fernet_tokens", settings.fernet_tokens.key_repository),
        ("credential", settings.credential.key_repository),
    ):
        if directory and not os.path.isdir(directory):
            yield (
                f"{section}.key_repository: there is no directory {directory}: correct the name, or make it and its first keys "
                "with `gatestone keys rotate`"
            )


def _told(read: Callable[..., Any], *arguments: Any) -> list[str]:
    """The mistakes that the part which reads an option finds in it."""
    try:
        read(*arguments)
    except SettingsError as error:
        return error.problems
    return []


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
            yield f"server.trusted_hops: {hop!r} is no address, network or `unix`; write e.g. 10.0.0.5 or 10.0.0.0/24"


def _peers(settings: Settings) -> Iterator[str]:
    """Who may connect, and for whom a proxy may speak."""
    for section, part in (("server", settings.server), ("x509", settings.x509)):
        for option in ("allowed_peers", "trusted_proxies"):
            for text in getattr(part, option):
                if not _is_network(text) and (text != "unix" or option == "allowed_peers"):
                    yield f"{section}.{option}: {text!r} is no address or network; write e.g. 10.0.0.5 or 10.0.0.0/24"
        if part.proxy_protocol != "off" and not part.trusted_proxies:
            yield f"{section}.trusted_proxies: is needed where {section}.proxy_protocol is not off: list the proxies' addresses"
        if part.proxy_protocol == "off" and part.trusted_proxies:
            yield f"{section}.proxy_protocol: is off, so {section}.trusted_proxies means nothing: set v2, or leave the list out"
        if part.host.startswith("unix:") and part.allowed_peers:
            yield f"{section}.allowed_peers: a Unix socket knows no addresses: use {section}.unix_peers"


def _unix(settings: Settings) -> Iterator[str]:
    for section, unix in (("server", settings.server), ("hop", settings.hop)):
        if not re.fullmatch(r"0?[0-7]{3}", unix.unix_mode):
            yield f"{section}.unix_mode: {unix.unix_mode!r} is no mode; write e.g. 0660"
        if unix.unix_peers and not unix.host.startswith("unix:"):
            yield f"{section}.unix_peers: means nothing without {section}.host = unix:/path"


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


def _without_path(url: str) -> str:
    try:
        return urlsplit(url)._replace(path="").geturl()
    except ValueError:
        return url


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
    if x509.rules:
        from authplugins.certificate_names import read_rules

        yield from _told(read_rules, x509.rules)


def _hop(settings: Settings) -> Iterator[str]:
    hop = settings.hop
    if not hop.enabled:
        return
    on_address = ("tls_cert", "client_ca", "names")
    for option in ("unix_peers",) if hop.host.startswith("unix:") else on_address:
        if not getattr(hop, option):
            yield f"hop.{option}: is needed where hop.enabled is true and hop.host is {hop.host}"
    if "client-cert" in hop.believes:
        for option in ("client_ca", "crl", "rules"):
            if not getattr(settings.x509, option):
                yield f"x509.{option}: is needed where hop.believes has client-cert"


def _kerberos(settings: Settings) -> Iterator[str]:
    kerberos = settings.kerberos
    if kerberos.keytab and not kerberos.realms:
        yield 'kerberos.realms: is empty, so every ticket is refused: map the realm to a domain, e.g. EXAMPLE.ORG = "Default"'
    if kerberos.service and ("@" not in kerberos.service or "/" in kerberos.service):
        yield f"kerberos.service: {kerberos.service!r} must have the form HTTP@host.name"


def _methods(settings: Settings) -> list[str]:
    import authplugins

    return _told(authplugins.load, settings.auth.methods)


def _tokens(settings: Settings) -> Iterator[str]:
    from ..tokens import keys, sources

    if settings.keys.master_key or settings.keys.master_key_file:
        yield from _told(keys.master_key, settings.keys)
    elif sources.needs_master_key(settings):
        yield "keys.master_key_file: is needed, for the signing keys are in the database: make one with `gatestone keys master`"


def _catalog(settings: Settings) -> list[str]:
    if settings.catalog.driver != "templated":
        return []
    if not settings.catalog.template_file:
        return ["catalog.template_file: is needed where catalog.driver is templated"]
    from catalog.templated import TemplatedCatalog

    return _told(TemplatedCatalog, settings.catalog.template_file)


def _policy(settings: Settings) -> list[str]:
    if not settings.oslo_policy.policy_file:
        return []
    from ..policy.enforcer import Enforcer

    return _told(Enforcer, settings.oslo_policy.policy_file)


def _cell(settings: Settings) -> Iterator[str]:
    """Nothing is written in a cell, and its catalogue is its own."""
    cell = settings.cell
    if not cell.enabled:
        return
    reason = _base_url_fault(_without_path(cell.login_url))
    if reason:
        yield f"cell.login_url: {cell.login_url!r} {reason}; write where users log in, e.g. https://identity.example.org/main/v3"
    if settings.token.provider == "uuid":
        yield "token.provider: a cell cannot store tokens: set fernet or jws, as the site has it; uuid may stand in token.readers"
    if settings.catalog.driver != "templated":
        yield "catalog.driver: a cell has a catalogue of its own: set templated, and catalog.template_file"
    if not cell.service_roles and not cell.service_users:
        yield "cell.service_roles: is empty, and so is cell.service_users: nobody could log in"


def _unreachable(settings: Settings) -> Iterator[str]:
    """A link that is asked for by a name which is not listed leads to the first URL: then to the API, which has no /x509."""
    server, x509 = settings.server, settings.x509
    urls = [urlsplit(url) for url in server.public_urls if not _base_url_fault(url)]
    if not x509.enabled or not x509.port or not urls:
        return
    canonical = urls[0].netloc.lower()
    if any(_port(url) == x509.port or (url.netloc.lower() != canonical and _port(url) != server.port) for url in urls):
        return
    first = server.public_urls[0]
    cure = f"add its URL, e.g. https://{urls[0].hostname}:{x509.port}"
    yield f"server.public_urls: none leads to the certificate listener, so its links lead to {first}, which serves no /x509: {cure}"


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _few_keys(settings: Settings) -> Iterator[str]:
    from ..tokens import sources

    most = settings.fernet_tokens.max_active_keys
    if most < _FEWEST_KEYS and any(name in sources.PURPOSES for name in sources.spellings(settings)):
        yield f"fernet_tokens.max_active_keys: with {most}, each rotation drops the key that sealed, and ends its tokens: set 3"
