"""The rendered load balancer before real pools: who is asked, what is refused, and what a client cannot bring along."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import ssl
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import site_world
from tests.support.demo_world import DemoWorld
from tests.support.kdc import Client
from tests.support.listener import TOKENS, Reply, parent_of, password_body, proof_body, until
from tests.support.pki import Authority
from tests.support.site_world import LB, STRANGER, SiteFiles, lines

MEMBERS = {"v3a": "v3", "v3b": "v3", "v3c": "v3", "v2a": "v2", "x1": "x509"}  # v3c is away, but for one test


@pytest.fixture(scope="module")
def site(world: DemoWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteFiles]:
    """Two back ends of version 3, one of 2.0, and a certificate listener behind one load balancer, which speaks TLS to them."""
    told = tomllib.loads(world.config.read_text())["kerberos"]
    tickets = {"where": "gateway", "channel_bindings": "required", **{name: told[name] for name in ("keytab", "service", "realms")}}
    made = site_world.make(tmp_path_factory.mktemp("pools") / "site", MEMBERS, site_world.over(world, kerberos=tickets))
    realm = {"KRB5_CONFIG": world.told["krb5_conf"], "KRB5RCACHENAME": f"file2:{made.directory}/replay"}
    with contextlib.ExitStack() as stack:
        for name, listener in (("v3a", "api"), ("v3b", "api"), ("v2a", "api"), ("x1", "x509")):
            stack.enter_context(site_world.gateway(made, name, listener, **realm))
        stack.enter_context(site_world.haproxy(made, ready={"v3": 2, "v3_once": 2, "v2": 1, "x509": 1}))
        yield made


def login(site: SiteFiles, world: DemoWorld, **where: Any) -> Reply:
    return site.ask("POST", f"/main{TOKENS}", password_body("alice", world.user("alice")["password"], "demo"), **where)


def test_a_token_of_one_back_end_is_good_at_all(site: SiteFiles, world: DemoWorld) -> None:
    token = login(site, world).token
    for _ in range(4):
        shown = site.ask("GET", f"/main{TOKENS}", headers={"X-Auth-Token": token, "X-Subject-Token": token})
        assert shown.status == 200
        assert shown.headers["strict-transport-security"].startswith("max-age=")
    assert {one for one in ("v3a", "v3b") if any(line["event"] == "listening" for line in lines(site, one))} == {"v3a", "v3b"}


def old_login(site: SiteFiles, world: DemoWorld, face: str = "/main", **where: Any) -> dict[str, Any]:
    told = {"username": "alice", "password": world.user("alice")["password"]}
    reply = site.ask("POST", f"{face}/v2.0/tokens", {"auth": {"passwordCredentials": told, "tenantName": "demo"}}, **where)
    assert reply.status == 200, reply.body
    found: dict[str, Any] = reply.json()["access"]
    return found


def test_a_token_of_either_api_is_good_on_the_other(site: SiteFiles, world: DemoWorld) -> None:
    new, old = login(site, world).token, old_login(site, world)["token"]["id"]
    shown = site.ask("GET", f"/main{TOKENS}", headers={"X-Auth-Token": old, "X-Subject-Token": old})
    assert shown.status == 200 and shown.json()["token"]["project"]["name"] == "demo"
    shown = site.ask("GET", f"/admin/v2.0/tokens/{new}", headers={"X-Auth-Token": world.admin_token()})
    assert shown.status == 200 and shown.json()["access"]["user"]["name"] == "alice", shown.body


def test_each_pool_leads_to_its_own_version(site: SiteFiles, world: DemoWorld) -> None:
    """So that a service moves from one API to the other by the URL it is given, and nothing else."""
    token = login(site, world)
    found = next(one for one in token.json()["token"]["catalog"] if one["type"] == "identity")
    assert found["endpoints"] and all(one["url"].endswith("/v3") for one in found["endpoints"]), found
    old = old_login(site, world)
    service = next(one for one in old["serviceCatalog"] if one["type"] == "identity")
    urls = {
        endpoint[key] for endpoint in service["endpoints"] for key in ("publicURL", "internalURL", "adminURL") if key in endpoint
    }
    assert urls and all(url.endswith("/v2.0") for url in urls), urls
    # The token of the other API too: it is the pool that decides.
    shown = site.ask("GET", f"/main{TOKENS}", headers={"X-Auth-Token": old["token"]["id"], "X-Subject-Token": old["token"]["id"]})
    found = next(one for one in shown.json()["token"]["catalog"] if one["type"] == "identity")
    assert all(one["url"].endswith("/v3") for one in found["endpoints"])


def test_a_pool_serves_its_own_version_alone(site: SiteFiles) -> None:
    """Each is found below its own prefix; who asks a back end of version 3 for 2.0 (below /krb) finds nothing."""
    assert site.ask("GET", "/main/v2.0").json()["version"]["id"] == "v2.0"
    assert site.ask("GET", "/main/v3").json()["version"]["id"].startswith("v3.")
    assert site.ask("GET", "/krb/v2.0").status == 404


def test_the_clients_address_and_scheme_arrive(site: SiteFiles, world: DemoWorld) -> None:
    reply = login(site, world, source="127.0.20.8")
    assert reply.status == 201
    wanted = reply.headers["x-openstack-request-id"]
    line = until(
        lambda: next((one for host in ("v3a", "v3b") for one in lines(site, host) if one.get("request_id") == wanted), None), 5
    )
    assert line["address"] == "127.0.20.8"
    links = site.ask("GET", "/v3").json()["version"]["links"]
    assert links[0]["href"] == f"https://localhost:{site.ports['lb01']}/v3/"


def test_a_write_reaches_a_back_end(site: SiteFiles, world: DemoWorld) -> None:
    admin = world.told["admin"]
    token = site.ask("POST", f"/main{TOKENS}", password_body(admin["user"], admin["password"], admin["project"])).token
    made = site.ask("POST", "/main/v3/regions", {"region": {"id": "Pool-Region"}}, {"X-Auth-Token": token})
    assert made.status == 201, made.body
    assert site.ask("DELETE", "/main/v3/regions/Pool-Region", headers={"X-Auth-Token": token}).status == 204


def test_a_ticket_that_is_bound_to_the_site_opens(
    site: SiteFiles, world: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The channel is the one that the client has: to the load balancer (RFC 5929, section 4), not ours from there."""
    monkeypatch.setenv("KRB5_CONFIG", world.ticket("alice", tmp_path)["KRB5_CONFIG"])

    def reply(bound_to: str) -> tuple[Client, Reply]:
        der = ssl.PEM_cert_to_DER_cert((site.directory / "tls" / f"{bound_to}.crt").read_text())
        exchange = Client(tmp_path / "alice.cc", bindings=b"tls-server-end-point:" + hashlib.sha256(der).digest())
        headers = {"Authorization": exchange.header}
        return exchange, site.ask("POST", f"/krb{TOKENS}", proof_body("kerberos", "demo"), headers)

    exchange, opened = reply("site")
    assert opened.status == 201 and opened.json()["token"]["user"]["name"] == "alice", opened.body
    assert exchange.finish(opened.headers["www-authenticate"])
    assert {reply(back_end)[1].status for back_end in ("v3a", "v3b")} == {401}


@pytest.mark.parametrize(
    "path",
    [
        "/main/v3/../v2.0/tokens", "/main//v3", "//v3", "/main/%76%33", "/main/v3/%2e%2e/v2.0", "/main%2fv3", "/main%252fv3",
        "/./v3", "/main\\v3", "/v3/auth/tokens;x=1", "/v3/users/%zz", "/v3/users/%4", "/v3/%00", "/v3/..", "/v3/%5c",
        "http://localhost/v3", "*",
    ],
)  # fmt: skip
def test_paths_with_two_readings_are_refused_at_the_edge(site: SiteFiles, path: str) -> None:
    """On a bare socket: clients tidy paths up. Each is refused by HAProxy itself, in the API's form."""
    head, body = raw_get(site, path)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"]["code"] == 400
    assert b"x-openstack-request-id" not in head.lower(), "it went as far as a gateway"


@pytest.mark.parametrize("path", ["/v3#x", "http://elsewhere.example/v3", "/v3\x01", "/v3\xe9"])
def test_what_is_no_request_line_is_refused_by_the_parser(site: SiteFiles, path: str) -> None:
    head, _body = raw_get(site, path)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"x-openstack-request-id" not in head.lower()


def raw_get(site: SiteFiles, path: str) -> tuple[bytes, bytes]:
    with site.context().wrap_socket(socket.create_connection((LB, site.ports["lb01"]), 10), server_hostname="localhost") as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("latin-1"))
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize("path", ["/v3/users/%C3%A9", "/v3/users/a%20b", "/v3/projects?name=%2F%3D"])
def test_escapes_that_are_needed_pass(site: SiteFiles, path: str) -> None:
    assert site.ask("GET", path).status == 401


@pytest.mark.parametrize(
    ("path", "status"), [("/metrics", 404), ("/x509/v3", 404), ("/x509", 404), ("/MAIN/v2.0", 404), ("/healthcheck", 200)]
)
def test_what_is_not_for_this_port_is_not_there(site: SiteFiles, path: str, status: int) -> None:
    assert site.ask("GET", path).status == status


def test_who_goes_past_the_load_balancer_is_not_heard(site: SiteFiles) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        site.ask("GET", "/v3", host="v3a", source=STRANGER)


def test_a_user_that_the_load_balancer_names_is_nobody(site: SiteFiles) -> None:
    """Straight from the load balancer's address, as if HAProxy had let the header through."""
    context = site.context()
    context.check_hostname = False  # the back end's certificate is in its own name
    connection = http.client.HTTPSConnection("127.0.20.31", site.ports["v3a"], source_address=(LB, 0), context=context, timeout=10)
    body = json.dumps(proof_body("external"))
    connection.request("POST", f"/krb{TOKENS}", body, {"Content-Type": "application/json", "X-Remote-User": "alice"})
    assert connection.getresponse().status == 401
    connection.close()


def test_certificates_pass_through_with_the_clients_address(site: SiteFiles, world: DemoWorld) -> None:
    where: dict[str, Any] = {"port": site.x509_port, "cert": world.cert("alice"), "source": "127.0.20.9"}
    reply = site.ask("POST", f"/x509{TOKENS}", proof_body("x509", "demo"), **where)
    assert reply.status == 201, reply.body
    assert reply.json()["token"]["user"]["name"] == "alice"
    wanted = reply.headers["x-openstack-request-id"]
    line = until(lambda: next((one for one in lines(site, "x1", "x509") if one.get("request_id") == wanted), None), 5)
    assert line["address"] == "127.0.20.9"
    stranger = Authority("Gatestone Demo Clients").issue_client("alice").write(site.directory, "stranger")
    for cert in (None, stranger):
        with pytest.raises(OSError):
            site.ask("GET", "/x509/v3", port=site.x509_port, cert=cert, source="127.0.20.10")
    told = until(lambda: [one for one in lines(site, "x1", "x509") if one.get("address") == "127.0.20.10"], 5)
    assert {one["event"] for one in told} <= {"login", "refused"}


def test_a_stranger_who_speaks_the_proxy_protocol_is_not_believed(site: SiteFiles, world: DemoWorld) -> None:
    """PROXY headers count from load balancers only; this address may not even connect."""
    raw = socket.create_connection(("127.0.20.21", site.ports["x1"]), 10, (STRANGER, 0))
    with raw:
        raw.sendall(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n")
        with contextlib.suppress(ConnectionError):
            assert raw.recv(100) == b""


def test_what_is_not_tls_never_reaches_the_certificate_listener(site: SiteFiles) -> None:
    with socket.create_connection((LB, site.x509_port), 10) as raw:
        raw.sendall(b"GET /x509/v3 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert raw.recv(100) == b""


def test_the_state_and_the_metrics_of_the_load_balancer(site: SiteFiles) -> None:
    assert 'haproxy_backend_active_servers{proxy="v3"} 2' in status_page(site, "/metrics")
    page = status_page(site, "/")
    assert "Statistics Report" in page and all(
        f"{pool}/{host}" in page for pool, host in (("v3", "v3a"), ("v2", "v2a"), ("x509", "x1"))
    )


def status_page(site: SiteFiles, path: str) -> str:
    connection = http.client.HTTPConnection(LB, site.stats_port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200
    return text


@pytest.mark.parametrize(
    ("version", "ciphers"),
    [
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_2, "AES256-SHA:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:@SECLEVEL=0"),
    ],
)
def test_old_tls_and_weak_ciphers_are_refused(site: SiteFiles, version: ssl.TLSVersion, ciphers: str) -> None:
    context = site.context()
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, version
    context.set_ciphers(ciphers)
    with (
        pytest.raises(ssl.SSLError, match=r"(?i)alert|handshake|version"),
        socket.create_connection((LB, site.ports["lb01"]), 10) as raw,
    ):
        context.wrap_socket(raw, server_hostname="localhost")


def test_a_rolling_restart_fails_no_request_and_a_kill_only_those_in_flight(site: SiteFiles, world: DemoWorld) -> None:
    """Reads and writes go on while a third back end joins, is drained and ended, joins again, and is killed with its workers."""
    traffic = Traffic(site, world)
    with traffic:
        with site_world.gateway(site, "v3c") as third:
            until(lambda: site_world.up(site)["v3"] == 3, 10)
            traffic.more(40)
            set_state(site, "v3c", "drain")
            traffic.more(10)
            third.terminate()
            assert third.wait(20) == 0
        traffic.more(40)
        assert traffic.faults == []
        set_state(site, "v3c", "ready")
        with site_world.gateway(site, "v3c") as third:
            until(lambda: site_world.up(site)["v3"] == 3, 10)
            traffic.more(40)
            for pid in (third.pid, *children(third.pid)):
                os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            until(lambda: site_world.up(site)["v3"] == 2, 10)
            traffic.more(40)
    assert len(traffic.faults) <= traffic.CLIENTS
    assert all(when < killed + 3 for when, _ in traffic.faults), traffic.faults


def set_state(site: SiteFiles, host: str, state: str) -> None:
    for pool in ("v3", "v3_once"):
        assert site_world.command(site, f"set server {pool}/{host} state {state}").strip() == ""


class Traffic:
    """Clients that go on asking: one makes and removes a region, the others validate. `faults`: when, and what."""

    CLIENTS = 3

    def __init__(self, site: SiteFiles, world: DemoWorld) -> None:
        admin = world.told["admin"]
        self.site = site
        self.token = site.ask("POST", f"/main{TOKENS}", password_body(admin["user"], admin["password"], admin["project"])).token
        self.done = 0
        self.faults: list[tuple[float, str]] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._go_on, args=(number,), daemon=True) for number in range(self.CLIENTS)]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def more(self, requests: int) -> None:
        wanted = self.done + requests
        until(lambda: self.done >= wanted, 30, "traffic")

    def _go_on(self, number: int) -> None:
        step = 0
        while not self._stop.is_set():
            step += 1
            try:
                self._write(f"R{step}") if number == 0 else self._read()
            except (AssertionError, OSError, http.client.HTTPException) as fault:
                self.faults.append((time.monotonic(), repr(fault)))
            self.done += 1

    def _write(self, region: str) -> None:
        headers = {"X-Auth-Token": self.token}
        made = self.site.ask("POST", "/main/v3/regions", {"region": {"id": region}}, headers)
        assert made.status == 201, (made.status, made.body)
        gone = self.site.ask("DELETE", f"/main/v3/regions/{region}", headers=headers)
        assert gone.status == 204, (gone.status, gone.body)

    def _read(self) -> None:
        shown = self.site.ask("GET", f"/main{TOKENS}", headers={"X-Auth-Token": self.token, "X-Subject-Token": self.token})
        assert shown.status == 200, (shown.status, shown.body)


def children(pid: int) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and parent_of(entry) == pid]
