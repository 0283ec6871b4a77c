"""Groups of users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from identity import errors
from identity.model.account import Group
from identity.model.auth import DomainRef
from identity.store import domains, groups
from identity.web.body import UNSET, Description, Id, Name, Unset, given, kept, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.user_shape import OURS
from identity.web.v3.users import home_of


class GroupBody(msgspec.Struct, kw_only=True):
    """Other attributes are kept and shown again."""

    name: Name | Unset = UNSET
    domain_id: Id | Unset = UNSET
    description: Description | Unset | None = UNSET


class NewGroupBody(GroupBody, kw_only=True):
    name: Name


class WantedGroup(msgspec.Struct):
    group: GroupBody


class WantedNewGroup(msgspec.Struct):
    group: NewGroupBody


class GroupShape(msgspec.Struct):
    """Attributes that clients stored stand beside these."""

    id: str
    name: str
    domain_id: str
    description: str
    links: dict[str, str]


class OneGroup(msgspec.Struct):
    group: GroupShape


class ManyGroups(msgspec.Struct):
    groups: list[GroupShape]
    links: dict[str, str | None]
    truncated: bool | Unset = UNSET


@route(
    "GET",
    "/v3/groups",
    policy="identity:list_groups",
    summary="List the groups; a token for a domain lists that domain's.",
    reply=ManyGroups,
    filters=("domain_id", "name"),
    errors=(400, 401, 403),
)
def list_groups(call: Call) -> Reply:
    domain_id = call.caller.access.claims.domain_id
    call.enforce({"target.group.domain_id": domain_id} if domain_id else {})
    with call.services.store.read() as db:
        found, more = groups.listed(db, page_of(call), domain_id=domain_id)
    return listed(call, "groups", [group_shape(call, group) for group in found], more)


@route(
    "GET",
    "/v3/groups/<group_id>",
    policy="identity:get_group",
    summary="Show a group.",
    reply=OneGroup,
    errors=(401, 403, 404),
)
def show_group(call: Call) -> Reply:
    return json_reply({"group": group_shape(call, allowed_group(call))})


@route(
    "POST",
    "/v3/groups",
    policy="identity:create_group",
    summary="Make a group, in the domain that is named, or else the token's, or else the default one.",
    body=WantedNewGroup,
    reply=OneGroup,
    errors=(400, 401, 403, 404, 409),
    status=201,
)
def create_group(call: Call) -> Reply:
    body = given(call, "group", NewGroupBody)
    named = optional(body.known.domain_id, None)
    domain_id = named or home_of(call)
    with call.services.store.read() as db:
        exists = domains.find(db, DomainRef(id=domain_id)) is not None
    call.enforce({"target.group.domain_id": named} if named and exists else {})
    if not exists:
        raise errors.missing("domain", domain_id)
    name, description, extra = body.known.name.strip(), optional(body.known.description, None) or "", kept(body.extra, OURS)
    with errors.taken("group", name), call.services.store.begin() as tx:
        id = groups.create(tx, name=name, domain_id=domain_id, description=description, extra=extra)
    return json_reply({"group": group_shape(call, Group(id, name, domain_id, description, extra))}, 201)


@route(
    "PATCH",
    "/v3/groups/<group_id>",
    policy="identity:update_group",
    summary="Change a group; an attribute that is not sent stays as it is.",
    body=WantedGroup,
    reply=OneGroup,
    errors=(400, 401, 403, 404, 409),
)
def update_group(call: Call) -> Reply:
    stored = allowed_group(call)
    body = given(call, "group", GroupBody)
    if not body.extra and not present(body.known):
        raise errors.BadRequest("Invalid input: group names nothing to be changed.")
    if optional(body.known.domain_id, stored.domain_id) != stored.domain_id:
        raise errors.BadRequest("A group cannot be moved to another domain.")
    if body.extra.get("id") not in (None, stored.id):
        raise errors.BadRequest("The id of a group cannot be changed.")
    with errors.taken("group", optional(body.known.name, "")), call.services.store.begin() as tx:
        stored = existing_group(groups.pinned(tx, stored.id), stored.id)
        changed = replace(
            stored,
            name=optional(body.known.name, stored.name).strip(),
            description=optional(body.known.description, stored.description) or "",
            extra={**stored.extra, **kept(body.extra, OURS)},
        )
        groups.save(tx, changed)
    return json_reply({"group": group_shape(call, changed)})


@route(
    "DELETE",
    "/v3/groups/<group_id>",
    policy="identity:delete_group",
    summary="Delete a group and the roles it holds.",
    errors=(401, 403, 404),
    status=204,
)
def delete_group(call: Call) -> Reply:
    # Keystone looks the group up before it asks the policy, here alone, and the suites of the field hold us to it: so on this
    # route an unknown id is a 404 for everyone.
    with call.services.store.read() as db:
        stored = existing_group(groups.get(db, call.args["group_id"]), call.args["group_id"])
    call.enforce(group_target(stored))
    with call.services.store.begin() as tx:
        groups.delete(tx, stored.id, call.now)
    return NO_CONTENT


def allowed_group(call: Call) -> Group:
    """The group that the path names, once the route's policy has let the caller pass. Raises `Forbidden`, or else `NotFound`."""
    id = call.args["group_id"]
    with call.services.store.read() as db:
        group = groups.get(db, id)
    call.enforce(group_target(group))
    return existing_group(group, id)


def existing_group(group: Group | None, id: str) -> Group:
    if group is None:
        raise errors.missing("group", id)
    return group


def group_target(group: Group | None) -> dict[str, Any]:
    """What policies may compare of a stored group; nothing of one that is not there."""
    if group is None:
        return {}
    return {"target.group.id": group.id, "target.group.name": group.name, "target.group.domain_id": group.domain_id}


def group_shape(call: Call, group: Group) -> dict[str, Any]:
    return {
        **group.extra,
        "id": group.id,
        "name": group.name,
        "domain_id": group.domain_id,
        "description": group.description,
        "links": {"self": f"{call.base}/v3/groups/{group.id}"},
    }
