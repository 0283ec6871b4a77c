"""Policies: texts that services may fetch. The gateway keeps them for the API's sake, and never reads them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.catalog import PolicyBlob
from identity.store import policies
from identity.web.body import UNSET, Unset, given, kept, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.catalog_body import change_of

MimeType = Annotated[str, Meta(max_length=255)]


class PolicyBody(msgspec.Struct):
    blob: str
    type: MimeType
    id: str | Unset | None = UNSET


class PolicyChange(msgspec.Struct):
    id: str | Unset | None = UNSET
    blob: str | Unset = UNSET
    type: MimeType | Unset = UNSET


class PolicyShape(msgspec.Struct):
    id: str
    type: str
    blob: str
    links: dict[str, str]


class OnePolicy(msgspec.Struct):
    policy: PolicyShape


class ManyPolicies(msgspec.Struct):
    policies: list[PolicyShape]
    links: dict[str, str | None]
    truncated: bool | Unset = UNSET


class WantedPolicy(msgspec.Struct):
    policy: PolicyBody


class ChangedPolicy(msgspec.Struct):
    policy: PolicyChange


@route(
    "GET",
    "/v3/policies",
    policy="identity:list_policies",
    summary="List the policies.",
    reply=ManyPolicies,
    filters=("type",),
    errors=(400, 401, 403),
)
def list_policies(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found, more = policies.listed(db, page_of(call))
    return listed(call, "policies", [policy_shape(call, policy) for policy in found], more)


@route(
    "GET",
    "/v3/policies/<policy_id>",
    policy="identity:get_policy",
    summary="Show a policy.",
    reply=OnePolicy,
    errors=(401, 403, 404),
)
def show_policy(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        return json_reply({"policy": policy_shape(call, existing_policy(policies.get(db, call.args["policy_id"]), call))})


@route(
    "POST",
    "/v3/policies",
    policy="identity:create_policy",
    summary="Make a policy.",
    body=WantedPolicy,
    reply=OnePolicy,
    errors=(400, 401, 403),
    status=201,
)
def create_policy(call: Call) -> Reply:
    call.enforce()
    body = given(call, "policy", PolicyBody)
    new = PolicyBlob(uuid4().hex, body.known.type, body.known.blob, kept(body.extra))
    with call.services.store.begin() as tx:
        policies.create(tx, new)
    return json_reply({"policy": policy_shape(call, new)}, 201)


@route(
    "PATCH",
    "/v3/policies/<policy_id>",
    policy="identity:update_policy",
    summary="Change a policy.",
    body=ChangedPolicy,
    reply=OnePolicy,
    errors=(400, 401, 403, 404),
)
def update_policy(call: Call) -> Reply:
    call.enforce()
    id = call.args["policy_id"]
    body = change_of(call, "policy", PolicyChange, id)
    with call.services.store.begin() as tx:
        stored = existing_policy(policies.pinned(tx, id), call)
        changed = replace(stored, **present(body.known, "blob", "type"), extra={**stored.extra, **kept(body.extra)})
        policies.save(tx, changed)
    return json_reply({"policy": policy_shape(call, changed)})


@route(
    "DELETE",
    "/v3/policies/<policy_id>",
    policy="identity:delete_policy",
    summary="Delete a policy, and all its associations.",
    errors=(401, 403, 404),
    status=204,
)
def delete_policy(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        existing_policy(policies.get(tx, call.args["policy_id"]), call)
        policies.remove(tx, call.args["policy_id"])
    return NO_CONTENT


def policy_shape(call: Call, policy: PolicyBlob) -> dict[str, Any]:
    return {
        **policy.extra,
        "id": policy.id,
        "type": policy.type,
        "blob": policy.blob,
        "links": {"self": f"{call.base}/v3/policies/{policy.id}"},
    }


def existing_policy(policy: PolicyBlob | None, call: Call) -> PolicyBlob:
    if policy is None:
        raise errors.missing("policy", call.args["policy_id"])
    return policy
