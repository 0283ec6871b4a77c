"""The world's site.toml with its certificates and keys; every host's configuration comes from `gatestone render`."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from identity.manage.config import to_toml
from identity.manage.demo.pki import CLIENT, SERVER, Authority, write_private
from identity.manage.demo.processes import clean_environ

from .processes import WorldFault

NAME = "id.world.example"
ADDRESSES = {
    "lb01": "192.0.2.11", "lb02": "192.0.2.12", "x1": "192.0.2.21", "v3a": "192.0.2.31", "v3b": "192.0.2.32",
    "v2a": "192.0.2.41", "v2b": "192.0.2.42", "db01": "192.0.2.51", "db02": "192.0.2.52", "client": "192.0.2.101",
}  # fmt: skip
BALANCERS, DATABASES = ("lb01", "lb02"), ("db01", "db02")
POOLS = {"v3": ("v3a", "v3b"), "v2": ("v2a", "v2b"), "x509": ("x1",)}
API_PORT, X509_PORT = 443, 8443
CARD = "carol"  # the user whose certificate the load shows


@dataclass
class Files:
    """A site below `directory`, rendered by the code in `release`. `settings`: what its gateways have besides, by section."""

    directory: Path
    release: Path
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)

    def path(self, host: str, file: str) -> Path:
        return self.directory / host / file

    @property
    def tls(self) -> Path:
        return self.directory / "tls"

    def context(self, *, card: bool = False) -> ssl.SSLContext:
        """What a client trusts, and the certificate that it shows."""
        context = ssl.create_default_context(cafile=str(self.tls / "ca.pem"))
        if card:
            context.load_cert_chain(self.tls / f"{CARD}.crt", self.tls / f"{CARD}.key")
        return context

    def render(self) -> None:
        """Write the description anew and let the operator's command make all files of it."""
        (self.directory / "site.toml").write_text(self._description())
        for kind in ("haproxy", "gateway"):
            words = ["render", kind, "--site", str(self.directory / "site.toml"), "--out", str(self.directory)]
            done = subprocess.run(
                [sys.executable, "-P", "-m", "identity.manage", *words],
                env=clean_environ({"PYTHONPATH": str(self.release)}), capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            if done.returncode:
                raise WorldFault(f"gatestone render {kind}: {done.stderr.strip()}")

    def _description(self) -> str:
        here, tls = str(self.directory), str(self.tls)
        issuer = (self.tls / "issuer").read_text()
        tables: dict[str, dict[str, Any]] = {
            "site": {"name": NAME},
            "tls": {
                "site_pem": f"{tls}/site.pem", "site_cert": f"{tls}/site.crt", "site_key": f"{tls}/site.key", "ca": f"{tls}/ca.pem",
                "host_cert": f"{tls}/{{name}}.crt", "host_key": f"{tls}/{{name}}.key",
            },
            "certificates": {
                "client_ca": f"{tls}/ca.pem", "crl": f"{tls}/crl.pem",
                "rules": [{"issuer": issuer, "subject": "CN={user},O=Gatestone", "domain": "Default"}],
            },
            # All of the load comes from one address.
            "limits": {"tokens_per_source": 100000},
            "paths": {"master_key": f"{here}/master.key", "run": f"{here}/{{name}}", "haproxy_run": f"{here}/{{name}}"},
            "gateway": {"workers": 2, "threads": 8},
        }  # fmt: skip
        quick = {"identity": {"argon2_time_cost": 1, "argon2_memory_cost": 1024}}
        for section in {**quick, **self.settings}:
            tables[f"gateway.settings.{section}"] = quick.get(section, {}) | self.settings.get(section, {})
        hosts = [("load_balancers", name) for name in BALANCERS] + [("postgresql", name) for name in DATABASES]
        hosts += [(pool, name) for pool, names in POOLS.items() for name in names]
        return to_toml(tables) + "".join(_entry(kind, name) for kind, name in hosts)


def make(directory: Path, release: Path) -> Files:
    """Certificates, keys and directories of a new site below `directory`, and its first rendering."""
    files = Files(directory, release)
    files.tls.mkdir()
    authority = Authority("World Authority")
    (files.tls / "ca.pem").write_bytes(authority.bundle_pem)
    (files.tls / "crl.pem").write_bytes(authority.crl_pem())
    (files.tls / "issuer").write_text(authority.name.rfc4514_string())
    site = authority.issue_server([NAME])
    site.write(files.tls, "site")
    write_private(files.tls / "site.pem", site.cert_pem + site.key_pem)
    for name in (*BALANCERS, *(host for pool in POOLS.values() for host in pool)):
        authority.issue_server([name], usage=(*SERVER, *CLIENT)).write(files.tls, name)
        (directory / name).mkdir()
    authority.issue_client(CARD).write(files.tls, CARD)
    write_private(directory / "master.key", base64.urlsafe_b64encode(secrets.token_bytes(32)))
    files.render()
    return files


def _entry(kind: str, name: str) -> str:
    values: Mapping[str, str] = {"name": name, "address": ADDRESSES[name]}
    return "\n".join(["", f"[[{kind}]]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()), ""])
