"""What the server costs without us: `python -m tools.bench.bare CONFIG PORT SIZE` answers everything with SIZE bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from identity.settings_load import load
from identity.wsgi import server


def main(config: str, port: str, size: str) -> None:
    body = b"x" * int(size)
    fields = [("Content-Type", "application/json"), ("Content-Length", size)]

    def answer(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", fields)
        return [body]

    settings = load(Path(config), {}, [f"server.port={port}"])
    server.run(settings, listener="api", build=lambda: answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
