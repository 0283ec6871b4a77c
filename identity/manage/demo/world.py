"""What the demo stands on: people, authorities, a Kerberos realm, and a configuration that joins them."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...settings import Settings
from ...settings_load import load
from ..config import plain, to_toml
from .pki import Authority, write_private
from .processes import Tls
from .realm import Realm

DOMAIN = "Default"
REGION = "RegionOne"
ADMIN = "admin"
# Who may do what: user to (project, role).
PEOPLE = {
    "alice": (("demo", "member"), ("research", "reader")),
    "bob": (("research", "member"),),
    "carol": (("demo", "manager"),),
}


@dataclass(frozen=True)
class KeyPair:
    """PEM files of a certificate and its key."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Person:
    """A user with all three proofs."""

    name: str
    password: str = field(repr=False)
    principal: str
    keytab: Path
    pair: KeyPair
    projects: tuple[str, ...]


@dataclass(frozen=True)
class World:
    """Everything that is known before the gateway starts."""

    directory: Path
    api_port: int
    x509_port: int
    admin_password: str = field(repr=False)
    people: tuple[Person, ...]
    ca: Path
    client_ca: KeyPair
    revoked: KeyPair
    stranger: KeyPair  # the first person's names, from an authority that nobody trusts
    realm: Realm
    config: Path
    settings: Settings

    @property
    def api_url(self) -> str:
        return f"https://localhost:{self.api_port}"

    @property
    def x509_url(self) -> str:
        return f"https://localhost:{self.x509_port}"

    @property
    def api_tls(self) -> Tls:
        return Tls(self.ca)

    def x509_tls(self, pair: KeyPair) -> Tls:
        return Tls(self.ca, pair.cert, pair.key)

    def log(self, listener: str) -> Path:
        return self.directory / f"{listener}.log"


def make(directory: Path, api_port: int, x509_port: int, overrides: tuple[str, ...]) -> World:
    """Write certificates, keys and the configuration; the realm's principals wait for its start."""
    for name in ("pki", "realm", "home", "tmp"):
        (directory / name).mkdir(mode=0o700)
    realm = Realm(directory / "realm")
    realm.add_principal("HTTP/localhost")
    people = tuple(_person(directory, realm, name) for name in PEOPLE)
    realm.keytab(directory / "http.keytab", "HTTP/localhost")
    ca, clients, revoked, stranger, issuer = _certificates(directory / "pki", people)
    write_private(directory / "master.key", base64.urlsafe_b64encode(secrets.token_bytes(32)) + b"\n")
    config = write_private(
        directory / "gatestone.toml", to_toml(_configuration(directory, api_port, x509_port, realm, issuer)).encode()
    )
    return World(
        directory=directory,
        api_port=api_port,
        x509_port=x509_port,
        admin_password=secrets.token_urlsafe(12),
        people=people,
        ca=ca,
        client_ca=clients,
        revoked=revoked,
        stranger=stranger,
        realm=realm,
        config=config,
        settings=_override(config, overrides),
    )


def _person(directory: Path, realm: Realm, name: str) -> Person:
    password = secrets.token_urlsafe(12)
    keytab = directory / "realm" / f"{name}.keytab"
    realm.add_principal(name, password)
    realm.keytab(keytab, name)
    pair = KeyPair(directory / "pki" / f"{name}.crt", directory / "pki" / f"{name}.key")
    return Person(name, password, f"{name}@{realm.realm}", keytab, pair, tuple(project for project, _ in PEOPLE[name]))


def _certificates(directory: Path, people: tuple[Person, ...]) -> tuple[Path, KeyPair, KeyPair, KeyPair, str]:
    """The server's authority, the clients' one, a revoked pair, a stranger's pair, and the clients' issuer name."""
    servers = Authority("Gatestone Demo Server CA")
    ca, _ = servers.write(directory, "server-ca")
    servers.issue_server(["localhost", "127.0.0.1"]).write(directory, "server")
    clients = Authority("Gatestone Demo Client CA")
    client_ca = KeyPair(*clients.write(directory, "client-ca"))
    for person in people:
        clients.issue_client(person.name).write(directory, person.name)
    lost = clients.issue_client(people[0].name)
    clients.revoke(lost.certificate)
    revoked = KeyPair(*lost.write(directory, "revoked"))
    write_private(directory / "client-ca.crl", clients.crl_pem())
    stranger = KeyPair(*Authority("Gatestone Demo Client CA").issue_client(people[0].name).write(directory, "stranger"))
    return ca, client_ca, revoked, stranger, clients.name.rfc4514_string()


def _configuration(directory: Path, api_port: int, x509_port: int, realm: Realm, issuer: str) -> dict[str, dict[str, Any]]:
    pki = directory / "pki"
    tls = {"tls_cert": str(pki / "server.crt"), "tls_key": str(pki / "server.key")}
    return {
        "server": {
            "port": api_port,
            "public_urls": [f"https://localhost:{api_port}", f"https://localhost:{x509_port}"],
            **tls,
        },
        "x509": {
            "enabled": True,
            "port": x509_port,
            **tls,
            "client_ca": str(pki / "client-ca.crt"),
            "crl": str(pki / "client-ca.crl"),
            "rules": [{"issuer": issuer, "subject": "CN={user},O=Gatestone", "domain": DOMAIN}],
        },
        "kerberos": {
            "keytab": str(directory / "http.keytab"),
            "service": "HTTP@localhost",
            "realms": {realm.realm: DOMAIN},
            "replay_cache": str(directory / "realm" / "replay"),
        },
        "database": {"connection": f"sqlite:///{directory / 'gatestone.db'}"},
        "keys": {"master_key_file": str(directory / "master.key")},
    }


def _override(config: Path, overrides: tuple[str, ...]) -> Settings:
    """The settings with --set applied; they are added to the file, so that no child needs them on its command line."""
    settings = load(config, {}, overrides)
    if overrides:
        write_private(config, to_toml(plain(settings)).encode())
    return settings
