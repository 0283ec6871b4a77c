"""Trusts."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.delegation import Trust, WantedTrust
from identity.model.listing import EQUALS
from identity.services.trusts import make
from identity.store import trusts
from identity.web.body import UNSET, Given, Unset, given, kept, optional
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3 import roles
from identity.web.v3.handed import RolesBody, refs, refuse_delegated
from identity.web.v3.roles import ManyRoles, OneRole, RoleShape
from identity.web.v3.times import later, shown

DELEGATED = "A token of an application credential or of OAuth may not manage trusts."
# Not to be stored among the further attributes: we write these ourselves.
OURS = frozenset({"id", "links", "roles_links", "deleted_at", "created_at"})

AnId = Annotated[str, Meta(max_length=64)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Uses = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class TrustBody(msgspec.Struct, kw_only=True):
    trustor_user_id: AnId
    trustee_user_id: AnId
    impersonation: bool
    project_id: AnId | Unset | None = UNSET
    remaining_uses: Uses | Unset | None = UNSET
    expires_at: str | Unset | None = UNSET
    allow_redelegation: bool | Unset | None = UNSET
    redelegation_count: Count | Unset | None = UNSET
    redelegated_trust_id: AnId | Unset | None = UNSET
    roles: RolesBody | Unset = UNSET


class ListedTrust(msgspec.Struct):
    id: str
    trustor_user_id: str
    trustee_user_id: str
    project_id: str | None
    impersonation: bool
    expires_at: str | None
    deleted_at: str | None
    remaining_uses: int | None
    redelegated_trust_id: str | None
    redelegation_count: int
    links: dict[str, str]


class TrustShape(ListedTrust):
    roles: list[RoleShape]
    roles_links: dict[str, str | None]


class OneTrust(msgspec.Struct):
    trust: TrustShape


class ManyTrusts(msgspec.Struct):
    trusts: list[ListedTrust]
    links: dict[str, str | None]


class WantedTrustBody(msgspec.Struct):
    trust: TrustBody


@route(
    "GET",
    "/v3/OS-TRUST/trusts",
    policy="identity:list_trusts",
    summary="List trusts: all of them, or those that one user has given or was given.",
    reply=ManyTrusts,
    filters=trusts.FILTERS,
    errors=(400, 401, 403),
)
def list_trusts(call: Call) -> Reply:
    """Everybody may list what they have given or were given: those two questions have policies of their own."""
    page = page_of(call)
    named = {wanted.name: wanted.value for wanted in reversed(page.filters) if wanted.comparator == EQUALS and wanted.value}
    if "trustor_user_id" in named:
        call.enforce({"target.trust.trustor_user_id": named["trustor_user_id"]}, "identity:list_trusts_for_trustor")
    elif "trustee_user_id" in named:
        call.enforce({"target.trust.trustee_user_id": named["trustee_user_id"]}, "identity:list_trusts_for_trustee")
    else:
        call.enforce()
    _refuse(call)
    with call.services.store.read() as db:
        found, more = trusts.listed(db, page)
    return listed(call, "trusts", [listed_shape(call, trust) for trust in found], more)


@route(
    "POST",
    "/v3/OS-TRUST/trusts",
    policy="identity:create_trust",
    summary="Let another user act with some of one's own roles.",
    body=WantedTrustBody,
    reply=OneTrust,
    errors=(400, 401, 403, 404),
    status=201,
)
def create_trust(call: Call) -> Reply:
    body = given(call, "trust", TrustBody)
    call.enforce({"target.trust.trustor_user_id": body.known.trustor_user_id})
    _refuse(call)
    claims, now = call.caller.access.claims, call.now
    if optional(body.known.redelegated_trust_id, None) not in (None, claims.trust_id):
        # Else the roles of a stranger could be handed on by naming the stranger's trust.
        raise errors.Forbidden("A trust is handed on with a token of that trust.")
    with call.services.store.begin() as tx:
        parent = trusts.get(tx, claims.trust_id, now) if claims.trust_id is not None else None
        made = make(tx, _wanted(body, now), claims.user_id, now, parent)
    return json_reply({"trust": shape(call, made)}, 201)


@route(
    "GET",
    "/v3/OS-TRUST/trusts/<trust_id>",
    policy="identity:get_trust",
    summary="Show a trust.",
    reply=OneTrust,
    errors=(401, 403, 404),
)
def show_trust(call: Call) -> Reply:
    return json_reply({"trust": shape(call, _enforced(call))})


@route(
    "DELETE",
    "/v3/OS-TRUST/trusts/<trust_id>",
    policy="identity:delete_trust",
    summary="End a trust, and all that were made of it.",
    errors=(401, 403, 404),
    status=204,
)
def delete_trust(call: Call) -> Reply:
    trust = _enforced(call)
    with call.services.store.begin() as tx:
        trusts.remove(tx, trust.id, call.now)
    return NO_CONTENT


@route(
    "GET",
    "/v3/OS-TRUST/trusts/<trust_id>/roles",
    policy="identity:list_roles_for_trust",
    summary="List the roles that a trust hands on.",
    reply=ManyRoles,
    errors=(401, 403, 404),
)
def list_roles(call: Call) -> Reply:
    trust = _enforced(call)
    return json_reply({"roles": [roles.shape(call, role) for role in trust.roles], "links": _roles_links(call, trust)})


@route(
    "GET",
    "/v3/OS-TRUST/trusts/<trust_id>/roles/<role_id>",
    policy="identity:get_role_for_trust",
    summary="Show a role that a trust hands on.",
    reply=OneRole,
    errors=(401, 403, 404),
)
def show_role(call: Call) -> Reply:
    for role in _enforced(call).roles:
        if role.id == call.args["role_id"]:
            return json_reply({"role": roles.shape(call, role)})
    raise errors.missing("role", call.args["role_id"])


def listed_shape(call: Call, trust: Trust) -> dict[str, Any]:
    """A trust as lists show it: without its roles."""
    return {
        **trust.extra,
        "id": trust.id,
        "trustor_user_id": trust.trustor_user_id,
        "trustee_user_id": trust.trustee_user_id,
        "project_id": trust.project_id,
        "impersonation": trust.impersonation,
        "expires_at": shown(trust.expires_at),
        "deleted_at": None,
        "remaining_uses": trust.remaining_uses,
        "redelegated_trust_id": trust.redelegated_trust_id,
        "redelegation_count": trust.redelegation_count,
        "links": {"self": f"{call.base}/v3/OS-TRUST/trusts/{trust.id}"},
    }


def shape(call: Call, trust: Trust) -> dict[str, Any]:
    handed = [roles.shape(call, role) for role in trust.roles]
    return {**listed_shape(call, trust), "roles": handed, "roles_links": _roles_links(call, trust)}


def _roles_links(call: Call, trust: Trust) -> dict[str, str | None]:
    return {"self": f"{call.base}/v3/OS-TRUST/trusts/{trust.id}/roles", "next": None, "previous": None}


def _refuse(call: Call) -> None:
    """With a token of a trust one may hand that trust on, and nothing else that was handed on will do."""
    if call.caller.access.claims.trust_id is None:
        refuse_delegated(call, DELEGATED)


def _enforced(call: Call) -> Trust:
    """The trust that the URL names. Unlike elsewhere, everybody is told of one that is not there: clients rely on it."""
    with call.services.store.read() as db:
        trust = trusts.get(db, call.args["trust_id"], call.now)
    if trust is None:
        raise errors.missing("trust", call.args["trust_id"])
    call.enforce({"target.trust.trustor_user_id": trust.trustor_user_id, "target.trust.trustee_user_id": trust.trustee_user_id})
    _refuse(call)
    return trust


def _wanted(body: Given[TrustBody], now: float) -> WantedTrust:
    known = body.known
    return WantedTrust(
        trustor_user_id=known.trustor_user_id,
        trustee_user_id=known.trustee_user_id,
        impersonation=known.impersonation,
        project_id=optional(known.project_id, None),
        expires_at=later(optional(known.expires_at, None), now),
        remaining_uses=optional(known.remaining_uses, None),
        allow_redelegation=bool(optional(known.allow_redelegation, None)),
        redelegation_count=optional(known.redelegation_count, None),
        roles=refs(known.roles),
        extra=kept(body.extra, OURS),
    )
