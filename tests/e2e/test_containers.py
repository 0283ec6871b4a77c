"""What the containers run, run as processes: the gateways' commands, environments and health checks; the scripts beside them."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from identity.manage.config import to_toml
from identity.manage.demo.processes import DIES_WITH_US, clean_environ
from identity.manage.site import filling, reading
from tests.support import site_world
from tests.support.compose import gateways, mounts
from tests.support.listener import GATESTONE, ROOT, TOKENS, free_port, password_body, until
from tests.support.pki import CLIENT, SERVER, Authority
from tests.support.postgres import Postgres
from tests.support.site_world import ADDRESSES, LB, SiteFiles

MEMBERS = {"v3a": "v3", "v2a": "v2", "x1": "x509"}
PASSWORD = "correct horse"


@dataclass
class Containers:
    """The rendered compose file of a small site on loopback addresses, and where its mounts lie."""

    home: Path
    services: dict[str, Any]
    ports: dict[str, int]
    image_environ: dict[str, str]

    def words(self, name: str, words: list[str]) -> list[str]:
        """As they are inside: each path is that of what is mounted there."""
        service = self.services[name]
        found = {target: str(self.home / source.removeprefix("./build/site/")) for source, target in mounts(service)}
        found["/run/secrets/admin_password"] = f"{self.home}/secrets/admin_password"
        found["/opt/gatestone/alive.py"] = f"{ROOT}/containers/alive.py"
        return [found.get(word, word) for word in words]

    def command(self, name: str) -> list[str]:
        return [*GATESTONE, *self.words(name, self.services[name]["command"])]

    def environ(self, name: str) -> dict[str, str]:
        """The image's and the service's own, and a /tmp of its own: the only place that can be written to."""
        place = self.home / "tmp" / name
        place.mkdir(parents=True, exist_ok=True)
        own = self.image_environ | self.services[name].get("environment", {}) | {"HOME": str(place), "TMPDIR": str(place)}
        return clean_environ({"PYTHONPATH": str(ROOT), **own})

    def healthy(self, name: str) -> bool:
        test = self.words(name, self.services[name]["healthcheck"]["test"][1:])
        assert test[0] == "python"
        done = run([sys.executable, *test[1:]], self.environ(name))
        return done.returncode == 0


def image_environ() -> dict[str, str]:
    """ENV of the gateway's stage."""
    stage = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").partition(" AS gateway\n")[2].partition("\nFROM ")[0]
    line = next(line for line in stage.splitlines() if line.startswith("ENV "))
    return {name: value for name, value in (word.split("=", 1) for word in line.split()[1:]) if name not in ("PATH", "HOME")}


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """The example in small: what it says of each kind of container is the same, but for names, addresses and where files lie."""
    home = tmp_path_factory.mktemp("containers")
    tls, secrets = home / "tls", home / "secrets"
    for directory in (tls, secrets):
        directory.mkdir()
    with Postgres() as server:
        with server.connect() as db:
            db.execute("CREATE DATABASE gatestone")
        ports = {name: free_port() for name in ("lb01", *MEMBERS)}
        file = home / "site.toml"
        file.write_text(small_site(home, ports, server.port))
        site = reading.load(file)
        for kind in ("haproxy", "gateway", "compose"):
            for name, text in filling.files(site, kind).items():
                (home / name).parent.mkdir(exist_ok=True)
                (home / name).write_text(text)
        write_certificates(tls)
        (secrets / "master_key").write_text(subprocess.check_output([*GATESTONE, "keys", "master"], cwd=ROOT, text=True))
        (secrets / "admin_password").write_text(PASSWORD + "\n")
        (secrets / "pgpass").write_text("*:*:*:gatestone:unused\n")
        for secret in secrets.iterdir():
            secret.chmod(0o600)
        services = yaml.safe_load((home / "docker-compose.yml").read_text())["services"]
        yield Containers(home, services, ports, image_environ())


def small_site(home: Path, ports: dict[str, int], database_port: int) -> str:
    """Paths inside are where the files lie outside, so that no mount is needed."""
    tls = home / "tls"
    tables = {
        "site": {"name": "localhost", "port": ports["lb01"]},
        "database": {"passfile": f"{home}/secrets/pgpass"},
        "tls": {
            "site_pem": f"{tls}/site.pem", "site_cert": f"{tls}/site.crt", "site_key": f"{tls}/site.key", "ca": f"{tls}/ca.pem",
            "host_cert": f"{tls}/{{name}}.crt", "host_key": f"{tls}/{{name}}.key",
        },
        "certificates": {
            "client_ca": f"{tls}/clients.pem", "crl": f"{tls}/clients-crl.pem",
            "rules": [{"issuer": "CN=Example Users", "subject": "CN={user}", "domain": "Default"}],
        },
        "kerberos": {"where": "gateway", "keytab": f"{home}/kerberos/http.keytab", "realms": {"EXAMPLE.ORG": "Default"}},
        "paths": {"master_key": f"{home}/secrets/master_key", "haproxy_run": str(home)},
        "gateway": {"workers": 1},
        "compose": {"subnet": "127.0.0.0/8"},
    }  # fmt: skip
    others = "".join(f"{name}_port = {free_port()}\n" for name in ("x509", "peers", "stats"))
    hosts = [("load_balancers", "lb01", f'bind = "{LB}"\n{others}')]
    hosts += [(pool, name, "") for name, pool in MEMBERS.items()]
    text = to_toml(tables)
    for kind, name, more in hosts:
        text += f'\n[[{kind}]]\nname = "{name}"\naddress = "{ADDRESSES[name]}"\nport = {ports[name]}\n{more}'
    return text + f'\n[[postgresql]]\nname = "db01"\naddress = "127.0.0.1"\nport = {database_port}\n'


def write_certificates(tls: Path) -> None:
    authority, people = Authority("Site Authority"), Authority("Example Users")
    (tls / "ca.pem").write_bytes(authority.bundle_pem)
    site = authority.issue_server(["localhost"])
    site.write(tls, "site")
    (tls / "site.pem").write_bytes(site.cert_pem + site.key_pem)
    for name in ("v3a", "v2a"):
        authority.issue_server([name], usage=(*SERVER, *CLIENT)).write(tls, name)
    (tls / "clients.pem").write_bytes(people.bundle_pem)
    (tls / "clients-crl.pem").write_bytes(people.crl_pem())


def test_the_gateways_run_as_their_containers_say(containers: Containers) -> None:
    """Set up, healthy, and answering through the load balancer; a log-in on each API. No keytab is there yet, and nobody minds."""
    done = run(containers.command("setup"), containers.environ("setup"))
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert set(gateways({"services": containers.services})) == {"setup", *MEMBERS}
    with contextlib.ExitStack() as stack:
        logs = {}
        for name in MEMBERS:
            assert not containers.healthy(name)
            logs[name] = containers.home / f"{name}.log"
            stack.enter_context(process(containers.command(name), logs[name], containers.environ(name)))
        for name in MEMBERS:
            until(lambda name=name: containers.healthy(name), 40, f"{name}: {logs[name]}")  # type: ignore[misc]
        site = SiteFiles(containers.home, None, containers.ports, 0, 0)  # type: ignore[arg-type]
        balancer = ["/usr/sbin/haproxy", *containers.words("lb01", containers.services["lb01"]["command"])[1:]]
        stack.enter_context(process(balancer, containers.home / "lb01.log", containers.environ("lb01")))
        test = containers.services["lb01"]["healthcheck"]["test"][1:]
        until(lambda: run(test, containers.environ("lb01")).returncode == 0, 20, "the load balancer's check")
        until(lambda: site.ask("GET", "/main/v2.0").status == 200 and site.ask("GET", "/v3").status == 200, 20, "both pools")
        token = site.ask("POST", f"/main{TOKENS}", password_body("admin", PASSWORD, "admin")).token
        shown = site.ask("GET", f"/admin/v2.0/tokens/{token}", headers={"X-Auth-Token": token})
        assert shown.status == 200
    for name, log in logs.items():
        assert "Traceback" not in log.read_text() and token not in log.read_text(), name
        left = {path.name for path in (containers.home / "tmp" / name).rglob("*") if path.is_file()}
        assert left == set(), "they leave nothing behind"


def run(command: list[str], environ: dict[str, str], said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environ, input=said, cwd="/", capture_output=True, text=True, timeout=60, check=False)


@contextlib.contextmanager
def process(command: list[str], log: Path, environ: dict[str, str]) -> Iterator[None]:
    with site_world.daemon(command, log, environ) as running:
        yield
        assert running.poll() is None, log.read_text()


# --- the scripts --------------------------------------------------------------------------------------------------


def test_the_standby_copies_and_follows_the_primary(tmp_path: Path) -> None:
    """`primary.sh` and `standby.sh` with the programs that the image has, as its user would run them."""
    with Postgres() as primary:
        secrets, scripts, data = (primary.root / name for name in ("secrets", "scripts", "standby/pgdata"))
        shutil.copytree(ROOT / "containers" / "postgres", scripts)
        secrets.mkdir()
        data.parent.mkdir()
        (secrets / "replication_password").write_text("pass:wo\\rd'\n")
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (secrets, data.parent):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        environ = {
            "PATH": f"{primary.programs}:/usr/bin:/bin", "SECRETS": str(secrets), "HOME": str(primary.root), "PGHOST": "127.0.0.1",
            "PGPORT": str(primary.port), "POSTGRES_USER": "gatestone", "POSTGRES_DB": "postgres",
        }  # fmt: skip
        as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        (primary.data / "pg_hba.conf").write_text("local all all trust\nhost all gatestone 127.0.0.1/32 trust\n")
        first = [*as_nobody, "bash", str(scripts / "primary.sh")]
        done = run(first, environ | {"PGDATA": str(primary.data)})
        assert done.returncode == 0, done.stderr
        with primary.connect() as db:
            db.execute("SELECT pg_reload_conf()")
            db.execute("CREATE TABLE followed (x int)")
        port = free_port()
        flags = ["-p", str(port), "-c", "hot_standby=on", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        follow = ["bash", str(scripts / "standby.sh"), "127.0.0.1", str(primary.port), "postgres", *flags]
        command = [*DIES_WITH_US, *as_nobody, *follow]
        log = tmp_path / "standby.log"
        for _ in range(2):  # the second time it has its copy already
            with site_world.daemon(command, log, environ | {"PGDATA": str(data)}):
                until(lambda: follows(port, "followed"), 30, f"the standby: {log}")
        assert "pass:wo" not in log.read_text()


def follows(port: int, table: str) -> bool:
    try:
        with psycopg.connect(host="127.0.0.1", port=port, user="gatestone", dbname="postgres", connect_timeout=2) as db:
            row = db.execute("SELECT pg_is_in_recovery(), to_regclass(%s) IS NOT NULL", (table,)).fetchone()
    except psycopg.OperationalError:
        return False
    return row == (True, True)


def test_the_trial_realm_gives_tickets(tmp_path: Path) -> None:
    """`start.sh` as the container's user would run it; a person of it gets a ticket for the service, with the key of the keytab."""
    home, port = tmp_path / "kdc", free_port()
    home.mkdir()
    keytab = tmp_path / "http.keytab"
    environ = {
        "PATH": "/usr/sbin:/usr/bin:/bin", "KDC_HOME": str(home), "KDC_PORT": str(port), "REALM": "EXAMPLE.ORG",
        "SERVICE": "HTTP/id.example.org", "KEYTAB": str(keytab),
    }  # fmt: skip
    client = {"PATH": environ["PATH"], "KRB5CCNAME": f"FILE:{tmp_path}/cc"}
    client |= {"KRB5_CONFIG": str(home / "krb5.conf"), "KRB5_KDC_PROFILE": str(home / "kdc.conf")}
    for start in (1, 2):
        with site_world.daemon(["bash", str(ROOT / "containers" / "kdc" / "start.sh")], tmp_path / "kdc.log", environ):
            until(lambda: _listens(port), 20, "the KDC")
            if start == 1:
                assert run(["kadmin.local", "addprinc", "-pw", "alice", "alice"], client).returncode == 0
            assert run(["kinit", "alice"], client, "alice\n").returncode == 0
            told = run(["kvno", "-k", str(keytab), "HTTP/id.example.org"], client)
            assert told.returncode == 0 and "keytab entry valid" in told.stdout, told.stderr
    assert keytab.stat().st_mode & 0o077 == 0


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
