"""The real server and edge around an application that tells what reached it. Run by `rawhttp.serving`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from identity.settings import Settings
from identity.wsgi import server
from identity.wsgi.edge import Edge
from identity.wsgi.observe import metrics_body


class Echo:
    forked = 0

    def after_fork(self) -> None:
        self.forked = os.getpid()

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        kind = "application/json"
        if path == "/v3/boom":
            raise RuntimeError("boom")
        if path == "/v3/big":
            content = b"x" * int(environ["QUERY_STRING"])
        elif path == "/v3/parts":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return iter([b"one,", b"two,", b"three"])
        elif path == "/v3/slow":
            time.sleep(float(environ["QUERY_STRING"]))
            content = b"{}"
        elif path == "/metrics":
            content, kind = metrics_body()
        else:
            content = self._seen(environ)
        start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(content)))])
        return [content]

    def _seen(self, environ: dict[str, Any]) -> bytes:
        peer = environ["gatestone.peer"]
        seen = {name: value for name, value in environ.items() if isinstance(value, str)}
        return json.dumps(
            {
                "environ": seen,
                "face": environ["gatestone.face"].name,
                "address": peer.address,
                "listener": peer.listener,
                "certificate": peer.certificate.hex() if peer.certificate else None,
                "body": environ["wsgi.input"].read().decode("latin-1"),
                "pid": os.getpid(),
                "forked": self.forked,
            }
        ).encode()


def main(listener: str, chosen: dict[str, dict[str, Any]]) -> None:
    settings = Settings()
    for section, options in chosen.items():
        settings = replace(settings, **{section: replace(getattr(settings, section), **options)})

    def build() -> Any:
        echo = Echo()
        echo.wsgi = Edge(echo.wsgi, settings)  # type: ignore[method-assign]
        return echo

    def ready(host: str, port: int, pid: int) -> None:
        print("READY", host, port, pid, flush=True)

    server.run(settings, listener, build, ready)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
