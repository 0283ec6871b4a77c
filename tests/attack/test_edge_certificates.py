"""Who may open a connection to the certificate listener, with real handshakes."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import select
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from authplugins.x509 import X509
from identity.errors import Unauthorized
from identity.model.evidence import Evidence, Peer
from identity.wsgi.tls import Contexts, is_authority
from tests.support.pki import SERVER, Authority, Issued
from tests.support.rawhttp import Served, Wire, serving

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@dataclass
class World:
    directory: Path
    root: Authority
    intermediate: Authority
    server_ca: Path

    @property
    def crl(self) -> Path:
        return self.directory / "crl.pem"

    def publish(self, *others: Authority) -> None:
        """Put new lists in place, as an operator's cron job does."""
        fresh = self.directory / "crl.new"
        fresh.write_bytes(b"".join(one.crl_pem() for one in (self.root, self.intermediate, *others)))
        os.replace(fresh, self.crl)

    def client(self, issued: Issued | None, **limits: ssl.TLSVersion) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.server_ca))
        if issued is not None:
            cert, key = issued.write(self.directory, f"client-{time.monotonic_ns()}")
            context.load_cert_chain(cert, key)
        for name, version in limits.items():
            setattr(context, name, version)
        return context


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    directory = tmp_path_factory.mktemp("x509")
    root = Authority("Client Root")
    made = World(directory, root, root.issue_intermediate("Client Issuing"), directory / "server-ca.pem")
    server_ca = Authority("Server Root")
    made.server_ca.write_bytes(server_ca.bundle_pem)
    server_ca.issue_server(["localhost"]).write(directory, "server")
    (directory / "client-ca.pem").write_bytes(root.bundle_pem)
    made.publish()
    return made


@pytest.fixture(scope="module")
def gateway(world: World) -> Iterator[Served]:
    d = world.directory
    part = {"tls_cert": d / "server.crt", "tls_key": d / "server.key", "client_ca": d / "client-ca.pem", "crl": world.crl}
    chosen = {"x509": {"workers": 1, **{name: str(value) for name, value in part.items()}}, "server": {"keepalive": 30}}
    with serving(d, chosen, "x509") as served:
        yield served


def enters(served: Served, context: ssl.SSLContext) -> bool:
    """Whether a request is answered. In TLS 1.3 a refusal shows at the first read only."""
    try:
        with Wire(served.address, context) as wire:
            return wire.ask("GET", "/x509/v3").status == 200
    except (OSError, ConnectionError):
        return False


def test_a_good_certificate_enters_and_is_handed_on(world: World, gateway: Served) -> None:
    alice = world.intermediate.issue_client("alice")
    with Wire(gateway.address, world.client(alice)) as wire:
        seen = wire.ask("GET", "/x509/v3/echo", "X-SSL-Client-Cert: mallory", "SSL_CLIENT_S_DN: mallory").json()
    assert bytes.fromhex(seen["certificate"]) == alice.der
    assert (seen["face"], seen["listener"]) == ("X509", "x509")
    assert "mallory" not in json.dumps(seen)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_nobody_enters_without_one(world: World, gateway: Served, version: ssl.TLSVersion) -> None:
    assert enters(gateway, world.client(world.root.issue_client("alice"), maximum_version=version))
    assert not enters(gateway, world.client(None, maximum_version=version))


def expired(world: World) -> Issued:
    return world.root.issue_client("alice", not_before=NOW - 3 * DAY, not_after=NOW - DAY)


def future(world: World) -> Issued:
    return world.root.issue_client("alice", not_before=NOW + DAY, not_after=NOW + 2 * DAY)


def server_only(world: World) -> Issued:
    return world.root.issue_client("alice", usage=SERVER)


def namesake(_world: World) -> Issued:
    return Authority("Client Root").issue_client("alice")


def self_signed(_world: World) -> Issued:
    stranger = Authority("alice")
    return Issued(stranger.certificate, stranger.key)


def authority_itself(world: World) -> Issued:
    return Issued(world.root.certificate, world.root.key)


def marked(world: World, mark: str) -> Issued:
    """A client's certificate with one more property, all of which OpenSSL alone lets in."""
    key = ec.generate_private_key(ec.SECP256R1())
    ca, cert_sign, crl_sign = mark == "authority", mark in ("authority", "signs certificates"), mark in ("authority", "signs lists")
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "alice")]))
        .issuer_name(world.root.name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(world.root.key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, False, False, False, False, cert_sign, crl_sign, False, False), critical=True)
    )
    if mark == "name of a kind unknown":  # an X.400 address, at which the Python parser gives up
        name = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, bytes.fromhex("3004a3023000"))
        builder = builder.add_extension(name, critical=False)
    return Issued(builder.sign(world.root.key, hashes.SHA256()), key)


def signing_authority(world: World) -> Issued:
    return marked(world, "authority")


def signer_of_certificates(world: World) -> Issued:
    return marked(world, "signs certificates")


def signer_of_lists(world: World) -> Issued:
    return marked(world, "signs lists")


def unreadable(world: World) -> Issued:
    return marked(world, "name of a kind unknown")


def from_a_leaf(world: World) -> Issued:
    """Issued with a client's certificate as if that were an authority."""
    leaf = world.root.issue_client("bob")
    forger = Authority("bob")
    forger.key, forger.name, forger.parent = leaf.key, leaf.certificate.subject, None
    made = forger.issue_client("alice")
    return Issued(made.certificate, made.key, (leaf.certificate,))


@pytest.mark.parametrize(
    "make",
    [
        expired, future, server_only, namesake, self_signed, authority_itself, from_a_leaf, signing_authority,
        signer_of_certificates, signer_of_lists, unreadable,
    ],
)  # fmt: skip
def test_bad_certificates_do_not_enter(world: World, gateway: Served, make: Callable[[World], Issued]) -> None:
    client = world.client(make(world))
    assert not any(enters(gateway, client) for _ in range(3))  # more often than there are threads for handshakes
    assert enters(gateway, world.client(world.root.issue_client("alice")))


def test_a_revocation_is_seen_at_the_next_handshake_without_a_reload(world: World, gateway: Served) -> None:
    bob, carol = world.intermediate.issue_client("bob"), world.intermediate.issue_client("carol")
    assert enters(gateway, world.client(bob))
    world.intermediate.revoke(bob.certificate)
    world.publish()
    assert not enters(gateway, world.client(bob))
    assert enters(gateway, world.client(carol))


def test_a_revoked_authority_takes_its_clients_with_it(world: World, gateway: Served) -> None:
    doomed = world.root.issue_intermediate("Doomed Issuing")
    client = world.client(doomed.issue_client("mike"))
    world.publish(doomed)
    assert enters(gateway, client)
    world.root.revoke(doomed.certificate)
    world.publish(doomed)
    assert not enters(gateway, client)


def test_a_refused_certificate_is_a_failed_login_in_the_log(world: World, gateway: Served) -> None:
    assert not enters(gateway, world.client(expired(world)))
    found = [line for line in gateway.lines() if line["event"] == "login"]
    assert found[-1]["outcome"] == "failure" and found[-1]["methods"] == ["x509"] and found[-1]["address"] == "127.0.0.1"
    assert any("expired" in line["reason"] for line in found)


@pytest.mark.parametrize("mark", ["authority", "signs certificates", "signs lists", "name of a kind unknown", "nothing"])
def test_listener_and_plugin_agree_on_who_is_an_authority(world: World, mark: str) -> None:
    der = marked(world, mark).der
    plugin = X509(rules=[{"issuer": world.root.name.rfc4514_string(), "subject": "CN={user}", "domain_id": "default"}])
    try:
        plugin.authenticate(Evidence("x509", None, {}, Peer("127.0.0.1", "x509", der)))
        lets_in = True
    except Unauthorized:
        lets_in = False
    assert is_authority(der) is not lets_in
    assert lets_in is (mark == "nothing")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_speaks_at_once_still_hears_why_it_was_refused(
    world: World, gateway: Served, version: ssl.TLSVersion
) -> None:
    """In TLS 1.3 it believes to be in. A close with its request unread would be a reset, which takes the alert from it."""
    client = world.client(expired(world), maximum_version=version)
    for number in range(60):
        with pytest.raises(ssl.SSLError) as caught, Wire(gateway.address, client) as wire:
            wire.send("GET /x509/v3 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if number < 20:
                fate = select.poll()
                fate.register(wire.sock, 0)  # only a reset is told
                assert fate.poll(30) == []
            wire.answer()
        assert caught.value.reason is not None and "ALERT" in caught.value.reason, (number, caught.value)


def test_only_certificates_that_were_refused_are_failed_logins(world: World, gateway: Served) -> None:
    def reasons() -> list[str]:
        return [line["reason"] for line in gateway.lines() if line["event"] == "login"]

    def none_shown() -> int:
        return len([why for why in reasons() if "PEER_DID_NOT_RETURN_A_CERTIFICATE" in why])

    before = none_shown()
    stranger = ssl.create_default_context(cafile=str(world.directory / "client-ca.pem"))  # does not know our authority
    stranger.load_cert_chain(*world.root.issue_client("alice").write(world.directory, "stranger"))
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        Wire(gateway.address, stranger)
    with Wire(gateway.address) as wire:
        wire.send("GET / HTTP/1.1\r\nHost: certificate\r\n\r\n")
        with contextlib.suppress(OSError):
            while wire.sock.recv(4096):
                pass
    assert not enters(gateway, world.client(None))
    end = time.monotonic() + 5
    while none_shown() == before:  # the line is written after the alert is sent
        assert time.monotonic() < end, reasons()[-3:]
        time.sleep(0.01)
    assert [why for why in reasons() if "ALERT" in why.upper() or "HTTP" in why.upper()] == []


def test_an_open_connection_ends_when_the_list_changes(world: World, gateway: Served) -> None:
    dave = world.root.issue_client("dave")
    with Wire(gateway.address, world.client(dave)) as busy, Wire(gateway.address, world.client(dave)) as idle:
        assert busy.ask("GET", "/x509/v3").status == 200
        assert idle.ask("GET", "/x509/v3").status == 200
        world.root.revoke(dave.certificate)
        world.publish()
        with pytest.raises((OSError, ConnectionError)):
            busy.ask("GET", "/x509/v3")
        assert idle.ended(3.0)
    assert not enters(gateway, world.client(dave))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_cannot_be_resumed(world: World, gateway: Served, version: ssl.TLSVersion) -> None:
    erin = world.root.issue_client("erin")
    context = world.client(erin, maximum_version=version)
    with Wire(gateway.address, context) as wire:
        assert wire.ask("GET", "/x509/v3").status == 200
        session = wire.sock.session
    offered = 0
    for _ in range(8):  # enough to meet the worker that knows the session
        with Wire(gateway.address, context, session=session) as wire:
            try:
                assert wire.ask("GET", "/x509/v3").status == 200
                assert not wire.sock.session_reused
            except ConnectionError:
                # A worker that knows a TLS 1.2 session would resume it: it ends the connection, and the client comes anew.
                assert version is ssl.TLSVersion.TLSv1_2 and wire.sock.session_reused
            offered += 1
    assert offered == 8
    assert enters(gateway, context), "without a session it enters at once"
    world.root.revoke(erin.certificate)
    world.publish()
    with pytest.raises((OSError, ConnectionError)), Wire(gateway.address, context, session=session) as wire:
        wire.ask("GET", "/x509/v3")


def test_an_authority_without_a_list_is_refused(world: World, gateway: Served) -> None:
    whole = world.crl.read_bytes()
    fresh = world.directory / "crl.new"
    try:
        fresh.write_bytes(world.root.crl_pem())
        os.replace(fresh, world.crl)
        assert enters(gateway, world.client(world.root.issue_client("frank")))
        assert not enters(gateway, world.client(world.intermediate.issue_client("frank")))
        fresh.write_bytes(world.root.crl_pem(last_update=NOW - 3 * DAY, next_update=NOW - DAY) + world.intermediate.crl_pem())
        os.replace(fresh, world.crl)
        assert not enters(gateway, world.client(world.root.issue_client("frank")))
    finally:
        fresh.write_bytes(whole)
        os.replace(fresh, world.crl)


def test_no_thread_gets_the_old_context_while_the_new_one_is_made(tmp_path: Path) -> None:
    file = tmp_path / "crl.pem"
    file.write_text("old")
    making, go_on = threading.Event(), threading.Event()

    def make() -> ssl.SSLContext:
        if file.read_text() == "new!":
            making.set()
            assert go_on.wait(10)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    contexts = Contexts(make, (str(file),))
    old = contexts.current()
    file.write_text("new!")
    found: list[ssl.SSLContext] = []
    threads = [threading.Thread(target=lambda: found.append(contexts.current())) for _ in range(2)]
    threads[0].start()
    assert making.wait(10)
    threads[1].start()
    threads[1].join(0.2)
    assert found == []
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 2 and found[0] is found[1] is not old


def test_a_broken_list_keeps_the_last_good_one_and_is_told(world: World, gateway: Served) -> None:
    grace, heidi = world.root.issue_client("grace"), world.root.issue_client("heidi")
    world.root.revoke(heidi.certificate)
    world.publish()
    assert not enters(gateway, world.client(heidi))
    whole = world.crl.read_bytes()
    try:
        for broken in (whole[:100], b"", b"rubbish"):
            world.crl.write_bytes(broken)
            assert enters(gateway, world.client(grace))
            assert not enters(gateway, world.client(heidi))
        assert [line for line in gateway.lines() if line["event"] == "tls_reload_failed"]
    finally:
        world.publish()


def test_other_faces_are_not_served_here(world: World, gateway: Served) -> None:
    with Wire(gateway.address, world.client(world.root.issue_client("ivan"))) as wire:
        for target in ("/", "/v3", "/main/v3", "/krb/v3", "/admin/v3/auth/tokens", "/X509/v3", "/v3/auth/tokens"):
            answer = wire.ask("GET", target)
            assert answer.status == 404 and answer.json()["error"]["code"] == 404


def test_no_key_or_certificate_is_written_to_the_log(world: World, gateway: Served) -> None:
    pem = world.root.issue_client("judy").certificate.public_bytes(serialization.Encoding.PEM).decode().splitlines()[1]
    assert pem[:20] not in gateway.log.read_text()
    assert "PRIVATE" not in gateway.log.read_text()
