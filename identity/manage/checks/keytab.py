"""Reads an MIT keytab: which principals have which kinds of keys. The keys themselves are passed over.

Format 0x0502 of MIT krb5 (doc/formats/keytab_file_format.rst): big-endian, each entry after its length, a hole after a
negative one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

ENCTYPES = {
    1: "des-cbc-crc",
    2: "des-cbc-md4",
    3: "des-cbc-md5",
    16: "des3-cbc-sha1",
    17: "aes128-cts-hmac-sha1-96",
    18: "aes256-cts-hmac-sha1-96",
    19: "aes128-cts-hmac-sha256-128",
    20: "aes256-cts-hmac-sha384-192",
    23: "arcfour-hmac",
    24: "arcfour-hmac-exp",
    25: "camellia128-cts-cmac",
    26: "camellia256-cts-cmac",
}
WEAK = frozenset({1, 2, 3, 16, 23, 24})  # RFC 6649, RFC 8429


@dataclass(frozen=True)
class Entry:
    principal: str  # name/instance@REALM
    version: int
    enctype: int

    @property
    def enctype_name(self) -> str:
        return ENCTYPES.get(self.enctype, f"enctype {self.enctype}")


def read(content: bytes) -> list[Entry]:
    """The entries in order. Raises ValueError for what is no keytab."""
    if content[:2] != b"\x05\x02":
        raise ValueError("it is no keytab")
    entries, place = [], 2
    while place + 4 <= len(content):
        (length,) = struct.unpack_from(">i", content, place)
        place += 4
        if length == 0:
            break
        if length > 0:
            if place + length > len(content):
                raise ValueError("it is cut off")
            entries.append(_entry(content[place : place + length]))
        place += abs(length)
    return entries


def _entry(raw: bytes) -> Entry:
    try:
        (count,) = struct.unpack_from(">H", raw, 0)
        place, words = 2, []
        for _ in range(count + 1):  # the realm, then the name's parts
            (size,) = struct.unpack_from(">H", raw, place)
            if place + 2 + size > len(raw):
                raise ValueError("an entry is cut off")
            words.append(raw[place + 2 : place + 2 + size].decode("utf-8", "replace"))
            place += 2 + size
        place += 8  # name type and time
        version, enctype, key_length = struct.unpack_from(">BHH", raw, place)
        place += 5 + key_length
        if len(raw) - place >= 4:
            (longer,) = struct.unpack_from(">I", raw, place)
            version = longer or version
    except struct.error:
        raise ValueError("an entry is cut off") from None
    return Entry("/".join(words[1:]) + "@" + words[0], version, enctype)
