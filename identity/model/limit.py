"""Limits on what projects may use of other services' resources: a default for all, and other values for some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FLAT: Final = "flat"
STRICT_TWO_LEVEL: Final = "strict_two_level"
UNLIMITED: Final = -1


@dataclass(frozen=True, slots=True)
class RegisteredLimit:
    """The default for a resource of a service, in one region or (None) outside of regions."""

    id: str
    service_id: str
    region_id: str | None
    resource_name: str
    default_limit: int
    description: str | None = None

    @property
    def key(self) -> tuple[str, str | None, str]:
        """What there is one of."""
        return self.service_id, self.region_id, self.resource_name


@dataclass(frozen=True, slots=True)
class Limit:
    """What one project, or one domain, has instead. The resource is that of a registered limit."""

    id: str
    project_id: str | None
    domain_id: str | None
    service_id: str
    region_id: str | None
    resource_name: str
    resource_limit: int
    description: str | None = None
    owner_domain_id: str | None = None  # the domain that the project is in; filled in by a read

    @property
    def key(self) -> tuple[str, str | None, str]:
        """The resource that it is about."""
        return self.service_id, self.region_id, self.resource_name
