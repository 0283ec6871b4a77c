"""A pool of version 2.0 beside the demo, over its database, with a catalogue of its own; and services behind the middleware."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from identity.manage.demo.processes import DIES_WITH_US, clean_environ
from tests.support.demo_world import DemoWorld
from tests.support.listener import ROOT, Listener, free_port, serving

CATALOGUE: Final = """\
catalog.RegionOne.identity.name = old identity
catalog.RegionOne.identity.publicURL = {url}/main/v2.0
catalog.RegionOne.identity.internalURL = {url}/main/v2.0
catalog.RegionOne.identity.adminURL = {url}/admin/v2.0
catalog.RegionOne.compute.name = nova
catalog.RegionOne.compute.publicURL = https://compute.example.org/v2/$(tenant_id)s
"""
SERVICE: Final = ROOT / "tests" / "support" / "guarded_service.py"
OLD_PYTHON: Final = ROOT / ".venv-legacy" / "bin" / "python"


@contextlib.contextmanager
def old_pool(world: DemoWorld, directory: Path, *overrides: str) -> Iterator[Listener]:
    """`gatestone serve` with version 2.0 alone, and with every line that it can log."""
    port = free_port()
    url = f"https://localhost:{port}"
    file = directory / "catalog.templates"
    file.write_text(CATALOGUE.format(url=url))
    server = (f"server.port={port}", f'server.public_urls=["{url}"]', 'server.apis=["v2.0"]', "log.level=debug")
    catalog = ("catalog.driver=templated", f"catalog.template_file={file}")
    environ = clean_environ({"HOME": str(directory), "TMPDIR": str(directory)})
    own = [*server, *catalog, *overrides]
    with serving(world.config, port, world.ca, directory, own, environ, world.secrets) as listener:
        yield listener


def environ(world: DemoWorld, pool: Listener, name: str, tenant: str) -> dict[str, str]:
    """The OS_* variables of a client that logs in by password on version 2.0, which has no domains.

    Administrators ask the admin endpoint: by the public one `GET /tenants` is about their own tenants, as it was in Keystone.
    """
    told = {key: value for key, value in world.environ(name, tenant).items() if "DOMAIN" not in key}
    return {**told, "OS_AUTH_URL": f"{pool.url}/main/v2.0", "OS_IDENTITY_API_VERSION": "2", "OS_INTERFACE": "admin"}


def old_login(pool: Listener, name: str, password: str, tenant: str | None = None, face: str = "/main") -> str:
    """A fresh token of version 2.0."""
    auth: dict[str, Any] = {"passwordCredentials": {"username": name, "password": password}}
    if tenant is not None:
        auth["tenantName"] = tenant
    pool.secrets.add(password)
    answer = pool.ask("POST", f"{face}/v2.0/tokens", {"auth": auth})
    assert answer.status == 200, answer.body
    token = str(answer.json()["access"]["token"]["id"])
    pool.secrets.add(token)
    return token


@dataclass
class GuardedService:
    """An application behind the middleware, in a process of its own."""

    url: str
    kind: str

    def get(self, token: str | None, path: str = "/") -> tuple[int, dict[str, str]]:
        """The status, and what reached the application or else the answer's headers."""
        headers = {} if token is None else {"X-Auth-Token": token}
        answer = requests.get(self.url + path, headers=headers, timeout=20)
        return answer.status_code, answer.json() if answer.status_code == 200 else dict(answer.headers)


@contextlib.contextmanager
def guarded_service(python: Path | str, directory: Path, conf: Mapping[str, str]) -> Iterator[GuardedService]:
    """Run one on a free port by the interpreter of an environment that has its middleware; ends with the block."""
    assert Path(python).exists(), f"{python} is missing: run tools/setup.sh legacy"
    log = directory / f"{'old' if python == OLD_PYTHON else 'new'}-service.log"
    with log.open("wb") as err:
        process = subprocess.Popen(
            [*DIES_WITH_US, str(python), "-W", "ignore", str(SERVICE)],
            cwd=directory,
            env=clean_environ({"HOME": str(directory), "TMPDIR": str(directory)}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        )
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(dict(conf)))
        process.stdin.close()
        told = process.stdout.readline().split()
        assert told and told[0] == "READY", log.read_text()
        yield GuardedService(f"http://127.0.0.1:{told[1]}", told[2])
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


NEW_PYTHON: Final = sys.executable
