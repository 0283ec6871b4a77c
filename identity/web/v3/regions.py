"""Regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.catalog import Region
from identity.store import regions
from identity.web.body import UNSET, Description, Name, Unset, given, kept, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.catalog_body import change_of

RegionId = Name


class RegionBody(msgspec.Struct):
    """An empty id is the same as none."""

    id: Annotated[str, Meta(max_length=255)] | Unset | None = UNSET
    description: Description | Unset | None = UNSET
    parent_region_id: RegionId | Unset | None = UNSET


class RegionShape(msgspec.Struct):
    id: str
    description: str
    parent_region_id: str | None
    links: dict[str, str]


class OneRegion(msgspec.Struct):
    region: RegionShape


class ManyRegions(msgspec.Struct):
    regions: list[RegionShape]
    links: dict[str, str | None]
    truncated: bool | Unset = UNSET


class WantedRegion(msgspec.Struct):
    region: RegionBody


@route(
    "GET",
    "/v3/regions",
    policy="identity:list_regions",
    summary="List the regions.",
    reply=ManyRegions,
    filters=("parent_region_id",),
    errors=(400, 401, 403),
)
def list_regions(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found, more = regions.listed(db, page_of(call))
    return listed(call, "regions", [shape(call, region) for region in found], more)


@route(
    "GET",
    "/v3/regions/<region_id>",
    policy="identity:get_region",
    summary="Show a region.",
    reply=OneRegion,
    errors=(401, 403, 404),
)
def show_region(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        return json_reply({"region": shape(call, _existing(regions.get(db, call.args["region_id"]), call))})


@route(
    "POST",
    "/v3/regions",
    policy="identity:create_region",
    summary="Make a region, whose id the client may choose.",
    body=WantedRegion,
    reply=OneRegion,
    errors=(400, 401, 403, 404, 409),
    status=201,
)
def create_region(call: Call) -> Reply:
    call.enforce()
    body = given(call, "region", RegionBody)
    return _create(call, optional(body.known.id, None) or uuid4().hex, body.known, body.extra)


@route(
    "PUT",
    "/v3/regions/<region_id>",
    policy="identity:create_region",
    summary="Make a region with the id that the URL names.",
    body=WantedRegion,
    reply=OneRegion,
    errors=(400, 401, 403, 404, 409),
    status=201,
)
def put_region(call: Call) -> Reply:
    call.enforce()
    body, id = given(call, "region", RegionBody), call.args["region_id"]
    if optional(body.known.id, None) not in (None, id):
        raise errors.BadRequest("The region's id in the body is not the one in the URL.")
    return _create(call, id, body.known, body.extra)


@route(
    "PATCH",
    "/v3/regions/<region_id>",
    policy="identity:update_region",
    summary="Change a region.",
    body=WantedRegion,
    reply=OneRegion,
    errors=(400, 401, 403, 404),
)
def update_region(call: Call) -> Reply:
    call.enforce()
    id = call.args["region_id"]
    body = change_of(call, "region", RegionBody, id)
    with call.services.store.begin() as tx:
        stored = _existing(regions.pinned(tx, id), call)
        sent = present(body.known, "description", "parent_region_id")
        changed = replace(
            stored,
            description=sent.get("description", stored.description) or "",
            parent_id=sent.get("parent_region_id", stored.parent_id),
            extra={**stored.extra, **kept(body.extra)},
        )
        regions.save(tx, changed, call.now)
    return json_reply({"region": shape(call, changed)})


@route(
    "DELETE",
    "/v3/regions/<region_id>",
    policy="identity:delete_region",
    summary="Delete a region with all below it, unless any has endpoints or registered limits.",
    errors=(401, 403, 404),
    status=204,
)
def delete_region(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        _existing(regions.get(tx, call.args["region_id"]), call)
        regions.remove(tx, call.args["region_id"], call.now)
    return NO_CONTENT


def shape(call: Call, region: Region) -> dict[str, Any]:
    return {
        **region.extra,
        "id": region.id,
        "description": region.description,
        "parent_region_id": region.parent_id,
        "links": {"self": f"{call.base}/v3/regions/{region.id}"},
    }


def _create(call: Call, id: str, body: RegionBody, extra: Mapping[str, Any]) -> Reply:
    new = Region(id, optional(body.parent_region_id, None), optional(body.description, "") or "", kept(extra))
    with call.services.store.begin() as tx:
        regions.create(tx, new, call.now)
    return json_reply({"region": shape(call, new)}, 201)


def _existing(region: Region | None, call: Call) -> Region:
    if region is None:
        raise errors.missing("region", call.args["region_id"])
    return region
