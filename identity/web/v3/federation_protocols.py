"""The protocols by which an identity provider vouches, each with the mapping that reads its assertions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from identity import errors
from identity.model.federation import FederationProtocol
from identity.store import federation_protocols, identity_providers, mappings
from identity.web.body import UNSET, Unset, given, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.identity_providers import PATH as PROVIDERS
from identity.web.v3.identity_providers import existing as existing_provider

PATH = f"{PROVIDERS}/<idp_id>/protocols"
MappingId = Annotated[str, Meta(min_length=1, max_length=64)]
Attribute = Annotated[str, Meta(min_length=1, max_length=64)]


class ProtocolBody(msgspec.Struct, forbid_unknown_fields=True):
    mapping_id: MappingId
    remote_id_attribute: Attribute | Unset | None = UNSET


class ProtocolChange(msgspec.Struct, forbid_unknown_fields=True):
    mapping_id: MappingId | Unset = UNSET
    remote_id_attribute: Attribute | Unset | None = UNSET


class WantedProtocol(msgspec.Struct):
    protocol: ProtocolBody


class ChangedProtocol(msgspec.Struct):
    protocol: ProtocolChange


class ProtocolShape(msgspec.Struct):
    id: str
    mapping_id: str
    links: dict[str, str]


class OneProtocol(msgspec.Struct):
    protocol: ProtocolShape


class ManyProtocols(msgspec.Struct):
    protocols: list[ProtocolShape]
    links: dict[str, str | None]


@route(
    "GET",
    PATH,
    policy="identity:list_protocols",
    summary="List the protocols of an identity provider.",
    reply=ManyProtocols,
    filters=("id", "mapping_id"),
    errors=(400, 401, 403, 404),
)
def list_protocols(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        provider = existing_provider(identity_providers.get(db, call.args["idp_id"]), call)
        found, more = federation_protocols.listed(db, provider.id, page_of(call))
    return listed(call, "protocols", [shape(call, protocol) for protocol in found], more)


@route(
    "GET",
    PATH + "/<protocol_id>",
    policy="identity:get_protocol",
    summary="Show a protocol of an identity provider.",
    reply=OneProtocol,
    errors=(401, 403, 404),
)
def show_protocol(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found = federation_protocols.get(db, call.args["idp_id"], call.args["protocol_id"])
    return json_reply({"protocol": shape(call, _existing(found, call))})


@route(
    "PUT",
    PATH + "/<protocol_id>",
    policy="identity:create_protocol",
    summary="Make a protocol of an identity provider.",
    body=WantedProtocol,
    reply=OneProtocol,
    errors=(400, 401, 403, 404, 409),
    status=201,
)
def create_protocol(call: Call) -> Reply:
    call.enforce()
    body = given(call, "protocol", ProtocolBody).known
    with call.services.store.begin() as tx:
        provider = existing_provider(identity_providers.get(tx, call.args["idp_id"]), call)
        _check_mapping(tx, body.mapping_id)
        attribute = optional(body.remote_id_attribute, None)
        new = FederationProtocol(call.args["protocol_id"], provider.id, body.mapping_id, attribute)
        federation_protocols.create(tx, new)
    return json_reply({"protocol": shape(call, new)}, 201)


@route(
    "PATCH",
    PATH + "/<protocol_id>",
    policy="identity:update_protocol",
    summary="Change a protocol of an identity provider.",
    body=ChangedProtocol,
    reply=OneProtocol,
    errors=(400, 401, 403, 404),
)
def update_protocol(call: Call) -> Reply:
    call.enforce()
    body = given(call, "protocol", ProtocolChange).known
    with call.services.store.begin() as tx:
        stored = _existing(federation_protocols.pinned(tx, call.args["idp_id"], call.args["protocol_id"]), call)
        changed = replace(stored, **present(body))
        _check_mapping(tx, changed.mapping_id)
        federation_protocols.save(tx, changed)
    return json_reply({"protocol": shape(call, changed)})


@route(
    "DELETE",
    PATH + "/<protocol_id>",
    policy="identity:delete_protocol",
    summary="Delete a protocol of an identity provider.",
    errors=(401, 403, 404),
    status=204,
)
def delete_protocol(call: Call) -> Reply:
    call.enforce()
    provider_id, id = call.args["idp_id"], call.args["protocol_id"]
    with call.services.store.begin() as tx:
        _existing(federation_protocols.get(tx, provider_id, id), call)
        federation_protocols.remove(tx, provider_id, id)
    return NO_CONTENT


def shape(call: Call, protocol: FederationProtocol) -> dict[str, Any]:
    provider = f"{call.base}{PROVIDERS}/{protocol.identity_provider_id}"
    return {
        "id": protocol.id,
        "mapping_id": protocol.mapping_id,
        "links": {"self": f"{provider}/protocols/{protocol.id}", "identity_provider": provider},
    }


def _check_mapping(tx: Connection, id: str) -> None:
    if mappings.get(tx, id) is None:
        raise errors.BadRequest(f"There is no mapping with the id {id}; make it first.")


def _existing(protocol: FederationProtocol | None, call: Call) -> FederationProtocol:
    if protocol is None:
        raise errors.missing("protocol", call.args["protocol_id"])
    return protocol
