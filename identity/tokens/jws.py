"""JWS tokens: ES256 (RFC 7515, RFC 7518 section 3.4) with the claims of Keystone's jws provider."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key, load_pem_public_key

from ..errors import BadRequest, TokenNotFound, Unavailable
from ..model.token import Claims
from ..ports import KeySource
from .claims_json import from_json, to_json

MAX_LENGTH: Final = 16384
"""Longest token in characters. JSON takes twice the room of the Fernet payload."""

_SHAPE: Final = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
_ALGORITHM: Final = "ES256"
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve P-256
_WIDTH: Final = 32


@dataclass(frozen=True)
class _Ring:
    """Parsed keys. A token's first segment must be, to the letter, one that we or Keystone would write."""

    source: Sequence[bytes]
    signer: EllipticCurvePrivateKey
    kid: str
    openers: dict[str, tuple[EllipticCurvePublicKey, ...]]


class JwsProvider:
    """Seals and opens ES256 tokens; the header's `kid` names the key, so one signature is checked a token.

    `trusted` are public keys (PEM) of Keystones whose tokens are accepted too. Those carry no `kid`, and as OpenSSL makes
    them, their signature (r, s) may also be written (r, n - s); our own are only ever good with the smaller s.
    """

    name = "jws"

    def __init__(self, keys: KeySource, trusted: Sequence[bytes] = ()) -> None:
        self._source = keys
        self._trusted = tuple(_public(pem) for pem in trusted)
        self._jws = jwt.PyJWS(algorithms=[_ALGORITHM])
        self._plain = _segment(b'{"alg":"ES256","typ":"JWT"}')
        self._ring: _Ring | None = None

    def owns(self, token: str) -> bool:
        """Whether the token has a JWS token's shape; says nothing about its being good."""
        return len(token) <= MAX_LENGTH and _SHAPE.fullmatch(token) is not None

    def seal(self, claims: Claims) -> str:
        """The token of `claims`; BadRequest where it would be too long for any header."""
        ring = self._keys()
        signed = self._jws.encode(to_json(claims), ring.signer, algorithm=_ALGORITHM, headers={"kid": ring.kid})
        signing_input, _, signature = signed.rpartition(".")
        token = f"{signing_input}.{_segment(_smaller(_bytes(signature)))}"
        if len(token) > MAX_LENGTH:
            raise BadRequest("The token would be too long: the user is in too many groups.")
        return token

    def open(self, token: str) -> Claims:
        """The claims of a token that one of the keys signed; TokenNotFound for every other string."""
        if not self.owns(token):
            raise TokenNotFound(reason="not in the form of a JWS token")
        header, _, _ = token.partition(".")
        openers = self._keys().openers.get(header)
        if openers is None:
            raise TokenNotFound(reason="JWS token with another header: algorithm or key unknown")
        text = token[-86:]
        signature = _bytes(text)
        if _segment(signature) != text or (header != self._plain and _smaller(signature) != signature):
            raise TokenNotFound(reason="JWS token in a second spelling")
        for key in openers:
            try:
                payload = self._jws.decode(token, key, algorithms=[_ALGORITHM])
            except jwt.InvalidTokenError:
                continue
            return from_json(payload)
        raise TokenNotFound(reason="JWS token not signed by one of the keys")

    def _keys(self) -> _Ring:
        keys = self._source.keys()
        ring = self._ring
        if ring is None or ring.source is not keys:
            if not keys:
                raise Unavailable(reason="no JWS key")
            ring = self._ring = self._parse(keys)
        return ring

    def _parse(self, keys: Sequence[bytes]) -> _Ring:
        signers = [_private(pem) for pem in keys]
        openers: dict[str, tuple[EllipticCurvePublicKey, ...]] = {}
        for signer in signers:
            public = signer.public_key()
            header = f'{{"alg":"{_ALGORITHM}","kid":"{key_id(public)}","typ":"JWT"}}'
            openers[_segment(header.encode())] = (public,)
        if self._trusted:
            openers[self._plain] = self._trusted
        return _Ring(keys, signers[0], key_id(signers[0].public_key()), openers)


def key_id(public: EllipticCurvePublicKey) -> str:
    """The name of a key in a token's header: the first 8 bytes of its SHA-256, 11 characters."""
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _segment(hashlib.sha256(der).digest()[:8])


def public_pem(private_pem: bytes) -> bytes:
    """The public half of a key in PEM: what a Keystone, or a service that checks tokens by itself, is given."""
    return _private(private_pem).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _smaller(signature: bytes) -> bytes:
    """The signature with the smaller of the two values of s that are both valid for it."""
    s = int.from_bytes(signature[_WIDTH:], "big")
    return signature if s <= _ORDER // 2 else signature[:_WIDTH] + ((_ORDER - s) % (1 << 256)).to_bytes(_WIDTH, "big")


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _private(pem: bytes) -> EllipticCurvePrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError("a JWS key is an EC key on the curve P-256")
    return key


def _public(pem: bytes) -> EllipticCurvePublicKey:
    key = load_pem_public_key(pem)
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise ValueError("a JWS key is an EC key on the curve P-256")
    return key
