"""Roles of a user in tenants as the oldest clients know them: each reference's id tells user, tenant and role."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs, urlencode

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.assignment import AssignmentQuery
from identity.store import assignments
from identity.web.body import given
from identity.web.context import Call
from identity.web.reply import Reply, json_reply
from identity.web.route import route
from identity.web.v2.gate import allow, home, user
from identity.web.v2.roles import OneRole, role_shape
from identity.web.v2.user_roles import give, take
from identity.web.v2.user_shape import existing_user, user_target

REFERENCES = "/v2.0/users/<user_id>/roleRefs"
AnId = Annotated[str, Meta(min_length=1, max_length=64)]


class ReferenceBody(msgspec.Struct):
    tenantId: AnId
    roleId: AnId


class WantedReference(msgspec.Struct):
    role: ReferenceBody


class ReferenceShape(msgspec.Struct):
    id: str
    roleId: str
    tenantId: str
    userId: str


class ManyReferences(msgspec.Struct):
    roles: list[ReferenceShape]


@route(
    "GET",
    REFERENCES,
    policy="identity:list_role_assignments",
    summary="List a user's roles in all tenants, as references.",
    reply=ManyReferences,
    errors=(401, 403, 404),
)
def list_references(call: Call) -> Reply:
    user_id = call.args["user_id"]
    with call.services.store.read() as db:
        found = user(call, db, user_id)
        allow(call, {**user_target(found), "target.domain_id": home(call)})
        existing_user(found, user_id)
        held = assignments.listed(db, AssignmentQuery(user_id=user_id, inside=home(call), effective=True)).entries
    pairs = dict.fromkeys((one.target_id, one.role_id) for one in held if one.target_kind == "project")
    return json_reply({"roles": [_shape(user_id, tenant_id, role_id) for tenant_id, role_id in pairs]})


@route(
    "POST",
    REFERENCES,
    policy="identity:create_grant",
    summary="Give a user a role in a tenant.",
    body=WantedReference,
    reply=OneRole,
    errors=(400, 401, 403, 404, 409),
)
def create_reference(call: Call) -> Reply:
    allow(call)
    wanted = given(call, "role", ReferenceBody).known
    return json_reply({"role": role_shape(give(call, wanted.tenantId, call.args["user_id"], wanted.roleId))})


@route(
    "DELETE",
    f"{REFERENCES}/<role_ref_id>",
    policy="identity:revoke_grant",
    summary="Take the role that a reference tells of from its user.",
    errors=(401, 403, 404),
    status=204,
)
def delete_reference(call: Call) -> Reply:
    """The user is the one of the path, whatever the reference says."""
    allow(call)
    named = call.args["role_ref_id"]
    told = parse_qs(named, max_num_fields=8) if named.count("&") < 8 else {}
    tenant_ids, role_ids = told.get("tenantId", []), told.get("roleId", [])
    if len(tenant_ids) != 1 or len(role_ids) != 1 or told.get("userId", [call.args["user_id"]]) != [call.args["user_id"]]:
        raise errors.missing("role reference", named)
    return take(call, tenant_ids[0], call.args["user_id"], role_ids[0])


def _shape(user_id: str, tenant_id: str, role_id: str) -> dict[str, str]:
    reference = {"roleId": role_id, "tenantId": tenant_id, "userId": user_id}
    return {"id": urlencode(reference), **reference}
