"""Whole sites on loopback addresses: rendered files, certificates, and the real daemons that run with them.

Every host has an address of its own in 127.0.0.0/8, so that who goes past the load balancer is seen to be a stranger.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from identity.manage.config import to_toml
from identity.manage.demo.processes import DIES_WITH_US, clean_environ
from identity.manage.site import filling, reading
from tests.support.demo_world import DemoWorld
from tests.support.listener import GATESTONE, ROOT, Reply, free_port, until
from tests.support.pki import CLIENT, SERVER, Authority

LB = "127.0.20.11"
STRANGER = "127.0.20.99"
CLIENT_ADDRESS = "127.0.20.7"
ADDRESSES = {
    "lb01": LB, "lb02": "127.0.20.12", "v3a": "127.0.20.31", "v3b": "127.0.20.32", "v3c": "127.0.20.33",
    "v2a": "127.0.20.41", "x1": "127.0.20.21",
}  # fmt: skip


@dataclass
class SiteFiles:
    """A rendered site below `directory`; `ports` by host, `lb_x509` is the load balancer's port for certificates."""

    directory: Path
    authority: Authority
    ports: dict[str, int]
    x509_port: int
    stats_port: int
    host: str = "localhost"
    tables: dict[str, Any] = field(default_factory=dict)

    def path(self, host: str, file: str) -> Path:
        return self.directory / host / file

    @property
    def ca(self) -> Path:
        return self.directory / "tls" / "ca.pem"

    def context(self, cert: tuple[Any, Any] | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        if cert is not None:
            context.load_cert_chain(*cert)
        return context

    def connect(
        self, host: str = "lb01", *, port: int = 0, cert: Any = None, source: str = CLIENT_ADDRESS, checked: bool = True
    ) -> Any:
        """A connection to a host of the site, verified by the site's name; a back end has only its own (`checked` False)."""
        context = self.context(cert)
        context.check_hostname = checked
        return _Named(self.host, port or self.ports[host], ADDRESSES[host], source, context=context, timeout=15)

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **where: Any) -> Reply:
        connection = self.connect(**where)
        try:
            content = json.dumps(body).encode() if body is not None else None
            sent = ({"Content-Type": "application/json"} if content else {}) | dict(headers or {})
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()


class _Named(http.client.HTTPSConnection):
    """To an address, from an address, by a name."""

    def __init__(self, name: str, port: int, address: str, source: str, **more: Any) -> None:
        super().__init__(name, port, source_address=(source, 0), **more)
        self._address = address
        self._create_connection = lambda _to, timeout, source: socket.create_connection((address, port), timeout, source)


def make(
    directory: Path, members: Mapping[str, str], tables: Mapping[str, Any], *, balancers: tuple[str, ...] = ("lb01",)
) -> SiteFiles:
    """Write a site's certificates and render all its files. `members`: host name to pool."""
    names = [*balancers, *members]
    ports = {name: free_port() for name in names}
    x509_port, stats_port = free_port(), free_port()
    authority, tls = Authority("Site Authority"), directory / "tls"
    tls.mkdir(parents=True)
    (tls / "ca.pem").write_bytes(authority.bundle_pem)
    site = authority.issue_server(["localhost"])
    site.write(tls, "site")
    (tls / "site.pem").write_bytes(site.cert_pem + site.key_pem)
    for name in names:
        issued = authority.issue_server([name], usage=(*SERVER, *CLIENT))
        issued.write(tls, name)
        (tls / f"{name}.pem").write_bytes(issued.cert_pem + issued.key_pem)
        (directory / name).mkdir()
    place = {"name": "localhost", "port": ports["lb01"], "x509_port": x509_port}
    files = {"site_pem": "site.pem", "site_cert": "site.crt", "site_key": "site.key", "ca": "ca.pem", "host_cert": "{name}.crt",
             "host_key": "{name}.key", "hop_pem": "{name}.pem"}  # fmt: skip
    found: dict[str, Any] = {
        "site": place,
        "tls": {key: f"{tls}/{file}" for key, file in files.items()} | dict(tables.get("tls", {})),
        "paths": {"run": f"{directory}/{{name}}", "haproxy_run": f"{directory}/{{name}}"} | dict(tables.get("paths", {})),
        **{name: table for name, table in tables.items() if name not in ("tls", "paths")},
    }
    text = to_toml(found)
    for name in balancers:
        more = {"bind": ADDRESSES[name], "port": ports[name], "peers_port": free_port(), "stats_address": ADDRESSES[name],
                "stats_port": stats_port, "x509_port": x509_port}  # fmt: skip
        text += _entry("load_balancers", name, more)
    for name, pool in members.items():
        text += _entry(pool, name, {"port": ports[name]})
    (directory / "site.toml").write_text(text)
    described = reading.load(directory / "site.toml")
    for kind in ("haproxy", "apache", "gateway"):
        for file, content in filling.files(described, kind).items():
            (directory / file).write_text(content)
    return SiteFiles(directory, authority, ports, x509_port, stats_port)


def _entry(kind: str, name: str, more: Mapping[str, Any]) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in {"name": name, "address": ADDRESSES[name], **more}.items()]
    return "\n".join(["", f"[[{kind}]]", *lines, ""])


def over(world: DemoWorld, **tables: Any) -> dict[str, Any]:
    """Tables for a site on the demo's database, with the demo's people and their certificates."""
    import tomllib

    config = tomllib.loads(world.config.read_text())
    certificates = {name: config["x509"][name] for name in ("client_ca", "crl", "rules")}
    chosen: dict[str, Any] = {
        "database": {"connection": config["database"]["connection"]},
        "paths": {"master_key": config["keys"]["master_key_file"]},
        "certificates": certificates | tables.pop("certificates", {}),
        "limits": {"tokens_per_source": 100000} | tables.pop("limits", {}),
    }
    return chosen | tables


def lines(site: SiteFiles, host: str, listener: str = "api") -> list[dict[str, Any]]:
    """What a gateway of the site has logged so far."""
    return [json.loads(line) for line in site.path(host, f"{listener}.log").read_text().splitlines()]


@contextlib.contextmanager
def daemon(command: list[str], log: Path, environ: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A program in the foreground that ends with the block."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*DIES_WITH_US, *command],
            cwd=ROOT,
            env=clean_environ({"PYTHONPATH": str(ROOT), **(environ or {})}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@contextlib.contextmanager
def gateway(site: SiteFiles, name: str, listener: str = "api", **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """`gatestone serve` on one host of the site, once it listens."""
    log = site.path(name, f"{listener}.log")
    already = log.read_bytes().count(b'"listening"') if log.exists() else 0
    extra = {"HOME": str(site.directory), "TMPDIR": str(site.directory), **environ}
    command = [*GATESTONE, "serve", "--config", str(site.path(name, "gatestone.toml")), "--listener", listener]
    with daemon(command, log, extra) as process:
        until(lambda: log.read_bytes().count(b'"listening"') > already or process.poll() is not None, 30, f"{name} {listener}")
        assert process.poll() is None, log.read_text()
        yield process


@contextlib.contextmanager
def haproxy(site: SiteFiles, name: str = "lb01", ready: Mapping[str, int] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """The load balancer, once as many servers of each back end in `ready` are up."""
    config = site.path(name, "haproxy.cfg")
    log = site.path(name, "haproxy.log")
    checked = subprocess.run(
        ["/usr/sbin/haproxy", "-c", "-f", str(config)], check=False, capture_output=True, text=True, timeout=20
    )
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr, checked.stderr
    with daemon(["/usr/sbin/haproxy", "-W", "-db", "-f", str(config)], log) as process:
        until(lambda: _listens(ADDRESSES[name], site.stats_port) or process.poll() is not None, 10, "HAProxy")
        assert process.poll() is None, log.read_text()
        for back_end, wanted in (ready or {}).items():
            until(lambda b=back_end, w=wanted: up(site, name).get(b, 0) >= w, 10, f"{wanted} servers of {back_end}")  # type: ignore[misc]
        yield process


def up(site: SiteFiles, name: str = "lb01") -> dict[str, int]:
    """Back end to how many of its checked servers are up, as the statistics page tells."""
    connection = http.client.HTTPConnection(ADDRESSES[name], site.stats_port, timeout=5)
    connection.request("GET", "/;csv")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    head = lines[0].lstrip("# ").split(",")
    found: dict[str, int] = {}
    for line in lines[1:]:
        row = dict(zip(head, line.split(","), strict=False))
        if row["svname"] not in ("FRONTEND", "BACKEND") and not row["svname"].endswith("-unwell") and row["status"] == "UP":
            found[row["pxname"]] = found.get(row["pxname"], 0) + 1
    return found


def command(site: SiteFiles, *words: str, name: str = "lb01") -> str:
    """One command to a load balancer's admin socket, and its answer."""
    with socket.socket(socket.AF_UNIX) as admin:
        admin.settimeout(5)
        admin.connect(str(site.path(name, "admin.sock")))
        admin.sendall(" ".join(words).encode() + b"\n")
        return b"".join(iter(lambda: admin.recv(65536), b"")).decode()


def metrics(site: SiteFiles, name: str = "lb01") -> str:
    """What a load balancer tells Prometheus."""
    connection = http.client.HTTPConnection(ADDRESSES[name], site.stats_port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def _listens(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
        return True
    return False
