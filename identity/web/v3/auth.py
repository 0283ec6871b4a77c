"""Logging in, and what can be asked of a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from identity import errors
from identity.services.token_cache import Entry
from identity.store import grants, user_domains, user_projects
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, encode, json_reply
from identity.web.route import PUBLIC, route
from identity.web.v3 import auth_body, render_token
from identity.web.v3.collection import ManyDomains, ManyProjects, domain_shape, project_shape

# Roles that a service account holds: only these may look at tokens that have run out (a long upload ends late).
EXPIRED_READERS = frozenset({"service", "admin"})
READ_ERRORS = (400, 401, 403, 404, 503)
NO_SUBJECT = "No token in the request: name it in X-Subject-Token."
ACCESS_RULES_VERSION = 1.0
FALSE = frozenset({"false", "0", "no", "off", "f", "n"})
TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})


@route(
    "POST",
    "/v3/auth/tokens",
    policy=PUBLIC,
    summary="Log in: exchange a proof for a token.",
    body=auth_body.AuthBody,
    errors=(400, 401, 403, 404, 413, 503),
    status=201,
)
def issue_token(call: Call) -> Reply:
    authenticator, face, peer = call.services.authenticator, call.face, call.peer
    request_id = call.environ.get("gatestone.request_id", "")
    try:
        request = auth_body.decode(call.body())
    except errors.Problem as problem:
        authenticator.tell_failure(problem, (), face, peer, request_id=request_id)
        raise
    issued = authenticator.authenticate(request, face, call.environ, peer, request_id)
    entry = Entry(issued.token, issued.access, issued.access.claims.expires_at)
    body = _rendered(call, entry, call.environ.get("QUERY_STRING", ""))
    return Reply(body, 201, (("X-Subject-Token", issued.token), *issued.response_headers))


@route("GET", "/v3/auth/tokens", policy="identity:validate_token", summary="Validate and show a token.", errors=READ_ERRORS)
@route("HEAD", "/v3/auth/tokens", policy="identity:check_token", summary="Check a token.", errors=READ_ERRORS)
def show_token(call: Call) -> Reply:
    """The hot path: written out here so that it stays within twelve calls (tests/perf)."""
    environ, services = call.environ, call.services
    query = environ.get("QUERY_STRING", "")
    token = environ.get("HTTP_X_SUBJECT_TOKEN")
    if not token:
        raise errors.TokenNotFound(NO_SUBJECT)
    try:
        entry = services.validator.entry(token, _window(call, query) if query else 0)
    except errors.TokenNotFound:
        services.count_refused()
        raise
    subject = entry.access.subject
    if subject.confinement is not None and subject.confinement.access_rules and not _takes_access_rules(environ):
        services.count_refused()
        raise errors.TokenNotFound(reason="the token has access rules, and this service does not say that it heeds them")
    user = subject.user
    target = {"target.token.user_id": user.id, "target.token.user.domain.id": user.domain.id}
    services.enforcer.check(call.route.policy, call.caller.credentials, target)
    services.count_valid()
    return Reply(_rendered(call, entry, query), 200, (("X-Subject-Token", token),))


@route("DELETE", "/v3/auth/tokens", policy="identity:revoke_token", summary="Revoke a token.", errors=READ_ERRORS, status=204)
def revoke_token(call: Call) -> Reply:
    """The whole rescoping chain ends, unless `?cascade=false` asks for this one token only."""
    token = call.environ.get("HTTP_X_SUBJECT_TOKEN")
    if not token:
        raise errors.TokenNotFound(NO_SUBJECT)
    entry = call.services.validator.entry(token)
    user = entry.access.subject.user
    call.enforce({"target.token.user_id": user.id, "target.token.user.domain.id": user.domain.id})
    asked = parse_qs(call.environ.get("QUERY_STRING", "")).get("cascade", ["true"])[-1]
    call.services.revoker.revoke(entry.access.claims, cascade=asked.lower() not in FALSE)
    return NO_CONTENT


@route("GET", "/v3/auth/catalog", policy="identity:get_auth_catalog", summary="Show the token's catalogue.", errors=(401, 403, 503))
def show_catalog(call: Call) -> Reply:
    call.enforce({})
    access = call.caller.access
    if not access.claims.project_id:
        raise errors.Forbidden("A project-scoped token is required to produce a service catalog.")
    links = encode({"self": f"{call.base}/v3/auth/catalog"})
    return Reply(b'{"catalog":' + call.services.catalog.json_for(access) + b',"links":' + links + b"}")


@route(
    "GET",
    "/v3/auth/projects",
    policy="identity:get_auth_projects",
    summary="List the projects one may scope to.",
    reply=ManyProjects,
    filters=(),
    errors=(400, 401, 403, 503),
)
def list_projects(call: Call) -> Reply:
    call.enforce({})
    with call.services.store.read() as db:
        found, more = user_projects.listed(db, call.caller.access.subject.user.id, page_of(call))
    return listed(call, "projects", [project_shape(call, project) for project in found], more)


@route(
    "GET",
    "/v3/auth/domains",
    policy="identity:get_auth_domains",
    summary="List the domains one may scope to.",
    reply=ManyDomains,
    filters=(),
    errors=(400, 401, 403, 503),
)
def list_domains(call: Call) -> Reply:
    call.enforce({})
    with call.services.store.read() as db:
        found, more = user_domains.listed(db, call.caller.access.subject.user.id, page_of(call))
    return listed(call, "domains", [domain_shape(call, domain) for domain in found], more)


@route(
    "GET",
    "/v3/auth/system",
    policy="identity:get_auth_system",
    summary="Say whether one may scope to the system.",
    errors=(401, 403, 503),
)
def show_system(call: Call) -> Reply:
    call.enforce({})
    with call.services.store.read() as db:
        held = grants.system_roles(db, call.caller.access.subject.user.id)
    return json_reply({"system": [{"all": True}] if held else [], "links": {"self": f"{call.base}/v3/auth/system"}})


def _takes_access_rules(environ: Mapping[str, Any]) -> bool:
    """Whether the service that asks will hold its callers to access rules, as keystonemiddleware says since its version 8.0."""
    try:
        return float(environ.get("HTTP_OPENSTACK_IDENTITY_ACCESS_RULES", "")) >= ACCESS_RULES_VERSION
    except ValueError:
        return False


def _window(call: Call, query: str) -> int:
    asked = parse_qs(query).get("allow_expired", [""])[-1].lower()
    if asked not in TRUE:
        return 0
    held = {role.name for role in call.caller.access.subject.roles}
    return call.services.allow_expired_window if held & EXPIRED_READERS else 0


def _rendered(call: Call, entry: Entry, query: str) -> bytes:
    """The token as JSON; its catalogue and the service providers are spliced in ready-made. An unscoped token has no catalogue."""
    head = entry.rendered.get("v3") or render_token.head(entry)
    claims, partners = entry.access.claims, call.services.partners.member
    if partners is None:
        partners = call.services.partners.load()
    if not (claims.project_id or claims.domain_id or claims.system) or (
        query and "nocatalog" in parse_qs(query, keep_blank_values=True)
    ):
        return head[:-2] + partners + b"}}" if partners else head
    return head[:-2] + b',"catalog":' + call.services.catalog.json_for(entry.access) + partners + b"}}"
