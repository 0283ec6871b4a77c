"""Channel bindings of type tls-server-end-point (RFC 5929, section 4)."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

_PREFIX = b"tls-server-end-point:"


def server_end_point(certificate: bytes) -> bytes | None:
    """The application data that binds a context to the TLS server with this certificate (DER).

    The hash is that of the certificate's signature, SHA-256 standing in for MD5 and SHA-1 (section 4.1). None where
    the signature has no one hash (Ed25519): the binding is then undefined. ValueError where it is no certificate.
    """
    try:
        signature_hash = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if signature_hash is None:
        return None
    if signature_hash.name in ("md5", "sha1"):
        signature_hash = hashes.SHA256()
    digest = hashes.Hash(signature_hash)
    digest.update(certificate)
    return _PREFIX + digest.finalize()
