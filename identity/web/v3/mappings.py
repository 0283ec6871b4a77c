"""Attribute mappings."""

from __future__ import annotations

from typing import Any

import msgspec

from identity import errors
from identity.model.federation import AttributeMapping
from identity.store import mappings
from identity.web.body import UNSET, Unset, given, optional
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3 import mapping_shapes

PATH = "/v3/OS-FEDERATION/mappings"
DEFAULT_VERSION: mapping_shapes.Versions = "1.0"


class MappingBody(msgspec.Struct):
    rules: mapping_shapes.Rules
    schema_version: mapping_shapes.Versions | Unset | None = UNSET


class WantedMapping(msgspec.Struct):
    mapping: MappingBody


class MappingShape(msgspec.Struct):
    id: str
    rules: list[dict[str, Any]]
    schema_version: str
    links: dict[str, str]


class OneMapping(msgspec.Struct):
    mapping: MappingShape


class ManyMappings(msgspec.Struct):
    mappings: list[MappingShape]
    links: dict[str, str | None]


@route(
    "GET",
    PATH,
    policy="identity:list_mappings",
    summary="List the attribute mappings.",
    reply=ManyMappings,
    filters=("id", "schema_version"),
    errors=(400, 401, 403),
)
def list_mappings(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found, more = mappings.listed(db, page_of(call))
    return listed(call, "mappings", [shape(call, mapping) for mapping in found], more)


@route(
    "GET",
    PATH + "/<mapping_id>",
    policy="identity:get_mapping",
    summary="Show an attribute mapping.",
    reply=OneMapping,
    errors=(401, 403, 404),
)
def show_mapping(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        return json_reply({"mapping": shape(call, _existing(mappings.get(db, call.args["mapping_id"]), call))})


@route(
    "PUT",
    PATH + "/<mapping_id>",
    policy="identity:create_mapping",
    summary="Make an attribute mapping with the id that the URL names.",
    body=WantedMapping,
    reply=OneMapping,
    errors=(400, 401, 403, 409),
    status=201,
)
def create_mapping(call: Call) -> Reply:
    call.enforce()
    new = _wanted(call)
    with call.services.store.begin() as tx:
        mappings.create(tx, new)
    return json_reply({"mapping": shape(call, new)}, 201)


@route(
    "PATCH",
    PATH + "/<mapping_id>",
    policy="identity:update_mapping",
    summary="Replace the rules of an attribute mapping.",
    body=WantedMapping,
    reply=OneMapping,
    errors=(400, 401, 403, 404),
)
def update_mapping(call: Call) -> Reply:
    call.enforce()
    changed = _wanted(call)
    with call.services.store.begin() as tx:
        _existing(mappings.get(tx, changed.id), call)
        mappings.save(tx, changed)
    return json_reply({"mapping": shape(call, changed)})


@route(
    "DELETE",
    PATH + "/<mapping_id>",
    policy="identity:delete_mapping",
    summary="Delete an attribute mapping.",
    errors=(401, 403, 404),
    status=204,
)
def delete_mapping(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        _existing(mappings.get(tx, call.args["mapping_id"]), call)
        mappings.remove(tx, call.args["mapping_id"])
    return NO_CONTENT


def shape(call: Call, mapping: AttributeMapping) -> dict[str, Any]:
    return {
        "id": mapping.id,
        "rules": mapping.rules,
        "schema_version": mapping.schema_version,
        "links": {"self": f"{call.base}{PATH}/{mapping.id}"},
    }


def _wanted(call: Call) -> AttributeMapping:
    """The body's mapping, its rules just as they were sent."""
    body = given(call, "mapping", MappingBody).known
    version = optional(body.schema_version, None) or DEFAULT_VERSION
    mapping_shapes.check(body.rules, version)
    return AttributeMapping(call.args["mapping_id"], msgspec.to_builtins(body.rules), version)


def _existing(mapping: AttributeMapping | None, call: Call) -> AttributeMapping:
    if mapping is None:
        raise errors.missing("mapping", call.args["mapping_id"])
    return mapping
