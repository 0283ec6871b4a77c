"""The password hashes that Keystone has stored: bcrypt, bcrypt-sha256 (both versions), scrypt and pbkdf2-sha512.

Only checking is done here; nothing new is stored so. A hash that is malformed, or so costly that checking it would
hold a worker up, is a ValueError.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

import bcrypt

_BCRYPT_BYTES = 72
_MOST_BCRYPT_ROUNDS = 16  # 2**16: 4 s
_MOST_SCRYPT_MEMORY = 256 * 1024 * 1024  # bytes
_MOST_SCRYPT_WORK = 64 * 1024 * 1024  # n * r * p
_MOST_PBKDF2_ROUNDS = 5_000_000
SHORTEST_DIGEST: Final = 16  # bytes
_LONGEST = 512  # characters of a stored hash

_B64 = r"[A-Za-z0-9./+]+"
_BCRYPT: Final = re.compile(r"\$2[aby]\$(?P<rounds>\d\d)\$[A-Za-z0-9./]{53}", re.ASCII)
_BCRYPT_SHA256: Final = re.compile(
    r"\$bcrypt-sha256\$(?:v=(?P<version>2),t=(?P<type>2[aby]),r=(?P<rounds>\d{1,2})|(?P<type1>2[aby]),(?P<rounds1>\d{1,2}))"
    r"\$(?P<salt>[A-Za-z0-9./]{22})\$(?P<digest>[A-Za-z0-9./]{31})",
    re.ASCII,
)
_SCRYPT: Final = re.compile(
    rf"\$scrypt\$ln=(?P<ln>\d{{1,2}}),r=(?P<r>\d{{1,4}}),p=(?P<p>\d{{1,4}})\$(?P<salt>{_B64})\$(?P<digest>{_B64})", re.ASCII
)
_PBKDF2: Final = re.compile(rf"\$pbkdf2-sha512\$(?P<rounds>\d{{1,7}})\$(?P<salt>{_B64})\$(?P<digest>{_B64})", re.ASCII)

_PREFIXES: Final = {
    "$2a$": "bcrypt",
    "$2b$": "bcrypt",
    "$2y$": "bcrypt",
    "$bcrypt-sha256$": "bcrypt-sha256",
    "$scrypt$": "scrypt",
    "$pbkdf2-sha512$": "pbkdf2-sha512",
}


KINDS: Final = frozenset(_PREFIXES.values())


def kind(stored: str) -> str | None:
    """Which of these the hash is; None: none of them."""
    return _PREFIXES.get(stored[: stored.find("$", 1) + 1])


def fits(stored: str, secret: bytes) -> bool:
    """Whether the password is the one that was hashed; ValueError for a hash that cannot be checked."""
    if len(stored) > _LONGEST:
        raise ValueError("too long")
    check = {"bcrypt": _bcrypt, "bcrypt-sha256": _bcrypt_sha256, "scrypt": _scrypt, "pbkdf2-sha512": _pbkdf2}[kind(stored) or ""]
    try:
        return check(stored, secret)
    except MemoryError:
        raise ValueError("too costly") from None


def _bcrypt(stored: str, secret: bytes) -> bool:
    found = _BCRYPT.fullmatch(stored)
    if found is None or int(found["rounds"]) > _MOST_BCRYPT_ROUNDS:
        raise ValueError("no bcrypt hash, or too costly")
    return bcrypt.checkpw(secret[:_BCRYPT_BYTES], stored.encode())  # Keystone cut it there before hashing


def _bcrypt_sha256(stored: str, secret: bytes) -> bool:
    found = _BCRYPT_SHA256.fullmatch(stored)
    if found is None:
        raise ValueError("no bcrypt-sha256 hash")
    rounds = int(found["rounds"] or found["rounds1"])
    if rounds > _MOST_BCRYPT_ROUNDS:
        raise ValueError("too costly")
    # Version 1, without a key, is passlib's before 1.7.3.
    digest = hmac.digest(found["salt"].encode(), secret, "sha256") if found["version"] else hashlib.sha256(secret).digest()
    setting = f"${found['type'] or found['type1']}${rounds:02}${found['salt']}{found['digest']}"
    return bcrypt.checkpw(base64.b64encode(digest), setting.encode())


def _scrypt(stored: str, secret: bytes) -> bool:
    found = _SCRYPT.fullmatch(stored)
    if found is None:
        raise ValueError("no scrypt hash")
    n, r, p = 1 << int(found["ln"]), int(found["r"]), int(found["p"])
    memory = 128 * r * (n + p + 2)
    if memory > _MOST_SCRYPT_MEMORY or n * r * p > _MOST_SCRYPT_WORK:
        raise ValueError("too costly")
    wanted = _digest(found["digest"])
    made = hashlib.scrypt(secret, salt=_decoded(found["salt"]), n=n, r=r, p=p, maxmem=memory + 1024 * 1024, dklen=len(wanted))
    return hmac.compare_digest(made, wanted)


def _pbkdf2(stored: str, secret: bytes) -> bool:
    found = _PBKDF2.fullmatch(stored)
    if found is None or not 0 < int(found["rounds"]) <= _MOST_PBKDF2_ROUNDS:
        raise ValueError("no pbkdf2-sha512 hash, or too costly")
    wanted = _digest(found["digest"])
    made = hashlib.pbkdf2_hmac("sha512", secret, _decoded(found["salt"]), int(found["rounds"]), dklen=len(wanted))
    return hmac.compare_digest(made, wanted)


def _decoded(text: str) -> bytes:
    """passlib's base64: no padding, and in some hashes a full stop for the plus sign."""
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)


def _digest(text: str) -> bytes:
    digest = _decoded(text)
    if len(digest) < SHORTEST_DIGEST:
        raise ValueError("a digest that anything fits")
    return digest
