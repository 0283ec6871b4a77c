"""Services and where they answer."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Endpoint:
    id: str
    interface: str  # "public", "internal" or "admin"
    region_id: str | None
    url: str  # as stored: may hold $(project_id)s, %(tenant_id)s and so on


@dataclass(frozen=True, slots=True)
class Service:
    id: str
    type: str
    name: str
    endpoints: tuple[Endpoint, ...] = field(default_factory=tuple)
