"""The files of a site: templates filled in, settings written out. Nothing here reads the state of any host."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import Any

import jinja2

import identity

from ...errors import SettingsError
from ..config import to_toml
from . import containers, gateway
from .description import Site

# Beside this package, in a checkout as well as where it is installed.
_TEMPLATES = [Path(identity.__file__).parents[1] / name for name in ("haproxy", "apache")] + [Path(__file__).parent]
_LABEL = "# Written by `gatestone render gateway` for {name}: change the site description, not this file.\n"
_NO_TEXT = re.compile(r"y|n|yes|no|on|off|true|false|null|[^a-z].*", re.IGNORECASE)
KINDS = ("haproxy", "apache", "gateway", "compose")


def files(site: Site, kind: str, host: str | None = None) -> dict[str, str]:
    """File name, relative to where they go, to its text. Raises `SettingsError` for a host that has none of this kind."""
    made = _MAKERS[kind](site)
    if host is None:
        return made
    found = {name: text for name, text in made.items() if name.startswith(f"{host}/")}
    if not found:
        known = sorted({name.partition("/")[0] for name in made if "/" in name})
        told = f"known are {', '.join(known)}" if known else "the site has none"
        raise SettingsError([f"--host {host}: no {kind} file is for that host; {told}"])
    return found


def _haproxy(site: Site) -> dict[str, str]:
    return {f"{one.name}/haproxy.cfg": _filled("haproxy.cfg.j2", site, me=one) for one in site.load_balancers}


def _apache(site: Site) -> dict[str, str]:
    fronted = [one.name for one in site.v3 if site.apache.v3] + [one.name for one in site.x509 if site.apache.x509]
    made = {}
    for name in dict.fromkeys(fronted):
        api = next((one for one in site.v3 if one.name == name), None) if site.apache.v3 else None
        x509 = next((one for one in site.x509 if one.name == name), None) if site.apache.x509 else None
        made[f"{name}/apache.conf"] = _filled("gatestone.conf.j2", site, name=name, api=api, x509=x509)
    return made


def _gateway(site: Site) -> dict[str, str]:
    return {
        f"{name}/gatestone.toml": _LABEL.format(name=name) + "\n" + to_toml(sections)
        for name, sections in gateway.members(site).items()
    }


def _compose(site: Site) -> dict[str, str]:
    containers.check(site)
    more = {
        "services": containers.gateways(site),
        "files": site.compose.files,
        "terminate": bool(site.x509) and site.certificates.mode == "terminate",
        "keytab_directory": site.kerberos.keytab.rpartition("/")[0],
    }
    text = _filled("compose.yml.j2", site, **more)
    return {"docker-compose.yml": re.sub(r"\n+(?=      - )", "\n", text)}


_MAKERS = {"haproxy": _haproxy, "apache": _apache, "gateway": _gateway, "compose": _compose}


def _filled(template: str, site: Site, **more: Any) -> str:
    environment = jinja2.Environment(  # noqa: S701 (no HTML: every value has a form without special characters, or goes through json)
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = {"bracketed": _bracketed, "json": json.dumps, "escaped": re.escape, "network": _network, "yaml": _yaml}
    environment.filters |= filters
    text = environment.get_template(template).render(site=site, at=gateway.at, public_url=gateway.public_urls(site)[0], **more)
    return re.sub(r"\n{3,}", "\n\n", text)


def _bracketed(address: str) -> str:
    """An address as it stands before a port in Apache's files."""
    return f"[{address}]" if ":" in address else address


def _yaml(text: str) -> str:
    """A word as YAML reads it as text: `no`, `1e3` or `2001-01-01` would be something else without quotes."""
    return json.dumps(text) if _NO_TEXT.fullmatch(text) else text


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))
