"""Services and where they answer; which of it a project is shown; and the policy blobs that services fetch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

INTERFACES: Final = ("public", "internal", "admin")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`service_id` is empty where the endpoint stands inside its `Service`."""

    id: str
    interface: str  # one of INTERFACES
    region_id: str | None
    url: str  # as stored: may hold $(project_id)s, %(tenant_id)s and so on
    service_id: str = ""
    enabled: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service:
    """`endpoints` are filled in for the catalogue only."""

    id: str
    type: str
    name: str
    endpoints: tuple[Endpoint, ...] = field(default_factory=tuple)
    enabled: bool = True
    description: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Region:
    id: str
    parent_id: str | None = None
    description: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EndpointGroup:
    """All endpoints that fit every one of `filters`: `interface`, `service_id` and `region_id` (None: those of no region)."""

    id: str
    name: str
    filters: Mapping[str, str | None]
    description: str = ""


@dataclass(frozen=True, slots=True)
class PolicyBlob:
    """A policy that a service may fetch for its own use; the gateway itself never reads it."""

    id: str
    type: str
    blob: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyTarget:
    """What a policy is set on: an endpoint, a service, or a service in a region."""

    endpoint_id: str | None = None
    service_id: str | None = None
    region_id: str | None = None
