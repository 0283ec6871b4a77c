"""Several servers in one URL, in libpq's own words: which of them are asked, and which one first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sqlalchemy.engine import URL, make_url

_SEVERAL = re.compile(r"(?P<scheme>postgres[^:]*://)(?P<user>[^/@]*@)?(?P<hosts>[^/?@]*,[^/?@]*)(?P<rest>(?:[/?].*)?)", re.DOTALL)
_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d+))?")


def parsed(text: str) -> URL:
    """The URL, also in libpq's form with several hosts (`//user@one:5432,two:5432/name`), which SQLAlchemy does not read.

    Raises ArgumentError, ValueError.
    """
    found = _SEVERAL.fullmatch(text)
    if found is None:
        return make_url(text)
    places = [_HOST.fullmatch(place) for place in found["hosts"].split(",")]
    if None in places:
        raise ValueError("a host is not HOST or HOST:PORT")
    hosts = ",".join((place[1] or "").strip("[]") for place in places if place)
    ports = ",".join(place[2] or "5432" for place in places if place)
    head, mark, query = found["rest"].partition("?")
    named = f"host={quote(hosts, safe=',:')}&port={quote(ports, safe=',')}"
    return make_url(f"{found['scheme']}{found['user'] or ''}{head or '/'}?{named}{'&' if mark else ''}{query}")


def count(url: URL) -> int:
    """How many hosts a URL names."""
    given = url.query.get("host", url.host or "")
    return len(given) if isinstance(given, tuple) else len(given.split(","))


class Order:
    """The host that took us last is asked first: else each new connection would wait anew for one that is gone."""

    def __init__(self) -> None:
        self._last: tuple[str, str] | None = None

    def apply(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """The same arguments for psycopg, with the hosts in the order to try."""
        hosts = str(named.get("host") or "").split(",")
        ports = str(named.get("port") or "").split(",")
        if len(hosts) < 2 or len(hosts) != len(ports) or "hostaddr" in named:
            return dict(named)
        places = sorted(zip(hosts, ports, strict=True), key=lambda place: place != self._last)
        return {**named, "host": ",".join(host for host, _ in places), "port": ",".join(port for _, port in places)}

    def took(self, connection: Any) -> None:
        self._last = (connection.info.host, str(connection.info.port))
