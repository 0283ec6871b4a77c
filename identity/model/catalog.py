"""Services and where they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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


@dataclass(frozen=True, slots=True)
class Region:
    id: str
    parent_id: str | None = None
    description: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
