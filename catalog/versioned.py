"""One stored catalogue for pools of different API versions: each shows the identity service's URLs with its own version."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from identity.model.catalog import Service

IDENTITY: Final = "identity"
_VERSION = re.compile(r"(?:/v(?:2\.0|3))?/?\Z")


def lead_to(services: Sequence[Service], version: str) -> tuple[Service, ...]:
    """The same services; the URLs of the identity service end in `version` ("v3" or "v2.0"), whichever they ended in."""
    return tuple(_changed(service, version) if service.type == IDENTITY else service for service in services)


def _changed(service: Service, version: str) -> Service:
    endpoints = tuple(replace(one, url=_VERSION.sub(f"/{version}", one.url, count=1)) for one in service.endpoints)
    return replace(service, endpoints=endpoints)
