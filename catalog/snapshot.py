"""The catalogue as ready JSON, one body a project.

The services are read once and encoded once, with marks where an id belongs; a project's own body is that skeleton with
the marks replaced. So a project that was never seen costs neither a query nor an encoding. Only a project that has chosen
its endpoints (OS-EP-FILTER) is asked about, and has a skeleton of its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable
from uuid import uuid4

import msgspec

from catalog import substitution
from identity.model.access import Access
from identity.model.catalog import Endpoint, Service
from identity.ports import CatalogSource

_log = logging.getLogger(__name__)
Form = Callable[[Sequence[Service], Mapping[str, str]], Any]
"""Services and the values for their URLs, as plain values to be encoded."""


@runtime_checkable
class Versioned(Protocol):
    """A source that changes without a row in the change log, such as a file."""

    def version(self) -> object: ...


@runtime_checkable
class Choosing(Protocol):
    """A source in which some projects (`choosers`) are shown only the endpoints with the ids `chosen`."""

    def choosers(self) -> frozenset[str]: ...

    def chosen(self, project_id: str) -> frozenset[str]: ...


class CatalogSnapshots:
    """Answers with the catalogue of a token in bytes, in the `form` of an API version. One a worker; safe under threads.

    `size` bounds the bodies that are kept, and the skeletons of projects that chose; the oldest goes first.
    `all_if_none_chosen`: whether a token is shown everything where its project has chosen nothing, or it has no project.
    """

    def __init__(self, source: CatalogSource, size: int = 1024, all_if_none_chosen: bool = True, form: Form | None = None) -> None:
        self._source = source
        self._form = form or current
        self._choosing = source if isinstance(source, Choosing) else None
        self._all_if_none_chosen = all_if_none_chosen or self._choosing is None
        self._size = max(size, 1)
        self._version: Callable[[], object] | None = source.version if isinstance(source, Versioned) else None
        self._generation = _Generation(self._version() if self._version else None, self._form)

    def json_for(self, access: Access) -> bytes:
        """The catalogue for a token's project and user; a token without a project is shown no URL that needs one.

        Raises what the source raises (`errors.Unavailable`).
        """
        project_id, user_id = access.claims.project_id, access.claims.user_id
        generation = self._generation
        if self._version is not None and (version := self._version()) != generation.version:
            generation = self._generation = _Generation(version, self._form)
        found = generation.held.get((project_id, user_id) if generation.by_user else project_id)
        return self._render(generation, project_id, user_id) if found is None else found

    def evict(self) -> None:
        """Forgets the catalogue after a CATALOG change. A body begun before it lands in the discarded generation."""
        self._generation = _Generation(self._version() if self._version else None, self._form)

    def _render(self, generation: _Generation, project_id: str | None, user_id: str) -> bytes:
        generation.load(self._source, self._choosing)
        body = self._skeleton(generation, project_id)
        if project_id is not None:
            body = body.replace(generation.project_mark, _escaped(project_id))
        if generation.by_user:
            body = body.replace(generation.user_mark, _escaped(user_id))
        generation.keep(generation.held, (project_id, user_id) if generation.by_user else project_id, body, self._size)
        return body

    def _skeleton(self, generation: _Generation, project_id: str | None) -> bytes:
        if self._choosing is None or project_id is None or project_id not in generation.choosers:
            everything = generation.bare if project_id is None else generation.full
            return everything if self._all_if_none_chosen else b"[]"
        found = generation.skeletons.get(project_id)
        if found is None:
            chosen = self._choosing.chosen(project_id)
            if chosen:
                found = generation.encode(_choice(generation.services, chosen))
            else:  # its endpoint groups hold nothing for now
                found = generation.full if self._all_if_none_chosen else b"[]"
            generation.keep(generation.skeletons, project_id, found, self._size)
        return found


class _Generation:
    """All that was made from one reading of the source; thrown away whole, so nothing old can creep back in."""

    __slots__ = (
        "bare",
        "by_user",
        "choosers",
        "form",
        "full",
        "held",
        "loaded",
        "lock",
        "project_mark",
        "services",
        "skeletons",
        "user_mark",
        "version",
    )

    def __init__(self, version: object, form: Form) -> None:
        self.version = version
        self.form = form
        self.lock = threading.Lock()
        self.loaded = False
        self.by_user = False
        self.services: Sequence[Service] = ()
        self.choosers: frozenset[str] = frozenset()
        self.held: dict[Any, bytes] = {}
        self.skeletons: dict[str, bytes] = {}
        # Random, so that no stored name or id can contain a mark.
        self.project_mark = uuid4().hex.encode()
        self.user_mark = uuid4().hex.encode()
        self.full = self.bare = b"[]"

    def load(self, source: CatalogSource, choosing: Choosing | None) -> None:
        """Reads and encodes the services, once; other threads wait for it rather than ask as well."""
        with self.lock:
            if self.loaded:
                return
            self.services = source.services()
            if choosing is not None:
                self.choosers = choosing.choosers()
            self.full = self.encode(self.services)
            self.bare = self._encode(self.services, {"user_id": self.user_mark.decode()})
            self.by_user = self.user_mark in self.full
            self.loaded = True
        _tell_faults(self.services)

    def encode(self, services: Sequence[Service]) -> bytes:
        project, user = self.project_mark.decode(), self.user_mark.decode()
        return self._encode(
            services, dict.fromkeys(substitution.PROJECT_NAMES, project) | dict.fromkeys(substitution.USER_NAMES, user)
        )

    def _encode(self, services: Sequence[Service], values: Mapping[str, str]) -> bytes:
        return msgspec.json.encode(self.form(services, values))

    def keep(self, held: dict[Any, bytes], key: Any, body: bytes, size: int) -> None:
        with self.lock:
            while len(held) >= size:
                del held[next(iter(held))]
            held[key] = body


def _choice(services: Sequence[Service], chosen: frozenset[str]) -> Sequence[Service]:
    """The services of these endpoints, with these alone: as in Keystone, a service that keeps none is left out here."""
    kept = [
        (service, tuple(endpoint for endpoint in service.endpoints if endpoint.id in chosen and _fits(endpoint)))
        for service in services
    ]
    return [replace(service, endpoints=endpoints) for service, endpoints in kept if endpoints]


def _fits(endpoint: Endpoint) -> bool:
    return substitution.fault(endpoint.url) is None


def current(services: Sequence[Service], values: Mapping[str, str]) -> list[dict[str, Any]]:
    """The form of version 3."""
    return [
        {
            "id": service.id,
            "type": service.type,
            "name": service.name,
            "endpoints": [shown for endpoint in service.endpoints if (shown := _show(endpoint, values)) is not None],
        }
        for service in services
    ]


def _show(endpoint: Endpoint, values: Mapping[str, str]) -> dict[str, Any] | None:
    """As Keystone renders it: with all attributes that were stored, and `region` repeats `region_id` for old clients."""
    url = substitution.fill(endpoint.url, values)
    if url is None:
        return None
    region = endpoint.region_id
    return {**endpoint.extra, "id": endpoint.id, "interface": endpoint.interface, "region": region, "region_id": region, "url": url}


def _tell_faults(services: Sequence[Service]) -> None:
    for service in services:
        for endpoint in service.endpoints:
            if (fault := substitution.fault(endpoint.url)) is not None:
                _log.warning("endpoint %s of %s is left out of the catalogue: %s", endpoint.id, service.type, fault)


def _escaped(id: str) -> bytes:
    return msgspec.json.encode(id)[1:-1]
