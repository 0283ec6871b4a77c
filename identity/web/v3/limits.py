"""Limits."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

import msgspec

from identity import errors
from identity.model.limit import Limit
from identity.services import limits as rules
from identity.store import limits
from identity.web.body import UNSET, Description, Given, Name, Unset, given, given_list, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.registered_limits import Amount, Reference, Some

SEE_ALL = frozenset({"admin", "service"})
"""Roles whose bearers are shown every limit, whatever their scope; so it has always been, beside the policy."""


class NewLimitBody(msgspec.Struct, forbid_unknown_fields=True):
    """One of `project_id` and `domain_id` is to be sent."""

    service_id: Reference
    resource_name: Name
    resource_limit: Amount
    project_id: Reference | Unset | None = UNSET
    domain_id: Reference | Unset | None = UNSET
    region_id: Name | Unset | None = UNSET
    description: Description | Unset | None = UNSET


class LimitBody(msgspec.Struct, forbid_unknown_fields=True):
    resource_limit: Amount | Unset = UNSET
    description: Description | Unset | None = UNSET


class LimitShape(msgspec.Struct):
    id: str
    project_id: str | None
    domain_id: str | None
    service_id: str
    region_id: str | None
    resource_name: str
    resource_limit: int
    description: str | None
    links: dict[str, str]


class OneLimit(msgspec.Struct):
    limit: LimitShape


class NewLimits(msgspec.Struct):
    limits: list[LimitShape]


class ManyLimits(msgspec.Struct):
    limits: list[LimitShape]
    links: dict[str, str | None]


class WantedNewLimits(msgspec.Struct):
    limits: Annotated[list[NewLimitBody], Some]


class WantedLimit(msgspec.Struct):
    limit: LimitBody


class ModelShape(msgspec.Struct):
    name: str
    description: str


class OneModel(msgspec.Struct):
    model: ModelShape


@route(
    "GET",
    "/v3/limits",
    policy="identity:list_limits",
    summary="List the limits: all for administrators and services, else those of the token's domain or project.",
    reply=ManyLimits,
    filters=("service_id", "region_id", "resource_name", "project_id", "domain_id"),
    errors=(400, 401, 403),
)
def list_limits(call: Call) -> Reply:
    call.enforce()
    page, subject = page_of(call), call.caller.access.subject
    with call.services.store.read() as db:
        if subject.system or any(role.name in SEE_ALL for role in subject.roles):
            found, more = limits.listed(db, page)
        elif subject.domain is not None:
            found, more = limits.listed_in_domain(db, subject.domain.id, page)
        else:
            found, more = limits.listed_of_project(db, subject.project.id if subject.project else None, page)
    return listed(call, "limits", [shape(call, limit) for limit in found], more)


@route(
    "GET",
    "/v3/limits/model",
    policy="identity:get_limit_model",
    summary="Show which enforcement model is in force.",
    reply=OneModel,
    errors=(401, 403),
)
def show_limit_model(call: Call) -> Reply:
    call.enforce()
    name = _model(call)
    return json_reply({"model": {"name": name, "description": rules.MODELS[name]}})


@route(
    "GET",
    "/v3/limits/<limit_id>",
    policy="identity:get_limit",
    summary="Show a limit.",
    reply=OneLimit,
    errors=(401, 403, 404),
)
def show_limit(call: Call) -> Reply:
    with call.services.store.read() as db:
        found = limits.get(db, call.args["limit_id"])
    call.enforce(target_of(found))
    return json_reply({"limit": shape(call, _existing(found, call))})


@route(
    "POST",
    "/v3/limits",
    policy="identity:create_limits",
    summary="Give projects and domains limits of their own: all of the list, or none.",
    body=WantedNewLimits,
    reply=NewLimits,
    errors=(400, 401, 403, 409),
    status=201,
)
def create_limits(call: Call) -> Reply:
    call.enforce()
    bodies = given_list(call, "limits", NewLimitBody)
    if not bodies:
        raise errors.BadRequest("Invalid input: limits must hold at least one.")
    wanted = [_new(body) for body in bodies]
    with call.services.store.begin() as tx:
        made = rules.create(tx, wanted, _model(call))
    return json_reply({"limits": [shape(call, limit) for limit in made]}, 201)


@route(
    "PATCH",
    "/v3/limits/<limit_id>",
    policy="identity:update_limit",
    summary="Change a limit's value or description.",
    body=WantedLimit,
    reply=OneLimit,
    errors=(400, 401, 403, 404),
)
def update_limit(call: Call) -> Reply:
    id = call.args["limit_id"]
    with call.services.store.read() as db:
        found = limits.get(db, id)
    call.enforce(target_of(found))
    body = given(call, "limit", LimitBody)
    with call.services.store.begin() as tx:
        _existing(limits.get(tx, id), call)
        rules.change(tx, id, present(body.known), _model(call))
        changed = _existing(limits.get(tx, id), call)
    return json_reply({"limit": shape(call, changed)})


@route(
    "DELETE",
    "/v3/limits/<limit_id>",
    policy="identity:delete_limit",
    summary="Delete a limit, so that the registered one holds again.",
    errors=(401, 403, 404),
    status=204,
)
def delete_limit(call: Call) -> Reply:
    with call.services.store.read() as db:
        found = limits.get(db, call.args["limit_id"])
    call.enforce(target_of(found))
    _existing(found, call)
    with call.services.store.begin() as tx:
        limits.remove(tx, call.args["limit_id"])
    return NO_CONTENT


def shape(call: Call, limit: Limit) -> dict[str, Any]:
    return {
        "id": limit.id,
        "project_id": limit.project_id,
        "domain_id": limit.domain_id,
        "service_id": limit.service_id,
        "region_id": limit.region_id,
        "resource_name": limit.resource_name,
        "resource_limit": limit.resource_limit,
        "description": limit.description,
        "links": {"self": f"{call.base}/v3/limits/{limit.id}"},
    }


def target_of(limit: Limit | None) -> dict[str, Any]:
    """What a policy may ask of a stored limit; nothing of one that is not there."""
    if limit is None:
        return {}
    names = ("id", "project_id", "domain_id", "service_id", "region_id", "resource_name")
    target = {f"target.limit.{name}": getattr(limit, name) for name in names}
    if limit.project_id is not None:
        target |= {"target.limit.project.id": limit.project_id, "target.limit.project.domain_id": limit.owner_domain_id}
    else:
        target["target.limit.domain.id"] = limit.domain_id
    return target


def _new(body: Given[NewLimitBody]) -> Limit:
    known = body.known
    project_id, domain_id = optional(known.project_id, None), optional(known.domain_id, None)
    if (project_id is None) == (domain_id is None):
        raise errors.BadRequest("Invalid input: a limit needs either a project_id or a domain_id.")
    return Limit(
        uuid4().hex,
        project_id,
        domain_id,
        known.service_id,
        optional(known.region_id, None),
        known.resource_name,
        known.resource_limit,
        optional(known.description, None),
    )


def _model(call: Call) -> str:
    return call.services.settings.unified_limit.enforcement_model


def _existing(limit: Limit | None, call: Call) -> Limit:
    if limit is None:
        raise errors.missing("limit", call.args["limit_id"])
    return limit
