"""Tombstones: interfaces for PKI tokens, which no OpenStack makes any more. They answer as they have since."""

from __future__ import annotations

from identity import errors
from identity.web.context import Call
from identity.web.reply import Reply
from identity.web.route import PUBLIC, route


@route(
    "GET",
    "/v3/OS-SIMPLE-CERT/ca",
    policy=PUBLIC,
    summary="Formerly the certificate authority of PKI tokens; always refused.",
    errors=(410,),
)
@route(
    "GET",
    "/v3/OS-SIMPLE-CERT/certificates",
    policy=PUBLIC,
    summary="Formerly the signing certificates of PKI tokens; always refused.",
    errors=(410,),
)
def refuse_certificates(call: Call) -> Reply:
    raise errors.Gone("This interface went with the PKI tokens that it served; Fernet and JWS tokens need no certificates.")


@route(
    "GET",
    "/v3/auth/tokens/OS-PKI/revoked",
    policy=PUBLIC,
    summary="Formerly the list of revoked PKI tokens; always refused.",
    errors=(403,),
)
def refuse_revocation_list(call: Call) -> Reply:
    raise errors.Forbidden("There is no list of revoked tokens: ask about each token with GET /v3/auth/tokens.")
