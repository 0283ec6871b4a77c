"""Fixtures for every suite that asks a gateway in this process: import the names in a conftest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import gateway
from tests.support.gateway import Cloud


@pytest.fixture(scope="session")
def cloud_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gateway.make_template(tmp_path_factory.mktemp("cloud"))


@pytest.fixture
def make_cloud(cloud_template: Path, tmp_path: Path) -> Iterator[Callable[..., Cloud]]:
    """Makes the test's one cloud, with settings by section."""
    made: list[Cloud] = []

    def make(sink: Any = None, **sections: Any) -> Cloud:
        made.append(gateway.fresh(cloud_template, tmp_path, sink, **sections))
        return made[-1]

    yield make
    for cloud in made:
        cloud.close()


@pytest.fixture
def cloud(make_cloud: Callable[..., Cloud]) -> Cloud:
    """A seeded gateway of its own for this test."""
    return make_cloud()


@pytest.fixture(scope="module")
def shared_cloud(cloud_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One gateway for a module of tests that change nothing in it."""
    made = gateway.fresh(cloud_template, tmp_path_factory.mktemp("shared"))
    yield made
    made.close()
