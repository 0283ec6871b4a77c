"""One `gatestone demo` for all end-to-end tests, and further listeners over its database."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from identity.manage.demo.processes import DIES_WITH_US, clean_environ
from identity.settings_load import load
from identity.store.engine import Store
from tests.support.listener import GATESTONE, ROOT, Listener, free_port, no_secret_in, parent_of, serving, until
from tests.support.pki import Authority


class DemoWorld:
    """What demo.json tells, and the running service."""

    def __init__(self, home: Path, told: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self.told = told
        self.process = process
        self.ca = Path(told["ca"])
        self.config = home / "gatestone.toml"
        self.secrets = {told["admin"]["password"], *(user["password"] for user in told["users"])}
        api_port, x509_port = (int(told[name].rpartition(":")[2]) for name in ("api_url", "x509_url"))
        self.api = Listener(api_port, self.ca, told["pid"], Path(told["log"]), self.secrets)
        self.x509 = Listener(x509_port, self.ca, self._x509_pid(), home / "x509.log", self.secrets)

    def _x509_pid(self) -> int:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and parent_of(entry) == self.process.pid and _argument(entry, "--listener") == "x509":
                return int(entry.name)
        raise AssertionError("the certificate listener does not run")

    def user(self, name: str) -> dict[str, Any]:
        return next(user for user in self.told["users"] if user["user"] == name)

    def cert(self, name: str) -> tuple[str, str]:
        return self.user(name)["cert"], self.user(name)["key"]

    def token(self, name: str, project: str | None = None) -> str:
        """A fresh token by password."""
        return self.api.login(name, self.user(name)["password"], project).token

    def admin_token(self) -> str:
        admin = self.told["admin"]
        return self.api.login(admin["user"], admin["password"], admin["project"]).token

    def environ(self, name: str, project: str, domain: str = "Default") -> dict[str, str]:
        """The OS_* variables of a client that logs in by password."""
        admin = self.told["admin"]
        return {
            "OS_AUTH_URL": f"{self.api.url}/main/v3",
            "OS_CACERT": str(self.ca),
            "OS_USERNAME": name,
            "OS_PASSWORD": admin["password"] if name == admin["user"] else self.user(name)["password"],
            "OS_USER_DOMAIN_NAME": domain,
            "OS_PROJECT_NAME": project,
            "OS_PROJECT_DOMAIN_NAME": domain,
        }

    def ticket(self, name: str, directory: Path, life: str | None = None) -> dict[str, str]:
        """A fresh Kerberos ticket: the environment that uses it."""
        environ = {"KRB5_CONFIG": self.told["krb5_conf"], "KRB5CCNAME": f"FILE:{directory / name}.cc"}
        user = self.user(name)
        command = ["kinit", *(["-l", life] if life else []), "-k", "-t", user["keytab"], user["principal"]]
        subprocess.run(command, env={**os.environ, **environ}, check=True, timeout=20, capture_output=True)
        return environ

    def client_authority(self) -> Authority:
        """The demo's own authority for client certificates, which remembers the one that it has revoked."""
        return adopt(Path(self.told["client_ca"]["cert"]), Path(self.told["client_ca"]["key"]), Path(self.told["revoked"]["cert"]))

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        """The demo's database, as an operator's command opens it."""
        store = Store.open(load(self.config, {}, []).database)
        try:
            yield store
        finally:
            store.close()

    @contextlib.contextmanager
    def serve(self, directory: Path, *overrides: str, environ: Mapping[str, str] | None = None) -> Iterator[Listener]:
        """One more API listener over the same database, with some settings changed."""
        port = free_port()
        own = [f"server.port={port}", f'server.public_urls=["https://localhost:{port}"]', *overrides]
        realm = {"KRB5_CONFIG": self.told["krb5_conf"], "KRB5RCACHENAME": f"file2:{directory}/replay"}
        extra = {"HOME": str(directory), "TMPDIR": str(directory), **realm, **(environ or {})}
        with serving(self.config, port, self.ca, directory, own, clean_environ(extra), self.secrets) as listener:
            yield listener

    @contextlib.contextmanager
    def serve_x509(self, directory: Path, probe: tuple[Path | str, Path | str], *overrides: str) -> Iterator[Listener]:
        """One more certificate listener; `probe` is a certificate that it takes."""
        port = free_port()
        own = [f"x509.port={port}", *overrides]
        environ = clean_environ({"HOME": str(directory), "TMPDIR": str(directory)})
        with serving(self.config, port, self.ca, directory, own, environ, self.secrets, probe) as listener:
            yield listener


@contextlib.contextmanager
def demo_world(home: Path, *arguments: str) -> Iterator[DemoWorld]:
    """Run the demo on free ports without its tour, until the end of the block."""
    output = home.parent / "demo.out"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [*DIES_WITH_US, *GATESTONE, "demo", "--no-tour", "--dir", str(home), "--port", "0", "--x509-port", "0", *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        target = home / "demo.json"
        until(lambda: target.exists() or process.poll() is not None, 60, "demo.json")
        assert process.poll() is None, output.read_text()
        world = DemoWorld(home, json.loads(target.read_text()), process)
        yield world
        assert process.poll() is None, output.read_text()
        no_secret_in(world.api)
        no_secret_in(world.x509)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def adopt(cert: Path, key: Path, *revoked: Path) -> Authority:
    """An authority from its files: it issues in the same name with the same key."""
    certificate = x509.load_pem_x509_certificate(cert.read_bytes())
    names = {attribute.oid: str(attribute.value) for attribute in certificate.subject}
    authority = Authority(names[x509.NameOID.COMMON_NAME], organization=names[x509.NameOID.ORGANIZATION_NAME])
    assert authority.name == certificate.subject
    loaded: Any = serialization.load_pem_private_key(key.read_bytes(), None)
    authority.key, authority.certificate = loaded, certificate
    for file in revoked:
        authority.revoke(x509.load_pem_x509_certificate(file.read_bytes()))
    return authority


def _argument(entry: Path, option: str) -> str | None:
    try:
        words = (entry / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return None
    return words[words.index(option) + 1] if option in words else None
