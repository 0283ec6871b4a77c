"""A client as services have it: two addresses for one name, kept connections, one further try on the other address."""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import site

_CONNECT, _ANSWER = 2.0, 25.0  # seconds
_PAUSE = 1.0  # seconds before the second try: the load balancers do not find out in the same moment
_HOME_AGAIN = 4.0  # seconds after which the address that did not serve is tried again
LOST = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Answer:
    """How one request went. Times are `time.monotonic()`; `status` 0: no answer, not at the second try either.

    `first`: the status of the first try, 0 where the connection failed, `told` when it was over and `why`; `ours`: a gateway wrote
    the answer, not a load balancer.
    """

    what: str
    began: float
    ended: float
    status: int
    first: int
    told: float
    why: str
    tries: int
    ours: bool
    headers: Mapping[str, str]
    body: bytes

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One conversation with the site, for one thread on the client's host. `home`: which load balancer it prefers."""

    def __init__(self, contexts: Mapping[int, ssl.SSLContext], home: int) -> None:
        self._contexts = contexts
        self._home = home % len(site.BALANCERS)
        self._away_until = 0.0
        self._kept: dict[tuple[str, int], http.client.HTTPSConnection] = {}

    def ask(
        self,
        what: str,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str = "",
        subject: str = "",
        port: int = site.API_PORT,
    ) -> Answer:
        """One request; asked once more, of the other load balancer, if there was no answer from a gateway."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"X-Auth-Token": token} if token else {}
        headers |= {"X-Subject-Token": subject} if subject else {}
        content = json.dumps(body).encode() if body is not None else None
        began = over = time.monotonic()
        status, first, why, tries, told, data = 0, 0, "", 0, dict[str, str](), b""
        away = time.monotonic() < self._away_until
        for tries in (1, 2):
            number = (self._home + (tries == 1) * away + (tries == 2) * (not away)) % len(site.BALANCERS)
            status, told, data = self._once(site.BALANCERS[number], port, (method, path, content, headers))
            if tries == 1:
                first, over, why = status, time.monotonic(), "" if status else data.decode()
            if status and ("x-openstack-request-id" in told or status not in (502, 503, 504)):
                break
            if tries == 1:
                time.sleep(_PAUSE)
                self._away_until = 0.0 if away else time.monotonic() + _HOME_AGAIN
        ours = "x-openstack-request-id" in told
        return Answer(what, began, time.monotonic(), status, first, over, why, tries, ours, told, data)

    def close(self) -> None:
        for connection in self._kept.values():
            connection.close()
        self._kept.clear()

    def _once(
        self, balancer: str, port: int, request: tuple[str, str, bytes | None, dict[str, str]]
    ) -> tuple[int, dict[str, str], bytes]:
        method, path, content, headers = request
        place = balancer, port
        connection = self._kept.pop(place, None)
        if connection is not None and _dropped(connection):
            connection.close()
            connection = None
        connection = connection or _Named(balancer, port, self._contexts[port])
        try:
            connection.request(method, path, content, headers)
            reply = connection.getresponse()
            told = {name.lower(): value for name, value in reply.getheaders()}
            data = reply.read()
        except LOST as fault:
            connection.close()
            return 0, {}, repr(fault).encode()
        if port == site.API_PORT and not reply.will_close:
            self._kept[place] = connection
        else:
            connection.close()  # a log-in with a certificate has a connection of its own
        return reply.status, told, data


class _Named(http.client.HTTPSConnection):
    """To one load balancer, by the site's name; it gives up early on an address that does not take the connection."""

    def __init__(self, balancer: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(site.NAME, port, timeout=_ANSWER, context=context)
        address = site.ADDRESSES[balancer]

        def reach(_name: object, _timeout: object, _source: object) -> socket.socket:
            sock = socket.create_connection((address, port), _CONNECT)
            sock.settimeout(_ANSWER)
            return sock

        self._create_connection = reach


def _dropped(connection: http.client.HTTPSConnection) -> bool:
    """Whether the other end has closed a kept connection meanwhile: clients look before they use one (as urllib3 does)."""
    with contextlib.suppress(OSError, ValueError):
        return connection.sock is None or bool(select.select([connection.sock], [], [], 0)[0])
    return True
