"""The service's keytab: readable, for the right principals, with keys that clients still use."""

from __future__ import annotations

import importlib.util
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
    for principal in _wanted(settings):
        yield from _principal(kerberos.keytab, principal, entries)
    yield from _replay_cache(kerberos.replay_cache)


def _wanted(settings: Settings) -> list[str]:
    """service/host@REALM, for each host and realm that clients may ask with; the host in small letters, as they do."""
    kerberos = settings.kerberos
    hosts = [urlsplit(url).hostname or "" for url in settings.server.public_urls]
    services = [kerberos.service] if kerberos.service else [f"HTTP@{host}" for host in dict.fromkeys(hosts) if host]
    return [service.replace("@", "/", 1) for service in services]


def _principal(file: str, principal: str, entries: list[keytab.Entry]) -> Iterator[Finding]:
    service, _, host = principal.partition("/")
    mine = [entry for entry in entries if entry.principal.rpartition("@")[0] == f"{service}/{host.lower()}"]
    if not mine:
        held = ", ".join(sorted({entry.principal for entry in entries})) or "nothing"
        yield failed(_TOPIC, f"{file} holds no key for {principal}, but for {held}", f"kadmin: ktadd -k {file} {principal}")
        return
    newest = max(entry.version for entry in mine)
    current = [entry for entry in mine if entry.version == newest]
    names = ", ".join(dict.fromkeys(entry.enctype_name for entry in current))
    if all(entry.enctype in keytab.WEAK for entry in current):
        cure = "give the principal AES keys and export it again (in Active Directory: msDS-SupportedEncryptionTypes = 24)"
        yield warning(_TOPIC, f"{mine[0].principal} has weak keys only ({names}): current clients refuse them", cure)
    elif any(entry.enctype in keytab.WEAK for entry in current):
        yield warning(
            _TOPIC, f"{mine[0].principal} has weak keys beside good ones ({names})", "drop its RC4 and DES keys in the KDC"
        )
    else:
        yield ok(_TOPIC, f"{mine[0].principal}, version {newest}: {names}")


def _replay_cache(file: str) -> Iterator[Finding]:
    if file and not os.access(file if os.path.exists(file) else os.path.dirname(file) or ".", os.W_OK):
        cure = "make its directory, writable for the user who runs this"
        yield failed(_TOPIC, f"kerberos.replay_cache: {file} cannot be written", cure)
