"""One demo world for the whole session; no variable of this machine decides whom a client trusts."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.demo_world import DemoWorld, demo_world
from tests.support.stock_client import Conversation, conversation

_STRAY = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "KRB5_CONFIG", "KRB5CCNAME", "KRB5_KTNAME")


@pytest.fixture(scope="session", autouse=True)
def no_stray_variables() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name in _STRAY or name.startswith(("OS_", "GATESTONE_")) or name.lower().endswith("_proxy"):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def world(no_stray_variables: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoWorld]:
    with demo_world(tmp_path_factory.mktemp("world") / "demo") as made:
        yield made


@pytest.fixture(scope="session")
def openstack(world: DemoWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    """The stock client of the administrator, started once."""
    with conversation(tmp_path_factory.mktemp("openstack"), world.environ("admin", "admin")) as client:
        yield client
