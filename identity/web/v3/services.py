"""Services."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.catalog import Service
from identity.store import services
from identity.web.body import UNSET, Description, Name, Unset, given, kept, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.catalog_body import change_of

TypeName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]


class ServiceBody(msgspec.Struct):
    type: TypeName
    id: str | Unset | None = UNSET
    name: Name | Unset = UNSET
    enabled: bool | Unset = UNSET
    description: Description | Unset | None = UNSET


class ServiceChange(msgspec.Struct):
    id: str | Unset | None = UNSET
    type: TypeName | Unset = UNSET
    name: Name | Unset = UNSET
    enabled: bool | Unset = UNSET
    description: Description | Unset | None = UNSET


class ServiceShape(msgspec.Struct):
    id: str
    type: str
    name: str
    enabled: bool
    links: dict[str, str]
    description: str | Unset = UNSET


class OneService(msgspec.Struct):
    service: ServiceShape


class ManyServices(msgspec.Struct):
    services: list[ServiceShape]
    links: dict[str, str | None]
    truncated: bool | Unset = UNSET


class WantedService(msgspec.Struct):
    service: ServiceBody


class ChangedService(msgspec.Struct):
    service: ServiceChange


@route(
    "GET",
    "/v3/services",
    policy="identity:list_services",
    summary="List the services.",
    reply=ManyServices,
    filters=("type", "name"),
    errors=(400, 401, 403),
)
def list_services(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found, more = services.listed(db, page_of(call))
    return listed(call, "services", [shape(call, service) for service in found], more)


@route(
    "GET",
    "/v3/services/<service_id>",
    policy="identity:get_service",
    summary="Show a service.",
    reply=OneService,
    errors=(401, 403, 404),
)
def show_service(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        return json_reply({"service": shape(call, existing(services.get(db, call.args["service_id"]), call))})


@route(
    "POST",
    "/v3/services",
    policy="identity:create_service",
    summary="Make a service.",
    body=WantedService,
    reply=OneService,
    errors=(400, 401, 403),
    status=201,
)
def create_service(call: Call) -> Reply:
    call.enforce()
    body = given(call, "service", ServiceBody)
    new = Service(
        uuid4().hex,
        body.known.type,
        optional(body.known.name, ""),
        enabled=optional(body.known.enabled, True),
        description=optional(body.known.description, "") or "",
        extra=kept(body.extra),
    )
    with call.services.store.begin() as tx:
        services.create(tx, new, call.now)
    return json_reply({"service": shape(call, new)}, 201)


@route(
    "PATCH",
    "/v3/services/<service_id>",
    policy="identity:update_service",
    summary="Change a service.",
    body=ChangedService,
    reply=OneService,
    errors=(400, 401, 403, 404),
)
def update_service(call: Call) -> Reply:
    call.enforce()
    id = call.args["service_id"]
    body = change_of(call, "service", ServiceChange, id)
    sent = present(body.known, "type", "name", "enabled", "description")
    if "description" in sent:
        sent["description"] = sent["description"] or ""
    with call.services.store.begin() as tx:
        stored = existing(services.pinned(tx, id), call)
        changed = replace(stored, **sent, extra={**stored.extra, **kept(body.extra)})
        services.save(tx, changed, call.now)
    return json_reply({"service": shape(call, changed)})


@route(
    "DELETE",
    "/v3/services/<service_id>",
    policy="identity:delete_service",
    summary="Delete a service with its endpoints, unless limits are registered for it.",
    errors=(401, 403, 404),
    status=204,
)
def delete_service(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        existing(services.get(tx, call.args["service_id"]), call)
        services.remove(tx, call.args["service_id"], call.now)
    return NO_CONTENT


def shape(call: Call, service: Service) -> dict[str, Any]:
    """As Keystone shows it: without a description where there is none."""
    shown = {
        **service.extra,
        "id": service.id,
        "type": service.type,
        "name": service.name,
        "enabled": service.enabled,
        "links": {"self": f"{call.base}/v3/services/{service.id}"},
    }
    return {**shown, "description": service.description} if service.description else shown


def existing(service: Service | None, call: Call) -> Service:
    if service is None:
        raise errors.missing("service", call.args["service_id"])
    return service
