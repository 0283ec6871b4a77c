"""The site as containers: what each one runs."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from ...errors import SettingsError
from .description import Site

OURS = ("setup", "kdc", "idp", "kerberos")
"""Containers and volumes of the template's own: a host of that name would be lost, or share its data."""


@dataclass(frozen=True)
class Container:
    """A gateway in a container: its name, its address, and what it listens with."""

    name: str
    address: str
    listener: str
    port: int
    kerberos: bool
    certificates: bool


def check(site: Site) -> None:
    """Raises `SettingsError` where the site cannot be containers on one network."""
    network = ipaddress.ip_network(site.compose.subnet, strict=False)
    found = []
    hosts: list[tuple[str, str]] = []
    for kind in ("load_balancers", "v3", "v2", "x509", "postgresql"):
        for host in getattr(site, kind):
            hosts.append((host.name, host.address))
            if ipaddress.ip_address(host.address) not in network:
                found.append(f"{kind}: {host.name} has {host.address}, which is not in compose.subnet {site.compose.subnet}")
    for name, address in sorted(set(hosts)):
        if any(address == taken and name != other for other, taken in hosts):
            found.append(f"{name}: shares {address} with another host: every container has its own address")
    found += [
        f"{name}: is the name of a container or volume of our own: call the host otherwise" for name in OURS if name in dict(hosts)
    ]
    if site.apache.v3 or site.apache.x509:
        found.append("apache: the containers run gateways without Apache; set apache.v3 and apache.x509 to false")
    if site.database.connection:
        found.append("database.connection: the containers bring their PostgreSQL along: name it with [[postgresql]]")
    if found:
        raise SettingsError(found)


def gateways(site: Site) -> list[Container]:
    """The gateways, in the order of the description."""
    listener = "hop" if site.certificates.mode == "terminate" else "x509"
    kerberos = site.kerberos.where == "gateway"
    pools = [(one, "api") for one in (*site.v3, *site.v2)] + [(one, listener) for one in site.x509]
    return [Container(one.name, one.address, kind, one.port, kerberos and one in site.v3, kind != "api") for one, kind in pools]
