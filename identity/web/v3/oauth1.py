"""OAuth 1.0a: its three steps, and the access tokens that users have given. Consumers have a file of their own."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.assignment import RoleEntry
from identity.model.delegation import AccessToken
from identity.services import oauth1
from identity.store import handed_roles, oauth
from identity.web.body import given_list
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import PUBLIC, route
from identity.web.v3.consumers import create_consumer, delete_consumer, list_consumers, show_consumer, update_consumer
from identity.web.v3.handed import RoleBody, refs, refuse_delegated
from identity.web.v3.times import shown

__all__ = ["create_consumer", "delete_consumer", "list_consumers", "show_consumer", "update_consumer"]

FORM = "application/x-www-form-urlencoded"
MOST_ROLES = 256
TOKENS = "/v3/users/<user_id>/OS-OAUTH1/access_tokens"
TOKEN = f"{TOKENS}/<access_token_id>"
DELEGATED = "A delegated token may not manage OAuth access tokens."


class RolesBody(msgspec.Struct):
    roles: Annotated[list[RoleBody], Meta(max_length=MOST_ROLES)]


class VerifierShape(msgspec.Struct):
    oauth_verifier: str


class OneVerifier(msgspec.Struct):
    token: VerifierShape


class TokenShape(msgspec.Struct):
    id: str
    consumer_id: str
    project_id: str
    authorizing_user_id: str
    expires_at: str | None
    links: dict[str, str]


class OneToken(msgspec.Struct):
    access_token: TokenShape


class ManyTokens(msgspec.Struct):
    access_tokens: list[TokenShape]
    links: dict[str, str | None]


class TokenRole(msgspec.Struct):
    id: str
    name: str
    domain_id: str | None
    options: dict[str, Any]
    links: dict[str, str]


class OneTokenRole(msgspec.Struct):
    role: TokenRole


class ManyTokenRoles(msgspec.Struct):
    roles: list[TokenRole]
    links: dict[str, str | None]


@route(
    "POST",
    "/v3/OS-OAUTH1/request_token",
    policy=PUBLIC,
    summary="As an OAuth consumer, ask for roles on a project; the signature is in the Authorization header.",
    errors=(400, 401, 404, 503),
    status=201,
)
def create_request_token(call: Call) -> Reply:
    asked = _signed(call)
    asked.needed("oauth_consumer_key")
    project_id = call.environ.get("HTTP_REQUESTED_PROJECT_ID", "")
    if not project_id:
        raise errors.BadRequest("Expecting to find the header Requested-Project-Id.")
    return _told(oauth1.request_token(call.services.store, call.services.vault, asked, project_id, call.now))


@route(
    "POST",
    "/v3/OS-OAUTH1/access_token",
    policy=PUBLIC,
    summary="As an OAuth consumer, fetch the access token that a user has authorised.",
    errors=(400, 401, 404, 503),
    status=201,
)
def create_access_token(call: Call) -> Reply:
    return _told(oauth1.access_token(call.services.store, call.services.vault, _signed(call), call.now))


@route(
    "PUT",
    "/v3/OS-OAUTH1/authorize/<request_token_id>",
    policy="identity:authorize_request_token",
    summary="Let an OAuth consumer have some of one's own roles on the project that it asked for.",
    body=RolesBody,
    reply=OneVerifier,
    errors=(400, 401, 403, 404),
)
def authorize_request_token(call: Call) -> Reply:
    call.enforce()
    refuse_delegated(call, "A request token cannot be authorised with a delegated token.")
    given = given_list(call, "roles", RoleBody)
    if len(given) > MOST_ROLES:
        raise errors.BadRequest(f"Invalid input: at most {MOST_ROLES} roles can be named.")
    roles = refs([role.known for role in given])
    user_id = call.caller.access.claims.user_id
    with call.services.store.begin() as tx:
        verifier = oauth1.authorize(tx, call.args["request_token_id"], user_id, roles, call.now)
    return json_reply({"token": {"oauth_verifier": verifier}})


@route(
    "GET",
    TOKENS,
    policy="identity:list_access_tokens",
    summary="List the OAuth access tokens that a user has authorised.",
    reply=ManyTokens,
    filters=("consumer_id", "project_id"),
    errors=(400, 401, 403),
)
def list_access_tokens(call: Call) -> Reply:
    call.enforce()
    refuse_delegated(call, DELEGATED)
    with call.services.store.read() as db:
        found, more = oauth.tokens(db, call.args["user_id"], page_of(call))
    return listed(call, "access_tokens", [shape(call, token) for token in found], more)


@route(
    "GET",
    TOKEN,
    policy="identity:get_access_token",
    summary="Show an OAuth access token, without its secret.",
    reply=OneToken,
    errors=(401, 403, 404),
)
def show_access_token(call: Call) -> Reply:
    call.enforce()
    refuse_delegated(call, DELEGATED)
    return json_reply({"access_token": shape(call, _existing(call))})


@route(
    "DELETE",
    TOKEN,
    policy="identity:delete_access_token",
    summary="Take an OAuth access token back.",
    errors=(401, 403, 404),
    status=204,
)
def delete_access_token(call: Call) -> Reply:
    call.enforce()
    refuse_delegated(call, DELEGATED)
    with call.services.store.begin() as tx:
        oauth.remove_token(tx, call.args["user_id"], call.args["access_token_id"], call.now)
    return NO_CONTENT


@route(
    "GET",
    f"{TOKEN}/roles",
    policy="identity:list_access_token_roles",
    summary="List the roles of an OAuth access token.",
    reply=ManyTokenRoles,
    errors=(401, 403, 404),
)
def list_token_roles(call: Call) -> Reply:
    call.enforce()
    refuse_delegated(call, DELEGATED)
    return listed(call, "roles", [_role_shape(call, role) for role in _roles(call)])


@route(
    "GET",
    f"{TOKEN}/roles/<role_id>",
    policy="identity:get_access_token_role",
    summary="Show a role of an OAuth access token.",
    reply=OneTokenRole,
    errors=(401, 403, 404),
)
def show_token_role(call: Call) -> Reply:
    call.enforce()
    refuse_delegated(call, DELEGATED)
    for role in _roles(call):
        if role.id == call.args["role_id"]:
            return json_reply({"role": _role_shape(call, role)})
    raise errors.missing("role", call.args["role_id"])


def shape(call: Call, token: AccessToken) -> dict[str, Any]:
    here = f"{call.base}/v3/users/{token.user_id}/OS-OAUTH1/access_tokens/{token.id}"
    return {
        "id": token.id,
        "consumer_id": token.consumer_id,
        "project_id": token.project_id,
        "authorizing_user_id": token.user_id,
        "expires_at": shown(token.expires_at),
        "links": {"self": here, "roles": f"{here}/roles"},
    }


def _role_shape(call: Call, role: RoleEntry) -> dict[str, Any]:
    links = {"self": f"{call.base}/v3/roles/{role.id}"}
    return {"id": role.id, "name": role.name, "domain_id": role.domain_id, "options": role.options, "links": links}


def _existing(call: Call) -> AccessToken:
    with call.services.store.read() as db:
        found = oauth.get_token(db, call.args["user_id"], call.args["access_token_id"])
    if found is None:
        raise errors.missing("access token", call.args["access_token_id"])
    return found


def _roles(call: Call) -> list[RoleEntry]:
    token = _existing(call)
    with call.services.store.read() as db:
        return handed_roles.by_id(db, token.role_ids)


def _signed(call: Call) -> oauth1.Signed:
    """The request as its sender signed it. The body counts where it is a form (RFC 5849, section 3.4.1.3.1)."""
    environ = call.environ
    form = ""
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == FORM:
        try:
            form = environ["wsgi.input"].read().decode("ascii")
        except UnicodeDecodeError:
            raise errors.BadRequest("The form in the body is not valid.") from None
    path = environ["PATH_INFO"]
    # The address may have another name outside: a Host that is not ours does no harm here, it is only held against what was signed.
    asked = f"{environ.get('wsgi.url_scheme', 'http')}://{environ.get('HTTP_HOST', '')}{environ.get('SCRIPT_NAME', '')}"
    urls = tuple(dict.fromkeys((call.base + path, asked + path)))
    query = environ.get("QUERY_STRING", "")
    return oauth1.read(environ["REQUEST_METHOD"], urls, environ.get("HTTP_AUTHORIZATION", ""), query, form)


def _told(fresh: oauth1.Fresh) -> Reply:
    answer = {"oauth_token": fresh.id, "oauth_token_secret": fresh.secret, "oauth_expires_at": shown(fresh.expires_at) or ""}
    return Reply(urlencode(answer, safe=":").encode(), 201, content_type=FORM)
