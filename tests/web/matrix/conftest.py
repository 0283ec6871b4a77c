"""One world a worker: it takes a second to make, and is put back after each write."""

import pytest

from tests.web.matrix.oracle import Oracle
from tests.web.matrix.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("matrix"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def oracle(world, tmp_path_factory):
    return Oracle(world, tmp_path_factory.mktemp("oracle"))
