"""Endpoints. One here has up to three URLs, each of which is an endpoint of its own in version 3.

The public one has the id; those of the other two follow from it, so that nothing need be stored of what belongs together. An
endpoint that was made in version 3 stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID, uuid4, uuid5

import msgspec
from msgspec import Meta

from catalog import substitution
from identity import errors
from identity.model.catalog import INTERFACES, Endpoint
from identity.store import endpoints, regions
from identity.web.body import UNSET, Name, Unset, given, optional
from identity.web.context import Call
from identity.web.listing import page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v2.gate import allow
from identity.web.v2.lists import many

ENDPOINTS = "/v2.0/endpoints"
OTHERS: Final = ("internal", "admin")
Url = Annotated[str, Meta(max_length=4096, pattern=r"^[a-zA-Z0-9+.-]+:.+")]
NOT_HERE = frozenset({"id", "links", "interface", "url", "region_id"})


class EndpointBody(msgspec.Struct):
    """Other attributes are kept and shown again. The region is made if it is not there."""

    service_id: Annotated[str, Meta(min_length=1, max_length=64)]
    publicurl: Url
    adminurl: Url | Unset | None = UNSET
    internalurl: Url | Unset | None = UNSET
    region: Name | Unset | None = UNSET
    enabled: bool | Unset = UNSET


class EndpointShape(msgspec.Struct):
    id: str
    service_id: str
    region: str | None
    publicurl: str | None
    internalurl: str | None
    adminurl: str | None
    enabled: bool


class OneEndpoint(msgspec.Struct):
    endpoint: EndpointShape


class ManyEndpoints(msgspec.Struct):
    endpoints: list[EndpointShape]
    endpoints_links: list[dict[str, str]]


class WantedEndpoint(msgspec.Struct):
    endpoint: EndpointBody


@route(
    "GET",
    ENDPOINTS,
    policy="identity:list_endpoints",
    summary="List the endpoints.",
    reply=ManyEndpoints,
    filters=(),
    errors=(400, 401, 403),
)
def list_endpoints(call: Call) -> Reply:
    """Pages are cut among the single URLs: one endpoint may be parted by the end of a page."""
    allow(call)
    with call.services.store.read() as db:
        found, more = endpoints.listed(db, page_of(call))
    return many(call, "endpoints", merged(found), more, found[-1].id if found else None)


@route(
    "POST",
    ENDPOINTS,
    policy="identity:create_endpoint",
    summary="Make an endpoint with one URL or more.",
    body=WantedEndpoint,
    reply=OneEndpoint,
    errors=(400, 401, 403, 404, 409),
)
def create_endpoint(call: Call) -> Reply:
    allow(call)
    body = given(call, "endpoint", EndpointBody)
    known, region, id = body.known, optional(body.known.region, None), uuid4().hex
    urls = {"public": known.publicurl, "internal": optional(known.internalurl, None), "admin": optional(known.adminurl, None)}
    extra = {name: value for name, value in body.extra.items() if name not in NOT_HERE}
    made = [
        Endpoint(_id(id, interface), interface, region, url, known.service_id, optional(known.enabled, True), extra)
        for interface, url in urls.items()
        if url
    ]
    for one in made:
        _check_url(one.url)
    with call.services.store.begin() as tx:
        if region is not None:
            regions.ensure(tx, region)
        for one in made:
            endpoints.create(tx, one, call.now)
    return json_reply({"endpoint": merged(made)[0]})


@route(
    "DELETE",
    f"{ENDPOINTS}/<endpoint_id>",
    policy="identity:delete_endpoint",
    summary="Delete an endpoint with all its URLs.",
    errors=(401, 403, 404),
    status=204,
)
def delete_endpoint(call: Call) -> Reply:
    allow(call)
    id = call.args["endpoint_id"]
    with call.services.store.begin() as tx:
        first = endpoints.get(tx, id)
        if first is None:
            raise errors.missing("endpoint", id)
        others = OTHERS if first.interface == "public" else ()
        for found in (first, *[endpoints.get(tx, _id(id, interface)) for interface in others]):
            if found is not None:
                endpoints.remove(tx, found.id, call.now)
    return NO_CONTENT


def merged(found: Sequence[Endpoint]) -> list[dict[str, Any]]:
    """One entry for each public endpoint with its two others, and one for each that belongs to none."""
    known = {endpoint.id: endpoint for endpoint in found}
    belong = {
        _id(endpoint.id, interface) for endpoint in found if endpoint.interface == "public" for interface in OTHERS
    } & known.keys()
    return [_shape(endpoint, known) for endpoint in found if endpoint.id not in belong]


def _shape(first: Endpoint, known: Mapping[str, Endpoint]) -> dict[str, Any]:
    urls: dict[str, str | None] = {f"{interface}url": None for interface in INTERFACES}
    if first.interface == "public":
        for interface in OTHERS:
            other = known.get(_id(first.id, interface))
            urls[f"{interface}url"] = other.url if other is not None else None
    urls[f"{first.interface}url"] = first.url
    return {
        **{name: value for name, value in first.extra.items() if name not in NOT_HERE},
        "id": first.id,
        "service_id": first.service_id,
        "region": first.region_id,
        **urls,
        "enabled": first.enabled,
    }


def _id(public: str, interface: str) -> str:
    """The id of an endpoint's other URL, by that of the public one, if the service has made that one: else one that nobody has."""
    if interface == "public":
        return public
    try:
        return uuid5(UUID(hex=public), interface).hex
    except ValueError:
        return ""


def _check_url(url: str) -> None:
    """A URL that could never be filled in would only be missing from every catalogue, so it is told now."""
    if not url.isprintable():
        raise errors.BadRequest("The url holds a character that is not allowed in one.")
    fault = substitution.fault(url)
    if fault is not None:
        raise errors.BadRequest(f"The url cannot be used: {fault}.")
