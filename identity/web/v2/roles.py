"""Roles of the whole cloud. Version 2.0 knows no others."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec

from identity import errors
from identity.model.assignment import RoleEntry
from identity.store import roles
from identity.web.body import UNSET, Description, Name, Unset, given, optional
from identity.web.context import Call
from identity.web.listing import page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v2.gate import allow, role
from identity.web.v2.lists import many

ROLES = "/v2.0/OS-KSADM/roles"
NOT_HERE = frozenset({"id", "domain_id", "options", "links"})


class RoleBody(msgspec.Struct):
    """Other attributes are kept and shown again."""

    name: Name
    description: Description | Unset | None = UNSET


class RoleShape(msgspec.Struct):
    id: str
    name: str
    description: str | Unset = UNSET


class OneRole(msgspec.Struct):
    role: RoleShape


class ManyRoles(msgspec.Struct):
    roles: list[RoleShape]
    roles_links: list[dict[str, str]]


class WantedRole(msgspec.Struct):
    role: RoleBody


@route(
    "GET",
    ROLES,
    policy="identity:list_roles",
    summary="List the roles.",
    reply=ManyRoles,
    filters=("name",),
    errors=(400, 401, 403),
)
def list_roles(call: Call) -> Reply:
    allow(call)
    with call.services.store.read() as db:
        found, more = roles.listed(db, page_of(call))
    return many(call, "roles", [role_shape(one) for one in found], more)


@route(
    "GET",
    f"{ROLES}/<role_id>",
    policy="identity:get_role",
    summary="Show a role by its id, or else by its name.",
    reply=OneRole,
    errors=(401, 403, 404),
)
def show_role(call: Call) -> Reply:
    named = call.args["role_id"]
    with call.services.store.read() as db:
        found = role(db, named)
        if found is None and (other := roles.find(db, named)) is not None:
            found = role(db, other.id)
    allow(call, role_target(found))
    return json_reply({"role": role_shape(existing_role(found, named))})


@route(
    "POST",
    ROLES,
    policy="identity:create_role",
    summary="Make a role.",
    body=WantedRole,
    reply=OneRole,
    errors=(400, 401, 403, 409),
)
def create_role(call: Call) -> Reply:
    allow(call)
    body = given(call, "role", RoleBody)
    extra = {name: value for name, value in body.extra.items() if name not in NOT_HERE}
    new = RoleEntry(uuid4().hex, body.known.name, None, optional(body.known.description, "") or "", {}, extra)
    with call.services.store.begin() as tx:
        roles.create(tx, id=new.id, name=new.name, description=new.description, extra=new.extra, now=call.now)
    return json_reply({"role": role_shape(new)})


@route(
    "DELETE",
    f"{ROLES}/<role_id>",
    policy="identity:delete_role",
    summary="Delete a role, and take it from everybody who has it.",
    errors=(401, 403, 404),
    status=204,
)
def delete_role(call: Call) -> Reply:
    id = call.args["role_id"]
    with call.services.store.read() as db:
        found = role(db, id)
    allow(call, role_target(found))
    existing_role(found, id)
    with call.services.store.begin() as tx:
        if roles.locked(tx, id).immutable:
            raise errors.Forbidden("The role is immutable: take that option off (in version 3 of the API) before you delete it.")
        roles.delete(tx, id, call.now)
    return NO_CONTENT


def role_shape(found: RoleEntry) -> dict[str, Any]:
    """Without a description where there is none, as Keystone showed it."""
    extra = {name: value for name, value in found.extra.items() if name not in NOT_HERE}
    shown = {**extra, "id": found.id, "name": found.name}
    return {**shown, "description": found.description} if found.description else shown


def role_target(found: RoleEntry | None) -> dict[str, Any]:
    """What a policy may ask of a role; nothing where there is none."""
    if found is None:
        return {}
    return {
        "target.role.id": found.id,
        "target.role.name": found.name,
        "target.role.domain_id": found.domain_id,
        "target.role.description": found.description,
    }


def existing_role(found: RoleEntry | None, id: str) -> RoleEntry:
    if found is None:
        raise errors.missing("role", id)
    return found
