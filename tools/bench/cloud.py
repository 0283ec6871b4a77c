"""The cloud that is measured, and held to budgets by tests/perf: one user with every proof, a catalogue of 20 services."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from identity.manage import first_cloud, opening
from identity.manage.config import to_toml
from identity.manage.demo.pki import Authority, write_private
from identity.manage.demo.realm import Realm
from identity.model.catalog import Endpoint, Service
from identity.services.hashing import Hasher
from identity.settings import Settings
from identity.settings_load import load
from identity.store import endpoints, grants, migrations, projects, roles, services, users

DOMAIN = "default"
ADMIN, ADMIN_PASSWORD = "admin", "bench-admin-1"
USER, PASSWORD, PROJECT = "bench-user", "bench-secret-1", "bench-project"
REGION = "RegionOne"
INTERFACES = ("public", "internal", "admin")
SERVICES = 20  # with the identity service itself; three endpoints each


@dataclass(frozen=True)
class Cloud:
    """A directory with a database, keys, certificates and the configuration; `realm` where Kerberos was asked for."""

    directory: Path
    config: Path
    settings: Settings
    realm: Realm | None

    def pair(self, name: str) -> tuple[Path, Path]:
        return self.directory / f"{name}.crt", self.directory / f"{name}.key"


def service(number: int) -> tuple[str, str, str]:
    """Name, type and URL of one of the further services, numbered from 1; the same on both sides of a comparison."""
    return f"bench-svc-{number:02d}", f"bench{number:02d}", f"http://svc{number:02d}.example.org:9{number:03d}/v1/$(project_id)s"


def make(directory: Path, overrides: Sequence[str] = (), *, realm: Realm | None = None) -> Cloud:
    """Everything on disk; a realm must be running. `overrides` as the command line has them, e.g. "token.provider=jws"."""
    directory.mkdir(exist_ok=True)
    issuer = _certificates(directory)
    write_private(directory / "master.key", base64.urlsafe_b64encode(secrets.token_bytes(32)) + b"\n")
    if realm is not None:
        realm.add_principal("HTTP/localhost")
        realm.add_principal(USER, PASSWORD)
        realm.keytab(directory / "http.keytab", "HTTP/localhost")
    config = directory / "gatestone.toml"
    write_private(config, to_toml(_configuration(directory, issuer, realm)).encode())
    settings = load(config, {}, overrides)
    _fill(settings)
    return Cloud(directory, config, settings, realm)


def _certificates(directory: Path) -> str:
    """The server's pair, the user's pair and a revocation list, of one authority; gives the authority's name."""
    authority = Authority("Gatestone Bench CA")
    authority.write(directory, "ca")
    authority.issue_server(["localhost", "127.0.0.1"]).write(directory, "server")
    authority.issue_client(USER).write(directory, "user")
    write_private(directory / "ca.crl", authority.crl_pem())
    return str(authority.name.rfc4514_string())


def _configuration(directory: Path, issuer: str, realm: Realm | None) -> dict[str, dict[str, Any]]:
    tls = {"tls_cert": str(directory / "server.crt"), "tls_key": str(directory / "server.key")}
    clients = {"client_ca": str(directory / "ca.crt"), "crl": str(directory / "ca.crl")}
    rules = [{"issuer": issuer, "subject": "CN={user},O=Gatestone", "domain": "Default"}]
    found: dict[str, dict[str, Any]] = {
        "server": {"port": 0, "public_urls": ["http://localhost"]},
        "x509": {"enabled": True, "port": 0, **tls, **clients, "rules": rules},
        "database": {"connection": f"sqlite:///{directory / 'gatestone.db'}"},
        "keys": {"master_key_file": str(directory / "master.key")},
        "log": {"file": str(directory / "gatestone.log")},
    }
    if realm is not None:
        found["kerberos"] = {
            "keytab": str(directory / "http.keytab"),
            "service": "HTTP@localhost",
            "realms": {realm.realm: "Default"},
            "replay_cache": str(directory / "replay"),
        }
    return found


def _fill(settings: Settings) -> None:
    hasher = Hasher(settings.identity)
    urls = dict.fromkeys(INTERFACES, "http://127.0.0.1:5000/v3")
    plan = first_cloud.Plan(domain_id=DOMAIN, user=ADMIN, password=ADMIN_PASSWORD, project=ADMIN, region=REGION, urls=urls)
    with opening.opened(settings) as store:
        migrations.upgrade(store)
        opening.first_keys(settings, store)
        first_cloud.make(store, settings, plan, time.time)
        hashed = hasher.hash(PASSWORD)
        with store.begin() as tx:
            now = time.time()
            project = projects.create(tx, name=PROJECT, domain_id=DOMAIN, now=now)
            user = users.create(tx, name=USER, domain_id=DOMAIN, now=now, hash=hashed)
            member = roles.find(tx, "member")
            assert member is not None
            grants.add(tx, grants.Grant("user", user, "project", project, member.id), now)
            for number in range(1, SERVICES):
                name, kind, url = service(number)
                service_id = services.create(tx, Service(uuid4().hex, kind, name), now)
                for interface in INTERFACES:
                    endpoints.create(tx, Endpoint(uuid4().hex, interface, REGION, url, service_id), now)
