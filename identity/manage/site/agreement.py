"""What the parts of a site description say together, and forms that are more than a pattern."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterator
from typing import Any

from ...errors import SettingsError
from ...settings import sections
from .description import Site

UNWELL = "-unwell"
"""What HAProxy's second name for a back end ends in."""


def mistakes(site: Site) -> list[str]:
    """Every disagreement, one line each."""
    parts = (_hosts, _addresses, _families, _database, _certificates, _kerberos, _apache, _limits, _overrides)
    return [problem for part in parts for problem in part(site)]


def _hosts(site: Site) -> Iterator[str]:
    for kind in ("load_balancers", "v3"):
        if not getattr(site, kind):
            yield f"{kind}: at least one is needed: write [[{kind}]] with name and address"
    seen: dict[str, tuple[str, str]] = {}
    for kind in ("load_balancers", "v3", "v2", "postgresql", "x509"):
        for host in getattr(site, kind):
            other, address = seen.setdefault(host.name, (kind, host.address))
            shared = kind == "x509" and other in ("v3", "v2") and address == host.address
            if (other, address) != (kind, host.address) and not shared:
                yield f"{kind}: {host.name} is also a host in {other}: give each its own name"
        names = [host.name for host in getattr(site, kind)]
        yield from (
            f"{kind}: {name} ends in {UNWELL}, which is the load balancer's: call it otherwise"
            for name in names
            if name.endswith(UNWELL)
        )
        yield from (f"{kind}: {name} stands twice" for name in sorted({name for name in names if names.count(name) > 1}))


def _addresses(site: Site) -> Iterator[str]:
    taken: dict[tuple[str, int], str] = {}
    for kind in ("load_balancers", "v3", "v2", "x509", "postgresql"):
        for host in getattr(site, kind):
            told = [("address", host.address)]
            if kind == "load_balancers":
                told += [("stats_address", host.stats_address), *([("bind", host.bind)] if host.bind else [])]
            for key, address in told:
                if not _is_address(address):
                    yield f"{kind}.{key}: {address!r} is no IP address: write e.g. 10.20.0.11"
            for port in _ports(kind, host):
                place = (host.address, port)
                if place in taken:
                    yield f"{kind}: {host.name} and {taken[place]} both use port {port} on {host.address}"
                taken[place] = host.name


def _families(site: Site) -> Iterator[str]:
    """A load balancer connects from its own address, so all speak the same version of IP."""
    hosts = [host for kind in ("load_balancers", "v3", "v2", "x509") for host in getattr(site, kind) if _is_address(host.address)]
    versions = {ipaddress.ip_address(host.address).version for host in hosts}
    if len(versions) > 1:
        yield "address: load balancers and back ends mix IPv4 and IPv6: give them addresses of one kind"


def _ports(kind: str, host: Any) -> tuple[int, ...]:
    return (host.port, host.x509_port, host.peers_port) if kind == "load_balancers" else (host.port,)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone may hold anything


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "%" not in text


def _database(site: Site) -> Iterator[str]:
    if bool(site.postgresql) == bool(site.database.connection):
        yield "postgresql: name the servers with [[postgresql]], or the whole URL with database.connection; one of the two"


def _certificates(site: Site) -> Iterator[str]:
    if not site.x509:
        return
    if not site.certificates.rules:
        yield "certificates.rules: is needed where there are [[x509]] hosts: whose certificate means which user"
        return
    from authplugins.certificate_names import read_rules

    try:
        read_rules(site.certificates.rules)
    except SettingsError as error:
        yield from (f"certificates.rules: {problem}" for problem in error.problems)


def _kerberos(site: Site) -> Iterator[str]:
    kerberos = site.kerberos
    if kerberos.where == "off":
        return
    if not kerberos.realms:
        yield 'kerberos.realms: is needed: map each realm to a domain, e.g. { "EXAMPLE.ORG" = "Default" }'
    if kerberos.where == "apache":
        if not site.apache.v3:
            yield "kerberos.where: apache needs apache.v3 = true"
        if len(kerberos.realms) > 1:
            yield "kerberos.realms: with Apache one realm only: it names users without their realm"
        if kerberos.channel_bindings == "required":
            yield 'kerberos.channel_bindings: Apache\'s module cannot require them: use where = "gateway"'
    elif site.apache.v3:
        yield 'kerberos.where: with apache.v3 tickets are taken by Apache: write where = "apache"'


def _apache(site: Site) -> Iterator[str]:
    if site.federation.module and not site.apache.v3:
        yield "federation.module: needs apache.v3 = true"
    if site.apache.x509 and site.certificates.mode == "terminate":
        yield 'apache.x509: HAProxy ends TLS with certificates.mode = "terminate": choose one of the two'
    shared = {host.name for host in site.v3} & {host.name for host in site.x509}
    if site.apache.v3 != site.apache.x509 and shared:
        yield f"apache: {', '.join(sorted(shared))} serve both: set apache.v3 and apache.x509 alike"


def _limits(site: Site) -> Iterator[str]:
    for network in site.limits.exempt:
        if not _is_network(network):
            yield f"limits.exempt: {network!r} is no address or network: write e.g. 10.20.0.0/24"
    if not _is_network(site.compose.subnet):
        yield f"compose.subnet: {site.compose.subnet!r} is no network: write e.g. 10.20.0.0/24"


def _overrides(site: Site) -> Iterator[str]:
    known = {name: {option.name for option in options} for name, _cls, options in sections()}
    for section, table in site.gateway.settings.items():
        if section not in known:
            yield f"gateway.settings: there is no section {section!r}"
            continue
        yield from (f"gateway.settings.{section}: there is no option {name!r}" for name in table if name not in known[section])
        for name, value in table.items():
            if not _is_plain(value):
                yield f"gateway.settings.{section}.{name}: no option is a date, a time or not a number: write text or a figure"


def _is_plain(value: Any) -> bool:
    """Whether a gateway's settings may hold it."""
    if isinstance(value, list | dict):
        return all(_is_plain(one) for one in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
