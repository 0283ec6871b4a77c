"""The matrix's seeded cloud, asked on version 2.0: its routes, their bodies, and a few more personas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from werkzeug.test import TestResponse

from identity.store import grants
from identity.web.declarations import declared
from identity.web.route import Route
from tests.support.gateway import NOW, body_of, password_auth, project
from tests.support.old_api import BOTH
from tests.web.matrix.seed import UNKNOWN
from tests.web.matrix.world import DELEGATED, PERSONAS, World, domain

ROUTES: Final = {f"{route.method} {route.path}": route for route in declared("v2.0") if route.path.startswith("/v2.0")}
ELSEWHERE: Final = "admin of another domain"
CONFINED: Final = "confined to compute"
EVERYONE: Final = (*PERSONAS, DELEGATED, ELSEWHERE, CONFINED)
# Who is an administrator as version 2.0 has it: by the role, in whatever scope.
ADMINS: Final = frozenset({"project admin", "domain admin", "system admin", ELSEWHERE})

Ids = Mapping[str, str]
PAIR: Final = "OS-KSEC2:ec2Credentials"
USER: Final = {"user": {"email": "x@y.example"}}
URLS: Final = {"publicurl": "https://y.example"}
BODIES: Final[dict[str, Callable[[Ids], Any]]] = {
    "POST /v2.0/tokens": lambda ids: {"auth": {"token": {"id": "none"}}},
    "POST /v2.0/tenants": lambda ids: {"tenant": {"name": "a-new-thing"}},
    "PUT /v2.0/tenants/<tenant_id>": lambda ids: {"tenant": {"description": "other"}},
    "POST /v2.0/tenants/<tenant_id>": lambda ids: {"tenant": {"description": "other"}},
    "POST /v2.0/users": lambda ids: {"user": {"name": "a-new-thing", "tenantId": "idle"}},
    "PUT /v2.0/users/<user_id>": lambda ids: USER,
    "PUT /v2.0/users/<user_id>/password": lambda ids: {"user": {"password": "other"}},
    "PUT /v2.0/users/<user_id>/OS-KSADM/password": lambda ids: {"user": {"password": "other"}},
    "PUT /v2.0/users/<user_id>/enabled": lambda ids: {"user": {"enabled": False}},
    "PUT /v2.0/users/<user_id>/OS-KSADM/enabled": lambda ids: {"user": {"enabled": False}},
    "PUT /v2.0/users/<user_id>/tenant": lambda ids: {"user": {"tenantId": "admin"}},
    "PUT /v2.0/users/<user_id>/OS-KSADM/tenant": lambda ids: {"user": {"tenantId": "admin"}},
    "POST /v2.0/users/<user_id>/roleRefs": lambda ids: {"role": {"tenantId": "admin", "roleId": "role-manager"}},
    "PATCH /v2.0/OS-KSCRUD/users/<user_id>": lambda ids: {"user": {"original_password": "wrong", "password": "other"}},
    "POST /v2.0/users/<user_id>/credentials/OS-EC2": lambda ids: {"tenant_id": "web"},
    "POST /v2.0/users/<user_id>/OS-KSADM/credentials": lambda ids: {PAIR: {"tenantId": "web"}},
    f"POST /v2.0/users/<user_id>/OS-KSADM/credentials/{PAIR}": lambda ids: {PAIR: {"tenantId": "web"}},
    "POST /v2.0/OS-KSADM/roles": lambda ids: {"role": {"name": "a-new-thing"}},
    "POST /v2.0/OS-KSADM/services": lambda ids: {"OS-KSADM:service": {"type": "a-new-thing"}},
    "POST /v2.0/endpoints": lambda ids: {"endpoint": {"service_id": ids["service_id"], **URLS}},
}


class OldWorld(World):
    """`ask` is about version 2.0. `cloud` stays version 3 on the same database.

    `reader` is a second worker: it looks at what was written, so that it alone notices when the database is put back.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.old, self.reader = self.cloud.second(server=BOTH), self.cloud.second(server=BOTH)
        for place, ids in self.ids.items():
            ids |= {"tenant_id": ids["project_id"], "type": "ec2", "extension_alias": "OS-KSADM"}
            ids["token_id"] = {"self": self.tokens["project member"], "near": self.tokens["project reader"]}.get(
                place, self.tokens["stranger"] if place != UNKNOWN else "gAAAAABnonsense"
            )
            ids["role_ref_id"] = f"tenantId={ids['tenant_id']}&roleId={ids['role_id']}&userId={ids['user_id']}"

    def _secrets(self) -> None:
        super()._secrets()
        self.cloud.do(grants.add, grants.Grant("user", "user-friend", "domain", "other", "role-admin"), NOW)
        self._remember(ELSEWHERE, password_auth("user-friend", "pass", domain("other"), "other"))
        own = self.cloud.login("admin", project("admin")).token
        rules = [{"service": "compute", "path": "/v2.1/servers", "method": "GET"}]
        wanted = {"application_credential": {"name": "confined", "access_rules": rules}}
        made = self._made("/v3/users/user-admin/application_credentials", own, wanted)
        proof = {"id": made["id"], "secret": made["secret"]}
        self._remember(CONFINED, body_of({"methods": ["application_credential"], "application_credential": proof}))

    def ask(self, route: Route, ids: Mapping[str, str], persona: str | None, body: Any, method: str = "") -> TestResponse:
        token = self.tokens[persona] if persona else None
        return self.old.ask(method or route.method, self.path(route, dict(ids)), token=token, body=body)

    def close(self) -> None:
        self.old.close()
        self.reader.close()
        super().close()


def old_body(route: Route, ids: Ids) -> Any:
    """A small valid body; a route that takes one must have one here."""
    make = BODIES.get(f"{route.method} {route.path}")
    assert (make is None) == (route.body is None), f"{route.method} {route.path} has no entry in BODIES"
    return make(ids) if make is not None else None
