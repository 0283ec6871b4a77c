"""The databases that the suite runs on. One more is a function in BACKENDS that makes a migrated database and gives its URL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from identity.settings import Database
from identity.store import migrations
from identity.store.engine import Store
from tests.contract.store.world import Queries, World
from tests.support.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def ready_database(postgres: Postgres) -> str:
    """Name of a migrated PostgreSQL database that the tests' own are copied from."""
    url = postgres.new_database()
    _migrate(url)
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database that the tests' own are copied from."""
    path = tmp_path_factory.mktemp("ready") / "store.db"
    _migrate(f"sqlite:///{path}")
    return path


def sqlite(request: pytest.FixtureRequest, directory: Path) -> str:
    return f"sqlite:///{shutil.copy(request.getfixturevalue('ready_file'), directory / 'store.db')}"


def postgresql(request: pytest.FixtureRequest, directory: Path) -> str:
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database(request.getfixturevalue("ready_database"))


BACKENDS: dict[str, Callable[[pytest.FixtureRequest, Path], str]] = {"sqlite": sqlite, "postgresql": postgresql}


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return BACKENDS[request.param](request, tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(Database(connection=url))
    yield opened
    opened.close()


@pytest.fixture
def queries(store: Store) -> Queries:
    return Queries(store)


@pytest.fixture
def world(store: Store) -> World:
    """A small cloud: one domain with projects, roles, a user and a group."""
    return World(store)


def _migrate(url: str) -> None:
    opened = Store.open(Database(connection=url))
    migrations.upgrade(opened)
    opened.close()
