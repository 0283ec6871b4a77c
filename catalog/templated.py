"""The catalogue from a file in the form of Keystone's `default_catalog.templates`.

    catalog.RegionOne.compute.publicURL = https://compute.example.com/v2.1/$(project_id)s
    catalog.RegionOne.compute.name = Compute Service

Lines that are empty or begin with `#` say nothing. Keystone itself skipped whatever it could not read; here every such
line is told, since a service that is missing from the catalogue without a word costs an operator an afternoon.
"""

from __future__ import annotations

import difflib
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from catalog import substitution
from identity.errors import SettingsError
from identity.model.catalog import Endpoint, Service

_log = logging.getLogger(__name__)

_INTERFACES: Final = {"publicURL": "public", "internalURL": "internal", "adminURL": "admin"}
_IDS: Final = UUID("6f1d2b0e-5f0c-4a53-9a55-0c6a1f1f7a10")
"""Namespace of the ids: a service keeps its id over restarts, hosts and edits of its URLs."""


class TemplatedCatalog:
    """Reads `path` at once, and again whenever the file changes. Raises `SettingsError` with every mistake at first;
    later mistakes are logged and the last good catalogue stays in force."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._seen = self.version()
        self._services = parse(_text(self._path), str(self._path))

    def version(self) -> object:
        """Changes when the file does; None while there is no file."""
        try:
            stat = os.stat(self._path)
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def services(self) -> Sequence[Service]:
        with self._lock:
            version = self.version()
            if version != self._seen:
                self._seen = version
                try:
                    self._services = parse(_text(self._path), str(self._path))
                except SettingsError as error:
                    _log.error("the catalogue stays as it was: %s", error)
            return self._services


@dataclass
class _Entry:
    """What the lines of one region and type said, until the end of the file."""

    name: str = ""
    urls: dict[str, str] = field(default_factory=dict)


def parse(text: str, place: str) -> tuple[Service, ...]:
    """The services in the order of the file. Raises `SettingsError`; each mistake begins with `place:line`."""
    problems: list[str] = []
    entries: dict[tuple[str, str], _Entry] = {}
    first: dict[str, int] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        problem = _problem(key, bool(equals), value)
        if problem is None and key in first:
            problem = f"`{key}` was already given on line {first[key]}"
        if problem is not None:
            problems.append(f"{place}:{number}: {problem}")
            continue
        first[key] = number
        region, type, word = _split(key)
        entry = entries.setdefault((region, type), _Entry())
        if word == "name":
            entry.name = value
        else:
            entry.urls[_INTERFACES[word]] = value
    if problems:
        raise SettingsError(problems)
    return _services(entries)


def _problem(key: str, equals: bool, value: str) -> str | None:
    if not equals:
        return "not of the form `catalog.REGION.TYPE.KEY = VALUE`"
    if not key.startswith("catalog.") or not all(_split(key)):
        return f"`{key}` is not of the form `catalog.REGION.TYPE.KEY`"
    word = _split(key)[2]
    if word != "name" and word not in _INTERFACES:
        known = [*_INTERFACES, "name"]
        close = difflib.get_close_matches(word, known, n=1)
        return f"unknown key `{word}`; " + (f"did you mean `{close[0]}`?" if close else f"known are {', '.join(known)}")
    if not value:
        return f"`{key}` has no value"
    fault = substitution.fault(value) if word != "name" else None
    return fault and f"`{key}`: {fault}"


def _split(key: str) -> tuple[str, str, str]:
    """Region, type and key. A region may hold dots; a type never does."""
    rest, _, word = key.removeprefix("catalog.").rpartition(".")
    region, _, type = rest.rpartition(".")
    return region, type, word


def _services(entries: dict[tuple[str, str], _Entry]) -> tuple[Service, ...]:
    """One service for each type and name; a service of several regions has the endpoints of them all."""
    grouped: dict[tuple[str, str], list[Endpoint]] = {}
    for (region, type), entry in entries.items():
        endpoints = grouped.setdefault((type, entry.name), [])
        for interface, url in entry.urls.items():
            endpoints.append(Endpoint(_id("endpoint", region, type, interface), interface, region, url))
    return tuple(Service(_id("service", type, name), type, name, tuple(rows)) for (type, name), rows in grouped.items())


def _id(*words: str) -> str:
    return uuid5(_IDS, "\n".join(words)).hex


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError([f"catalog.template_file: {path}: {error.strerror}; name a file that the service may read"]) from None
    except UnicodeDecodeError as error:
        raise SettingsError([f"catalog.template_file: {path}: byte {error.start} is not UTF-8"]) from None
