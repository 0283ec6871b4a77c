"""The cloud whose costs are counted. One realm and one database for all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from identity.manage.demo.realm import Realm
from tests.perf.measured import CHEAP, Asked
from tools.bench.cloud import Cloud, make


@pytest.fixture(scope="session")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    with Realm(tmp_path_factory.mktemp("realm")) as realm, pytest.MonkeyPatch.context() as patch:
        for name, value in realm.environ.items():
            patch.setenv(name, value)
        yield realm


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cloud")


@pytest.fixture(scope="session")
def cloud(directory: Path, realm: Realm) -> Cloud:
    return make(directory, CHEAP, realm=realm)


@pytest.fixture
def asked(cloud: Cloud) -> Iterator[Asked]:
    found = Asked(cloud)
    yield found
    found.gateway.store.close()
