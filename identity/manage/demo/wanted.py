"""What the caller of the demo asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Wanted:
    """None where nothing was asked for; a port of 0 asks for any. `seed` users are added. `overrides` are --set's."""

    directory: Path | None = None
    port: int | None = None
    x509_port: int | None = None
    seed: int = 0
    since: float | None = None  # when the set-up began, in seconds since the epoch
    overrides: tuple[str, ...] = field(default=(), repr=False)
