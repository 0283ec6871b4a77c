"""Service providers: other clouds that take our users' assertions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.federation import ServiceProvider
from identity.store import service_providers
from identity.web.body import UNSET, Description, Unset, given, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route

PATH = "/v3/OS-FEDERATION/service_providers"
DEFAULT_PREFIX = "ss:mem:"
Url = Annotated[str, Meta(max_length=225, pattern=r"^[a-zA-Z0-9+.-]+:.+")]
Prefix = Annotated[str, Meta(max_length=256)]


class PartnerChange(msgspec.Struct, forbid_unknown_fields=True):
    auth_url: Url | Unset = UNSET
    sp_url: Url | Unset = UNSET
    enabled: bool | Unset = UNSET
    description: Description | Unset | None = UNSET
    relay_state_prefix: Prefix | Unset | None = UNSET


class NewPartner(msgspec.Struct, forbid_unknown_fields=True):
    auth_url: Url
    sp_url: Url
    enabled: bool | Unset = UNSET
    description: Description | Unset | None = UNSET
    relay_state_prefix: Prefix | Unset | None = UNSET


class WantedPartner(msgspec.Struct):
    service_provider: NewPartner


class ChangedPartner(msgspec.Struct):
    service_provider: PartnerChange


class PartnerShape(msgspec.Struct):
    id: str
    auth_url: str
    sp_url: str
    enabled: bool
    description: str | None
    relay_state_prefix: str
    links: dict[str, str]


class OnePartner(msgspec.Struct):
    service_provider: PartnerShape


class ManyPartners(msgspec.Struct):
    service_providers: list[PartnerShape]
    links: dict[str, str | None]


@route(
    "GET",
    PATH,
    policy="identity:list_service_providers",
    summary="List the service providers.",
    reply=ManyPartners,
    filters=("id", "enabled"),
    errors=(400, 401, 403),
)
def list_partners(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found, more = service_providers.listed(db, page_of(call))
    return listed(call, "service_providers", [shape(call, partner) for partner in found], more)


@route(
    "GET",
    PATH + "/<service_provider_id>",
    policy="identity:get_service_provider",
    summary="Show a service provider.",
    reply=OnePartner,
    errors=(401, 403, 404),
)
def show_partner(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found = _existing(service_providers.get(db, call.args["service_provider_id"]), call)
    return json_reply({"service_provider": shape(call, found)})


@route(
    "PUT",
    PATH + "/<service_provider_id>",
    policy="identity:create_service_provider",
    summary="Make a service provider with the id that the URL names.",
    body=WantedPartner,
    reply=OnePartner,
    errors=(400, 401, 403, 409),
    status=201,
)
def create_partner(call: Call) -> Reply:
    call.enforce()
    body = given(call, "service_provider", NewPartner).known
    new = _changed(ServiceProvider(call.args["service_provider_id"], body.auth_url, body.sp_url), body)
    with call.services.store.begin() as tx:
        service_providers.create(tx, new, call.now)
    return json_reply({"service_provider": shape(call, new)}, 201)


@route(
    "PATCH",
    PATH + "/<service_provider_id>",
    policy="identity:update_service_provider",
    summary="Change a service provider.",
    body=ChangedPartner,
    reply=OnePartner,
    errors=(400, 401, 403, 404),
)
def update_partner(call: Call) -> Reply:
    call.enforce()
    body = given(call, "service_provider", PartnerChange).known
    if not present(body):
        raise errors.BadRequest("Invalid input: service_provider names nothing to change.")
    with call.services.store.begin() as tx:
        changed = _changed(_existing(service_providers.pinned(tx, call.args["service_provider_id"]), call), body)
        service_providers.save(tx, changed, call.now)
    return json_reply({"service_provider": shape(call, changed)})


@route(
    "DELETE",
    PATH + "/<service_provider_id>",
    policy="identity:delete_service_provider",
    summary="Delete a service provider.",
    errors=(401, 403, 404),
    status=204,
)
def delete_partner(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        _existing(service_providers.get(tx, call.args["service_provider_id"]), call)
        service_providers.remove(tx, call.args["service_provider_id"], call.now)
    return NO_CONTENT


def shape(call: Call, partner: ServiceProvider) -> dict[str, Any]:
    return {
        "id": partner.id,
        "auth_url": partner.auth_url,
        "sp_url": partner.sp_url,
        "enabled": partner.enabled,
        "description": partner.description,
        "relay_state_prefix": partner.relay_state_prefix,
        "links": {"self": f"{call.base}{PATH}/{partner.id}"},
    }


def _changed(stored: ServiceProvider, body: msgspec.Struct) -> ServiceProvider:
    sent = present(body)
    if sent.get("relay_state_prefix", "") is None:
        sent["relay_state_prefix"] = DEFAULT_PREFIX
    return replace(stored, **sent)


def _existing(partner: ServiceProvider | None, call: Call) -> ServiceProvider:
    if partner is None:
        raise errors.missing("service provider", call.args["service_provider_id"])
    return partner
