"""Projects and domains given another name, or switched on and off, in the one way in which the API does it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from identity.errors import NotFound
from identity.store import tenancy


def set_enabled(tx: Connection, id: str, enabled: bool, now: float) -> None:
    """Raises `NotFound`."""
    _save(tx, id, now, enabled=enabled)


def rename(tx: Connection, id: str, name: str, now: float) -> None:
    """Raises `NotFound`, `Conflict`."""
    _save(tx, id, now, name=name)


def _save(tx: Connection, id: str, now: float, **values: Any) -> None:
    before = tenancy.pinned(tx, id)
    if before is None:
        raise NotFound(reason=f"the test has no {id!r}")
    tenancy.save(tx, before, replace(before, **values), now)
