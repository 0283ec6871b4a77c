"""Who may connect, and who must say for whom: decided once a connection, before a byte of it is believed."""

from __future__ import annotations

import ipaddress
import pwd
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from identity.errors import StartError
from identity.settings import Hop, Server, Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
UNIX = "unix"
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


class Networks:
    """A list of addresses and networks; `unix` in it stands for a Unix socket, whose address is ""."""

    def __init__(self, texts: Iterable[str]) -> None:
        given = tuple(texts)
        self._unix = UNIX in given
        self._networks: tuple[Network, ...] = tuple(ipaddress.ip_network(text, strict=False) for text in given if text != UNIX)

    def __bool__(self) -> bool:
        return self._unix or bool(self._networks)

    def __contains__(self, address: str) -> bool:
        if not address:
            return self._unix
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)
        return any((mapped or found) in network for network in self._networks)


@dataclass(frozen=True)
class Admission:
    """The rules of one listener. `version` of the PROXY protocol: "" where it is off."""

    allowed: Networks
    proxies: Networks
    version: str
    uids: frozenset[int]

    @property
    def is_open(self) -> bool:
        """Whether anybody may connect and speaks for itself: then nothing need be asked."""
        return not (self.allowed or self.uids or self.version)

    def stranger(self, sock: Any, address: str) -> str:
        """Who it is, if this connection is not allowed at all; else ""."""
        if sock.family == socket.AF_UNIX:
            if not self.uids:
                return ""
            uid = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))[1]
            return "" if uid in self.uids else f"unix:uid={uid}"
        return address if self.allowed and address not in self.allowed else ""

    def speaks_for_others(self, address: str) -> bool:
        """Whether a PROXY header must come first."""
        return bool(self.version) and address in self.proxies


def for_listener(settings: Settings, listener: str) -> Admission:
    """The rules of a listener. Raises StartError for a user that does not exist."""
    part: Any = getattr(settings, "server" if listener == "api" else listener)
    peers = _uids(part, listener) if part.host.startswith("unix:") and isinstance(part, (Server, Hop)) else frozenset()
    if isinstance(part, Hop):
        return Admission(Networks(()), Networks(()), "", peers)
    version = "" if part.proxy_protocol == "off" else part.proxy_protocol
    return Admission(Networks(part.allowed_peers), Networks(part.trusted_proxies), version, peers)


def _uids(part: Server | Hop, listener: str) -> frozenset[int]:
    section = "server" if listener == "api" else listener
    return frozenset(_uid(name, section) for name in part.unix_peers)


def _uid(name: str, section: str) -> int:
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise StartError(f"{section}.unix_peers: there is no user {name} here: correct the name, or write its number") from None
