"""What is particular to one spelling: algorithms and key names of JWS, keys of Fernet, the table of UUID tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace

import jwt
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from identity.errors import TokenNotFound, Unavailable
from identity.tokens.claims_json import to_json
from identity.tokens.fernet import FernetProvider
from identity.tokens.jws import JwsProvider, public_pem
from identity.tokens.uuid import UuidProvider
from tests.support.claims import ISSUED, every_kind, plain
from tests.support.keys import FixedKeys

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def header_of(token: str) -> dict:
    return jwt.get_unverified_header(token)


@pytest.fixture
def keys():
    return FixedKeys("jws")


def refused(provider, token):
    with pytest.raises(TokenNotFound):
        provider.open(token)


def test_header_says_algorithm_and_key(keys):
    header = header_of(JwsProvider(keys).seal(plain()))
    assert header["alg"] == "ES256" and header["typ"] == "JWT" and len(header["kid"]) == 11


def test_algorithm_none(keys):
    provider = JwsProvider(keys)
    _, payload, signature = provider.seal(plain()).split(".")
    for alg in ("none", "None", "NONE", "nOnE", ""):
        header = segment(json.dumps({"alg": alg, "typ": "JWT"}).encode())
        for end in ("", signature, "A" * 86):
            refused(provider, f"{header}.{payload}.{end}")


def test_hmac_with_the_public_key(keys):
    """The classic confusion of algorithms: the public key, which everybody has, taken for a shared secret."""
    provider = JwsProvider(keys)
    kid = header_of(provider.seal(plain()))["kid"]
    for alg, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
        for extra in ({}, {"kid": kid}):
            header = segment(json.dumps({"alg": alg, **extra, "typ": "JWT"}, separators=(",", ":")).encode())
            signing_input = f"{header}.{segment(to_json(plain()))}"
            for secret in (public_pem(keys.primary()), public_pem(keys.primary()).strip()):
                mac = hmac.new(secret, signing_input.encode(), digest).digest()
                refused(provider, f"{signing_input}.{segment(mac)}")
                refused(provider, f"{signing_input}.{segment((mac + mac)[:64])}")


def test_other_headers_with_a_good_signature(keys):
    """Signed by the right key, but not with the header that names it: still not a token."""
    provider = JwsProvider(keys)
    kid = header_of(provider.seal(plain()))["kid"]
    other = header_of(JwsProvider(FixedKeys("jws")).seal(plain()))["kid"]
    for extra in (
        {},
        {"kid": other},
        {"kid": kid, "x": 1},
        {"kid": kid, "typ": "JOSE"},
        {"kid": kid, "jku": "https://evil.example/"},
    ):
        refused(provider, jwt.PyJWS().encode(to_json(plain()), keys.primary(), algorithm="ES256", headers=extra))


def test_another_key_under_our_key_name(keys):
    provider = JwsProvider(keys)
    kid = header_of(provider.seal(plain()))["kid"]
    foreign = FixedKeys("jws").primary()
    refused(provider, jwt.PyJWS().encode(to_json(plain()), foreign, algorithm="ES256", headers={"kid": kid}))


def test_the_signatures_mirror_image(keys):
    """(r, s) and (r, n - s) are both valid ECDSA signatures: only the smaller s is ours."""
    provider = JwsProvider(keys)
    for _ in range(20):
        token = provider.seal(plain())
        raw = base64.urlsafe_b64decode(token[-86:] + "==")
        s = int.from_bytes(raw[32:], "big")
        assert s <= ORDER // 2
        mirrored = token[:-86] + segment(raw[:32] + (ORDER - s).to_bytes(32, "big"))
        jwt.PyJWS().decode(mirrored, public_pem(keys.primary()), algorithms=["ES256"])  # valid to everybody else
        refused(provider, mirrored)
    for s in (0, ORDER, 2**256 - 1):
        refused(provider, token[:-86] + segment(raw[:32] + s.to_bytes(32, "big")))


def test_good_signatures_over_other_payloads(keys):
    provider = JwsProvider(keys)
    kid = header_of(provider.seal(plain()))["kid"]
    for payload in (b"", b"{}", b"[]", b"null", b'"text"', b"\xff", b"[" * 5000, to_json(plain())[:-1]):
        refused(provider, jwt.PyJWS().encode(payload, keys.primary(), algorithm="ES256", headers={"kid": kid}))


def test_all_keys_open_and_only_the_first_seals():
    for purpose, provider in (("fernet", FernetProvider), ("jws", JwsProvider)):
        old = FixedKeys(purpose, 1)
        token = provider(old).seal(plain())
        new = FixedKeys(purpose, 1)
        both = FixedKeys(purpose, 0)
        both.found = (*new.found, *old.found)
        opened = provider(both)
        assert opened.open(token).issued_at == ISSUED
        assert provider(new).open(opened.seal(plain())).issued_at == ISSUED
        refused(provider(new), token)


def test_a_rotation_is_followed_at_once():
    for purpose, provider in (("fernet", FernetProvider), ("jws", JwsProvider)):
        keys = FixedKeys(purpose, 1)
        made = provider(keys)
        token = made.seal(plain())
        keys.found = FixedKeys(purpose, 2).found
        refused(made, token)
        assert made.open(made.seal(plain()))


def test_without_keys_nothing_is_said_about_the_token():
    for purpose, provider in (("fernet", FernetProvider), ("jws", JwsProvider)):
        token = provider(FixedKeys(purpose)).seal(plain())
        with pytest.raises(Unavailable):
            provider(FixedKeys(purpose, 0)).open(token)


def test_a_fernet_message_that_is_no_token():
    """The same keys may protect other things elsewhere."""
    keys = FixedKeys("fernet")
    for message in (b"", b"\x00", b"hello" * 30, b"\x93\x00\x01\x02", b"\x91" * 1000):
        refused(FernetProvider(keys), Fernet(keys.primary()).encrypt(message).decode().rstrip("="))


@pytest.mark.parametrize("kind", every_kind())
def test_usual_fernet_tokens_fit_255_characters(kind):
    """Some services keep tokens in columns of 255. Keystone too goes beyond that for a federated login with several groups."""
    claims = replace(every_kind()[kind], group_ids=())
    limit = 290 if claims.idp_id and claims.trust_id else 255
    assert len(FernetProvider(FixedKeys("fernet")).seal(claims)) <= limit


def test_only_a_digest_of_a_uuid_token_is_kept(store):
    provider = UuidProvider(store)
    token = provider.seal(plain())
    with store.read() as db:
        kept = [row for row in db.execute(text("select * from uuid_token")) if hashlib.sha256(token.encode()).hexdigest() in row]
    assert len(kept) == 1
    assert token not in repr(kept)
