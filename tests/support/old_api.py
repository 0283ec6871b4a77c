"""Version 2.0 of the API, as tests ask it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from werkzeug.test import TestResponse

from identity.settings import Server
from tests.support.gateway import BASE, OTHER_BASE, Cloud, password_of, project

BOTH: Final = Server(public_urls=[BASE, OTHER_BASE], apis=["v3", "v2.0"])


def old_password_auth(name: str, tenant: str | None = None, password: str | None = None) -> dict[str, Any]:
    """The body of a log-in by name, password and the tenant's id."""
    auth: dict[str, Any] = {"passwordCredentials": {"username": name, "password": password or password_of(name)}}
    if tenant is not None:
        auth["tenantId"] = tenant
    return {"auth": auth}


@dataclass
class OldCloud:
    """A cloud that is asked on version 2.0; `cloud` is the same on version 3."""

    cloud: Cloud

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None, face: str = "", **more: Any) -> TestResponse:
        return self.cloud.ask(method, f"{face}/v2.0{path}", token=token, body=body, **more)

    def get(self, path: str, token: str | None = None, face: str = "") -> Any:
        """An answer that must be 200, decoded."""
        answer = self.ask("GET", path, token, face=face)
        assert answer.status_code == 200, (answer.status_code, answer.get_data(as_text=True))
        return answer.get_json()

    def post(self, path: str, token: str, body: Any, method: str = "POST") -> Any:
        """The same for a change."""
        answer = self.ask(method, path, token, body)
        assert answer.status_code == 200, (answer.status_code, answer.get_data(as_text=True))
        return answer.get_json()

    def access(self, name: str, tenant: str | None = None, **more: Any) -> dict[str, Any]:
        """A log-in by password that must succeed: its `access`."""
        answer = self.ask("POST", "/tokens", body=old_password_auth(name, tenant, **more))
        assert answer.status_code == 200, (answer.status_code, answer.get_data(as_text=True))
        found: dict[str, Any] = answer.get_json()["access"]
        return found

    def token(self, name: str, tenant: str | None = None) -> str:
        return str(self.access(name, tenant)["token"]["id"])

    def admin(self) -> str:
        return self.token("admin", "admin")

    def new_token(self, name: str, scope: Any = None) -> str:
        """One of version 3: for a project by its id, or any scope."""
        return self.cloud.login(name, project(scope) if isinstance(scope, str) and scope != "unscoped" else scope).token
