"""Two real realms that trust each other, made once a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.kdc import Client, Realm, trust


@dataclass
class Site:
    """The gateway's realm, a foreign one that it trusts, and where the tickets are."""

    home: Realm
    foreign: Realm
    directory: Path

    @property
    def keytab(self) -> Path:
        return self.directory / "http.keytab"

    def client(self, who: str = "alice", service: str = "HTTP@localhost", bindings: bytes | None = None) -> Client:
        return Client(self.directory / f"{who}.cc", service, bindings)


PEOPLE = {
    "alice": "alice",
    "bob": "bob",
    "admin": "alice/admin",
    "escaped": r"alice\@FOREIGN.TEST",
    "wellknown": "WELLKNOWN/alice",
    "padded": "alice ",
}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    home, foreign = Realm(directory / "home"), Realm(directory / "foreign", "FOREIGN.TEST", "foreign.test")
    for principal in PEOPLE.values():
        home.add_principal(principal, "secret of alice")
    for service in ("HTTP/localhost", "HTTP/other.test"):
        home.add_principal(service)
    home.keytab(directory / "http.keytab", "HTTP/localhost", "HTTP/other.test")
    foreign.add_principal("alice", "secret of another alice")
    with home.start(), foreign.start(), pytest.MonkeyPatch.context() as patch:
        trust(home, foreign)
        for name, value in home.environ.items():
            patch.setenv(name, value)
        for who, principal in PEOPLE.items():
            home.kinit(principal, password="secret of alice", ccache=directory / f"{who}.cc", life="10m")
        foreign.kinit("alice", password="secret of another alice", ccache=directory / "stranger.cc")
        yield Site(home, foreign, directory)
