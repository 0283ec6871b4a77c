"""Endpoints as they stand in an answer: in their own list, and in those of projects, endpoint groups and policies."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from identity import errors
from identity.model.catalog import Endpoint
from identity.web.body import UNSET, Unset
from identity.web.context import Call

Interface = Literal["admin", "internal", "public"]
FILTERS: Final = ("interface", "service_id", "region_id")


class EndpointShape(msgspec.Struct):
    id: str
    interface: str
    service_id: str
    region_id: str | None
    region: str | None
    url: str
    enabled: bool
    links: dict[str, str]


class ManyEndpoints(msgspec.Struct):
    endpoints: list[EndpointShape]
    links: dict[str, str | None]
    truncated: bool | Unset = UNSET


def endpoint_shape(call: Call, endpoint: Endpoint) -> dict[str, Any]:
    """`region` repeats `region_id` for old clients."""
    return {
        **endpoint.extra,
        "id": endpoint.id,
        "interface": endpoint.interface,
        "service_id": endpoint.service_id,
        "region_id": endpoint.region_id,
        "region": endpoint.region_id,
        "url": endpoint.url,
        "enabled": endpoint.enabled,
        "links": {"self": f"{call.base}/v3/endpoints/{endpoint.id}"},
    }


def existing_endpoint(endpoint: Endpoint | None, call: Call) -> Endpoint:
    if endpoint is None:
        raise errors.missing("endpoint", call.args["endpoint_id"])
    return endpoint
