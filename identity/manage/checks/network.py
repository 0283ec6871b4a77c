"""Host names forward and back, and the ports of the listeners."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from ...settings import Settings
from .finding import Finding, failed, ok, warning

_PATIENCE = 5.0  # seconds for one question to the resolver


def names(settings: Settings) -> Iterator[Finding]:
    hosts = dict.fromkeys(urlsplit(url).hostname or "" for url in settings.server.public_urls)
    for host in hosts:
        yield from _name(host, kerberos=bool(settings.kerberos.keytab))
    if not hosts:
        yield ok("names", "server.public_urls is empty: the listener's own names are used")


def _name(host: str, *, kerberos: bool) -> Iterator[Finding]:
    found, why = _patiently(lambda: sorted({entry[4][0] for entry in socket.getaddrinfo(host, None)}))
    if not found:
        yield failed("names", f"{host} does not resolve: {why}", "add it to the DNS or /etc/hosts, or correct server.public_urls")
        return
    back, why = _patiently(lambda: socket.gethostbyaddr(found[0]))
    known = {back[0].lower(), *(alias.lower() for alias in back[1])} if back else set()
    if host in known:
        yield ok("names", f"{host} is {', '.join(found)}, and back")
    elif kerberos:
        told = f"{found[0]} is {back[0]}" if back else f"{found[0]} has no name ({why})"
        asked = back[0] if back else found[0]
        cure = f"correct the reverse entry, or set `rdns = false` in the clients' krb5.conf: else they ask for HTTP/{asked}"
        yield warning("names", f"{host} is {found[0]}, but {told}", cure)
    else:
        yield ok("names", f"{host} is {', '.join(found)}")


def _patiently(ask: Callable[[], Any]) -> tuple[Any, str]:
    """The answer and an empty text, or None and why; the resolver itself has no time limit."""
    result: list[Any] = [None, f"no answer within {_PATIENCE:.0f} s"]

    def work() -> None:
        try:
            result[:] = [ask(), ""]
        except (OSError, UnicodeError) as error:
            result[:] = [None, getattr(error, "strerror", None) or "not a host name"]

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return result[0], result[1]


def ports(settings: Settings) -> Iterator[Finding]:
    server, listener = settings.server, settings.x509
    yield from _port("server", server.host, server.port, tls=bool(server.tls_cert))
    if listener.enabled:
        yield from _port("x509", listener.host, listener.port, tls=True)


def _port(section: str, host: str, port: int, *, tls: bool) -> Iterator[Finding]:
    if host.startswith("unix:") or port == 0:
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            yield _taken(section, host, port, error, tls=tls)
            return
    yield ok("ports", f"{host} port {port} is free")


def _taken(section: str, host: str, port: int, error: Exception, *, tls: bool) -> Finding:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        if _is_us(host, port, tls=tls):
            return ok("ports", f"{host} port {port}: gatestone answers there")
        return failed("ports", f"{host} port {port} is taken", f"end the program that listens there, or set {section}.port")
    if number == errno.EACCES:
        return failed("ports", f"{host} port {port} may not be used by this user", f"set {section}.port to 1024 or higher")
    return failed("ports", f"{host} is no address of this machine", f"set {section}.host")


def _is_us(host: str, port: int, *, tls: bool) -> bool:
    """Whether a gatestone listens there. Who it is does not matter here, so no certificate is checked and none is shown."""
    where = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    context = ssl._create_unverified_context()  # noqa: S323 (nothing is sent that could be stolen)
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(where, port, timeout=3, context=context)
        if tls
        else http.client.HTTPConnection(where, port, timeout=3)
    )
    try:
        connection.request("GET", "/healthcheck")
        return (connection.getresponse().getheader("Server") or "").startswith("Gatestone")
    except ssl.SSLError as error:
        return "CERTIFICATE_REQUIRED" in str(error)  # our certificate listener talks to nobody without one
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
