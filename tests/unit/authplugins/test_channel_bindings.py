"""RFC 5929, section 4.1: which hash binds a channel to the server's certificate."""

from __future__ import annotations

import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from authplugins.bindings import server_end_point
from tests.support.pki import Authority

PREFIX = b"tls-server-end-point:"

# A certificate signed with SHA-1, made once by `openssl req -x509 -sha1`: today's libraries no longer sign so.
SHA1 = """
-----BEGIN CERTIFICATE-----
MIIBejCCASKgAwIBAgIUHux3gug12jQebDJv10dRQ6OFUYcwCQYHKoZIzj0EATAU
MRIwEAYDVQQDDAlsb2NhbGhvc3QwHhcNMjYxMTIxMDkyMzI5WhcNMzYxMTE4MDky
MzI5WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAATcnr16/w4XzaKvrJOzDiwPovBr799Jv5VQmSmKdTpt7cObmglJYMINk8fi
/eu4vExSSy91/0sTEzfdP5mao9Fro1MwUTAdBgNVHQ4EFgQUiUR0zzCJrSJlW9Ru
am+ir1u7Ss4wHwYDVR0jBBgwFoAUiUR0zzCJrSJlW9Ruam+ir1u7Ss4wDwYDVR0T
AQH/BAUwAwEB/zAJBgcqhkjOPQQBA0cAMEQCIACJdpNF9UPYxhuDt4MrnpgEBfwN
wibA49ONAn5Zr3KwAiBPoU2hNnA26gDTTvqhEDS5GSqqLzTlgFIb86fUI8ZPiA==
-----END CERTIFICATE-----
"""


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_the_hash_is_that_of_the_signature(algorithm: hashes.HashAlgorithm) -> None:
    der = Authority("x", hash_algorithm=algorithm).issue_server(["localhost"]).der
    assert server_end_point(der) == PREFIX + hashlib.new(algorithm.name, der).digest()


def test_sha1_is_replaced_by_sha256() -> None:
    certificate = x509.load_pem_x509_certificate(SHA1.encode())
    assert certificate.signature_hash_algorithm.name == "sha1"
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert server_end_point(der) == PREFIX + hashlib.sha256(der).digest()


def test_a_signature_without_a_hash_has_no_binding() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    der = builder.sign(key, None).public_bytes(serialization.Encoding.DER)
    assert server_end_point(der) is None


def test_rubbish_is_a_value_error() -> None:
    with pytest.raises(ValueError):
        server_end_point(b"rubbish")
