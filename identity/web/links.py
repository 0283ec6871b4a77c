"""URLs of our own. Made from the configured names: a host that a client made up is never echoed (CWE-644)."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit


class Links:
    """Picks the public URL by the host that was asked, and adds the face's prefix."""

    def __init__(self, public_urls: Sequence[str]) -> None:
        bases = [url.rstrip("/") for url in public_urls]
        self._by_host = {urlsplit(base).netloc.lower(): base for base in reversed(bases)}
        self.canonical = bases[0]

    def base(self, environ: Mapping[str, Any]) -> str:
        """The URL up to and including the face's prefix, without a slash at its end."""
        host = environ.get("HTTP_HOST", "").lower()
        return self._by_host.get(host, self.canonical) + str(environ.get("SCRIPT_NAME", ""))


def listener_urls(host: str, port: int, tls: bool) -> list[str]:
    """A listener's own names, for when the configuration names none."""
    scheme = "https" if tls else "http"
    bracketed = f"[{host}]" if ":" in host else host
    names = [bracketed]
    if host in ("127.0.0.1", "::1", "0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        names = ["localhost", "127.0.0.1"] + ([bracketed] if bracketed not in ("127.0.0.1", "", "0.0.0.0", "[::]") else [])  # noqa: S104
    if host in ("0.0.0.0", "::", ""):  # noqa: S104
        names = [socket.getfqdn(), *names]
    default = 443 if tls else 80
    return [f"{scheme}://{name}" + ("" if port == default else f":{port}") for name in dict.fromkeys(names)]
