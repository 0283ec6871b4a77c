"""What a site description may say: every key with its type and default.

Values end up in the configuration of other programs, so each has a form in which nothing can leave its line or its word.
Patterns end in `\\Z`: `$` would let a newline through.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

# Pattern to words for people.
FORMS = {
    "name": (r"\A[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*\Z", "a host name in lower case"),
    "path": (r"\A/(?:[A-Za-z0-9._/+-]|\{name\})*\Z", "an absolute path of letters, digits and ._/+- ({name} is the host's name)"),
    "word": (r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}\Z", "a word of letters, digits and _.-"),
    "realm": (r"\A[A-Za-z0-9][A-Za-z0-9.-]{0,252}\Z", "a realm such as EXAMPLE.ORG"),
    "service": (r"\A(?:[A-Za-z]+@[A-Za-z0-9.-]+)?\Z", "a service such as HTTP@id.example.org"),
    "attribute": (r"\A[A-Za-z][A-Za-z0-9_.:/-]{0,200}\Z", "the name of an attribute"),
    "address": (r"\A[0-9A-Fa-f:.]{2,45}\Z", "an IP address such as 10.20.0.11"),
    "text": (r"\A[^\x00-\x1f\x7f]{1,1000}\Z", "one line of text"),
    "image": (r"\A[a-z0-9][a-z0-9._/:-]{0,200}\Z", "the name of an image"),
}  # fmt: skip

Name = Annotated[str, Meta(pattern=FORMS["name"][0], max_length=253)]
Path = Annotated[str, Meta(pattern=FORMS["path"][0], max_length=1000)]
Word = Annotated[str, Meta(pattern=FORMS["word"][0])]
Realm = Annotated[str, Meta(pattern=FORMS["realm"][0])]
Service = Annotated[str, Meta(pattern=FORMS["service"][0])]
Attribute = Annotated[str, Meta(pattern=FORMS["attribute"][0])]
Text = Annotated[str, Meta(pattern=FORMS["text"][0])]
Image = Annotated[str, Meta(pattern=FORMS["image"][0])]
Address = Annotated[str, Meta(pattern=FORMS["address"][0])]
Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1, le=10_000_000)]
Seconds = Annotated[int, Meta(ge=1, le=3600)]
Some = Annotated[int, Meta(ge=1, le=256)]


class Public(Struct, frozen=True, kw_only=True):
    """What clients see."""

    name: Name
    port: Port = 443
    x509_port: Port = 8443
    region: Word = "RegionOne"


class Balancer(Struct, frozen=True, kw_only=True):
    """A host with HAProxy. `bind`: the address it listens on; empty: all. `stats_address`: who may look at its state."""

    name: Name
    address: Address
    bind: Address | Literal[""] = ""
    port: Port = 443
    x509_port: Port = 8443
    peers_port: Port = 10000
    stats_address: Address = "127.0.0.1"
    stats_port: Port = 8404


class Member(Struct, frozen=True, kw_only=True):
    """A back end of a pool."""

    name: Name
    address: Address
    port: Port = 5000


class CertificateHost(Struct, frozen=True, kw_only=True):
    """A back end for client certificates."""

    name: Name
    address: Address
    port: Port = 8443


class DatabaseHost(Struct, frozen=True, kw_only=True):
    """A PostgreSQL server: the primary, or a standby that may be promoted."""

    name: Name
    address: Address
    port: Port = 5432


class DatabaseAccess(Struct, frozen=True, kw_only=True):
    """How the gateways log in to PostgreSQL; `connection` is a whole URL instead. Passwords belong in a passfile."""

    name: Word = "gatestone"
    user: Word = "gatestone"
    sslmode: Literal["", "prefer", "require", "verify-ca", "verify-full"] = ""
    passfile: Path | Literal[""] = ""
    connection: Text | Literal[""] = ""


class Tls(Struct, frozen=True, kw_only=True):
    """Where certificates lie on the hosts."""

    backends: bool = True
    site_pem: Path = "/etc/gatestone/tls/site.pem"
    site_cert: Path = "/etc/gatestone/tls/site.crt"
    site_key: Path = "/etc/gatestone/tls/site.key"
    ca: Path = "/etc/gatestone/tls/ca.pem"
    host_cert: Path = "/etc/gatestone/tls/host.crt"
    host_key: Path = "/etc/gatestone/tls/host.key"
    hop_pem: Path = "/etc/gatestone/tls/hop.pem"


class Certificates(Struct, frozen=True, kw_only=True):
    """Log-in by client certificate: where TLS ends, whom to believe, and whose certificate means which user."""

    mode: Literal["pass-through", "terminate"] = "pass-through"
    client_ca: Path = "/etc/gatestone/tls/clients.pem"
    crl: Path = "/etc/gatestone/tls/clients-crl.pem"
    rules: list[dict[str, Text]] = field(default_factory=list)


class Kerberos(Struct, frozen=True, kw_only=True):
    """Log-in by ticket: off, in the gateway itself, or in Apache before it."""

    where: Literal["off", "gateway", "apache"] = "off"
    keytab: Path = "/etc/gatestone/http.keytab"
    service: Service = ""
    realms: dict[Realm, Text] = field(default_factory=dict)
    channel_bindings: Literal["offered", "required"] = "offered"
    replay_cache: Path | Literal[""] = ""


class Federation(Struct, frozen=True, kw_only=True):
    """Log-in through an identity provider, by a module of Apache."""

    module: Literal["", "shib", "mellon"] = ""
    provider: Word = "sso"
    protocol: Word = "saml2"
    user_attribute: Attribute = "eppn"
    shib_config: Path = "/etc/shibboleth/shibboleth2.xml"
    sp_key: Path = "/etc/gatestone/saml/sp.key"
    sp_cert: Path = "/etc/gatestone/saml/sp.crt"
    sp_metadata: Path = "/etc/gatestone/saml/sp.xml"
    idp_metadata: Path = "/etc/gatestone/saml/idp.xml"


class Apache(Struct, frozen=True, kw_only=True):
    """On which hosts Apache stands before the gateway, and as whom it runs."""

    v3: bool = False
    x509: bool = False
    user: Word = "www-data"


class Limits(Struct, frozen=True, kw_only=True):
    """What one source may take: an IPv4 address, or the first 64 bits of an IPv6 one, which its holder can change at will.

    `exempt`: networks of services that share a source and log in often.
    """

    tokens_per_source: Count = 100
    tokens_period: Seconds = 10
    connections_per_source: Count = 200
    connections: Count = 4000
    request_seconds: Seconds = 10
    body_bytes: Annotated[int, Meta(ge=1024, le=1_048_576)] = 114688
    exempt: list[str] = field(default_factory=list)


class Paths(Struct, frozen=True, kw_only=True):
    """Files and directories on the hosts that are not TLS."""

    master_key: Path = "/etc/gatestone/master.key"
    run: Path = "/run/gatestone"
    haproxy_run: Path = "/run/haproxy"
    haproxy_user: Word | Literal[""] = ""


class Catalogs(Struct, frozen=True, kw_only=True):
    """The catalogue file of each pool; empty: the catalogue in the database."""

    v3: Path | Literal[""] = ""
    v2: Path | Literal[""] = ""


class GatewayShape(Struct, frozen=True, kw_only=True):
    """How large each gateway is, and any other setting of gatestone.toml by section."""

    workers: Some = 2
    threads: Some = 8
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)


class Compose(Struct, frozen=True, kw_only=True):
    """The same site as containers on one machine. `files`: where the rendered files and the secrets lie."""

    subnet: str = "10.20.0.0/24"
    image: Image = "gatestone"
    haproxy_image: Image = "haproxy:2.8"
    postgres_image: Image = "postgres:15"
    files: Annotated[str, Meta(pattern=r"\A\./[A-Za-z0-9._/-]{1,200}\Z")] = "./build/site"


class Site(Struct, frozen=True, kw_only=True):
    """The whole description. An attribute's name is its table in the file."""

    site: Public
    load_balancers: list[Balancer]
    v3: list[Member]
    v2: list[Member] = field(default_factory=list)
    x509: list[CertificateHost] = field(default_factory=list)
    postgresql: list[DatabaseHost] = field(default_factory=list)
    database: DatabaseAccess = field(default_factory=DatabaseAccess)
    tls: Tls = field(default_factory=Tls)
    certificates: Certificates = field(default_factory=Certificates)
    kerberos: Kerberos = field(default_factory=Kerberos)
    federation: Federation = field(default_factory=Federation)
    apache: Apache = field(default_factory=Apache)
    limits: Limits = field(default_factory=Limits)
    paths: Paths = field(default_factory=Paths)
    catalog: Catalogs = field(default_factory=Catalogs)
    gateway: GatewayShape = field(default_factory=GatewayShape)
    compose: Compose = field(default_factory=Compose)
