"""Application credentials: with them a program acts for its user, with a share of the user's roles on one project."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.delegation import ApplicationCredential, WantedCredential, WantedRule
from identity.store import application_credentials
from identity.web.body import UNSET, Description, Given, Id, Name, Unset, given, optional
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.handed import RolesBody, refs, refuse_delegated, role_shape
from identity.web.v3.times import later, shown

ONE = "/v3/users/<user_id>/application_credentials/<application_credential_id>"


class RuleBody(msgspec.Struct, forbid_unknown_fields=True):
    """A rule of one's own by its id, or written out."""

    id: Id | Unset = UNSET
    service: Name | Unset = UNSET
    path: Annotated[str, Meta(max_length=128, pattern="^/")] | Unset = UNSET
    method: Literal["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"] | Unset = UNSET


class CredentialBody(msgspec.Struct, kw_only=True):
    """The project is always the token's, and the id is always made here: both are taken and not heeded, as ever."""

    name: Name
    description: Description | Unset | None = UNSET
    secret: str | Unset | None = UNSET
    expires_at: str | Unset | None = UNSET
    unrestricted: bool | Unset | None = UNSET
    roles: RolesBody | Unset = UNSET
    access_rules: Annotated[list[RuleBody], Meta(max_length=256)] | Unset = UNSET
    id: str | Unset = UNSET
    project_id: str | Unset = UNSET
    system: str | Unset | None = UNSET


class RoleShape(msgspec.Struct):
    id: str
    name: str
    domain_id: str | None
    description: str | None
    options: dict[str, Any]


class RuleShape(msgspec.Struct):
    id: str
    service: str
    path: str
    method: str


class CredentialShape(msgspec.Struct):
    id: str
    name: str
    description: str | None
    user_id: str
    project_id: str | None
    system: str | None
    expires_at: str | None
    unrestricted: bool
    roles: list[RoleShape]
    links: dict[str, str]
    access_rules: list[RuleShape] | Unset = UNSET
    secret: str | Unset = UNSET


class OneCredential(msgspec.Struct):
    application_credential: CredentialShape


class ManyCredentials(msgspec.Struct):
    application_credentials: list[CredentialShape]
    links: dict[str, str | None]


class NewCredential(msgspec.Struct):
    application_credential: CredentialBody


@route(
    "GET",
    "/v3/users/<user_id>/application_credentials",
    policy="identity:list_application_credentials",
    summary="List a user's application credentials.",
    reply=ManyCredentials,
    filters=("name",),
    errors=(400, 401, 403),
)
def list_credentials(call: Call) -> Reply:
    call.enforce()
    refuse_handed(call)
    with call.services.store.read() as db:
        found, more = application_credentials.listed(db, call.args["user_id"], page_of(call))
    return listed(call, "application_credentials", [shape(call, credential) for credential in found], more)


@route(
    "POST",
    "/v3/users/<user_id>/application_credentials",
    policy="identity:create_application_credential",
    summary="Make an application credential for oneself, on the token's project. Its secret is shown this once.",
    body=NewCredential,
    reply=OneCredential,
    errors=(400, 401, 403, 404, 409, 503),
    status=201,
)
def create_credential(call: Call) -> Reply:
    call.enforce()
    refuse_handed(call)
    refuse_restricted(call)
    owner = call.caller.access.subject
    if owner.user.id != call.args["user_id"] or owner.project is None:
        raise errors.Forbidden("Application credentials are made for oneself, with a token of their project.")
    new, secret = call.services.app_creds.create(owner, _wanted(call, given(call, "application_credential", CredentialBody)))
    return json_reply({"application_credential": {**shape(call, new), "secret": secret}}, 201)


@route(
    "GET",
    ONE,
    policy="identity:get_application_credential",
    summary="Show an application credential, without its secret.",
    reply=OneCredential,
    errors=(401, 403, 404),
)
def show_credential(call: Call) -> Reply:
    return json_reply({"application_credential": shape(call, _enforced(call))})


@route(
    "DELETE",
    ONE,
    policy="identity:delete_application_credential",
    summary="Delete an application credential, and end its tokens.",
    errors=(401, 403, 404),
    status=204,
)
def delete_credential(call: Call) -> Reply:
    credential = _enforced(call)
    refuse_restricted(call)
    with call.services.store.begin() as tx:
        application_credentials.remove(tx, credential.id, call.now)
    return NO_CONTENT


def shape(call: Call, credential: ApplicationCredential) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": credential.id,
        "name": credential.name,
        "description": credential.description,
        "user_id": credential.user_id,
        "project_id": credential.project_id,
        "system": None,
        "expires_at": shown(credential.expires_at, end=""),
        "unrestricted": credential.unrestricted,
        "roles": [role_shape(role) for role in credential.roles],
        "links": {"self": f"{call.base}/v3/users/{credential.user_id}/application_credentials/{credential.id}"},
    }
    if credential.access_rules:
        found["access_rules"] = credential.access_rules
    return found


def refuse_handed(call: Call) -> None:
    """Raise `errors.Forbidden` for a token of a trust or of OAuth: what it made would outlive it. Those of application credentials
    may look, and change things if they are unrestricted.
    """
    claims = call.caller.access.claims
    if claims.app_cred_id is None or claims.trust_id is not None or claims.access_token_id is not None:
        refuse_delegated(call, "A delegated token may not manage application credentials.")


def refuse_restricted(call: Call) -> None:
    confinement = call.caller.access.subject.confinement
    if confinement is not None and not confinement.unrestricted:
        raise errors.Forbidden("A restricted application credential may not manage application credentials.")


def _enforced(call: Call) -> ApplicationCredential:
    """The credential that the URL names, once the policy has seen whose it really is; under another user's URL it is not there."""
    id = call.args["application_credential_id"]
    with call.services.store.read() as db:
        found = application_credentials.get(db, id)
    call.enforce({} if found is None else {"user_id": found.user_id})
    refuse_handed(call)
    if found is None or found.user_id != call.args["user_id"]:
        raise errors.missing("application credential", id)
    return found


def _wanted(call: Call, body: Given[CredentialBody]) -> WantedCredential:
    if body.extra:
        raise errors.BadRequest(f"Invalid input: application_credential has no attribute {min(body.extra)[:64]!r}.")
    known = body.known
    return WantedCredential(
        name=known.name,
        description=optional(known.description, None),
        secret=optional(known.secret, None) or None,
        expires_at=later(optional(known.expires_at, None) or None, call.now),
        unrestricted=bool(optional(known.unrestricted, None)),
        roles=refs(known.roles),
        access_rules=tuple(
            WantedRule(
                optional(rule.id, None), optional(rule.service, None), optional(rule.path, None), optional(rule.method, None)
            )
            for rule in optional(known.access_rules, ())
        ),
    )
