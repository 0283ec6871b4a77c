"""Roles: those of the whole cloud, and those of one domain, which are worth what they imply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec

from identity import errors
from identity.model.assignment import RoleEntry
from identity.store import roles
from identity.web.body import UNSET, Description, Name, ShortName, Unset, given, kept, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of, query_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.handed import role_shape


class RoleOptions(msgspec.Struct, forbid_unknown_fields=True):
    """`immutable`: neither changed nor deleted until that is taken off again."""

    immutable: bool | Unset | None = UNSET


class RoleChange(msgspec.Struct):
    id: ShortName | Unset = UNSET
    name: Name | Unset = UNSET
    domain_id: ShortName | Unset | None = UNSET
    description: Description | Unset | None = UNSET
    options: RoleOptions | Unset = UNSET


class RoleBody(msgspec.Struct):
    name: Name
    id: Any = UNSET  # the service chooses it
    domain_id: ShortName | Unset | None = UNSET
    description: Description | Unset | None = UNSET
    options: RoleOptions | Unset = UNSET


class RoleShape(msgspec.Struct):
    id: str
    name: str
    domain_id: str | None
    description: str | None
    options: dict[str, Any]
    links: dict[str, str]


class OneRole(msgspec.Struct):
    role: RoleShape


class ManyRoles(msgspec.Struct):
    roles: list[RoleShape]
    links: dict[str, str | None]


class WantedRole(msgspec.Struct):
    role: RoleBody


class ChangedRole(msgspec.Struct):
    role: RoleChange


@route(
    "GET",
    "/v3/roles",
    policy="identity:list_roles",
    summary="List the roles of the whole cloud, or with `domain_id` those of a domain.",
    reply=ManyRoles,
    filters=("name",),
    query=("domain_id",),
    errors=(400, 401, 403),
)
def list_roles(call: Call) -> Reply:
    domain_id = next((value for name, value in query_of(call) if name == "domain_id" and value), None)
    call.enforce(policy="" if domain_id is None else "identity:list_domain_roles")
    with call.services.store.read() as db:
        found, more = roles.listed(db, page_of(call), domain_id)
    return listed(call, "roles", [shape(call, role) for role in found], more)


@route(
    "GET",
    "/v3/roles/<role_id>",
    policy="identity:get_role",
    summary="Show a role.",
    reply=OneRole,
    errors=(401, 403, 404),
)
def show_role(call: Call) -> Reply:
    return json_reply({"role": shape(call, _allowed(call, "identity:get_domain_role"))})


@route(
    "POST",
    "/v3/roles",
    policy="identity:create_role",
    summary="Make a role.",
    body=WantedRole,
    reply=OneRole,
    errors=(400, 401, 403, 404, 409),
    status=201,
)
def create_role(call: Call) -> Reply:
    body = given(call, "role", RoleBody)
    domain_id = optional(body.known.domain_id, None)
    if domain_id is None:
        call.enforce()
    else:
        call.enforce({"target.role.domain_id": domain_id}, "identity:create_domain_role")
    options = _options({}, optional(body.known.options, RoleOptions()))
    new = RoleEntry(uuid4().hex, body.known.name, domain_id, optional(body.known.description, "") or "", options, kept(body.extra))
    with call.services.store.begin() as tx:
        roles.create(
            tx,
            id=new.id,
            name=new.name,
            domain_id=new.domain_id,
            description=new.description,
            options=new.options,
            extra=new.extra,
            now=call.now,
        )
    return json_reply({"role": shape(call, new)}, 201)


@route(
    "PATCH",
    "/v3/roles/<role_id>",
    policy="identity:update_role",
    summary="Change a role.",
    body=ChangedRole,
    reply=OneRole,
    errors=(400, 401, 403, 404, 409),
)
def update_role(call: Call) -> Reply:
    _allowed(call, "identity:update_domain_role")
    body = given(call, "role", RoleChange)
    sent = present(body.known)
    if not sent and not body.extra:
        raise errors.BadRequest("Invalid input: role must name at least one attribute to change.")
    with call.services.store.begin() as tx:
        stored = roles.locked(tx, call.args["role_id"])
        _check_change(stored, sent, body.extra)
        changed = replace(
            stored,
            name=sent.get("name", stored.name),
            description=sent.get("description", stored.description) or "",
            options=_options(stored.options, sent.get("options", RoleOptions())),
            extra={**stored.extra, **kept(body.extra)},
        )
        roles.save(tx, changed, call.now)
    return json_reply({"role": shape(call, changed)})


@route(
    "DELETE",
    "/v3/roles/<role_id>",
    policy="identity:delete_role",
    summary="Delete a role, and take it from everybody who has it.",
    errors=(401, 403, 404),
    status=204,
)
def delete_role(call: Call) -> Reply:
    _allowed(call, "identity:delete_domain_role")
    with call.services.store.begin() as tx:
        stored = roles.locked(tx, call.args["role_id"])
        if stored.immutable:
            raise errors.Forbidden("The role is immutable: take that option off before you delete it.")
        roles.delete(tx, stored.id, call.now)
    return NO_CONTENT


def shape(call: Call, role: RoleEntry) -> dict[str, Any]:
    return {**role_shape(role), "links": {"self": f"{call.base}/v3/roles/{role.id}"}}


def target_of(role: RoleEntry | None, kind: str = "role") -> dict[str, Any]:
    """What a policy may ask about a role; nothing where there is none."""
    if role is None:
        return {}
    return {
        f"target.{kind}.id": role.id,
        f"target.{kind}.name": role.name,
        f"target.{kind}.domain_id": role.domain_id,
        f"target.{kind}.description": role.description,
    }


def _allowed(call: Call, of_a_domain: str) -> RoleEntry:
    """The role of the URL, once its policy has been asked: a domain's own role has another one than the route's.

    An unknown id is a 404 for everyone, as in Keystone: ids of roles are told by every token.
    """
    with call.services.store.read() as db:
        found = roles.entry(db, call.args["role_id"])
    if found is None:
        raise errors.missing("role", call.args["role_id"])
    call.enforce(target_of(found), "" if found.domain_id is None else of_a_domain)
    return found


def _check_change(stored: RoleEntry, sent: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
    if sent.get("id", stored.id) != stored.id:
        raise errors.BadRequest("The id of a role cannot be changed.")
    if sent.get("domain_id", stored.domain_id) != stored.domain_id:
        raise errors.BadRequest("The domain of a role cannot be changed.")
    if stored.immutable:
        wanted = sent.get("options", RoleOptions()).immutable
        if wanted not in (False, None) or set(sent) - {"id"} != {"options"} or extra:
            raise errors.Forbidden("The role is immutable: take that option off in a change of its own first.")


def _options(stored: Mapping[str, Any], sent: RoleOptions) -> dict[str, Any]:
    """An option that is sent as null is taken off."""
    return {name: value for name, value in {**stored, **present(sent)}.items() if value is not None}
