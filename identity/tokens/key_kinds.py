"""The kinds of keys: how one is made, and how a stored one is recognised. Those of "credential" seal secrets, the others tokens."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key


@dataclass(frozen=True, slots=True)
class KeyKind:
    """`purpose` is also the name under which such keys stand in the database. `clean` gives None for what is no such key."""

    purpose: str
    fresh: Callable[[], bytes]
    clean: Callable[[bytes], bytes | None]

    @property
    def cure(self) -> str:
        """The command that makes keys of this kind where there are none."""
        return "gatestone keys rotate" + (" --provider credential" if self.purpose == "credential" else "")


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key without its secret. `position`: 0 is staged, the highest seals; `created_at` in seconds since the epoch."""

    position: int
    state: str  # "primary", "secondary" or "staged"
    created_at: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an operator should mend. `severe`: tokens cannot be made or opened."""

    severe: bool
    text: str
    cure: str


def described(places: dict[int, float]) -> list[KeyInfo]:
    """The keys at `places` (position to time of creation), the sealing one first."""
    highest = max(places, default=0)
    names = {highest: "primary"} if highest == 0 else {highest: "primary", 0: "staged"}
    return [KeyInfo(place, names.get(place, "secondary"), places[place]) for place in sorted(places, reverse=True)]


def _fresh_fernet() -> bytes:
    return base64.urlsafe_b64encode(secrets.token_bytes(32))


def _clean_fernet(text: bytes) -> bytes | None:
    text = text.strip()
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    return text if len(raw) == 32 else None


def _fresh_ec() -> bytes:
    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _clean_ec(text: bytes) -> bytes | None:
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError):
        return None
    return text if isinstance(key, EllipticCurvePrivateKey) and key.curve.name == "secp256r1" else None


KINDS: Final = {
    kind.purpose: kind
    for kind in (
        KeyKind("fernet", _fresh_fernet, _clean_fernet),
        KeyKind("jws", _fresh_ec, _clean_ec),
        KeyKind("credential", _fresh_fernet, _clean_fernet),
    )
}
