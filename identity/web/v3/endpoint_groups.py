"""Endpoint groups (OS-EP-FILTER): all endpoints of one interface, service or region, to be shown to projects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec

from identity import errors
from identity.model.catalog import EndpointGroup
from identity.store import endpoint_filter, endpoints
from identity.web.body import UNSET, Description, Name, Unset, given, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.catalog_body import change_of
from identity.web.v3.endpoint_shape import FILTERS, Interface, ManyEndpoints, endpoint_shape


class GroupFilters(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What an endpoint must be; a region of null means those of no region."""

    interface: Interface | Unset = UNSET
    service_id: str | Unset = UNSET
    region_id: str | Unset | None = UNSET


class EndpointGroupBody(msgspec.Struct, forbid_unknown_fields=True):
    name: Name
    filters: GroupFilters
    description: Description | Unset | None = UNSET


class EndpointGroupChange(msgspec.Struct, forbid_unknown_fields=True):
    name: Name | Unset = UNSET
    filters: GroupFilters | Unset = UNSET
    description: Description | Unset | None = UNSET


class EndpointGroupShape(msgspec.Struct):
    id: str
    name: str
    description: str | None
    filters: GroupFilters
    links: dict[str, str]


class OneEndpointGroup(msgspec.Struct):
    endpoint_group: EndpointGroupShape


class ManyEndpointGroups(msgspec.Struct):
    endpoint_groups: list[EndpointGroupShape]
    links: dict[str, str | None]
    truncated: bool | Unset = UNSET


class WantedEndpointGroup(msgspec.Struct):
    endpoint_group: EndpointGroupBody


class ChangedEndpointGroup(msgspec.Struct):
    endpoint_group: EndpointGroupChange


@route(
    "GET",
    "/v3/OS-EP-FILTER/endpoint_groups",
    policy="identity:list_endpoint_groups",
    summary="List the endpoint groups.",
    reply=ManyEndpointGroups,
    filters=("name",),
    errors=(400, 401, 403),
)
def list_endpoint_groups(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found, more = endpoint_filter.listed(db, page_of(call))
    return listed(call, "endpoint_groups", [group_shape(call, group) for group in found], more)


@route(
    "GET",
    "/v3/OS-EP-FILTER/endpoint_groups/<endpoint_group_id>",
    policy="identity:get_endpoint_group",
    summary="Show an endpoint group.",
    reply=OneEndpointGroup,
    errors=(401, 403, 404),
)
def show_endpoint_group(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found = existing_group(endpoint_filter.get(db, call.args["endpoint_group_id"]), call)
    return json_reply({"endpoint_group": group_shape(call, found)})


@route(
    "POST",
    "/v3/OS-EP-FILTER/endpoint_groups",
    policy="identity:create_endpoint_group",
    summary="Make an endpoint group.",
    body=WantedEndpointGroup,
    reply=OneEndpointGroup,
    errors=(400, 401, 403),
    status=201,
)
def create_endpoint_group(call: Call) -> Reply:
    call.enforce()
    known = given(call, "endpoint_group", EndpointGroupBody).known
    filters = present(known.filters)
    if not filters:
        raise errors.BadRequest("The filters may not be empty: give an interface, a service_id or a region_id.")
    new = EndpointGroup(uuid4().hex, known.name, filters, optional(known.description, "") or "")
    with call.services.store.begin() as tx:
        endpoint_filter.create(tx, new)
    return json_reply({"endpoint_group": group_shape(call, new)}, 201)


@route(
    "PATCH",
    "/v3/OS-EP-FILTER/endpoint_groups/<endpoint_group_id>",
    policy="identity:update_endpoint_group",
    summary="Change an endpoint group; its filters are replaced as a whole.",
    body=ChangedEndpointGroup,
    reply=OneEndpointGroup,
    errors=(400, 401, 403, 404),
)
def update_endpoint_group(call: Call) -> Reply:
    call.enforce()
    id = call.args["endpoint_group_id"]
    known = change_of(call, "endpoint_group", EndpointGroupChange, id).known
    with call.services.store.begin() as tx:
        stored = existing_group(endpoint_filter.pinned(tx, id), call)
        changed = replace(
            stored,
            name=optional(known.name, stored.name),
            filters=stored.filters if isinstance(known.filters, Unset) else present(known.filters),
            description=optional(known.description, stored.description) or "",
        )
        endpoint_filter.save(tx, changed, call.now)
    return json_reply({"endpoint_group": group_shape(call, changed)})


@route(
    "DELETE",
    "/v3/OS-EP-FILTER/endpoint_groups/<endpoint_group_id>",
    policy="identity:delete_endpoint_group",
    summary="Delete an endpoint group, which its projects lose by that.",
    errors=(401, 403, 404),
    status=204,
)
def delete_endpoint_group(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        existing_group(endpoint_filter.get(tx, call.args["endpoint_group_id"]), call)
        endpoint_filter.remove(tx, call.args["endpoint_group_id"], call.now)
    return NO_CONTENT


@route(
    "GET",
    "/v3/OS-EP-FILTER/endpoint_groups/<endpoint_group_id>/endpoints",
    policy="identity:list_endpoints_associated_with_endpoint_group",
    summary="List the endpoints that fit an endpoint group.",
    reply=ManyEndpoints,
    filters=FILTERS,
    errors=(400, 401, 403, 404),
)
def list_endpoints_of_group(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        group = existing_group(endpoint_filter.get(db, call.args["endpoint_group_id"]), call)
        found, more = endpoints.listed(db, page_of(call), endpoint_filter.matching([group.filters]))
    return listed(call, "endpoints", [endpoint_shape(call, endpoint) for endpoint in found], more)


def group_shape(call: Call, group: EndpointGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description or None,
        "filters": dict(group.filters),
        "links": {"self": f"{call.base}/v3/OS-EP-FILTER/endpoint_groups/{group.id}"},
    }


def existing_group(group: EndpointGroup | None, call: Call) -> EndpointGroup:
    if group is None:
        raise errors.missing("endpoint group", call.args["endpoint_group_id"])
    return group
