"""What the caller of the demo asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wanted:
    """None where nothing was asked for; a port of 0 asks for any. `overrides` are --set's."""

    directory: Path | None = None
    port: int | None = None
    x509_port: int | None = None
    overrides: tuple[str, ...] = ()
