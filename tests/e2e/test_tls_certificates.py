"""`/x509` over the real listener with real certificates: whose they are, when they end, and which are refused."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509 as certificates
from cryptography.x509.oid import NameOID

from identity.manage.demo.pki import write_private
from tests.support.demo_world import DemoWorld
from tests.support.listener import TOKENS, Reply, proof_body, until
from tests.support.pki import SERVER, Authority, Issued

PATH = f"/x509{TOKENS}"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def authority(world: DemoWorld) -> Iterator[Authority]:
    """The demo's authority; its revocation list is put back at the end."""
    crl = world.home / "pki" / "client-ca.crl"
    before = crl.read_bytes()
    yield world.client_authority()
    replace(crl, before)


def replace(crl: Path, content: bytes) -> None:
    """As an operator's job does it: whole or not at all."""
    os.replace(write_private(crl.with_suffix(".new"), content), crl)


def publish(world: DemoWorld, authority: Authority) -> None:
    replace(world.home / "pki" / "client-ca.crl", authority.crl_pem())


def login(world: DemoWorld, pair: tuple[Path | str, Path | str] | None, project: str | None = None) -> Reply:
    return world.x509.ask("POST", PATH, proof_body("external", project), cert=pair)


def name_in(reply: Reply) -> str:
    assert reply.status == 201, reply
    return str(reply.json()["token"]["user"]["name"])


def refusals(world: DemoWorld) -> list[str]:
    """Why certificates were refused so far, as the log tells."""
    return [line["reason"] for line in world.x509.lines() if line["event"] == "login" and line["outcome"] == "failure"]


def refused_by_tls(world: DemoWorld, pair: tuple[Path | str, Path | str] | None, reason: str = "") -> None:
    """In TLS 1.3 the client learns it at its first read."""
    before = len(refusals(world))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        login(world, pair)
    told = until(lambda: refusals(world)[before:], 5, "the log line")
    assert reason in told[-1], told


def test_a_good_certificate_is_its_owner(world: DemoWorld, authority: Authority, tmp_path: Path) -> None:
    for user in world.told["users"]:
        assert name_in(login(world, (user["cert"], user["key"]))) == user["user"]
    assert name_in(login(world, authority.issue_client("bob").write(tmp_path, "fresh"))) == "bob"


def test_a_name_that_nobody_has_is_nobody(world: DemoWorld, authority: Authority, tmp_path: Path) -> None:
    for number, issued in enumerate(
        [
            authority.issue_client("mallory"),
            authority.issue_client("Alice"),
            authority.issue_client("alice "),
            authority.issue_client("alice", organization="Elsewhere"),
            authority.issue_client("alice,O=Gatestone"),
            authority.issue_client("x", subject=_name((NameOID.COMMON_NAME, "alice"))),
            authority.issue_client("x", subject=_name((NameOID.COMMON_NAME, "alice"), (NameOID.ORGANIZATION_NAME, "Gatestone"))),
            authority.issue_client(
                "x",
                subject=_name(
                    (NameOID.ORGANIZATION_NAME, "Gatestone"), (NameOID.COMMON_NAME, "bob"), (NameOID.COMMON_NAME, "alice")
                ),
            ),
        ]
    ):
        reply = login(world, issued.write(tmp_path, f"one{number}"))
        assert reply.status == 401, (number, reply)
        assert "www-authenticate" in reply.headers and "Negotiate" not in reply.headers["www-authenticate"]


def _name(*parts: tuple[certificates.ObjectIdentifier, str]) -> certificates.Name:
    return certificates.Name([certificates.NameAttribute(kind, value) for kind, value in parts])


def test_the_same_name_from_another_authority_is_not_the_same_person(world: DemoWorld, tmp_path: Path) -> None:
    """Not trusted at all: TLS refuses it, even under the trusted authority's own name."""
    for number, name in enumerate(("Another CA", "Gatestone Demo Client CA")):
        refused_by_tls(world, Authority(name).issue_client("alice").write(tmp_path, f"a{number}"))


def test_two_trusted_authorities_name_different_people(world: DemoWorld, authority: Authority, tmp_path: Path) -> None:
    """CN=alice of the second authority is bob's rule here, or nobody where no rule names that issuer."""
    second, third = Authority("Second CA", organization="Partner"), Authority("Third CA", organization="Partner")
    bundle = b"".join(one.bundle_pem for one in (authority, second, third))
    lists = b"".join(one.crl_pem() for one in (authority, second, third))
    ca, crl = write_private(tmp_path / "bundle.pem", bundle), write_private(tmp_path / "bundle.crl", lists)
    rules = (
        '[{"issuer": "CN=Gatestone Demo Client CA,O=Gatestone", "subject": "CN={user},O=Gatestone", "domain": "Default"},'
        ' {"issuer": "CN=Second CA,O=Partner", "subject": "CN=alice,OU={user},O=Gatestone", "domain": "Default"}]'
    )
    sets = (f"x509.client_ca={ca}", f"x509.crl={crl}", f"x509.rules={rules}")
    as_bob = _name(
        (NameOID.ORGANIZATION_NAME, "Gatestone"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "bob"), (NameOID.COMMON_NAME, "alice")
    )
    probe = (world.user("carol")["cert"], world.user("carol")["key"])
    with world.serve_x509(tmp_path, probe, *sets) as listener:

        def asked(issued: Issued, stem: str) -> Reply:
            return listener.ask("POST", PATH, proof_body("external"), cert=issued.write(tmp_path, stem))

        assert name_in(asked(authority.issue_client("alice"), "one")) == "alice"
        assert name_in(asked(second.issue_client("x", subject=as_bob), "two")) == "bob"
        assert asked(second.issue_client("alice"), "three").status == 401
        assert asked(third.issue_client("alice"), "four").status == 401


def test_expired_and_early_certificates_are_refused(world: DemoWorld, authority: Authority, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    late = authority.issue_client("alice", not_before=now - 2 * DAY, not_after=now - timedelta(seconds=5))
    refused_by_tls(world, late.write(tmp_path, "late"), "expired")
    early = authority.issue_client("alice", not_before=now + DAY, not_after=now + 2 * DAY)
    refused_by_tls(world, early.write(tmp_path, "early"), "not yet valid")


def test_an_authoritys_own_certificate_is_no_persons(world: DemoWorld, authority: Authority, tmp_path: Path) -> None:
    refused_by_tls(world, (world.told["client_ca"]["cert"], world.told["client_ca"]["key"]))
    middle = authority.issue_intermediate("alice")
    refused_by_tls(world, middle.write(tmp_path, "middle"))


def test_a_servers_certificate_is_no_persons(world: DemoWorld, authority: Authority, tmp_path: Path) -> None:
    refused_by_tls(world, authority.issue_client("alice", usage=SERVER).write(tmp_path, "server"), "purpose")


def test_without_a_certificate_nobody_enters(world: DemoWorld) -> None:
    refused_by_tls(world, None)


def test_the_api_port_asks_for_no_certificate_and_believes_none(world: DemoWorld) -> None:
    reply = world.api.ask("POST", f"/main{TOKENS}", proof_body("external"), cert=world.cert("alice"))
    assert reply.status == 401
    assert world.api.ask("POST", PATH, proof_body("external"), cert=world.cert("alice")).status == 404


def test_a_token_ends_no_later_than_its_certificate(world: DemoWorld, authority: Authority, tmp_path: Path) -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=90)
    reply = login(world, authority.issue_client("alice", not_after=ends).write(tmp_path, "short"), "demo")
    assert datetime.fromisoformat(reply.json()["token"]["expires_at"]) == ends
    # Nor does a token made from that token.
    body = {"auth": {"identity": {"methods": ["token"], "token": {"id": reply.token}}}}
    again = world.api.ask("POST", f"/main{TOKENS}", body)
    assert datetime.fromisoformat(again.json()["token"]["expires_at"]) == ends
    long = login(world, authority.issue_client("alice", not_after=ends + DAY).write(tmp_path, "long"))
    assert datetime.fromisoformat(long.json()["token"]["expires_at"]) <= datetime.now(UTC) + timedelta(seconds=3600)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_revocation_counts_at_once(world: DemoWorld, authority: Authority, tmp_path: Path, version: ssl.TLSVersion) -> None:
    """On new connections, on one that is kept alive, and for a client that offers its old session."""
    issued = authority.issue_client("carol")
    pair = issued.write(tmp_path, "carol")
    kept = world.x509.connect(pair)
    assert name_in(world.x509.ask("POST", PATH, proof_body("external"), on=kept)) == "carol"
    context = world.x509.context(pair)
    context.maximum_version = version
    session = _session(world, context, None)
    _session(world, context, session)  # offering it is no fault
    authority.revoke(issued.certificate)
    publish(world, authority)
    refused_by_tls(world, pair, "revoked")
    with pytest.raises((ssl.SSLError, OSError)):
        _session(world, context, session)
    try:
        answer = world.x509.ask("POST", PATH, proof_body("external"), on=kept)
    except OSError:
        pass  # closed, which http.client tells as a reset
    else:
        assert answer.status == 401, answer
    finally:
        kept.close()
    assert name_in(login(world, world.cert("carol"))) == "carol"  # her other one stays good


def _session(world: DemoWorld, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
    plain = socket.create_connection(("localhost", world.x509.port), 10)
    with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
        tls.sendall(f"GET /x509/v3 HTTP/1.1\r\nHost: localhost:{world.x509.port}\r\n\r\n".encode())
        answer = tls.recv(65536)
        if not answer:
            raise ConnectionResetError("closed without an answer")
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert not tls.session_reused
        return tls.session


def test_the_demos_revoked_certificate_is_refused(world: DemoWorld) -> None:
    revoked = world.told["revoked"]
    refused_by_tls(world, (revoked["cert"], revoked["key"]), "revoked")


def test_curl_brings_a_certificate(world: DemoWorld) -> None:
    cert, key = world.cert("bob")
    command = ["curl", "--silent", "--max-time", "15", "--cacert", str(world.ca), "--cert", cert, "--key", key]
    sent = ["-H", "Content-Type: application/json", "--data", '{"auth":{"identity":{"methods":["external"],"external":{}}}}']
    done = subprocess.run([*command, *sent, world.x509.url + PATH], capture_output=True, text=True, timeout=20, check=True)
    assert '"name":"bob"' in done.stdout


def test_a_token_of_a_certificate_is_worth_as_much_on_the_api_port(world: DemoWorld) -> None:
    token = login(world, world.cert("bob"), "research").token
    shown = world.api.show(token, token).json()["token"]
    assert shown["methods"] == ["x509"] and shown["project"]["name"] == "research"
    assert (
        world.x509.ask(
            "GET", f"/x509{TOKENS}", headers={"X-Auth-Token": token, "X-Subject-Token": token}, cert=world.cert("alice")
        ).status
        == 200
    )
