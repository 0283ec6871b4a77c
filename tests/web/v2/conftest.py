"""The gateway that these tests ask: both versions of the API, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import gateway
from tests.support.gateway import Cloud
from tests.support.old_api import BOTH, OldCloud


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
