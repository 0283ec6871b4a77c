"""The gateway that the attacks on the API ask, on SQLite and, where writers must really meet, on PostgreSQL."""

from collections.abc import Iterator

import pytest

from identity.settings import Database
from tests.support.gateway import Cloud, TurnableClock, fill, settings_for
from tests.support.gateway_fixtures import cloud, cloud_template, make_cloud, shared_cloud
from tests.support.old_api import BOTH
from tests.support.postgres import Postgres

__all__ = ["cloud", "cloud_template", "make_cloud", "postgres", "postgres_cloud", "shared_cloud"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def postgres_cloud(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One gateway on PostgreSQL for a module, of both versions: each test makes the things that it changes."""
    database = Database(connection=postgres.new_database())
    settings = settings_for(tmp_path_factory.mktemp("cloud"), database=database, server=BOTH)
    fill(settings).close()
    made = Cloud(settings, TurnableClock())
    yield made
    made.close()
