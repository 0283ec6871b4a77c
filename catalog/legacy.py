"""The catalogue as version 2.0 writes it: the URLs of one service in one region are one endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from catalog import substitution
from identity.model.catalog import Service


def shown(services: Sequence[Service], values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Services without an endpoint that can be shown are left out, as Keystone did; `publicURL` is there even where it is empty."""
    found = [(service, _endpoints(service, values)) for service in services]
    return [
        {"endpoints": endpoints, "endpoints_links": [], "type": service.type, "name": service.name}
        for service, endpoints in found
        if endpoints
    ]


def _endpoints(service: Service, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """One a region. Its id is that of its public endpoint, where there is one."""
    by_region: dict[str | None, dict[str, Any]] = {}
    for endpoint in service.endpoints:
        url = substitution.fill(endpoint.url, values)
        if url is None:
            continue
        merged = by_region.setdefault(endpoint.region_id, {"id": endpoint.id, "region": endpoint.region_id, "publicURL": ""})
        if endpoint.interface == "public":
            merged["id"] = endpoint.id
        merged[f"{endpoint.interface}URL"] = url
    return list(by_region.values())
