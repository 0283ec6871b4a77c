"""A small client of the Identity API, for what must be there before a measurement. Works on either side."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .cloud import DOMAIN, INTERFACES, PASSWORD, PROJECT, REGION, SERVICES, USER, service


def password_body(user: str, password: str, project: str) -> dict[str, Any]:
    who = {"name": user, "domain": {"id": DOMAIN}, "password": password}
    scope = {"project": {"name": project, "domain": {"id": DOMAIN}}}
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": who}}, "scope": scope}}


def rescope_body(token: str) -> dict[str, Any]:
    scope = {"project": {"name": PROJECT, "domain": {"id": DOMAIN}}}
    return {"auth": {"identity": {"methods": ["token"], "token": {"id": token}}, "scope": scope}}


class Api:
    """`base` port on 127.0.0.1; `caller` is the administrator's token, `user` the measured one."""

    def __init__(self, port: int, admin: str, password: str) -> None:
        self.port = port
        self._local = threading.local()
        self._admin = (admin, password)
        self.caller = ""
        self.user = ""
        self.size = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v3/auth/tokens"

    def log_in(self) -> None:
        """Get both tokens anew."""
        self.caller = ""
        self.caller = self.issue(password_body(*self._admin, "admin"))
        self.user = self.issue(password_body(USER, PASSWORD, PROJECT))
        token = self.call("GET", "/auth/tokens", headers={"X-Subject-Token": self.user})["token"]
        found = len(token["catalog"]), sum(len(one["endpoints"]) for one in token["catalog"])
        if found != (SERVICES, SERVICES * len(INTERFACES)):
            raise RuntimeError(f"the catalogue is of another size than the other side's: {found}")

    def issue(self, body: object) -> str:
        status, headers, raw = self._send("POST", "/auth/tokens", body, {})
        if status != 201:
            raise RuntimeError(f"no token: {status} {raw[:200]!r}")
        self.size = len(raw)
        return headers["x-subject-token"]

    def rescoped(self, count: int) -> list[str]:
        """So many further tokens of the user."""
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda _: self.issue(rescope_body(self.user)), range(count)))

    def call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        raw = self._good(method, path, body, headers)
        return json.loads(raw) if raw else None

    def read(self, path: str) -> bytes:
        """What GET brings, not taken apart."""
        return self._good("GET", path)

    def _good(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> bytes:
        status, _, raw = self._send(method, path, body, headers or {})
        if status not in (200, 201, 204):
            raise RuntimeError(f"{method} {path}: {status} {raw[:200]!r}")
        return raw

    def seed(self) -> None:
        """Make the user, the project and the services through the API, where they are missing."""
        self.caller = self.issue(password_body(*self._admin, "admin"))
        project = self._made("projects", "project", {"name": PROJECT, "domain_id": DOMAIN})
        user = self._made("users", "user", {"name": USER, "domain_id": DOMAIN, "password": PASSWORD})
        member = self.call("GET", "/roles?name=member")["roles"][0]["id"]
        self.call("PUT", f"/projects/{project}/users/{user}/roles/{member}")
        there = {one["name"] for one in self.call("GET", "/services")["services"]}
        for number in range(1, SERVICES):
            name, kind, url = service(number)
            if name in there:
                continue
            made = self.call("POST", "/services", {"service": {"name": name, "type": kind}})["service"]["id"]
            for interface in INTERFACES:
                endpoint = {"service_id": made, "interface": interface, "region_id": REGION, "url": url}
                self.call("POST", "/endpoints", {"endpoint": endpoint})

    def _made(self, collection: str, kind: str, values: dict[str, Any]) -> str:
        found = self.call("GET", f"/{collection}?name={values['name']}")[collection]
        return str(found[0]["id"] if found else self.call("POST", f"/{collection}", {kind: values})[kind]["id"])

    def _send(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        fields = {"Accept": "application/json", **({"X-Auth-Token": self.caller} if self.caller else {}), **headers}
        raw = None if body is None else json.dumps(body).encode()
        if raw is not None:
            fields["Content-Type"] = "application/json"
        for last in (False, True):
            kept = getattr(self._local, "connection", None)
            connection = self._local.connection = kept or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                connection.request(method, f"/v3{path}", raw, fields)
                answer = connection.getresponse()
                content = answer.read()
                if answer.will_close:
                    connection.close()
                return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content
            except (OSError, http.client.HTTPException):
                connection.close()
                self._local.connection = None
                if last:
                    raise
        raise AssertionError("not reached")
