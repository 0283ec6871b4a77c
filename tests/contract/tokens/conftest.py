"""The providers that the suite runs on, each with keys of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from identity.ports import TokenProvider
from identity.settings import Database
from identity.store import migrations
from identity.store.engine import Store
from identity.tokens.fernet import FernetProvider
from identity.tokens.jws import JwsProvider
from identity.tokens.uuid import UuidProvider
from tests.support.keys import FixedKeys


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store.open(Database(connection=f"sqlite:///{tmp_path_factory.mktemp('store')}/tokens.db"))
    migrations.upgrade(made)
    yield made
    made.close()


@pytest.fixture(params=["fernet", "jws", "uuid"])
def fresh(request: pytest.FixtureRequest) -> Callable[[], TokenProvider]:
    """Makes a provider with new keys each time it is called."""
    if request.param == "fernet":
        return lambda: FernetProvider(FixedKeys("fernet"))
    if request.param == "jws":
        return lambda: JwsProvider(FixedKeys("jws"))
    return lambda: UuidProvider(request.getfixturevalue("store"))


@pytest.fixture
def provider(fresh: Callable[[], TokenProvider]) -> TokenProvider:
    return fresh()
