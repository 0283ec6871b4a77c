"""The PROXY protocol, versions 1 and 2, as HAProxy's `doc/proxy-protocol.txt` has it: bytes in, an address out; no I/O.

A proxy that only passes TCP on says with it, before TLS and before any request, who connected to it.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from dataclasses import dataclass
from typing import Final

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"  # of version 2; no HTTP request and no TLS record begins with it
LONGEST_V1: Final = 107
LONGEST: Final = 536  # what the specification promises to fit into one segment; addresses take 52, the rest is extras

_V1 = re.compile(rb"PROXY (?:UNKNOWN(?: [ -~]*)?|(TCP[46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (\d{1,5}) (\d{1,5}))")
_LOCAL, _PROXY = 0, 1
_INET, _INET6 = 1, 2
_STREAM = 1


class BadHeader(Exception):
    """What came is no header of the wanted version. The text is for the log, and repeats nothing of it."""


@dataclass(frozen=True)
class Header:
    """`length`: bytes on the wire. `client`: address and port; None: the proxy speaks for itself, or tells of no address."""

    length: int
    client: tuple[str, int] | None


def read(data: bytes, version: str) -> Header | None:
    """The header at the start of `data`, or None while more is to come. `version`: "v1", "v2" or "any". Raises BadHeader."""
    if version != "v1" and _begins(data, SIGNATURE):
        return _read_v2(data)
    if version != "v2" and _begins(data, b"PROXY "):
        return _read_v1(data)
    raise BadHeader("no PROXY header of the wanted version")


def is_header(data: bytes) -> bool:
    """Whether these first bytes are those of a PROXY header, of whatever version."""
    return data.startswith((SIGNATURE, b"PROXY "))


def _begins(data: bytes, with_what: bytes) -> bool:
    return data.startswith(with_what) if len(data) >= len(with_what) else with_what.startswith(data)


def _read_v1(data: bytes) -> Header | None:
    end = data.find(b"\r\n", 0, LONGEST_V1)
    if end < 0:
        if len(data) >= LONGEST_V1 or b"\n" in data:
            raise BadHeader("the line of version 1 does not end")
        return None
    found = _V1.fullmatch(data, 0, end)
    if found is None:
        raise BadHeader("the line of version 1 is malformed")
    if found[1] is None:
        return Header(end + 2, None)
    source, target = _address(found[2]), _address(found[3])
    wanted = 4 if found[1] == b"TCP4" else 6
    if source.version != wanted or target.version != wanted:
        raise BadHeader("an address of version 1 is of the other family")
    return Header(end + 2, (_plain(source), _port(found[4], found[5])))


def _address(text: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        raise BadHeader("an address of version 1 is malformed") from None


def _port(source: bytes, target: bytes) -> int:
    for number in (source, target):
        if int(number) > 65535 or (number.startswith(b"0") and number != b"0"):
            raise BadHeader("a port of version 1 is malformed")
    return int(source)


def _read_v2(data: bytes) -> Header | None:
    if len(data) < 16:
        return None
    kind, family, size = struct.unpack_from("!BBH", data, 12)
    if kind >> 4 != 2 or kind & 15 not in (_LOCAL, _PROXY):
        raise BadHeader("version 2 of another version or command")
    length = 16 + size
    if length > LONGEST:
        raise BadHeader("the header is too long")
    if len(data) < length:
        return None
    if kind & 15 == _LOCAL:
        return Header(length, None)  # the proxy's own connection, e.g. to see whether we are well
    return Header(length, _source(data[16:length], family >> 4, family & 15))


def _source(block: bytes, family: int, transport: int) -> tuple[str, int] | None:
    """The client of an address block. What follows the addresses (TLVs, the checksum among them) is not needed.

    A family of which nothing can be told (unspecified, a Unix socket, one of the future) is let pass as one without an
    address: the specification asks for that.
    """
    size = {_INET: 4, _INET6: 16}.get(family, 0)
    if size == 0 or transport != _STREAM:
        return None
    if len(block) < 2 * size + 4:
        raise BadHeader("the address block is too short")
    (port,) = struct.unpack_from("!H", block, 2 * size)
    return _plain(ipaddress.ip_address(block[:size])), port


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """IPv4 within IPv6 is told as IPv4, so that one client has one address in logs and limits."""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
