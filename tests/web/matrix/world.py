"""The seeded cloud, its personas with their tokens, and a way back to its first state after each write."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from werkzeug.test import TestResponse

from identity.web.route import Route
from tests.support import gateway
from tests.support.gateway import Cloud, password_auth, password_of, project
from tests.web.matrix import seed
from tests.web.matrix.seed import FAR, NEAR, SELF, STORED, UNKNOWN

SYSTEM: Final = {"system": {"all": True}}


def domain(id: str) -> dict[str, Any]:
    return {"domain": {"id": id}}


# Who asks: the user's name as log-in has it, the user's home, and the scope.
PERSONAS: Final[dict[str, tuple[str, str, Any]]] = {
    "project member": ("member", "default", project("web")),
    "domain member": ("member", "default", domain("default")),
    "stranger": ("stranger", "other", project("shop")),
    "manager elsewhere": ("user-chief", "other", domain("other")),
    "project reader": ("reader", "default", project("web")),
    "domain reader": ("user-warden", "default", domain("default")),
    "system reader": ("reader", "default", SYSTEM),
    "project manager": ("user-boss", "default", project("web")),
    "domain manager": ("user-boss", "default", domain("default")),
    "project admin": ("admin", "default", project("admin")),
    "domain admin": ("admin", "default", domain("default")),
    "system admin": ("admin", "default", SYSTEM),
    "service": ("nova", "default", project("service")),
    "unscoped": ("nobody", "default", None),
}
DELEGATED: Final = "application credential"
SECRET: Final = "the-secret-of-a-program"


class World:
    """`ids[place]` are the path's variables; `tokens[persona]` the bearers; `claims[persona]` what their tokens show."""

    def __init__(self, directory: Path) -> None:
        gateway.make_template(directory)
        self.file = directory / "cloud.db"
        self.cloud = Cloud(gateway.settings_for(directory), gateway.TurnableClock())
        with self.cloud.store.begin() as tx:
            seed.fill(tx, self.cloud.hash("pass"))
        self.ids = {place: seed.ids_of(place) for place in (*STORED, UNKNOWN)}
        self.tokens: dict[str, str] = {}
        self.claims: dict[str, dict[str, Any]] = {}
        for persona, (name, home, scope) in PERSONAS.items():
            secret = "pass" if name.startswith("user-") else password_of(name)
            self._remember(persona, password_auth(name, secret, scope, home))
        self._secrets()
        self._seen = sqlite3.connect(self.file)
        self._first = sqlite3.connect(":memory:")
        self._seen.backup(self._first)

    def _remember(self, persona: str, body: Any) -> None:
        login = self.cloud.issue(body)
        self.tokens[persona], self.claims[persona] = login.token, login.shown

    def _secrets(self) -> None:
        """What only the service can make: credentials, EC2 keys, application credentials."""
        admin = self.tokens["project admin"]
        for place in STORED:
            user, home = seed.USERS[place], seed.PROJECTS[place]
            body = {"credential": {"type": "cert", "blob": "x", "user_id": user, "project_id": home}}
            self.ids[place]["credential_id"] = self._made("/v3/credentials", admin, body)["id"]
            keys = self._made(f"/v3/users/{user}/credentials/OS-EC2", admin, {"tenant_id": home})
            self.ids[place]["access"] = keys["access"]
        self.ids[UNKNOWN]["access"] = "access-unknown"
        for place, name in ((SELF, "member"), (FAR, "stranger")):
            token = self.cloud.login(name, project(seed.PROJECTS[place])).token
            self._program(place, token)
        boss = self.cloud.issue(password_auth("user-boss", "pass", project("web"), "default")).token
        made = self._made("/v3/users/user-boss/application_credentials", boss, _program_body())
        with self.cloud.store.begin() as tx:  # the neighbour holds no role of a token of its own, so it cannot make one
            tx.exec_driver_sql("UPDATE application_credential SET user_id = ? WHERE id = ?", (seed.USERS[NEAR], made["id"]))
        self.ids[NEAR]["application_credential_id"] = made["id"]
        method = {"id": self.ids[SELF]["application_credential_id"], "secret": SECRET}
        self._remember(DELEGATED, gateway.body_of({"methods": ["application_credential"], "application_credential": method}))

    def _program(self, place: str, token: str) -> None:
        made = self._made(f"/v3/users/{seed.USERS[place]}/application_credentials", token, _program_body())
        self.ids[place]["application_credential_id"] = made["id"]

    def _made(self, path: str, token: str, body: Any) -> dict[str, Any]:
        answer = self.cloud.ask("POST", path, token=token, body=body)
        assert answer.status_code == 201, (path, answer.get_data(as_text=True))
        made: dict[str, Any] = next(value for key, value in answer.get_json().items() if key != "links")
        return made

    def path(self, route: Route, ids: dict[str, str]) -> str:
        """The route's URL with the variables filled in."""
        if "/OS-EC2/" in route.path:
            ids = {**ids, "credential_id": ids["access"]}
        path = route.path
        for name, id in ids.items():
            path = path.replace(f"<{name}>", id)
        assert "<" not in path, f"{path}: tests/web/matrix/seed.py has no such thing yet"
        return path

    def ask(self, route: Route, ids: dict[str, str], persona: str | None, body: Any, method: str = "") -> TestResponse:
        subject = self.tokens["project member"] if route.path == "/v3/auth/tokens" else None
        token = self.tokens[persona] if persona else None
        return self.cloud.ask(method or route.method, self.path(route, ids), token=token, subject=subject, body=body)

    @contextmanager
    def as_it_was(self) -> Iterator[list[bool]]:
        """The first state again afterwards. The list ends up holding whether anything was committed, in whatever table."""
        changed: list[bool] = []
        before = self._version()
        yield changed
        changed.append(self._version() != before)
        if changed[0]:
            self._first.backup(self._seen)
            self.cloud.gateway.feed.seq = -1  # a log not read yet: else the gateway would go on above changes that are no more

    def stored(self, table: str, id: str) -> dict[str, Any] | None:
        """A row of the first state, by SQL of our own."""
        cursor = self._first.execute(f"SELECT * FROM {table} WHERE id = ?", (id,))
        row = cursor.fetchone()
        return None if row is None else dict(zip((column[0] for column in cursor.description), row, strict=True))

    def close(self) -> None:
        self._seen.close()
        self._first.close()
        self.cloud.close()

    def _version(self) -> int:
        """SQLite's own mark, which every commit of another connection changes."""
        version: int = self._seen.execute("PRAGMA data_version").fetchone()[0]
        return version


def _program_body() -> dict[str, Any]:
    return {"application_credential": {"name": "a program", "secret": SECRET, "unrestricted": False}}


def told(answer: TestResponse) -> tuple[int, str]:
    """What a client can tell two answers apart by."""
    text = answer.get_data(as_text=True)
    return answer.status_code, json.dumps(json.loads(text), sort_keys=True) if text else ""
