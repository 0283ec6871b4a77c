"""The `Authorization: Negotiate` header (RFC 4559, section 4.2), and telling NTLM from Kerberos in it."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from identity.errors import ChallengeRequired, Unauthorized

CHALLENGE: Final = (("WWW-Authenticate", "Negotiate"),)
NO_TICKET: Final = "no Kerberos ticket: run kinit"
NO_NTLM: Final = "NTLM is not accepted: get a Kerberos ticket with kinit"

_LONGEST = 64 * 1024  # base64 characters; a ticket with a large PAC has some 12,000
_NTLM = b"NTLMSSP\0"
_NTLM_OID = bytes.fromhex("060a2b06010401823702020a")  # 1.3.6.1.4.1.311.2.2.10
_KRB5_OIDS = (bytes.fromhex("06092a864886f712010202"), bytes.fromhex("06092a864882f712010202"))  # the second: Microsoft's slip


def token(authorization: str) -> bytes:
    """The GSS-API token; ChallengeRequired where none was sent, Unauthorized where it cannot be one."""
    scheme, _, encoded = authorization.strip().partition(" ")
    encoded = encoded.strip()
    if scheme.lower() != "negotiate" or not encoded:
        raise ChallengeRequired(NO_TICKET, reason="no Negotiate token was sent", headers=CHALLENGE)
    if len(encoded) > _LONGEST:
        raise refused("the Negotiate token is too long")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise refused("the Negotiate token is not base64") from None


def reply(answer: bytes | None) -> tuple[tuple[str, str], ...]:
    """The header that proves the service to the client (RFC 4559, section 5)."""
    if not answer:
        return ()
    return (("WWW-Authenticate", "Negotiate " + base64.b64encode(answer).decode()),)


def refused(reason: str, message: str | None = None) -> Unauthorized:
    return Unauthorized(message, reason=reason, headers=CHALLENGE)


def refused_token(found: bytes, reason: str) -> Unauthorized:
    """The refusal of a token that the library did not take: NTLM, bare or within SPNEGO, is named as what it is."""
    if _NTLM in found or (_NTLM_OID in found and not any(oid in found for oid in _KRB5_OIDS)):
        return refused("NTLM was offered", NO_NTLM)
    return refused(reason)
