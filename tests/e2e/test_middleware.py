"""keystonemiddleware's auth_token, as every OpenStack service runs it, in front of an application and asking the demo."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from keystonemiddleware.auth_token import AuthProtocol

from identity.model.auth import UserRef
from identity.services.hashing import Hasher
from identity.settings import Identity
from identity.store import grants, projects, roles, users
from tests.support.demo_world import DemoWorld
from tests.support.listener import DOMAIN, TOKENS, proof_body, until, within

PASSWORD = "nova-keeps-this-to-herself"


@dataclass(frozen=True)
class Asked:
    """A request that left this process for the gateway."""

    method: str
    url: str
    headers: dict[str, str]
    status: int
    told: bytes


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What the middleware asks, in order."""
    found: list[Asked] = []
    send = requests.adapters.HTTPAdapter.send

    def noting(self: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = send(self, request, **options)
        found.append(Asked(str(request.method), str(request.url), dict(request.headers), answer.status_code, answer.content))
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", noting)
    return found


@pytest.fixture(scope="module")
def nova(world: DemoWorld) -> Iterator[dict[str, Any]]:
    """A service account: the role `service` in a project of its own, and nothing else."""
    world.secrets.add(PASSWORD)
    with world.store() as store, store.begin() as tx:
        now = time.time()
        project = projects.create(tx, name="services", domain_id="default", now=now)
        user = users.create(tx, name="nova", domain_id="default", now=now, hash=Hasher(Identity()).hash(PASSWORD))
        role = roles.find(tx, "service")
        assert role is not None
        grants.add(tx, grants.Grant("user", user, "project", project, role.id), now)
    yield {"user": "nova", "password": PASSWORD, "project": "services"}
    with world.store() as store, store.begin() as tx:
        users.delete(tx, user, time.time())


class Guarded:
    """An application behind the middleware; `get` gives the status and what the application saw, or the refusal's headers."""

    def __init__(self, world: DemoWorld, **options: str) -> None:
        self.seen: dict[str, Any] = {}
        conf = {
            "auth_type": "password",
            "auth_url": f"{world.api.url}/main",
            "username": "nova",
            "password": PASSWORD,
            "user_domain_name": DOMAIN,
            "project_name": "services",
            "project_domain_name": DOMAIN,
            "cafile": str(world.ca),
            "www_authenticate_uri": f"{world.api.url}/main/v3",
            "token_cache_time": "-1",
            "service_token_roles": "service",
            "http_connect_timeout": "5",
            "http_request_max_retries": "0",
            **options,
        }
        self._app = AuthProtocol(self._inner, conf)

    def _inner(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.seen = {key: value for key, value in environ.items() if isinstance(value, str)}
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"in"]

    def get(self, token: str | None, service_token: str | None = None) -> int:
        environ: dict[str, Any] = {"wsgi.errors": None}
        from wsgiref.util import setup_testing_defaults

        setup_testing_defaults(environ)
        for name, value in (("HTTP_X_AUTH_TOKEN", token), ("HTTP_X_SERVICE_TOKEN", service_token)):
            if value is not None:
                environ[name] = value
        answered: list[str] = []
        self.seen = {}
        within(20, lambda: b"".join(self._app(environ, lambda status, headers, *_: answered.append(status))))
        return int(answered[0].split()[0])


def validations(asked: list[Asked]) -> list[Asked]:
    return [one for one in asked if one.method == "GET" and urlsplit(one.url).path == f"/main{TOKENS}"]


def test_a_good_token_opens_the_service(world: DemoWorld, nova: dict[str, Any], asked: list[Asked]) -> None:
    guarded = Guarded(world, interface="internal")
    token = world.token("alice", "demo")
    assert guarded.get(token) == 200
    seen = guarded.seen
    assert seen["HTTP_X_IDENTITY_STATUS"] == "Confirmed" and seen["HTTP_X_USER_NAME"] == "alice"
    assert seen["HTTP_X_PROJECT_NAME"] == "demo" and seen["HTTP_X_USER_DOMAIN_NAME"] == DOMAIN
    assert set(seen["HTTP_X_ROLES"].split(",")) == {"member", "reader"}
    assert {service["type"] for service in json.loads(seen["HTTP_X_SERVICE_CATALOG"])} >= {"identity", "compute"}
    found = validations(asked)
    assert [one.status for one in found] == [200]
    assert found[0].headers["OpenStack-Identity-Access-Rules"] == "1"
    assert not urlsplit(found[0].url).query
    assert guarded.get(token) == 200
    assert [one.status for one in validations(asked)] == [200, 200]  # one question a request: nothing is cached here
    assert len([one for one in asked if one.method == "POST"]) == 1  # and one login of the service


def test_without_the_catalogue_when_it_is_not_wanted(world: DemoWorld, nova: dict[str, Any], asked: list[Asked]) -> None:
    guarded = Guarded(world, include_service_catalog="false")
    assert guarded.get(world.token("alice", "demo")) == 200
    assert "HTTP_X_SERVICE_CATALOG" not in guarded.seen
    (found,) = validations(asked)
    assert urlsplit(found.url).query == "nocatalog"
    assert json.loads(found.told)["token"]["project"]["name"] == "demo" and "catalog" not in json.loads(found.told)["token"]


@pytest.mark.parametrize("interface", ["internal", "public", "admin"])
def test_each_interface_of_the_catalogue_leads_back(
    world: DemoWorld, nova: dict[str, Any], asked: list[Asked], interface: str
) -> None:
    assert Guarded(world, interface=interface).get(world.token("bob", "research")) == 200
    assert [one.status for one in validations(asked)] == [200]


@pytest.mark.parametrize("bogus", ["nonsense", "gAAAAABnonsense", "a" * 3000, "x\tx", "0" * 32])
def test_a_bogus_token_is_told_from_a_bad_service(world: DemoWorld, nova: dict[str, Any], asked: list[Asked], bogus: str) -> None:
    """404 for the subject's token: the middleware then answers 401; a 401 would have it log in anew and say 503."""
    assert Guarded(world).get(bogus) == 401
    assert {one.status for one in validations(asked)} <= {404}


def test_no_token_is_refused_without_a_question(world: DemoWorld, nova: dict[str, Any], asked: list[Asked]) -> None:
    assert Guarded(world).get(None) == 401
    assert not validations(asked)


def test_a_revoked_token_is_refused_at_once(world: DemoWorld, nova: dict[str, Any], asked: list[Asked]) -> None:
    guarded = Guarded(world)
    token, other = world.token("alice", "demo"), world.token("alice", "demo")
    assert guarded.get(token) == 200
    assert world.api.revoke(token, token).status == 204
    assert guarded.get(token) == 401
    assert guarded.get(other) == 200
    assert [one.status for one in validations(asked)] == [200, 404, 200]


def test_a_revoked_service_login_is_renewed(world: DemoWorld, nova: dict[str, Any], asked: list[Asked]) -> None:
    """A 401 for the caller makes the middleware log in again and ask once more."""
    guarded = Guarded(world)
    token = world.token("alice", "demo")
    assert guarded.get(token) == 200
    with world.store() as store, store.begin() as tx:
        user = users.find(tx, UserRef(name="nova", domain=_default()))
        assert user is not None
        users.set_password(tx, user.id, Hasher(Identity()).hash(PASSWORD), time.time())
    assert guarded.get(token) == 200
    assert [one.status for one in validations(asked)] == [200, 401, 200]


def _default() -> Any:
    from identity.model.auth import DomainRef

    return DomainRef(name=DOMAIN)


@pytest.fixture(scope="module")
def expired(world: DemoWorld, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A token whose certificate, and so itself, has just run out."""
    ends = datetime.now(UTC) + timedelta(seconds=4)
    pair = world.client_authority().issue_client("alice", not_after=ends).write(tmp_path_factory.mktemp("short"), "alice")
    reply = world.x509.ask("POST", f"/x509{TOKENS}", proof_body("external", "demo"), cert=pair)
    assert datetime.fromisoformat(reply.json()["token"]["expires_at"]) <= ends
    until(lambda: world.api.show(reply.token, reply.token).status == 401, 10, "its end")
    return reply.token


def test_an_expired_token_is_taken_with_a_service_token_only(
    world: DemoWorld, nova: dict[str, Any], asked: list[Asked], expired: str
) -> None:
    guarded = Guarded(world)
    assert guarded.get(expired) == 401
    service = world.api.login(nova["user"], nova["password"], nova["project"]).token
    assert guarded.get(expired, service) == 200
    assert guarded.seen["HTTP_X_USER_NAME"] == "alice" and guarded.seen["HTTP_X_SERVICE_USER_NAME"] == "nova"
    assert urlsplit(validations(asked)[-1].url).query == "allow_expired=1"
    assert guarded.get("gAAAAABnonsense", service) == 401


def test_a_users_token_is_no_service_token(world: DemoWorld, nova: dict[str, Any], asked: list[Asked], expired: str) -> None:
    bob = world.token("bob", "research")
    guarded = Guarded(world)
    assert guarded.get(world.token("alice", "demo"), bob) == 401
    assert guarded.get(expired, bob) == 401
    # Asked directly: only a service may look at what has run out.
    assert world.api.show(bob, expired, "?allow_expired=1").status == 404
    assert not [one for one in validations(asked) if "allow_expired" in one.url and one.status == 200]


def test_a_service_may_read_a_token_but_not_revoke_it(world: DemoWorld, nova: dict[str, Any]) -> None:
    """Keystone's policies: `service` may validate; only an administrator or the owner may revoke."""
    service = world.api.login(nova["user"], nova["password"], nova["project"]).token
    alice = world.token("alice", "demo")
    assert world.api.show(service, alice).status == 200
    assert world.api.revoke(service, alice).status == 403
    assert world.api.show(world.token("bob", "research"), alice).status == 403
    assert world.api.show(service, alice).status == 200


def test_a_cached_answer_is_what_the_operator_chose(world: DemoWorld, nova: dict[str, Any], asked: list[Asked]) -> None:
    guarded = Guarded(world, token_cache_time="60")
    token = world.token("carol", "demo")
    assert [guarded.get(token) for _ in range(3)] == [200, 200, 200]
    assert len(validations(asked)) == 1


def test_when_the_gateway_is_away_the_service_says_so(world: DemoWorld, nova: dict[str, Any], tmp_path: Path) -> None:
    """Never 401: the client would throw a good token away."""
    with world.serve(tmp_path) as gateway:
        guarded = Guarded(world, auth_url=f"{gateway.url}/main")
        token = world.token("alice", "demo")
        assert guarded.get(token) == 200
    other = Guarded(world, auth_url=f"{gateway.url}/main")
    assert other.get(token) == 503
