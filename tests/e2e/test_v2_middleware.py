"""A service of years ago, guarded by keystonemiddleware 7.0.1 on version 2.0, beside one of today on version 3.

Both ask about tokens of either version: services move from one to the other one by one, while users keep what they have.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from identity.services.hashing import Hasher
from identity.settings import Identity
from identity.store import grants, projects, roles, users
from tests.support.demo_world import DemoWorld
from tests.support.listener import DOMAIN, Listener, until
from tests.support.old_pool import NEW_PYTHON, OLD_PYTHON, GuardedService, guarded_service, old_login, old_pool

PASSWORD = secrets.token_urlsafe(16)
KINDS = ("old", "new")


@pytest.fixture(scope="module")
def pool(world: DemoWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    with old_pool(world, tmp_path_factory.mktemp("old-pool")) as listener:
        yield listener


@pytest.fixture(scope="module")
def cinder(world: DemoWorld) -> Iterator[str]:
    """A service account in a tenant of its own. On version 2.0 a service was an administrator, or had a role that may validate."""
    world.secrets.add(PASSWORD)
    with world.store() as store, store.begin() as tx:
        now = time.time()
        project = projects.create(tx, name="old services", domain_id="default", now=now)
        user = users.create(tx, name="cinder", domain_id="default", now=now, hash=Hasher(Identity()).hash(PASSWORD))
        role = roles.find(tx, "service")
        assert role is not None
        grants.add(tx, grants.Grant("user", user, "project", project, role.id), now)
    yield "cinder"
    with world.store() as store, store.begin() as tx:
        users.delete(tx, user, time.time())


@pytest.fixture(scope="module")
def services(
    world: DemoWorld, pool: Listener, cinder: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, GuardedService]]:
    """Neither of them keeps an answer, so that each request is a question to the gateway."""
    directory = tmp_path_factory.mktemp("services")
    shared = {
        "username": cinder,
        "password": PASSWORD,
        "cafile": str(world.ca),
        "token_cache_time": "-1",
        "http_request_max_retries": "0",
    }
    old = {"auth_type": "v2password", "auth_url": f"{pool.url}/main/v2.0", "tenant_name": "old services", "auth_version": "v2.0"}
    new = {
        "auth_type": "password",
        "auth_url": f"{world.api.url}/main",
        "user_domain_name": DOMAIN,
        "project_name": "old services",
        "project_domain_name": DOMAIN,
    }
    uri = {"old": f"{pool.url}/main/v2.0", "new": f"{world.api.url}/main/v3"}
    with (
        guarded_service(OLD_PYTHON, directory, {**shared, **old, "www_authenticate_uri": uri["old"]}) as first,
        guarded_service(NEW_PYTHON, directory, {**shared, **new, "www_authenticate_uri": uri["new"]}) as second,
    ):
        assert first.kind == "7.0.1" and int(second.kind.split(".")[0]) >= 13
        yield {"old": first, "new": second}


def token_of(world: DemoWorld, pool: Listener, kind: str, name: str = "alice", tenant: str | None = "demo") -> str:
    """One that was issued on the version of that kind."""
    return old_login(pool, name, world.user(name)["password"], tenant) if kind == "old" else world.token(name, tenant)


@pytest.mark.parametrize("issued", KINDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_good_token_opens_both_services(
    world: DemoWorld, pool: Listener, services: dict[str, GuardedService], kind: str, issued: str
) -> None:
    status, seen = services[kind].get(token_of(world, pool, issued))
    assert status == 200
    assert seen["HTTP_X_IDENTITY_STATUS"] == "Confirmed"
    assert (seen["HTTP_X_USER_NAME"], seen["HTTP_X_PROJECT_NAME"], seen["HTTP_X_TENANT_NAME"]) == ("alice", "demo", "demo")
    assert set(seen["HTTP_X_ROLES"].split(",")) == {"member", "reader"}
    assert seen["HTTP_X_USER_ID"] and seen["HTTP_X_PROJECT_ID"]


def test_what_both_services_learn_is_the_same(world: DemoWorld, pool: Listener, services: dict[str, GuardedService]) -> None:
    """But for domains, of which version 2.0 knows nothing, and for each pool's own catalogue."""
    token = token_of(world, pool, "old")
    told = {kind: services[kind].get(token)[1] for kind in KINDS}
    same = ("USER_ID", "USER_NAME", "PROJECT_ID", "PROJECT_NAME", "TENANT_ID", "TENANT_NAME", "USER", "TENANT")
    for name in same:
        assert told["old"][f"HTTP_X_{name}"] == told["new"][f"HTTP_X_{name}"], name
    assert set(told["old"]["HTTP_X_ROLES"].split(",")) == set(told["new"]["HTTP_X_ROLES"].split(","))
    urls = {}
    for kind in KINDS:
        (identity,) = [one for one in json.loads(told[kind]["HTTP_X_SERVICE_CATALOG"]) if one["type"] == "identity"]
        urls[kind] = urlsplit(identity["endpoints"][0]["publicURL"])
    assert urls["old"].path == "/main/v2.0" and urls["old"].port == pool.port
    assert urls["new"].path == "/main/v3" and urls["new"].port == world.api.port


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bogus", ["gAAAAABnonsense", "x" * 32, "x y", "%s%n", "' OR 1=1 --"])
def test_a_bogus_token_is_refused(services: dict[str, GuardedService], kind: str, bogus: str) -> None:
    status, headers = services[kind].get(bogus)
    assert status == 401 and headers["WWW-Authenticate"].startswith("Keystone uri=")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "path", ["../tenants", "../../v2.0", "../extensions", "../certificates/ca", "%2e%2e", "?belongsTo=x", "#", "revoked"]
)
def test_a_token_that_spells_a_path_opens_nothing(services: dict[str, GuardedService], kind: str, path: str) -> None:
    """The middleware of old puts a token into the path as it is, and stumbles (500) over a 200 that is not about a token."""
    assert services[kind].get(path)[0] in (401, 503, 500)
    assert services[kind].get("gAAAAABnonsense")[0] == 401  # and the service's own log-in has not suffered


@pytest.mark.parametrize("kind", KINDS)
def test_no_token(services: dict[str, GuardedService], kind: str) -> None:
    assert services[kind].get(None)[0] == 401


@pytest.mark.parametrize("issued", KINDS)
@pytest.mark.parametrize("revoked_on", KINDS)
def test_a_token_revoked_on_either_version_is_refused_by_both_at_once(
    world: DemoWorld, pool: Listener, services: dict[str, GuardedService], revoked_on: str, issued: str
) -> None:
    token, other = (token_of(world, pool, issued) for _ in range(2))
    assert [services[kind].get(token)[0] for kind in KINDS] == [200, 200]
    if revoked_on == "old":
        answer = pool.ask("DELETE", f"/main/v2.0/tokens/{token}", headers={"X-Auth-Token": token})
    else:
        answer = world.api.revoke(token, token)
    assert answer.status == 204
    assert [services[kind].get(token)[0] for kind in KINDS] == [401, 401]
    assert [services[kind].get(other)[0] for kind in KINDS] == [200, 200]


def test_only_what_version_2_has_words_for_opens_an_old_service(
    world: DemoWorld, pool: Listener, services: dict[str, GuardedService]
) -> None:
    """An application credential may be confined to some requests, of which an old service would learn nothing."""
    token = world.token("alice", "demo")
    user_id = world.api.show(token, token).json()["token"]["user"]["id"]
    path, own = f"/main/v3/users/{user_id}/application_credentials", {"X-Auth-Token": token}
    made = world.api.ask("POST", path, {"application_credential": {"name": "old job"}}, own).json()["application_credential"]
    world.secrets.add(made["secret"])
    proof = {"id": made["id"], "secret": made["secret"]}
    auth = {"identity": {"methods": ["application_credential"], "application_credential": proof}}
    reply = world.api.ask("POST", "/main/v3/auth/tokens", {"auth": auth})
    assert services["new"].get(reply.token)[0] == 200
    assert services["old"].get(reply.token)[0] == 401
    assert world.api.ask("DELETE", f"{path}/{made['id']}", headers=own).status == 204
    assert services["new"].get(reply.token)[0] == 401


def test_no_token_of_a_url_is_in_the_log(world: DemoWorld, pool: Listener, services: dict[str, GuardedService]) -> None:
    """Every line is asked for, and the middleware's questions are among them; the end of the pool looks once more."""
    token = token_of(world, pool, "old")
    assert services["old"].get(token)[0] == 200
    asked = {"X-Auth-Token": token}
    for path in (
        f"/main/v2.0/tokens/{token}",
        f"/main/v2.0/tokens/{token}/endpoints",
        f"/v2.0/tokens/{token}/x",
        f"/x/tokens/{token}",
    ):
        pool.ask("GET", path, headers=asked)
    pool.ask("GET", f"/main/v3/auth/tokens/{token}", headers=asked)
    lines = until(lambda: [line for line in pool.lines() if "/tokens/***" in str(line.get("path"))], 5, "the lines")
    assert {line["path"] for line in lines} >= {"/main/v2.0/tokens/***"}
    assert token not in pool.log.read_text()
