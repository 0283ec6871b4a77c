"""The service's keytab: readable, for the right principals, with keys that clients still use."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ...settings import Settings
from . import keytab
from .finding import Finding, failed, ok, warning

_TOPIC = "keytab"


def check(settings: Settings) -> Iterator[Finding]:
    kerberos = settings.kerberos
    if not kerberos.keytab:
        yield ok(_TOPIC, "Kerberos is off (kerberos.keytab is empty)")
        return
    if importlib.util.find_spec("gssapi") is None:
        yield failed(_TOPIC, "the gssapi package is not installed", "pip install gssapi (it needs libkrb5-dev and a compiler)")
    try:
        content, mode = Path(kerberos.keytab).read_bytes(), os.stat(kerberos.keytab).st_mode
        entries = keytab.read(content)
    except OSError as error:
        cure = "give it to the user who runs this: chown, chmod 0600"
        yield failed(_TOPIC, f"{kerberos.keytab} cannot be read: {error.strerror}", cure)
        return
    except ValueError as error:
        yield failed(_TOPIC, f"{kerberos.keytab}: {error}", "export it again with kadmin: ktadd -k FILE PRINCIPAL")
        return
    if mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        yield warning(_TOPIC, f"others can reach {kerberos.keytab}", f"chmod 0600 {kerberos.keytab}")
    yield from _principals(kerberos.keytab, _wanted(settings), entries)
    yield from _replay_cache(kerberos.replay_cache)


def _wanted(settings: Settings) -> list[str]:
    """service/host, for each host that clients may ask with; the host in small letters, as they do."""
    if settings.kerberos.service:
        service, _, host = settings.kerberos.service.partition("@")
        return [f"{service}/{host.lower()}"]
    from ...app import public_urls

    hosts = [urlsplit(url).hostname or "" for url in public_urls(settings)]
    return [f"HTTP/{host}" for host in dict.fromkeys(hosts) if host]


def _principals(file: str, wanted: list[str], entries: list[keytab.Entry]) -> Iterator[Finding]:
    """One key is enough for the service to start; clients that ask by a name without one get no ticket."""
    kept = {name: [entry for entry in entries if entry.principal.rpartition("@")[0] == name] for name in wanted}
    for name, mine in kept.items():
        if mine:
            yield _keys(mine)
        elif not any(kept.values()):
            held = ", ".join(sorted({entry.principal for entry in entries})) or "nothing"
            yield failed(_TOPIC, f"{file} holds no key for {name}, but for {held}", f"kadmin: ktadd -k {file} {name}")
        elif not _is_address(name.partition("/")[2]):
            cure = f"kadmin: ktadd -k {file} {name}, or name the one host in kerberos.service"
            yield warning(_TOPIC, f"{file} holds no key for {name}: who asks by that name is refused", cure)


def _is_address(host: str) -> bool:
    """Nobody gets a ticket for an address unless the realm was told to give one."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _keys(mine: list[keytab.Entry]) -> Finding:
    newest = max(entry.version for entry in mine)
    current = [entry for entry in mine if entry.version == newest]
    names = ", ".join(dict.fromkeys(entry.enctype_name for entry in current))
    if all(entry.enctype in keytab.WEAK for entry in current):
        cure = "give the principal AES keys and export it again (in Active Directory: msDS-SupportedEncryptionTypes = 24)"
        return warning(_TOPIC, f"{mine[0].principal} has weak keys only ({names}): current clients refuse them", cure)
    if any(entry.enctype in keytab.WEAK for entry in current):
        return warning(
            _TOPIC, f"{mine[0].principal} has weak keys beside good ones ({names})", "drop its RC4 and DES keys in the KDC"
        )
    return ok(_TOPIC, f"{mine[0].principal}, version {newest}: {names}")


def _replay_cache(file: str) -> Iterator[Finding]:
    if file and not os.access(file if os.path.exists(file) else os.path.dirname(file) or ".", os.W_OK):
        cure = "make its directory, writable for the user who runs this"
        yield failed(_TOPIC, f"kerberos.replay_cache: {file} cannot be written", cure)
