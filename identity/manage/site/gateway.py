"""The settings of each back end: one `gatestone.toml` a host, for all the listeners that run there."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from .description import Site

Sections = dict[str, dict[str, Any]]
_LOOPBACK = ["127.0.0.1", "::1"]


def members(site: Site) -> dict[str, Sections]:
    """Host name to sections; a host that is in a pool and takes certificates too has both in one file."""
    made: dict[str, Sections] = {}
    for pool, apis in (("v3", ["v3"]), ("v2", ["v2.0"])):
        for member in getattr(site, pool):
            sections = _shared(site, member.name)
            sections["server"] |= _listener(site, pool, member) | {"apis": apis}
            sections["catalog"] = _catalog(getattr(site.catalog, pool), apis[0])
            if pool == "v3":
                sections |= _kerberos(site, member.name)
            made[member.name] = sections
    for host in site.x509:
        made.setdefault(host.name, _shared(site, host.name))
        made[host.name] |= _certificates(site, host)
    for sections in made.values():
        for name, table in site.gateway.settings.items():
            sections[name] = sections.get(name, {}) | table
    return made


def at(path: str, name: str) -> str:
    """A path of the site on one host."""
    return path.replace("{name}", name)


def public_urls(site: Site) -> list[str]:
    """The API's base URL, then that of the certificate listener."""
    public = site.site
    first = f"https://{public.name}" + (f":{public.port}" if public.port != 443 else "")
    return [first, f"https://{public.name}:{public.x509_port}"] if site.x509 else [first]


def connection(site: Site, name: str) -> str:
    """All servers in one URL: libpq itself finds the one that takes writes, also after a failover."""
    access = site.database
    if access.connection:
        return access.connection
    hosts = [f"host={quote(f'[{one.address}]' if ':' in one.address else one.address)}:{one.port}" for one in site.postgresql]
    more = ["target_session_attrs=read-write"]
    if access.sslmode:
        more += [f"sslmode={access.sslmode}", *([f"sslrootcert={at(site.tls.ca, name)}"] if "verify" in access.sslmode else [])]
    if access.passfile:
        more.append(f"passfile={at(access.passfile, name)}")
    return f"postgresql+psycopg://{access.user}@/{access.name}?{'&'.join([*hosts, *more])}"


def _balancers(site: Site) -> list[str]:
    return list(dict.fromkeys(one.address for one in site.load_balancers))


def _allowed(site: Site, host: Any) -> list[str]:
    """The load balancers, and the host itself: `gatestone doctor`, a scraper of metrics, a container's health check."""
    return list(dict.fromkeys([*_balancers(site), host.address, *_LOOPBACK]))


def _shared(site: Site, name: str) -> Sections:
    return {
        "server": {
            "public_urls": public_urls(site),
            "workers": site.gateway.workers,
            "threads": site.gateway.threads,
            "max_request_body_size": site.limits.body_bytes,
            "keepalive": 15,  # longer than the load balancer keeps an idle connection
        },
        "database": {"connection": connection(site, name)},
        "keys": {"master_key_file": at(site.paths.master_key, name)},
    }


def _listener(site: Site, pool: str, member: Any) -> dict[str, Any]:
    if pool == "v3" and site.apache.v3:
        return {
            "host": f"unix:{at(site.paths.run, member.name)}/api.sock",
            "unix_mode": "0660",
            "unix_peers": [site.apache.user],
            "unix_group": site.apache.user,
            "trusted_hops": ["unix", *_balancers(site)],
        }
    tls = {"tls_cert": at(site.tls.host_cert, member.name), "tls_key": at(site.tls.host_key, member.name)}
    return {
        "host": member.address,
        "port": member.port,
        **(tls if site.tls.backends else {}),
        "trusted_hops": _balancers(site),
        "allowed_peers": _allowed(site, member),
        # HAProxy logs nobody in: with no name for the header it is nobody's, and removed like any other.
        "remote_user_header": "",
    }


def _catalog(file: str, version: str) -> dict[str, Any]:
    """Each pool shows the identity service in its own version; a file says so itself."""
    return {"driver": "templated", "template_file": file} if file else {"identity_version": version}


def _kerberos(site: Site, name: str) -> Sections:
    kerberos = site.kerberos
    if kerberos.where == "apache":
        return {"auth": {"external_domain": next(iter(kerberos.realms.values()))}}
    if kerberos.where == "off":
        return {}
    told = {
        "keytab": at(kerberos.keytab, name),
        "service": kerberos.service or f"HTTP@{site.site.name}",
        "realms": kerberos.realms,
        "channel_bindings": kerberos.channel_bindings,
        "channel_binding_cert": at(site.tls.site_cert, name),  # the one that clients see: the load balancer's
    }
    return {"kerberos": told | ({"replay_cache": at(kerberos.replay_cache, name)} if kerberos.replay_cache else {})}


def _certificates(site: Site, host: Any) -> Sections:
    chosen, name = site.certificates, host.name
    judged = {"client_ca": at(chosen.client_ca, name), "crl": at(chosen.crl, name), "rules": chosen.rules}
    if chosen.mode == "terminate":
        return {
            "x509": {"enabled": False, **judged},
            "hop": {
                "enabled": True,
                "host": host.address,
                "port": host.port,
                "believes": ["client-cert"],
                "tls_cert": at(site.tls.host_cert, name),
                "tls_key": at(site.tls.host_key, name),
                "client_ca": at(site.tls.ca, name),
                "names": [one.name for one in site.load_balancers],
            },
        }
    if site.apache.x509:
        socket = {"host": f"unix:{at(site.paths.run, name)}/hop.sock", "unix_mode": "0660"}
        user = {"unix_group": site.apache.user, "unix_peers": [site.apache.user]}
        return {"x509": {"enabled": False, **judged}, "hop": {"enabled": True, "believes": ["client-cert"], **socket, **user}}
    return {
        "x509": {
            "enabled": True,
            "host": host.address,
            "port": host.port,
            "tls_cert": at(site.tls.site_cert, name),
            "tls_key": at(site.tls.site_key, name),
            **judged,
            "proxy_protocol": "v2",
            "trusted_proxies": _balancers(site),
            "allowed_peers": _allowed(site, host),
        }
    }
