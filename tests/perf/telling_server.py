"""`gatestone serve`, except that `/modules` is answered with the names of the modules that the worker has loaded: CONFIG PORT."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from identity.settings_load import load
from identity.wsgi import server


class Telling:
    def __init__(self, gateway: Any) -> None:
        self.after_fork = gateway.after_fork
        self._serve = gateway.wsgi

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/modules":
            return self._serve(environ, start_response)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(sorted(sys.modules)).encode()]


def build() -> Telling:
    from identity import app

    return Telling(app.build(settings))


settings = load(Path(sys.argv[1]), {}, [f"server.port={sys.argv[2]}"])
server.run(settings, listener="api", build=build)
