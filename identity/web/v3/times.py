"""Moments as clients of version 3 write and read them: ISO 8601, always in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from identity import errors

FORM = "%Y-%m-%dT%H:%M:%S.%f"
LATEST = 253402300799.0  # the last second of the year 9999: a float has no microseconds there, and would be in the next one


def later(value: str | None, now: float) -> float | None:
    """A moment to come, in seconds since the epoch; a Z at its end may be left out. Raises `errors.BadRequest`."""
    if value is None:
        return None
    try:
        read = datetime.fromisoformat(value.strip().removesuffix("Z"))
    except ValueError:
        read = None
    if read is None or read.tzinfo is not None:
        raise errors.BadRequest("expires_at is not a time in UTC such as 2030-01-31T12:00:00.000000Z.")
    moment = min(read.replace(tzinfo=UTC).timestamp(), LATEST)
    if moment <= now:
        raise errors.BadRequest("expires_at must not be in the past.")
    return moment


def shown(moment: float | None, end: str = "Z") -> str | None:
    """The moment with microseconds; some resources write it without the `end`."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime(FORM) + end
