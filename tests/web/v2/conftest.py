"""The gateway that these tests ask: both versions of the API, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import gateway
from tests.support.gateway import Cloud
from tests.support.old_api import BOTH, OldCloud
from tests.web.v2.old_world import OldWorld


@pytest.fixture
def old(make_cloud: Callable[..., Cloud]) -> OldCloud:
    """A seeded gateway of its own for this test."""
    return OldCloud(make_cloud(server=BOTH))


@pytest.fixture(scope="module")
def shared_old(cloud_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldCloud]:
    """One for a module of tests that change nothing in it."""
    made = gateway.fresh(cloud_template, tmp_path_factory.mktemp("shared"), server=BOTH)
    yield OldCloud(made)
    made.close()


@pytest.fixture(scope="session")
def old_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldWorld]:
    """One with a thing of each kind, which is put back after each write."""
    made = OldWorld(tmp_path_factory.mktemp("old-world"))
    yield made
    made.close()
