"""Logging in, and what can be asked of a token. Here the token stands in the URL: `wsgi/observe.py` keeps it out of the log."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import parse_qs

import msgspec

from identity import errors
from identity.model.auth import AuthRequest
from identity.model.subject import Subject
from identity.services.token_cache import Entry
from identity.web.context import Call
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import PUBLIC, route
from identity.web.v2 import auth_body, render_token
from identity.web.v2.gate import home, is_at_home

READ_ERRORS = (400, 401, 403, 404, 503)
TOKEN = "/v2.0/tokens/<token_id>"  # noqa: S105
EMPTY_CATALOG = b',"serviceCatalog":[]}}'


@route(
    "POST",
    "/v2.0/tokens",
    policy=PUBLIC,
    summary="Log in: exchange a proof for a token.",
    body=auth_body.AuthBody,
    errors=(400, 401, 403, 404, 413, 503),
)
def issue_token(call: Call) -> Reply:
    try:
        request = auth_body.decode(call.body(), call.face, call.environ, home(call))
    except errors.Problem as problem:
        request_id = call.environ.get("gatestone.request_id", "")
        call.services.authenticator.tell_failure(problem, (), call.face, call.peer, request_id=request_id)
        raise
    return issued(call, request)


def issued(call: Call, request: AuthRequest) -> Reply:
    """The token asked for, if its user and tenant are of the default domain. Raises as the log-in does."""
    request_id = call.environ.get("gatestone.request_id", "")
    accept = partial(_accept, home(call))
    made = call.services.authenticator.authenticate(request, call.face, call.environ, call.peer, request_id, accept)
    entry = Entry(made.token, made.access, made.access.claims.expires_at)
    body = render_token.head(call, entry)[:-2] + _catalog(call, entry)
    return Reply(body, 200, made.response_headers)


@route(
    "GET",
    TOKEN,
    policy="identity:validate_token",
    summary="Validate and show a token.",
    query=("belongsTo",),
    errors=READ_ERRORS,
)
@route(
    "HEAD",
    TOKEN,
    policy="identity:check_token",
    summary="Check a token.",
    query=("belongsTo",),
    errors=READ_ERRORS,
)
def show_token(call: Call) -> Reply:
    """The hot path: written out here so that it stays within twelve calls (tests/perf)."""
    services = call.services
    query = call.environ.get("QUERY_STRING", "")
    try:
        entry = services.validator.entry(call.args["token_id"])
        head = entry.rendered.get("v2") or render_token.head(call, entry)
    except errors.TokenNotFound:
        services.count_refused()
        raise
    user = entry.access.subject.user
    target = {"target.token.user_id": user.id, "target.token.user.domain.id": user.domain.id}
    services.enforcer.check(call.route.policy, call.caller.credentials, target)
    project_id = entry.access.claims.project_id
    if query:
        _check_belongs(query, project_id)
    services.count_valid()
    if project_id is None:
        return Reply(head[:-2] + EMPTY_CATALOG)
    return Reply(head[:-2] + b',"serviceCatalog":' + services.legacy_catalog.json_for(entry.access) + b"}}")


@route("DELETE", TOKEN, policy="identity:revoke_token", summary="Revoke a token.", errors=READ_ERRORS, status=204)
def revoke_token(call: Call) -> Reply:
    """With every token that was made from it."""
    entry = _asked(call)
    call.services.revoker.revoke(entry.access.claims)
    return NO_CONTENT


@route(
    "GET",
    f"{TOKEN}/endpoints",
    policy="identity:validate_token",
    summary="List the endpoints that a token's catalogue holds, in one list.",
    errors=READ_ERRORS,
)
def list_token_endpoints(call: Call) -> Reply:
    entry = _asked(call)
    shown: list[dict[str, Any]] = []
    if entry.access.claims.project_id is not None:
        for service in msgspec.json.decode(call.services.legacy_catalog.json_for(entry.access)):
            described = {"name": service["name"], "type": service["type"]}
            shown += [{**endpoint, **described} for endpoint in service["endpoints"]]
    return json_reply({"endpoints": shown, "endpoints_links": []})


@route(
    "GET",
    "/v2.0/tokens/revoked",
    policy="identity:revocation_list",
    summary="Formerly the list of revoked PKI tokens; always refused.",
    errors=(401, 403, 410),
)
def refuse_revocation_list(call: Call) -> Reply:
    call.enforce()
    raise errors.Gone("There is no list of revoked tokens any more: ask about each token with GET /v2.0/tokens/{token}.")


@route(
    "GET",
    "/v2.0/certificates/ca",
    policy=PUBLIC,
    summary="Formerly the certificate authority of PKI tokens; always refused.",
    errors=(410,),
)
@route(
    "GET",
    "/v2.0/certificates/signing",
    policy=PUBLIC,
    summary="Formerly the signing certificate of PKI tokens; always refused.",
    errors=(410,),
)
def refuse_certificates(call: Call) -> Reply:
    raise errors.Gone("This interface went with the PKI tokens that it served; Fernet and JWS tokens need no certificates.")


def _accept(home: str, subject: Subject) -> None:
    if not is_at_home(subject, home):
        raise errors.Unauthorized(reason="version 2.0 knows users and tenants of the default domain only")


def _asked(call: Call) -> Entry:
    """The token in the URL, once the caller may know of it. Raises `Forbidden`, or `TokenNotFound`."""
    entry = call.services.validator.entry(call.args["token_id"])
    if "v2" not in entry.rendered:
        render_token.head(call, entry)
    user = entry.access.subject.user
    call.services.enforcer.check(
        call.route.policy,
        call.caller.credentials,
        {"target.token.user_id": user.id, "target.token.user.domain.id": user.domain.id},
    )
    return entry


def _check_belongs(query: str, project_id: str | None) -> None:
    """`belongsTo` names the tenant that the token must be for: every value of it, so that no second one can hide the first."""
    asked = parse_qs(query, keep_blank_values=True).get("belongsTo", [])
    if any(tenant_id and tenant_id != project_id for tenant_id in asked):
        raise errors.Unauthorized("The token does not belong to that tenant.", reason="belongsTo names another tenant")


def _catalog(call: Call, entry: Entry) -> bytes:
    if entry.access.claims.project_id is None:
        return EMPTY_CATALOG
    return b',"serviceCatalog":' + call.services.legacy_catalog.json_for(entry.access) + b"}}"
