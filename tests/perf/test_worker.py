"""What a worker of the real server loads and weighs, and how soon it answers. Times are printed; `make bench` compares them."""

import http.client
import json
import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from identity.manage.demo.processes import clean_environ, free_port
from tools.bench import serving
from tools.bench.api import Api
from tools.bench.cloud import ADMIN, ADMIN_PASSWORD, Cloud
from tools.bench.serving import Server

MOST_MEMORY = 100.0  # MB, resident, of a worker that has served
STARTS = 3
MOST_MODULES = 1030
# Slow to load, large, or of no use to a worker; each is a dependency of something that it does use. Not here, though of no use
# either: `rich` and `asyncio`, which structlog loads by itself, and the few modules of `stevedore` that oslo.policy does.
UNWANTED = {
    "alembic", "mako", "requests", "urllib3", "oslo_config", "oslo_utils", "oslo_i18n", "keystoneauth1", "keystone", "eventlet",
    "dogpile", "passlib", "psycopg", "psycopg2", "gunicorn.http2", "gunicorn.asgi", "unittest", "pytest", "hypothesis", "doctest",
    "setuptools", "pkg_resources", "pip", "importlib_metadata", "identity.store.migrations", "identity.manage.demo",
    "identity.manage.doctor", "identity.manage.checks",
    "identity.manage.site", "identity.web.v2.users", "schemathesis", "identity.tokens.jws", "identity.tokens.uuid", "jwt",
}  # fmt: skip


@contextmanager
def telling(cloud: Cloud) -> Iterator[Server]:
    port, claim = free_port(0, 0, "")
    claim.close()
    command = [sys.executable, str(Path(__file__).with_name("telling_server.py")), str(cloud.config), str(port)]
    with Server(command, port, clean_environ({"PYTHONPATH": str(serving.ROOT)}), cloud.directory / "telling.log") as server:
        server.wait()
        yield server


def loaded(server: Server) -> set[str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/modules")
    names = json.loads(connection.getresponse().read())
    connection.close()
    return set(names)


def test_a_worker_loads_nothing_that_it_does_not_need(cloud: Cloud) -> None:
    with telling(cloud) as server:
        api = Api(server.port, ADMIN, ADMIN_PASSWORD)
        api.log_in()
        api.rescoped(2)
        api.call("GET", "/auth/projects")
        names = loaded(server)
    assert "identity.app" in names and "sqlalchemy" in names  # it is a worker that told
    assert sorted(name for name in names if any(name == bad or name.startswith(f"{bad}.") for bad in UNWANTED)) == []
    assert len(names) <= MOST_MODULES, len(names)


def test_a_worker_that_has_served_stays_small(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    with serving.gatestone(cloud.config) as server:
        server.wait()
        fresh = [serving.memory(pid) for pid in serving.workers(server.pid)]
        api = Api(server.port, ADMIN, ADMIN_PASSWORD)
        api.log_in()
        for token in api.rescoped(200):
            api.call("GET", "/auth/tokens", headers={"X-Subject-Token": token})
        served = [serving.memory(pid) for pid in serving.workers(server.pid)]
    assert len(served) == cloud.settings.server.workers
    with capsys.disabled():
        for what, found in (("before", fresh), ("after", served)):
            print(
                f"\nworkers {what} load: " + ", ".join(f"Rss {one['Rss']:.0f} MB Pss {one['Pss']:.0f} MB" for one in found), end=""
            )
    assert max(one["Rss"] for one in served) < MOST_MEMORY


def test_the_time_to_the_first_answer_is_told(cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With our modules compiled, and on the very first start, when they are not."""
    warm = serving.start_times(cloud.config, STARTS)
    cold = []
    for number in range(STARTS):
        tree = tmp_path / str(number)
        for name in ("identity", "catalog", "authplugins"):
            shutil.copytree(serving.ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        cold += serving.start_times(cloud.config, 1, tree=tree)
    with capsys.disabled():
        for what, found in (("compiled", warm), ("not yet compiled", cold)):
            print(f"\nfirst /v3, our modules {what}: median {statistics.median(found):.2f} s of {len(found)}", end="")
    assert len(warm) == len(cold) == STARTS
