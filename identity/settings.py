"""Every setting, declared once: type, default, bounds and description.

Sections and options keep Keystone's names where the meaning is the same. `settings_load` reads them from file,
environment and command line; the reference page `docs/settings.md` is generated from here. Standard library only.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any

PROXY_PROTOCOLS = ("off", "v1", "v2", "any")


def opt(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    """One option: its default, one sentence of description, bounds (inclusive), choices (of a list: of each element), and
    whether it is secret: then `repr` leaves it out, and messages do not repeat it."""
    meta = {"doc": doc, "low": low, "high": high, "choices": choices, "secret": secret}
    if isinstance(default, (list, dict)):
        return field(default_factory=default.copy, repr=not secret, metadata=meta)
    return field(default=default, repr=not secret, metadata=meta)


@dataclass(frozen=True)
class Server:
    """The API listener."""

    host: str = opt("127.0.0.1", "Address to listen on, or unix:/path for a Unix socket.")
    port: int = opt(5000, "TCP port of the API listener; 0 takes a free one.", low=0, high=65535)
    public_urls: list[str] = opt(
        [], "Base URLs that clients use, the first being the canonical one; empty: the listener's own name and port."
    )
    apis: list[str] = opt(
        ["v3"],
        "Versions of the API that this process serves. Version 2.0 has tokens in its URLs, so it is served where it is asked for.",
        choices=("v3", "v2.0"),
    )
    tls_cert: str = opt("", "PEM file with the server's certificate chain; empty: plain HTTP behind a proxy.")
    tls_key: str = opt("", "PEM file with the server's private key.")
    workers: int = opt(2, "Worker processes.", low=1, high=256)
    threads: int = opt(
        8,
        "Threads in each worker that answer; as many more answer POST alone (log-ins), and two take TLS handshakes.",
        low=1,
        high=256,
    )
    max_request_body_size: int = opt(114688, "Largest request body, in bytes.", low=1024, high=104857600)
    header_timeout: float = opt(5.0, "Seconds a client may take for the TLS handshake and the request head.", low=0.1, high=600)
    body_timeout: float = opt(10.0, "Seconds a client may take to send the request body.", low=0.1, high=600)
    keepalive: int = opt(5, "Seconds an idle connection is kept open; 0 closes after each answer.", low=0, high=600)
    max_header_size: int = opt(65535, "Largest header field, in bytes: a ticket with many groups is long.", low=1024, high=1048576)
    list_limit: int = opt(
        0,
        "Most entries in one answer to a list; 0: all. A shorter answer says `truncated` and where it goes on.",
        low=0,
        high=1000000,
    )
    trusted_hops: list[str] = opt(
        [], "Addresses or networks of proxies whose identity headers are believed; `unix` stands for a Unix socket."
    )
    allowed_peers: list[str] = opt(
        [], "Addresses or networks that may connect at all, e.g. the load balancers'; empty: any. Others are closed unheard."
    )
    proxy_protocol: str = opt(
        "off", "The PROXY protocol before TLS and requests, by which a TCP proxy tells who connects.", choices=PROXY_PROTOCOLS
    )
    trusted_proxies: list[str] = opt(
        [],
        "Addresses or networks (`unix`: a Unix socket) whose PROXY header is believed, and needed; from no other is it taken.",
    )
    unix_mode: str = opt("0600", "Mode of the Unix socket, octal: who may write to it may connect.")
    unix_group: str = opt("", "Group of the Unix socket; empty: this process's.")
    unix_peers: list[str] = opt(
        [], "Users (names or numbers) whose processes may connect to the Unix socket; empty: whom its mode lets in."
    )
    max_buffered: int = opt(
        33554432,
        "Bytes of unfinished requests that a worker holds; beyond, the largest of them is refused.",
        low=1048576,
        high=1 << 40,
    )
    remote_user_header: str = opt("X-Remote-User", "Header in which a trusted hop names the user it authenticated.")
    metrics_dir: str = opt("", "Directory shared by the workers' metrics; empty: one made at start and removed at the end.")


@dataclass(frozen=True)
class X509:
    """The listener for client certificates, and whose certificate means which user."""

    enabled: bool = opt(False, "Serve client certificates on a listener of their own.")
    host: str = opt("127.0.0.1", "Address to listen on.")
    port: int = opt(8443, "TCP port of the certificate listener; 0 takes a free one.", low=0, high=65535)
    workers: int = opt(2, "Worker processes.", low=1, high=256)
    tls_cert: str = opt("", "PEM file with this listener's certificate chain.")
    tls_key: str = opt("", "PEM file with this listener's private key.")
    client_ca: str = opt("", "PEM bundle of the authorities that may issue client certificates.")
    crl: str = opt("", "PEM bundle of revocation lists, one for every authority in `client_ca`; re-read when it changes.")
    allowed_peers: list[str] = opt([], "As `server.allowed_peers`, for this listener.")
    proxy_protocol: str = opt("off", "As `server.proxy_protocol`, for this listener.", choices=PROXY_PROTOCOLS)
    trusted_proxies: list[str] = opt([], "As `server.trusted_proxies`, for this listener.")
    rules: list[dict[str, str]] = opt(
        [],
        "Ordered rules, each with `issuer` (RFC 4514 name, exact), `subject` (RFC 4514 pattern whose {user} part names "
        "the user), and `domain` (name) or `domain_id`. The first that fits decides; a certificate that fits none is refused.",
    )


@dataclass(frozen=True)
class Hop:
    """The listener for a proxy that ends TLS itself and hands on whom it authenticated; it serves every entry point."""

    enabled: bool = opt(False, "Take certificate log-ins from such a proxy, and check this section at each start.")
    host: str = opt("127.0.0.1", "unix:/path for a proxy on this machine, or an address: then the proxy proves itself by TLS.")
    port: int = opt(8444, "TCP port of this listener; 0 takes a free one.", low=0, high=65535)
    workers: int = opt(2, "Worker processes.", low=1, high=256)
    believes: list[str] = opt(
        ["client-cert"],
        "What the proxy may say of clients: `client-cert` (RFC 9440, judged by `[x509]` again), `remote-user` (in "
        "`server.remote_user_header`). It must delete from each request what it does not set itself.",
        choices=("client-cert", "remote-user"),
    )
    unix_mode: str = opt("0660", "Mode of the Unix socket, octal.")
    unix_group: str = opt("", "Group of the Unix socket; empty: this process's.")
    unix_peers: list[str] = opt([], "Users (names or numbers) as whom the proxy runs; needed on a Unix socket.")
    tls_cert: str = opt("", "PEM file with this listener's certificate chain; needed on an address.")
    tls_key: str = opt("", "PEM file with this listener's private key.")
    client_ca: str = opt("", "PEM bundle of the authorities that issue the proxies' certificates; best one for nothing else.")
    crl: str = opt("", "PEM bundle of their revocation lists; empty: not checked.")
    names: list[str] = opt([], "DNS names (subjectAltName) of the proxies' certificates; any other is refused.")


@dataclass(frozen=True)
class Kerberos:
    """The Negotiate entry point `/krb/v3`."""

    keytab: str = opt("", "Keytab with the service's keys; empty: Kerberos is off.")
    service: str = opt("", "Service as HTTP@host.name; empty: HTTP at the host of every one of `server.public_urls`.")
    realms: dict[str, str] = opt({}, "Table from realm to domain name; a realm that is not listed is refused.")
    channel_bindings: str = opt(
        "offered", "Channel bindings (RFC 5929): checked when offered, or required.", choices=("offered", "required")
    )
    channel_binding_cert: str = opt(
        "", "Certificate that the client sees, PEM; empty: `server.tls_cert`. Set it behind a TLS proxy."
    )
    replay_cache: str = opt("", "File of the replay cache, e.g. /var/lib/gatestone/rcache; empty: the library's default.")


@dataclass(frozen=True)
class Auth:
    """Which methods may be used."""

    methods: list[str] = opt(
        ["password", "token", "application_credential", "external", "kerberos", "x509"], "Methods that clients may log in with."
    )
    external_domain: str = opt("", "Domain name of users whom a trusted hop names; empty: the default domain.")


@dataclass(frozen=True)
class Token:
    """Life and spelling of tokens."""

    provider: str = opt("fernet", "Spelling of new tokens.", choices=("fernet", "jws", "uuid"))
    readers: list[str] = opt(
        [],
        "Further spellings that are still accepted, for moving a fleet without a logout.",
        choices=("fernet", "jws", "uuid"),
    )
    expiration: int = opt(3600, "Life of a token, in seconds.", low=1, high=31536000)
    allow_rescope_scoped_token: bool = opt(True, "Whether a scoped token may be exchanged for another scope.")
    allow_expired_window: int = opt(
        172800, "Seconds after expiry for which a service may still fetch a token.", low=0, high=31536000
    )
    max_staleness: float = opt(
        0.0,
        "Seconds for which a worker may rely on its last look at the change log; 0: look each time. It looks after half of them, "
        "and for the rest goes on where the database is away.",
        low=0,
        high=60,
    )
    cache_size: int = opt(4000, "Tokens that a worker remembers.", low=0, high=10000000)


@dataclass(frozen=True)
class FernetTokens:
    """Keys for Fernet tokens, when they live in files as Keystone keeps them."""

    key_repository: str = opt("", "Directory of keys named 0, 1, 2 ... as Keystone's; empty: keys live in the database.")
    max_active_keys: int = opt(3, "Keys that are kept at a rotation.", low=1, high=1000)
    keystone_methods: list[str] = opt(
        [], "`[auth] methods` of a Keystone that shares the keys, in its order; empty: Keystone's default list."
    )


@dataclass(frozen=True)
class Credential:
    """The secrets that users keep here (EC2, TOTP, certificates), and the keys that seal them."""

    key_repository: str = opt("", "Directory of keys named 0, 1, 2 ... as Keystone's; empty: keys live in the database.")
    user_limit: int = opt(-1, "Credentials that one user may have; -1: any number.", low=-1, high=1000000)


@dataclass(frozen=True)
class Assignment:
    """Who has which role on what."""

    prohibited_implied_role: list[str] = opt(["admin"], "Names of roles that no other role may imply.")
    member_role_name: str = opt(
        "_member_",
        "Role that version 2.0 gives a user on the project that becomes the user's tenant; made where there is none of that name.",
    )


@dataclass(frozen=True)
class UnifiedLimit:
    """Limits that projects have on the resources of other services."""

    enforcement_model: str = opt(
        "flat",
        "Whether a project's limit is its own affair, or a tree of two levels must stay within its root's.",
        choices=("flat", "strict_two_level"),
    )


@dataclass(frozen=True)
class Keys:
    """The master key that wraps the keys in the database."""

    master_key: str = opt("", "Master key: 32 bytes in URL-safe base64. Prefer the environment or `master_key_file`.", secret=True)
    master_key_file: str = opt("", "File with the master key.")


@dataclass(frozen=True)
class Resource:
    """Domains and projects."""

    max_project_tree_depth: int = opt(5, "Levels of projects that a domain may have.", low=1, high=100)
    project_name_url_safe: str = opt(
        "off",
        "Whether names of projects may hold characters that are reserved in URLs: `off` lets them, `new` refuses new ones.",
        choices=("off", "new"),
    )
    domain_name_url_safe: str = opt("off", "The same for names of domains.", choices=("off", "new"))


@dataclass(frozen=True)
class Identity:
    """Users and their passwords."""

    default_domain_id: str = opt("default", "Id of the domain that version 2.0 and unqualified names mean.")
    max_password_length: int = opt(4096, "Longest password, in bytes.", low=1, high=4096)
    password_hash_concurrency: int = opt(2, "Passwords hashed at a time in one worker.", low=1, high=64)
    argon2_time_cost: int = opt(3, "Passes of argon2id.", low=1, high=100)
    argon2_memory_cost: int = opt(65536, "Memory of one argon2id hash, in KiB.", low=8, high=4194304)


@dataclass(frozen=True)
class SecurityCompliance:
    """Lock-out, and which passwords may be used for how long."""

    lockout_failure_attempts: int = opt(0, "Wrong passwords in a row that lock an account; 0: never.", low=0, high=1000)
    lockout_duration: int = opt(1800, "Seconds that an account stays locked.", low=1, high=31536000)
    password_expires_days: int = opt(0, "Days after which a new password expires; 0: never.", low=0, high=36500)
    unique_last_password_count: int = opt(
        0, "Last passwords, with the present one, that a user may not choose again; 0: any may be.", low=0, high=24
    )
    minimum_password_age: int = opt(
        0, "Days that a password which the user chose must be kept before the user may choose another.", low=0, high=36500
    )
    password_regex: str = opt("", "Regular expression that new passwords must match from their start; empty: any may be used.")
    password_regex_description: str = opt(
        "", "What `password_regex` asks for, in words: told to those whose password does not fit."
    )
    change_password_upon_first_use: bool = opt(
        False, "Whether users must change a password that an administrator has set before they can log in with it."
    )
    disable_user_account_days_inactive: int = opt(
        0, "Days without a log-in after which an account counts as switched off; 0: never.", low=0, high=36500
    )


@dataclass(frozen=True)
class Database:
    """Where accounts are kept."""

    connection: str = opt(
        "sqlite:///gatestone.db",
        "SQLAlchemy URL: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME. Several hosts, as libpq writes them "
        "(HOST:PORT,HOST:PORT): the one that takes writes is used, unless the URL has a `target_session_attrs` of its own.",
        secret=True,
    )
    pool_size: int = opt(8, "Connections that a worker keeps.", low=1, high=1000)
    connect_timeout: int = opt(2, "Seconds to wait for a connection, for each host; libpq takes 1 for 2.", low=1, high=60)
    statement_timeout: float = opt(
        3.0,
        "Seconds a statement may take before the server gives it up. A server that says nothing for half a second longer is left.",
        low=0.1,
        high=600,
    )
    lock_timeout: float = opt(2.5, "Seconds to wait for another's lock; best more than the next setting.", low=0.1, high=600)
    idle_in_transaction_session_timeout: float = opt(
        2.0, "Seconds after which PostgreSQL ends a session that stands still within a transaction.", low=1, high=600
    )
    tcp_user_timeout: float = opt(
        10.0, "Seconds for which data sent to PostgreSQL may stay unacknowledged before the connection is dead.", low=1, high=600
    )


@dataclass(frozen=True)
class Cell:
    """A gateway in a compute cell: it validates every token of the site, logs service accounts in, and writes nothing."""

    enabled: bool = opt(False, "Serve as a cell; `gatestone serve --cell` says the same.")
    login_url: str = opt("", "Where everybody else logs in, e.g. https://identity.example.org/main/v3; told to who asks here.")
    service_roles: list[str] = opt(["service"], "Names of roles: who holds one on the scope asked for may log in.")
    service_users: list[str] = opt([], "Ids of users who may log in with any role, or none.")
    max_lag: float = opt(30.0, "Seconds behind what it received in which the replica is believed; 0: any.", low=0, high=86400)
    max_away: float = opt(0.0, "Seconds without a primary in which the replica is believed; 0: any.", low=0, high=31536000)


@dataclass(frozen=True)
class Catalog:
    """The list of services that a token shows."""

    driver: str = opt("sql", "Source of the catalogue.", choices=("sql", "templated"))
    template_file: str = opt("", "File for the templated driver, in Keystone's default_catalog.templates form.")
    identity_version: str = opt(
        "",
        "Version to which the URLs of the identity service lead in the SQL catalogue that this process shows; empty: as stored.",
        choices=("", "v3", "v2.0"),
    )
    all_if_none_chosen: bool = opt(
        True, "Whether a project that is associated with no endpoint is shown all (`return_all_endpoints_if_no_filter`)."
    )


@dataclass(frozen=True)
class OsloPolicy:
    """Who may do what."""

    policy_file: str = opt("", "YAML file with rules that override the defaults.")


@dataclass(frozen=True)
class Log:
    """What is written about the service's work."""

    level: str = opt("info", "Least severe level that is written.", choices=("debug", "info", "warning", "error"))
    file: str = opt("", "File to write to; empty: standard error.")


@dataclass(frozen=True)
class Settings:
    """All sections. An attribute's name is its section in the file."""

    server: Server = field(default_factory=Server)
    x509: X509 = field(default_factory=X509)
    hop: Hop = field(default_factory=Hop)
    kerberos: Kerberos = field(default_factory=Kerberos)
    auth: Auth = field(default_factory=Auth)
    token: Token = field(default_factory=Token)
    fernet_tokens: FernetTokens = field(default_factory=FernetTokens)
    credential: Credential = field(default_factory=Credential)
    assignment: Assignment = field(default_factory=Assignment)
    unified_limit: UnifiedLimit = field(default_factory=UnifiedLimit)
    keys: Keys = field(default_factory=Keys)
    resource: Resource = field(default_factory=Resource)
    identity: Identity = field(default_factory=Identity)
    security_compliance: SecurityCompliance = field(default_factory=SecurityCompliance)
    database: Database = field(default_factory=Database)
    cell: Cell = field(default_factory=Cell)
    catalog: Catalog = field(default_factory=Catalog)
    oslo_policy: OsloPolicy = field(default_factory=OsloPolicy)
    log: Log = field(default_factory=Log)


def sections() -> list[tuple[str, type, list[Field[Any]]]]:
    """Each section's name, class and fields, in the order of the reference page."""
    found = []
    for section in fields(Settings):
        cls = section.default_factory
        found.append((section.name, cls, list(fields(cls))))  # type: ignore[arg-type]
    return found  # type: ignore[return-value]
