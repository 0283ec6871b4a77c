"""What the service publishes about itself: JSON-Home, OpenAPI and a page to read; each made at its first request and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from identity.web import docs_page, home, openapi
from identity.web.reply import encode
from identity.web.route import Route


class Documents:
    """`routes` are all that are served; `payloads` the shapes of the log-in methods, by name.

    Keyed by the base URL, of which there are as many as configured names times faces.
    """

    def __init__(self, routes: Iterable[Route], payloads: Mapping[str, Any]) -> None:
        self._routes = tuple(routes)
        self._payloads = payloads
        self._made: dict[tuple[str, str], bytes] = {}

    def home(self, prefix: str) -> bytes:
        """JSON-Home, with hrefs that begin with `prefix`."""
        return self._kept("home", prefix, lambda: home.document((route.path for route in self._routes), prefix))

    def openapi(self, base: str) -> bytes:
        """The OpenAPI document as JSON."""
        return self._kept("openapi", base, lambda: encode(openapi.document(self._routes, self._payloads, base)))

    def page(self, base: str) -> bytes:
        """The same as HTML."""
        return self._kept("page", base, lambda: docs_page.render(openapi.document(self._routes, self._payloads, base)).encode())

    def _kept(self, what: str, key: str, make: Callable[[], bytes]) -> bytes:
        made = self._made.get((what, key))
        if made is None:
            made = self._made[(what, key)] = make()
        return made
