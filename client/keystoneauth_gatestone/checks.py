"""The checks behind `openstack gatestone doctor`: none prints a secret or changes anything."""

import os
import ssl
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import metadata
from typing import Any

from keystoneauth1 import exceptions
from keystoneauth1.identity.base import BaseIdentityPlugin
from keystoneauth1.session import Session

from keystoneauth_gatestone import select, tickets
from keystoneauth_gatestone.exceptions import GatestoneError, KerberosMissing, NoCertificate, cure
from keystoneauth_gatestone.kerberos import library
from keystoneauth_gatestone.x509 import X509

OK, WARN, FAIL = "ok", "warning", "FAIL"
TIMEOUT = 15.0  # seconds for one request
SOON = timedelta(days=3)


@dataclass(frozen=True)
class Finding:
    check: str
    result: str
    says: str

    def row(self) -> tuple[str, str, str]:
        return self.check, self.result, self.says


def _auth(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**config, **(config.get("auth") or {})}


def login_of(config: Mapping[str, Any]) -> str:
    """The plugin that does the work: `gatestone` resolved by its URL."""
    auth = _auth(config)
    name = str(config.get("auth_type") or "password")
    if name != "gatestone":
        return name
    return select.plugin_for(
        auth.get("auth_url"),
        has_token=bool(auth.get("token")),
        has_password=bool(auth.get("password")),
    )


def choice(config: Mapping[str, Any]) -> Finding:
    url = _auth(config).get("auth_url")
    if not url:
        return Finding("choice", FAIL, "no URL of a gateway: set OS_AUTH_URL, or OS_CLOUD")
    name, used = config.get("auth_type"), login_of(config)
    face = select.face_of(url)
    if name == "gatestone":
        why = "chosen by the URL"
    elif face and name != face:
        says = f"{name} at {url}, a URL for {face}: unset OS_AUTH_TYPE to let the URL choose"
        return Finding("choice", WARN, says)
    else:
        why = "set explicitly, or the default"
    return Finding("choice", OK, f"{used} at {url} ({why})")


def versions() -> Iterator[Finding]:
    names = ("keystoneauth-gatestone", "keystoneauth1", "python-openstackclient", "openstacksdk")
    found = []
    for name in names:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    yield Finding("versions", OK, ", ".join(found))


def local(config: Mapping[str, Any]) -> Iterator[Finding]:
    """What can be told without a connection."""
    used = login_of(config)
    if config.get("verify") is False or config.get("insecure"):
        says = "the gateway's certificate is not checked: drop --insecure, set OS_CACERT"
        yield Finding("tls", WARN, says)
    cacert = config.get("cacert")
    if cacert and not os.access(os.path.expanduser(cacert), os.R_OK):
        yield Finding("tls", FAIL, f"cannot read {cacert}: check OS_CACERT")
    if used in (select.KERBEROS, "v3fedkerb"):
        yield from _kerberos()
    elif used == select.X509:
        yield from _certificate(_auth(config))
    elif used.endswith("password") and not _auth(config).get("password"):
        yield Finding("password", FAIL, "no password to try a login with: set OS_PASSWORD")


def _kerberos() -> Iterator[Finding]:
    try:
        library()
    except KerberosMissing as error:
        yield Finding("kerberos", FAIL, str(error))
        return
    try:
        ticket = tickets.current()
    except GatestoneError as error:
        yield Finding("ticket", FAIL, str(error))
        return
    if ticket is None:
        yield Finding("ticket", WARN, "cannot be read here (python-gssapi is absent)")
    else:
        minutes = ticket.seconds_left // 60
        yield Finding("ticket", OK, f"{ticket.principal}, {minutes} minutes left")


def _certificate(auth: Mapping[str, Any]) -> Iterator[Finding]:
    own = auth.get("x509_cert")
    certificate, key = (own, auth.get("x509_key")) if own else (auth.get("cert"), auth.get("key"))
    if not certificate:
        yield Finding("certificate", FAIL, str(NoCertificate()))
        return
    certificate = os.path.expanduser(str(certificate))
    key = os.path.expanduser(str(key)) if key else certificate
    asked = []

    def passphrase() -> str:  # in place of OpenSSL's own question on the terminal
        asked.append(key)
        return "unknown"

    try:
        mode = os.stat(key).st_mode
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, passphrase)
    except OSError as error:  # ssl.SSLError is one
        if asked:
            says = f"{key} has a passphrase, which every command will ask for"
            yield Finding("key", WARN, says)
        else:
            says = f"{certificate} and {key}: {error.strerror or error}; check OS_CERT and OS_KEY"
            yield Finding("certificate", FAIL, says)
            return
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        yield Finding("key", WARN, f"others can read {key}: chmod 600 it")
    yield _validity(certificate)


def _validity(path: str) -> Finding:
    try:
        from cryptography import x509
    except ImportError:
        return Finding("certificate", OK, f"{path} fits its key")
    with open(path, "rb") as file:
        certificate = x509.load_pem_x509_certificate(file.read())
    subject, end = certificate.subject.rfc4514_string(), certificate.not_valid_after_utc
    now = datetime.now(UTC)
    says = f"{subject}, issued by {certificate.issuer.rfc4514_string()}, valid until {end:%Y-%m-%d}"
    if end < now:
        return Finding("certificate", FAIL, f"{says}: it has expired, ask for a new one")
    return Finding("certificate", WARN if end - now < SOON else OK, says)


def remote(session: Session, auth: BaseIdentityPlugin) -> Iterator[Finding]:
    """The version document and a login, over the session that every command would use."""
    url = str(auth.auth_url or "")
    certificate = auth.certificate(session) if isinstance(auth, X509) else session.cert
    try:
        # `cert` where the login shows one of its own: that port talks to nobody without.
        reply = session.get(url, authenticated=False, raise_exc=False, cert=certificate)
    except exceptions.ClientException as error:
        advice = cure(str(error), url, certificate=bool(certificate))
        yield Finding("connection", FAIL, f"{advice} ({error})")
        return
    found = _discovery(url, reply)
    yield found
    if found.result == FAIL:
        return  # a `password` login would wait for ever
    try:
        access = auth.get_access(session)
    except Exception as error:  # whatever a plugin raises is what the reader must know
        yield Finding("login", FAIL, str(error))
        return
    system = "system" if access.system_scoped else "no scope"
    scope = access.project_name or access.domain_name or system
    expires = f"{access.expires:%Y-%m-%d %H:%M} UTC"
    yield Finding("login", OK, f"{access.username}, {scope}, until {expires}")


def _discovery(url: str, reply: Any) -> Finding:
    if reply.status_code == 401:
        says = f"{url} asks for a login on GET, on which clients hang: report it to the operator"
        return Finding("discovery", FAIL, says)
    try:
        links = reply.json()["version"]["links"]
        itself = next(link["href"] for link in links if link["rel"] == "self")
    except (ValueError, LookupError, TypeError, StopIteration):
        return Finding("discovery", WARN, f"{url} answers {reply.status_code}, no version document")
    if select.segments(itself) != select.segments(url):
        return Finding("discovery", WARN, f"{url} calls itself {itself}: password logins go there")
    return Finding("discovery", OK, f"{url} answers {reply.status_code}")
