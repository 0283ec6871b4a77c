"""A realm, an authority and the stub gateway for one test process, and the stock clients run beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.client.stub import Stub
from tests.support.kdc import Realm
from tests.support.pki import Authority

HERE = Path(__file__).parent
LIMIT = 60  # seconds for one client call; a hang is a failure


@dataclass(frozen=True)
class Site:
    """`people` has PEM files NAME.crt, NAME.key and tickets NAME.cc for alice and bob."""

    stub: Stub
    realm: Realm
    ca: Path
    people: Path

    def login(self, face: str) -> dict[str, str]:
        """The variables that a user sets, and no more."""
        scope = {"OS_PROJECT_NAME": "demo", "OS_PROJECT_DOMAIN_ID": "default"}
        return {"OS_AUTH_URL": getattr(self.stub, face), "OS_CACERT": str(self.ca), **scope}

    def certificate(self, name: str) -> dict[str, str]:
        return {"OS_CERT": str(self.people / f"{name}.crt"), "OS_KEY": str(self.people / f"{name}.key")}

    def ticket(self, name: str) -> dict[str, str]:
        return {**self.realm.environ, "KRB5CCNAME": f"FILE:{self.people / name}.cc"}


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    base = tmp_path_factory.mktemp("site")
    authority = Authority("Client tests")
    ca, _ = authority.write(base, "ca")
    cert, key = authority.issue_server(["localhost", "127.0.0.1"]).write(base, "server")
    realm = Realm(base / "krb")
    for principal in ("HTTP/localhost", "alice", "bob"):
        realm.add_principal(principal)
    # Before its first use: libkrb5 reads these when a context is made. The acceptor runs in this process.
    with pytest.MonkeyPatch.context() as patch, realm:
        for name, value in realm.environ.items():
            patch.setenv(name, value)
        keytab = realm.keytab(base / "http.keytab", "HTTP/localhost")
        for name in ("alice", "bob"):
            authority.issue_client(name).write(base, name)
            realm.kinit(name, keytab=realm.keytab(base / f"{name}.keytab", name), ccache=base / f"{name}.cc")
        with Stub(cert=cert, key=key, ca=ca, keytab=keytab) as stub:
            yield Site(stub, realm, ca, base)


@pytest.fixture
def site(running: Site) -> Site:
    """The site with nothing seen yet."""
    running.stub.seen.clear()
    running.stub.tokens.clear()
    return running


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a program with these variables only: no OS_*, CA bundle, proxy or ticket of the machine reaches it."""

    def _run(*command: str, env: Mapping[str, str], bin: Path = Path(sys.executable).parent) -> Done:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        outside = {
            k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE")
        }
        no_ticket = {"KRB5CCNAME": f"FILE:{tmp_path}/none.cc"}
        program = str(bin / command[0]) if (bin / command[0]).exists() else command[0]
        done = subprocess.run(
            [program, *command[1:]],
            env={**outside, "HOME": str(home), "NO_PROXY": "localhost", **no_ticket, **env},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return _run
