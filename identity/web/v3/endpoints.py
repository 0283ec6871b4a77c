"""Endpoints."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from catalog import substitution
from identity import errors
from identity.model.catalog import Endpoint
from identity.store import endpoints, regions
from identity.web.body import UNSET, Description, Given, Name, Unset, given, kept, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.catalog_body import change_of
from identity.web.v3.endpoint_shape import FILTERS, EndpointShape, Interface, ManyEndpoints, endpoint_shape, existing_endpoint

ServiceId = Annotated[str, Meta(min_length=1, max_length=64)]
Url = Annotated[str, Meta(max_length=4096, pattern=r"^[a-zA-Z0-9+.-]+:.+")]
Text = Annotated[str, Meta(max_length=65535)]


class EndpointBody(msgspec.Struct):
    """`region` is the name of `region_id` before v3.2; a region that is named so is made if it is not there."""

    interface: Interface
    service_id: ServiceId
    url: Url
    id: str | Unset | None = UNSET
    region_id: Name | Unset | None = UNSET
    region: Name | Unset | None = UNSET
    enabled: bool | Unset = UNSET
    name: Text | Unset = UNSET
    description: Description | Unset | None = UNSET


class EndpointChange(msgspec.Struct):
    id: str | Unset | None = UNSET
    interface: Interface | Unset = UNSET
    service_id: ServiceId | Unset = UNSET
    url: Url | Unset = UNSET
    region_id: Name | Unset | None = UNSET
    region: Name | Unset | None = UNSET
    enabled: bool | Unset = UNSET
    name: Text | Unset = UNSET
    description: Description | Unset | None = UNSET


class OneEndpoint(msgspec.Struct):
    endpoint: EndpointShape


class WantedEndpoint(msgspec.Struct):
    endpoint: EndpointBody


class ChangedEndpoint(msgspec.Struct):
    endpoint: EndpointChange


@route(
    "GET",
    "/v3/endpoints",
    policy="identity:list_endpoints",
    summary="List the endpoints.",
    reply=ManyEndpoints,
    filters=FILTERS,
    errors=(400, 401, 403),
)
def list_endpoints(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found, more = endpoints.listed(db, page_of(call))
    return listed(call, "endpoints", [endpoint_shape(call, endpoint) for endpoint in found], more)


@route(
    "GET",
    "/v3/endpoints/<endpoint_id>",
    policy="identity:get_endpoint",
    summary="Show an endpoint.",
    reply=OneEndpoint,
    errors=(401, 403, 404),
)
def show_endpoint(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found = existing_endpoint(endpoints.get(db, call.args["endpoint_id"]), call)
    return json_reply({"endpoint": endpoint_shape(call, found)})


@route(
    "POST",
    "/v3/endpoints",
    policy="identity:create_endpoint",
    summary="Make an endpoint of a service.",
    body=WantedEndpoint,
    reply=OneEndpoint,
    errors=(400, 401, 403, 409),
    status=201,
)
def create_endpoint(call: Call) -> Reply:
    call.enforce()
    body = given(call, "endpoint", EndpointBody)
    _check_url(body.known.url)
    with call.services.store.begin() as tx:
        new = Endpoint(
            uuid4().hex,
            body.known.interface,
            _region_id(tx, body.known, None),
            body.known.url,
            body.known.service_id,
            optional(body.known.enabled, True),
            _extra(body),
        )
        endpoints.create(tx, new, call.now)
    return json_reply({"endpoint": endpoint_shape(call, new)}, 201)


@route(
    "PATCH",
    "/v3/endpoints/<endpoint_id>",
    policy="identity:update_endpoint",
    summary="Change an endpoint.",
    body=ChangedEndpoint,
    reply=OneEndpoint,
    errors=(400, 401, 403, 404, 409),
)
def update_endpoint(call: Call) -> Reply:
    call.enforce()
    id = call.args["endpoint_id"]
    body = change_of(call, "endpoint", EndpointChange, id)
    sent = present(body.known, "interface", "service_id", "url", "enabled")
    if "url" in sent:
        _check_url(sent["url"])
    with call.services.store.begin() as tx:
        stored = existing_endpoint(endpoints.pinned(tx, id), call)
        region_id = _region_id(tx, body.known, stored.region_id)
        changed = replace(stored, **sent, region_id=region_id, extra={**stored.extra, **_extra(body)})
        endpoints.save(tx, changed, call.now)
    return json_reply({"endpoint": endpoint_shape(call, changed)})


@route(
    "DELETE",
    "/v3/endpoints/<endpoint_id>",
    policy="identity:delete_endpoint",
    summary="Delete an endpoint.",
    errors=(401, 403, 404),
    status=204,
)
def delete_endpoint(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        existing_endpoint(endpoints.get(tx, call.args["endpoint_id"]), call)
        endpoints.remove(tx, call.args["endpoint_id"], call.now)
    return NO_CONTENT


def _check_url(url: str) -> None:
    """A URL that could never be filled in would only be missing from every catalogue, so it is told now."""
    if not url.isprintable():
        raise errors.BadRequest("The url holds a character that is not allowed in one.")
    fault = substitution.fault(url)
    if fault is not None:
        raise errors.BadRequest(f"The url cannot be used: {fault}.")


def _region_id(tx: Connection, known: EndpointBody | EndpointChange, before: str | None) -> str | None:
    """Where the endpoint is to be. `region_id` goes first, and must be there; `region` is made."""
    sent = present(known, "region_id", "region")
    wanted: str | None = sent.get("region_id")
    if wanted is None and sent.get("region") is not None:
        regions.ensure(tx, sent["region"])
        return str(sent["region"])
    return wanted if "region_id" in sent else before


def _extra(body: Given[EndpointBody] | Given[EndpointChange]) -> dict[str, Any]:
    """A name and a description have a type, but are otherwise as unknown as the rest."""
    return {**kept(body.extra), **present(body.known, "name", "description")}
