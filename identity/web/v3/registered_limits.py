"""Registered limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.limit import RegisteredLimit
from identity.services import limits as rules
from identity.store import registered_limits
from identity.web.body import UNSET, Description, Given, Name, Unset, given, given_list, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route

Amount = Annotated[int, Meta(ge=-1, le=0x7FFFFFFF)]
Reference = Annotated[str, Meta(min_length=1, max_length=64)]
Some = Meta(min_length=1)


class NewRegisteredLimitBody(msgspec.Struct, forbid_unknown_fields=True):
    service_id: Reference
    resource_name: Name
    default_limit: Amount
    region_id: Name | Unset | None = UNSET
    description: Description | Unset | None = UNSET


class RegisteredLimitBody(msgspec.Struct, forbid_unknown_fields=True):
    service_id: Reference | Unset = UNSET
    resource_name: Name | Unset = UNSET
    default_limit: Amount | Unset = UNSET
    region_id: Name | Unset | None = UNSET
    description: Description | Unset | None = UNSET


class RegisteredLimitShape(msgspec.Struct):
    id: str
    service_id: str
    region_id: str | None
    resource_name: str
    default_limit: int
    description: str | None
    links: dict[str, str]


class OneRegisteredLimit(msgspec.Struct):
    registered_limit: RegisteredLimitShape


class NewRegisteredLimits(msgspec.Struct):
    registered_limits: list[RegisteredLimitShape]


class ManyRegisteredLimits(msgspec.Struct):
    registered_limits: list[RegisteredLimitShape]
    links: dict[str, str | None]


class WantedNewRegisteredLimits(msgspec.Struct):
    registered_limits: Annotated[list[NewRegisteredLimitBody], Some]


class WantedRegisteredLimit(msgspec.Struct):
    registered_limit: RegisteredLimitBody


@route(
    "GET",
    "/v3/registered_limits",
    policy="identity:list_registered_limits",
    summary="List the registered limits.",
    reply=ManyRegisteredLimits,
    filters=("service_id", "region_id", "resource_name"),
    errors=(400, 401, 403),
)
def list_registered_limits(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found, more = registered_limits.listed(db, page_of(call))
    return listed(call, "registered_limits", [shape(call, limit) for limit in found], more)


@route(
    "GET",
    "/v3/registered_limits/<registered_limit_id>",
    policy="identity:get_registered_limit",
    summary="Show a registered limit.",
    reply=OneRegisteredLimit,
    errors=(401, 403, 404),
)
def show_registered_limit(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found = _existing(registered_limits.get(db, call.args["registered_limit_id"]), call)
    return json_reply({"registered_limit": shape(call, found)})


@route(
    "POST",
    "/v3/registered_limits",
    policy="identity:create_registered_limits",
    summary="Register the default limits of resources: all of the list, or none.",
    body=WantedNewRegisteredLimits,
    reply=NewRegisteredLimits,
    errors=(400, 401, 403, 409),
    status=201,
)
def create_registered_limits(call: Call) -> Reply:
    call.enforce()
    bodies = given_list(call, "registered_limits", NewRegisteredLimitBody)
    if not bodies:
        raise errors.BadRequest("Invalid input: registered_limits must hold at least one.")
    new = [_new(body) for body in bodies]
    with call.services.store.begin() as tx:
        rules.register(tx, new)
    return json_reply({"registered_limits": [shape(call, limit) for limit in new]}, 201)


@route(
    "PATCH",
    "/v3/registered_limits/<registered_limit_id>",
    policy="identity:update_registered_limit",
    summary="Change a registered limit that no project's or domain's limit refers to.",
    body=WantedRegisteredLimit,
    reply=OneRegisteredLimit,
    errors=(400, 401, 403, 404, 409),
)
def update_registered_limit(call: Call) -> Reply:
    call.enforce()
    body = given(call, "registered_limit", RegisteredLimitBody)
    with call.services.store.begin() as tx:
        stored = _existing(registered_limits.pinned(tx, call.args["registered_limit_id"]), call)
        changed = replace(stored, **present(body.known))
        rules.check_places(tx, [changed])
        registered_limits.save(tx, changed)
    return json_reply({"registered_limit": shape(call, changed)})


@route(
    "DELETE",
    "/v3/registered_limits/<registered_limit_id>",
    policy="identity:delete_registered_limit",
    summary="Delete a registered limit that no project's or domain's limit refers to.",
    errors=(401, 403, 404),
    status=204,
)
def delete_registered_limit(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        stored = _existing(registered_limits.get(tx, call.args["registered_limit_id"]), call)
        registered_limits.remove(tx, stored.id)
    return NO_CONTENT


def shape(call: Call, limit: RegisteredLimit) -> dict[str, Any]:
    return {
        "id": limit.id,
        "service_id": limit.service_id,
        "region_id": limit.region_id,
        "resource_name": limit.resource_name,
        "default_limit": limit.default_limit,
        "description": limit.description,
        "links": {"self": f"{call.base}/v3/registered_limits/{limit.id}"},
    }


def _new(body: Given[NewRegisteredLimitBody]) -> RegisteredLimit:
    known = body.known
    return RegisteredLimit(
        uuid4().hex,
        known.service_id,
        optional(known.region_id, None),
        known.resource_name,
        known.default_limit,
        optional(known.description, None),
    )


def _existing(limit: RegisteredLimit | None, call: Call) -> RegisteredLimit:
    if limit is None:
        raise errors.missing("registered limit", call.args["registered_limit_id"])
    return limit
