"""A whole gateway in this process, on a throw-away SQLite file, with a clock that tests turn and a small seeded cloud."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from werkzeug.test import Client, TestResponse

from identity import app
from identity.manage import opening
from identity.model.catalog import Endpoint, Region, Service
from identity.model.event import LoginEvent
from identity.services.hashing import Hasher
from identity.settings import Database, Identity, Keys, Server, Settings
from identity.store import domains, endpoints, grants, migrations, projects, regions, roles, services, users
from identity.store.engine import Store

NOW: Final = 1_790_000_000.25
ADDRESS: Final = "192.0.2.7"
BASE: Final = "https://id.example.org"
OTHER_BASE: Final = "https://id.example.net:5443"
ERROR_KEYS: Final = {"code", "message", "title"}

# Names are ids too, so that tests can say which is which; "default" is the one that is not like uuid4().hex in real life.
DOMAINS: Final = {"default": "Default", "other": "Other"}
PROJECTS: Final = {"admin": "default", "web": "default", "idle": "default", "off": "default", "service": "default", "shop": "other"}
ROLES: Final = ("admin", "manager", "member", "reader", "service")
IMPLIED: Final = (("admin", "manager"), ("manager", "member"), ("member", "reader"))
# User: (domain, default project, grants). A grant is (target kind, target, role).
PEOPLE: Final[dict[str, tuple[str, str | None, tuple[tuple[str, str, str], ...]]]] = {
    "admin": ("default", "admin", (("project", "admin", "admin"), ("system", "system", "admin"), ("domain", "default", "admin"))),
    "member": ("default", None, (("project", "web", "member"), ("project", "off", "member"), ("domain", "default", "member"))),
    "reader": ("default", None, (("project", "web", "reader"), ("system", "system", "reader"))),
    "nova": ("default", "service", (("project", "service", "service"),)),
    "stranger": ("other", None, (("project", "shop", "member"),)),
    "homed": ("default", "web", (("project", "web", "member"),)),
    "lost": ("default", "idle", ()),
    "nobody": ("default", None, ()),
}
SERVICES: Final = (
    ("identity", "keystone", f"{BASE}/main/v3"),
    ("compute", "nova", "https://compute.example.org/v2.1/$(project_id)s"),
    ("image", "glance", "https://image.example.org"),
)


class TurnableClock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += seconds


class Events:
    """An EventSink that keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[LoginEvent] = []

    def login(self, event: LoginEvent) -> None:
        self.seen.append(event)

    def last(self) -> LoginEvent:
        return self.seen[-1]


def password_of(name: str) -> str:
    return f"correct-{name}-horse"


def settings_for(directory: Path, **sections: Any) -> Settings:
    """Cheap hashing, keys in the database, and two public names."""
    plain = Settings(
        server=Server(public_urls=[BASE, OTHER_BASE]),
        identity=Identity(argon2_time_cost=1, argon2_memory_cost=8),
        database=Database(connection=f"sqlite:///{directory / 'cloud.db'}"),
        keys=Keys(master_key="b25lIG1hc3RlciBrZXkgb2YgdGhpcnR5LXR3byBieXQ="),
    )
    return replace(plain, **sections)


def make_template(directory: Path) -> Path:
    """A migrated database with keys of every spelling and the cloud above, for tests to copy."""
    store = fill(settings_for(directory))
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    return directory / "cloud.db"


def fill(settings: Settings) -> Store:
    """Migrate the empty database that the settings name, and put the keys and the cloud above into it; gives it, open."""
    settings = replace(settings, token=replace(settings.token, readers=["jws"]))
    store = Store.open(settings.database)
    migrations.upgrade(store)
    opening.first_keys(settings, store)
    hasher = Hasher(settings.identity)
    with store.begin() as tx:
        for id, name in DOMAINS.items():
            domains.create(tx, id=id, name=name, now=NOW)
        for id, domain in PROJECTS.items():
            projects.create(tx, id=id, name=f"{id}-project", domain_id=domain, now=NOW, enabled=id != "off")
        for name in ROLES:
            roles.create(tx, id=f"role-{name}", name=name, now=NOW)
        for prior, implied in IMPLIED:
            roles.imply(tx, f"role-{prior}", f"role-{implied}", NOW)
        for name, (domain, default, held) in PEOPLE.items():
            hash = hasher.hash(password_of(name))
            users.create(tx, id=f"user-{name}", name=name, domain_id=domain, now=NOW, hash=hash, default_project_id=default)
            for kind, target, role in held:
                grants.add(tx, grants.Grant("user", f"user-{name}", kind, target, f"role-{role}"), NOW)
        regions.create(tx, Region("RegionOne"), NOW)
        for kind, name, url in SERVICES:
            made = services.create(tx, Service(uuid4().hex, kind, name), NOW)
            endpoints.create(tx, Endpoint(uuid4().hex, "public", "RegionOne", url, made), NOW)
    return store


def password_auth(name: str, password: str | None = None, scope: Any = None, domain: str | None = None) -> dict[str, Any]:
    """The body of a log-in by name, password and domain; `scope` as the API writes it."""
    home = domain or PEOPLE.get(name, ("default",))[0]
    user = {"name": name, "domain": {"id": home}, "password": password_of(name) if password is None else password}
    return body_of({"methods": ["password"], "password": {"user": user}}, scope)


def token_auth(token: str, scope: Any = None) -> dict[str, Any]:
    return body_of({"methods": ["token"], "token": {"id": token}}, scope)


def body_of(identity: dict[str, Any], scope: Any = None) -> dict[str, Any]:
    auth: dict[str, Any] = {"identity": identity}
    if scope is not None:
        auth["scope"] = scope
    return {"auth": auth}


def project(id: str) -> dict[str, Any]:
    return {"project": {"id": id}}


@dataclass
class Login:
    """A token just issued: its spelling, what the body said of it, and the whole answer."""

    token: str
    shown: dict[str, Any]
    answer: TestResponse

    @property
    def roles(self) -> set[str]:
        return {role["name"] for role in self.shown.get("roles", [])}


class Cloud:
    """A gateway and a client for it. `second` opens another one on the same database, as a second worker would."""

    def __init__(self, settings: Settings, clock: TurnableClock, sink: Any = None) -> None:
        self.settings = settings
        self.clock = clock
        self.events = sink or Events()
        self.gateway = app.build(settings, clock=clock, sink=self.events, timer=clock)
        self.store = self.gateway.store
        self.client = Client(self.gateway.wsgi)

    def second(self, *, clock: TurnableClock | None = None, **sections: Any) -> Cloud:
        return Cloud(replace(self.settings, **sections), clock or self.clock)

    def close(self) -> None:
        self.store.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        subject: str | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> TestResponse:
        """One request. `body` is bytes as they are, or anything else as JSON; `more` goes to werkzeug's client."""
        fields = {"Host": "id.example.org", **(headers or {})}
        if token is not None:
            fields["X-Auth-Token"] = token
        if subject is not None:
            fields["X-Subject-Token"] = subject
        if body is not None:
            more.setdefault("content_type", "application/json")
            more["data"] = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.open(path, method=method, headers=fields, environ_base={"REMOTE_ADDR": ADDRESS}, **more)

    def post(self, body: Any, face: str = "", **more: Any) -> TestResponse:
        """One attempt to log in."""
        return self.ask("POST", f"{face}/v3/auth/tokens", body=body, **more)

    def issue(self, body: Any, **more: Any) -> Login:
        """A log-in that must succeed."""
        answer = self.post(body, **more)
        assert answer.status_code == 201, (answer.status_code, answer.get_data(as_text=True))
        return Login(answer.headers["X-Subject-Token"], answer.get_json()["token"], answer)

    def login(self, name: str = "member", scope: Any = None, **more: Any) -> Login:
        return self.issue(password_auth(name, scope=scope), **more)

    def rescope(self, token: str, scope: Any = None) -> Login:
        return self.issue(token_auth(token, scope))

    def show(self, token: str, subject: str | None = None, query: str = "", method: str = "GET") -> TestResponse:
        """Validate `subject` (by default the token itself) as the bearer of `token`."""
        return self.ask(method, f"/v3/auth/tokens{query}", token=token, subject=token if subject is None else subject)

    def do(self, action: Callable[..., Any], *args: Any, **values: Any) -> Any:
        """One write in a transaction of its own."""
        with self.store.begin() as tx:
            return action(tx, *args, **values)

    def hash(self, password: str) -> str:
        return Hasher(self.settings.identity).hash(password)


def fresh(template: Path, directory: Path, sink: Any = None, **sections: Any) -> Cloud:
    """A cloud on a copy of the template."""
    settings = settings_for(directory, **sections)
    shutil.copy(template, directory / "cloud.db")
    return Cloud(settings, TurnableClock(), sink)


def check_error(answer: TestResponse, *statuses: int) -> dict[str, Any]:
    """Hold an answer to the API's error form; gives its `error`."""
    assert answer.status_code in statuses, (answer.status_code, answer.get_data(as_text=True))
    assert answer.mimetype == "application/json"
    error: dict[str, Any] = answer.get_json()["error"]
    assert set(error) == ERROR_KEYS
    assert error["code"] == answer.status_code
    assert isinstance(error["message"], str) and isinstance(error["title"], str)
    return error
