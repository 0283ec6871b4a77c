"""The catalogue as ready JSON, one body a project.

The services are read once and encoded once, with marks where an id belongs; a project's own body is that skeleton with
the marks replaced. So a project that was never seen costs neither a query nor an encoding.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable
from uuid import uuid4

import msgspec

from catalog import substitution
from identity.model.access import Access
from identity.model.catalog import Endpoint, Service
from identity.ports import CatalogSource

_log = logging.getLogger(__name__)


@runtime_checkable
class Versioned(Protocol):
    """A source that changes without a row in the change log, such as a file."""

    def version(self) -> object: ...


class CatalogSnapshots:
    """Answers with the `catalog` value of a v3 token, in bytes. One a worker; safe under threads.

    `size` bounds the bodies that are kept; the oldest goes first.
    """

    def __init__(self, source: CatalogSource, size: int = 1024) -> None:
        self._source = source
        self._size = max(size, 1)
        self._version: Callable[[], object] | None = source.version if isinstance(source, Versioned) else None
        self._generation = _Generation(self._version() if self._version else None)

    def json_for(self, access: Access) -> bytes:
        """The catalogue for a token's project and user; a token without a project is shown no URL that needs one.

        Raises what the source raises (`errors.Unavailable`).
        """
        project_id, user_id = access.claims.project_id, access.claims.user_id
        generation = self._generation
        if self._version is not None and (version := self._version()) != generation.version:
            generation = self._generation = _Generation(version)
        found = generation.held.get((project_id, user_id) if generation.by_user else project_id)
        return self._render(generation, project_id, user_id) if found is None else found

    def evict(self) -> None:
        """Forgets the catalogue after a CATALOG change. A body begun before it lands in the discarded generation."""
        self._generation = _Generation(self._version() if self._version else None)

    def _render(self, generation: _Generation, project_id: str | None, user_id: str) -> bytes:
        generation.load(self._source)
        body = generation.bare if project_id is None else generation.full.replace(generation.project_mark, _escaped(project_id))
        if generation.by_user:
            body = body.replace(generation.user_mark, _escaped(user_id))
        with generation.lock:
            while len(generation.held) >= self._size:
                del generation.held[next(iter(generation.held))]
            generation.held[(project_id, user_id) if generation.by_user else project_id] = body
        return body


class _Generation:
    """All that was made from one reading of the source; thrown away whole, so nothing old can creep back in."""

    __slots__ = ("bare", "by_user", "full", "held", "loaded", "lock", "project_mark", "user_mark", "version")

    def __init__(self, version: object) -> None:
        self.version = version
        self.lock = threading.Lock()
        self.loaded = False
        self.by_user = False
        self.held: dict[Any, bytes] = {}
        # Random, so that no stored name or id can contain a mark.
        self.project_mark = uuid4().hex.encode()
        self.user_mark = uuid4().hex.encode()
        self.full = self.bare = b"[]"

    def load(self, source: CatalogSource) -> None:
        """Reads and encodes the services, once; other threads wait for it rather than ask as well."""
        with self.lock:
            if self.loaded:
                return
            services = source.services()
            project, user = self.project_mark.decode(), self.user_mark.decode()
            values = dict.fromkeys(substitution.PROJECT_NAMES, project) | dict.fromkeys(substitution.USER_NAMES, user)
            self.full = _encode(services, values)
            self.bare = _encode(services, {"user_id": user})
            self.by_user = self.user_mark in self.full
            self.loaded = True
        _tell_faults(services)


def _encode(services: Sequence[Service], values: dict[str, str]) -> bytes:
    return msgspec.json.encode(
        [
            {
                "id": service.id,
                "type": service.type,
                "name": service.name,
                "endpoints": [shown for endpoint in service.endpoints if (shown := _show(endpoint, values)) is not None],
            }
            for service in services
        ]
    )


def _show(endpoint: Endpoint, values: dict[str, str]) -> dict[str, str | None] | None:
    """As Keystone renders it: `region` repeats `region_id` for old clients."""
    url = substitution.fill(endpoint.url, values)
    if url is None:
        return None
    region = endpoint.region_id
    return {"id": endpoint.id, "interface": endpoint.interface, "region": region, "region_id": region, "url": url}


def _tell_faults(services: Sequence[Service]) -> None:
    for service in services:
        for endpoint in service.endpoints:
            if (fault := substitution.fault(endpoint.url)) is not None:
                _log.warning("endpoint %s of %s is left out of the catalogue: %s", endpoint.id, service.type, fault)


def _escaped(id: str) -> bytes:
    return msgspec.json.encode(id)[1:-1]
