"""Logging in, and what can be asked of a token."""

from __future__ import annotations

from urllib.parse import parse_qs

from identity import errors
from identity.services.token_cache import Entry
from identity.store import domains, projects, roles
from identity.web.context import Call
from identity.web.reply import NO_CONTENT, Reply, encode, json_reply
from identity.web.route import PUBLIC, route
from identity.web.v3 import auth_body, render_token
from identity.web.v3.collection import collection, domain_shape, project_shape

# Roles that a service account holds: only these may look at tokens that have run out (a long upload ends late).
EXPIRED_READERS = frozenset({"service", "admin"})
READ_ERRORS = (400, 401, 403, 404, 503)
FALSE = frozenset({"false", "0", "no", "off", "f", "n"})


@route(
    "POST",
    "/v3/auth/tokens",
    policy=PUBLIC,
    summary="Log in: exchange a proof for a token.",
    body=auth_body.AuthBody,
    errors=(400, 401, 403, 413, 503),
    status=201,
)
def issue_token(call: Call) -> Reply:
    authenticator = call.services.authenticator
    face = call.face
    request = auth_body.decode(
        call.body(), lambda asked: authenticator.methods_for(face, asked), lambda name: authenticator.plugin(name).Payload
    )
    peer = call.peer
    issued = authenticator.authenticate(request, face, call.environ, peer, call.environ.get("gatestone.request_id", ""))
    entry = Entry(issued.token, issued.access, issued.access.claims.expires_at, frozenset())
    body = _rendered(call, entry, call.environ.get("QUERY_STRING", ""))
    return Reply(body, 201, (("X-Subject-Token", issued.token), *issued.response_headers))


@route("GET", "/v3/auth/tokens", policy="identity:validate_token", summary="Validate and show a token.", errors=READ_ERRORS)
@route("HEAD", "/v3/auth/tokens", policy="identity:check_token", summary="Check a token.", errors=READ_ERRORS)
def show_token(call: Call) -> Reply:
    query = call.environ.get("QUERY_STRING", "")
    entry = _subject(call, _window(call, query) if query else 0)
    return Reply(_rendered(call, entry, query), 200, (("X-Subject-Token", entry.token),))


@route("DELETE", "/v3/auth/tokens", policy="identity:revoke_token", summary="Revoke a token.", errors=READ_ERRORS, status=204)
def revoke_token(call: Call) -> Reply:
    """The whole rescoping chain ends, unless `?cascade=false` asks for this one token only."""
    entry = _subject(call, 0)
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
    return Reply(b'{"catalog":' + call.services.catalog.json_for(access.claims.project_id, access.claims.user_id) + b',"links":' + links + b"}")


@route("GET", "/v3/auth/projects", policy="identity:get_auth_projects", summary="List the projects one may scope to.", errors=(401, 503))
def list_projects(call: Call) -> Reply:
    call.enforce({})
    with call.services.store.read() as db:
        found = projects.projects_of(db, call.caller.access.subject.user.id)
    return collection(call, "projects", "/v3/auth/projects", [project_shape(call, project) for project in found])


@route("GET", "/v3/auth/domains", policy="identity:get_auth_domains", summary="List the domains one may scope to.", errors=(401, 503))
def list_domains(call: Call) -> Reply:
    call.enforce({})
    with call.services.store.read() as db:
        found = domains.domains_of(db, call.caller.access.subject.user.id)
    return collection(call, "domains", "/v3/auth/domains", [domain_shape(call, domain) for domain in found])


@route("GET", "/v3/auth/system", policy="identity:get_auth_system", summary="Say whether one may scope to the system.", errors=(401, 503))
def show_system(call: Call) -> Reply:
    call.enforce({})
    with call.services.store.read() as db:
        held = roles.system_roles(db, call.caller.access.subject.user.id)
    return json_reply({"system": [{"all": True}] if held else [], "links": {"self": f"{call.base}/v3/auth/system"}})


def _subject(call: Call, window: int) -> Entry:
    """The token in X-Subject-Token, once the route's policy has been asked about it. Raises `errors.TokenNotFound`."""
    token = call.environ.get("HTTP_X_SUBJECT_TOKEN")
    if not token:
        raise errors.TokenNotFound("No token in the request: name it in X-Subject-Token.")
    entry = call.services.validator.entry(token, window)
    subject = entry.access.subject.user
    call.services.enforcer.check(
        call.policy,
        call.caller.access.credentials,
        {"target.token.user_id": subject.id, "target.token.user.domain.id": subject.domain.id},
    )
    return entry


def _window(call: Call, query: str) -> int:
    asked = parse_qs(query).get("allow_expired", [""])[-1].lower()
    if not asked or asked in FALSE:
        return 0
    held = {role.name for role in call.caller.access.subject.roles}
    return call.services.allow_expired_window if held & EXPIRED_READERS else 0


def _rendered(call: Call, entry: Entry, query: str) -> bytes:
    if query and "nocatalog" in parse_qs(query, keep_blank_values=True):
        return render_token.without_catalog(entry)
    claims = entry.access.claims
    return render_token.with_catalog(entry, call.services.catalog.json_for(claims.project_id, claims.user_id))
