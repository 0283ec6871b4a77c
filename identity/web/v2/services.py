"""Services (OS-KSADM)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.catalog import Service
from identity.model.listing import Filter, Page
from identity.store import services
from identity.web.body import UNSET, Description, Name, Unset, given, optional
from identity.web.context import Call
from identity.web.listing import page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v2.gate import allow
from identity.web.v2.lists import many

SERVICES = "/v2.0/OS-KSADM/services"
ONE, ALL = "OS-KSADM:service", "OS-KSADM:services"
TypeName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
NOT_HERE = frozenset({"id", "links"})


class ServiceBody(msgspec.Struct):
    """Other attributes are kept and shown again."""

    type: TypeName
    name: Name | Unset | None = UNSET
    description: Description | Unset | None = UNSET
    enabled: bool | Unset = UNSET


class ServiceShape(msgspec.Struct):
    id: str
    type: str
    name: str
    description: str
    enabled: bool


class OneService(msgspec.Struct):
    service: ServiceShape = msgspec.field(name=ONE)


class ManyServices(msgspec.Struct):
    services: list[ServiceShape] = msgspec.field(name=ALL)
    links: list[dict[str, str]] = msgspec.field(name=f"{ALL}_links")


class WantedService(msgspec.Struct):
    service: ServiceBody = msgspec.field(name=ONE)


@route(
    "GET",
    SERVICES,
    policy="identity:list_services",
    summary="List the services.",
    reply=ManyServices,
    filters=("type", "name"),
    errors=(400, 401, 403),
)
def list_services(call: Call) -> Reply:
    allow(call)
    with call.services.store.read() as db:
        found, more = services.listed(db, page_of(call))
    return many(call, ALL, [service_shape(one) for one in found], more)


@route(
    "GET",
    f"{SERVICES}/<service_id>",
    policy="identity:get_service",
    summary="Show a service by its id, or else by a name that only one has.",
    reply=OneService,
    errors=(401, 403, 404),
)
def show_service(call: Call) -> Reply:
    allow(call)
    id = call.args["service_id"]
    with call.services.store.read() as db:
        found = services.get(db, id)
        if found is None:
            named, _ = services.listed(db, Page((Filter("name", id),), limit=2))
            found = named[0] if len(named) == 1 else None
    if found is None:
        raise errors.missing("service", id)
    return json_reply({ONE: service_shape(found)})


@route(
    "POST",
    SERVICES,
    policy="identity:create_service",
    summary="Make a service.",
    body=WantedService,
    reply=OneService,
    errors=(400, 401, 403),
)
def create_service(call: Call) -> Reply:
    allow(call)
    body = given(call, ONE, ServiceBody)
    new = Service(
        uuid4().hex,
        body.known.type,
        optional(body.known.name, "") or "",
        enabled=optional(body.known.enabled, True),
        description=optional(body.known.description, "") or "",
        extra=_kept(body.extra),
    )
    with call.services.store.begin() as tx:
        services.create(tx, new, call.now)
    return json_reply({ONE: service_shape(new)})


@route(
    "DELETE",
    f"{SERVICES}/<service_id>",
    policy="identity:delete_service",
    summary="Delete a service with its endpoints, unless limits are registered for it.",
    errors=(401, 403, 404),
    status=204,
)
def delete_service(call: Call) -> Reply:
    allow(call)
    id = call.args["service_id"]
    with call.services.store.begin() as tx:
        if services.get(tx, id) is None:
            raise errors.missing("service", id)
        services.remove(tx, id, call.now)
    return NO_CONTENT


def service_shape(service: Service) -> dict[str, Any]:
    return {
        **_kept(service.extra),
        "id": service.id,
        "type": service.type,
        "name": service.name,
        "description": service.description,
        "enabled": service.enabled,
    }


def _kept(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name not in NOT_HERE}
