"""Every entry point as the stock clients find it: an answer each time, never a wait without end; and what operators read."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from keystoneauth1 import exceptions
from keystoneauth1.identity import generic
from keystoneauth1.session import Session
from prometheus_client.parser import text_string_to_metric_families

from tests.support.demo_world import DemoWorld
from tests.support.listener import DOMAIN, TOKENS, Reply, no_secret_in, proof_body, within
from tests.support.stock_client import Client

OPEN = ["", "/", "/v3", "/v3/", "/main", "/main/", "/main/v3", "/main/v3/", "/admin", "/admin/v3"]
# Where the prefix asks for another proof: refused at once, after a discovery that is not challenged.
OTHER_PROOF = ["/krb", "/krb/", "/krb/v3", "/krb/v3/"]
NOWHERE = ["/nosuch", "/nosuch/v3", "/KRB/v3", "/Main/v3", "/x509/v3", "/main/v4", "/main//v3", "/krb;a=b/v3"]


def password_session(world: DemoWorld, url: str, cert: tuple[str, str] | None = None) -> Session:
    alice = world.user("alice")
    auth = generic.Password(
        url, username="alice", password=alice["password"], user_domain_name=DOMAIN, project_name="demo", project_domain_name=DOMAIN
    )
    return Session(auth, verify=str(world.ca), cert=cert, timeout=10)


@pytest.mark.parametrize("path", OPEN)
def test_a_password_client_logs_in_wherever_it_starts(world: DemoWorld, path: str) -> None:
    session = password_session(world, world.api.url + path)
    token = within(20, session.get_token)
    shown = world.api.show(token, token).json()["token"]
    assert shown["user"]["name"] == "alice" and shown["project"]["name"] == "demo"
    # The next call goes by the catalogue, whatever face the login used.
    answer = within(20, lambda: session.get("/auth/projects", endpoint_filter={"service_type": "identity"}))
    assert {project["name"] for project in answer.json()["projects"]} == {"demo", "research"}


@pytest.mark.parametrize("path", OTHER_PROOF)
def test_a_password_is_refused_at_once_where_a_ticket_is_the_proof(world: DemoWorld, path: str) -> None:
    session = password_session(world, world.api.url + path)
    with pytest.raises(exceptions.Unauthorized) as refused:
        within(20, session.get_token)
    assert "use /main/v3" in str(refused.value)


@pytest.mark.parametrize("path", NOWHERE)
def test_an_unknown_entry_point_ends_the_client_with_an_error(world: DemoWorld, path: str) -> None:
    session = password_session(world, world.api.url + path)
    with pytest.raises((exceptions.DiscoveryFailure, exceptions.HttpError)):
        within(20, session.get_token)


@pytest.mark.parametrize("path", ["", "/", "/x509/v3", "/main/v3", "/nosuch/v3"])
@pytest.mark.parametrize("with_certificate", [True, False])
def test_the_certificate_port_never_leaves_a_password_client_waiting(world: DemoWorld, path: str, with_certificate: bool) -> None:
    session = password_session(world, world.x509.url + path, world.cert("alice") if with_certificate else None)
    with pytest.raises(exceptions.ClientException):
        within(20, session.get_token)


def test_the_client_program_ends_on_odd_urls(world: DemoWorld, tmp_path: Path) -> None:
    """Both at a time: the program itself, for its own threads and retries."""
    alice = world.user("alice")
    common = {
        "OS_CACERT": str(world.ca),
        "OS_AUTH_TYPE": "password",
        "OS_USERNAME": "alice",
        "OS_PASSWORD": alice["password"],
        "OS_USER_DOMAIN_NAME": DOMAIN,
    }
    urls = [f"{world.api.url}/krb/v3", f"{world.x509.url}/"]
    running = [Client(tmp_path / f"h{n}", ["token issue"], {**common, "OS_AUTH_URL": url}) for n, url in enumerate(urls)]
    for client, url in zip(running, urls, strict=True):
        _, out, err = client.ended(30)
        assert out.strip() in ("", "[]") and err.strip(), (url, out, err)
        assert "Traceback" not in err, (url, err)


@pytest.mark.parametrize("path", [*OPEN, *OTHER_PROOF])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_discovery_is_never_challenged_and_echoes_its_prefix(world: DemoWorld, path: str, method: str) -> None:
    reply = world.api.ask(method, path or "/")
    prefix = "" if path in ("", "/") else path.rstrip("/").removesuffix("/v3")
    versions = path.rstrip("/").endswith("/v3")
    assert reply.status == (200 if versions else 300)
    assert "www-authenticate" not in reply.headers
    assert reply.headers["vary"] == "X-Auth-Token" and reply.headers["x-openstack-request-id"].startswith("req-")
    if method == "GET":
        body = reply.json()
        document = body["version"] if versions else body["versions"]["values"][0]
        assert document["links"][0]["href"] == f"{world.api.url}{prefix}/v3/"
        assert document["id"].startswith("v3.") and document["status"] == "stable"


@pytest.mark.parametrize("path", [path for path in NOWHERE if path.startswith(("/nosuch", "/KRB", "/Main", "/x509", "/main/v4"))])
def test_an_unknown_prefix_is_not_found_and_not_challenged(world: DemoWorld, path: str) -> None:
    for method in ("GET", "POST"):
        reply = world.api.ask(method, path, b"{}" if method == "POST" else None)
        assert reply.status == 404 and reply.json()["error"]["code"] == 404
        assert "www-authenticate" not in reply.headers


def test_a_host_that_is_not_ours_is_never_echoed(world: DemoWorld) -> None:
    for path in ("/", "/main/v3", "/krb/v3", "/krb/v3/auth/tokens"):
        reply = world.api.ask("GET", path, headers={"Host": "evil.example.org", "X-Forwarded-Host": "evil.example.org"})
        assert b"evil" not in reply.body and "evil" not in str(reply.headers)


def raw(world: DemoWorld, method: str, target: str, lines: list[str], body: bytes) -> Reply:
    """One request with target and header lines exactly as given."""
    head = [f"{method} {target} HTTP/1.1", f"Host: localhost:{world.api.port}", "Connection: close", *lines]
    head.append(f"Content-Type: application/json\r\nContent-Length: {len(body)}")
    plain = socket.create_connection(("localhost", world.api.port), 10)
    with world.api.context().wrap_socket(plain, server_hostname="localhost") as tls:
        tls.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
        data = b""
        while chunk := tls.recv(65536):
            data += chunk
    top, _, content = data.partition(b"\r\n\r\n")
    first, *fields = top.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
    return Reply(int(first.split()[1]), headers, content)


SPOOFED = [
    "REMOTE_USER",
    "Remote-User",
    "remote_user",
    "X-Remote-User",
    "X_Remote_User",
    "X-REMOTE_USER",
    "HTTP_REMOTE_USER",
    "HTTP-X-Remote-User",
    "X-Forwarded-User",
    "X_FORWARDED_USER",
    "X-Forwarded-Email",
    "SSL_CLIENT_S_DN",
    "Ssl-Client-S-Dn",
    "SSL_CLIENT_S_DN_CN",
    "X-SSL-Client-DN",
    "X_SSL_Client_DN",
    "X-SSL-Client-Cert",
    "X-SSL-Client-Verify",
    "X-SSL-Issuer-DN",
    "SSL_CLIENT_CERT",
    "SSL_CLIENT_VERIFY",
    "Client-Cert",
    "CLIENT_CERT",
    "Client-Cert-Chain",
    "X-Client-Cert",
    "X-Forwarded-Client-Cert",
    "X-ARR-ClientCert",
    "AUTH_TYPE",
    "Auth-Type",
    "Shib-Identity-Provider",
    "MELLON_uid",
    "Mellon-Uid",
    "OIDC_CLAIM_sub",
    "OIDC-preferred_username",
    "eppn",
    "KRB5CCNAME",
    "GSS_NAME",
    "Proxy-User",
    "gatestone.peer",
]
SPOOFED_VALUES = ("admin", "CN=alice,O=Gatestone", "alice@GATESTONE.TEST")


@pytest.mark.parametrize("face", ["/main", "", "/admin", "/krb"])
def test_no_header_makes_anybody_somebody(world: DemoWorld, face: str) -> None:
    for method in ("external", "x509", "kerberos"):
        body = json.dumps(proof_body(method)).encode()
        for value in SPOOFED_VALUES:
            reply = raw(world, "POST", face + TOKENS, [f"{name}: {value}" for name in SPOOFED], body)
            assert reply.status in (400, 401), (method, reply)
            assert "x-subject-token" not in reply.headers
        for name in SPOOFED:
            reply = raw(world, "POST", face + TOKENS, [f"{name}: admin"], body)
            assert reply.status in (400, 401) and "x-subject-token" not in reply.headers, (name, reply)


def test_no_header_changes_whose_certificate_it_is(world: DemoWorld) -> None:
    headers = {name: "CN=bob,O=Gatestone" if "DN" in name.upper() else "bob" for name in SPOOFED if "." not in name}
    reply = world.x509.ask("POST", f"/x509{TOKENS}", proof_body("external"), headers, cert=world.cert("alice"))
    assert reply.status in (201, 400)
    if reply.status == 201:
        assert reply.json()["token"]["user"]["name"] == "alice"
    for name, value in headers.items():
        reply = world.x509.ask("POST", f"/x509{TOKENS}", proof_body("external"), {name: value}, cert=world.cert("alice"))
        assert reply.status == 400 or reply.json()["token"]["user"]["name"] == "alice", name


ODD = [
    "//krb/v3/auth/tokens",
    "/krb//v3/auth/tokens",
    "/krb/v3//auth/tokens",
    "/krb/v3/auth//tokens",
    "/krb/v3/auth/tokens/",
    "/krb/v3/auth/tokens//",
    "/krb/v3/auth%2ftokens",
    "/krb%2Fv3/auth/tokens",
    "/krb/v3/./auth/tokens",
    "/krb/../krb/v3/auth/tokens",
    "/main/../krb/v3/auth/tokens",
    "/krb/v3/x/../auth/tokens",
    "/krb/v3/auth/tokens/.",
    "/krb/v3/auth/tokens;x=1",
    "/krb;x/v3/auth/tokens",
    "/KRB/v3/auth/tokens",
    "/krb/V3/auth/tokens",
    "/krb/v3/auth/TOKENS",
    "/krb/v3/auth/%74okens",
    "/%6brb/v3/auth/tokens",
    "/krb/v3/auth/tokens%20",
    "/krb/v3/auth/tokens%00",
    "/krb/v3/auth/tokens%0a",
    "/krb/v3/auth/tokens%2f",
    "/krb/v3/auth/tokens%252f",
    "/krb\\v3\\auth\\tokens",
    "/krb/v3/auth/tokens?",
    "/krb/v3/auth/tokens?nocatalog",
    "/krb/v3/auth/tokens?a=%zz",
    "/krb/v3/auth/tokens#x",
    "/krb/v3/auth/tokens%c0%af",
    "/krb/v3/auth/tokens%",
    "/krb/%2e%2e/main/v3/auth/tokens",
    "/krb/v3/%2e/auth/tokens",
    "krb/v3/auth/tokens",
    "*",
    "https://localhost/krb/v3/auth/tokens",
    "/krb/v3/auth/tokens\t",
    "/krb/main/v3/auth/tokens",
    "/krb/krb/v3/auth/tokens",
    "/main/krb/v3/auth/tokens",
    "/v3/krb/v3/auth/tokens",
    "/krb/" + "a/" * 2000,
    "/krb/v3/auth/tokens" + "?" + "a" * 9000,
]
CLAIMED = ["X-Remote-User: admin", "REMOTE_USER: admin"]


def test_odd_urls_around_the_challenge_give_nobody_an_identity(world: DemoWorld) -> None:
    for target in ODD:
        for body in (b'{"auth":{"identity":{"methods":["kerberos"],"kerberos":{}}}}', b'{"auth":{"identity":{"methods":[]}}}'):
            reply = raw(world, "POST", target, CLAIMED, body)
            assert 400 <= reply.status < 500, (target, reply)
            assert "x-subject-token" not in reply.headers, target
            assert "error" in reply.json(), target
        assert raw(world, "GET", target, CLAIMED, b"").status < 500, target


def sample(world: DemoWorld, name: str, **labels: str) -> float:
    text = world.api.ask("GET", "/metrics").body.decode()
    found = [one for family in text_string_to_metric_families(text) for one in family.samples if one.name == name]
    return sum(one.value for one in found if labels.items() <= one.labels.items())


def test_metrics_count_what_happened_on_every_worker(world: DemoWorld) -> None:
    logins = {"name": "gatestone_logins_total", "method": "password"}
    good, bad = sample(world, **logins, outcome="success"), sample(world, **logins, outcome="failure")
    seen = sample(world, "gatestone_requests_total", status="201")
    pids = set()
    for _ in range(12):
        pids.add(world.api.line_of(world.api.login("alice", world.user("alice")["password"], "demo"))["pid"])
    for _ in range(3):
        assert world.api.login("alice", "wrong-password-of-alice").status == 401
    assert sample(world, **logins, outcome="success") == good + 12
    assert sample(world, **logins, outcome="failure") == bad + 3
    assert sample(world, "gatestone_requests_total", status="201") == seen + 12
    assert sample(world, "gatestone_request_seconds_count") > 0
    assert pids <= set(world.api.workers())


def test_metrics_count_the_tokens_that_were_looked_at(world: DemoWorld) -> None:
    counter = "gatestone_validations_total"
    good, bad = sample(world, counter, outcome="valid"), sample(world, counter, outcome="refused")
    admin = world.admin_token()
    for _ in range(7):
        assert world.api.show(admin, world.token("alice")).status == 200
    for _ in range(4):
        assert world.api.show(admin, "no-token-of-ours").status == 404
    assert sample(world, counter, outcome="valid") == good + 7
    assert sample(world, counter, outcome="refused") == bad + 4


def test_the_health_check_says_all_is_well(world: DemoWorld) -> None:
    reply = world.api.ask("GET", "/healthcheck")
    assert (reply.status, reply.json()) == (200, {"status": "ok", "detail": {}})


def test_every_login_is_one_line_and_none_holds_a_secret(world: DemoWorld) -> None:
    good = world.api.login("alice", world.user("alice")["password"], "demo")
    bad = world.api.login('alice\n{"event": "login", "outcome": "success"}', "Hunter2-is-no-secret-of-hers")
    line: dict[str, Any] = world.api.line_of(good)
    assert (
        line | {"event": "login", "outcome": "success", "methods": ["password"], "user_name": "alice", "address": "127.0.0.1"}
        == line
    )
    assert line["scope"].startswith("project ") and line["face"] == "/main" and line["audit_id"]
    failed = world.api.line_of(bad)
    assert failed["outcome"] == "failure" and failed["reason"] == "no such user" and "\n" in failed["user_name"]
    repeated = [one for one in world.api.lines() if one.get("request_id") == good.headers["x-openstack-request-id"]]
    assert len(repeated) == 1
    no_secret_in(world.api)
    assert "Hunter2" not in world.api.log.read_text()
