"""Who may speak for a client, and who may not: PROXY headers, the listener for a proxy, Unix sockets. With real sockets."""

from __future__ import annotations

import base64
import os
import re
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.listener import until
from tests.support.pki import CLIENT as CLIENTS
from tests.support.pki import SERVER, Authority, Issued
from tests.support.rawhttp import Served, Wire, ask, serving

CLIENT = "192.0.2.9"
V1 = f"PROXY TCP4 {CLIENT} 10.0.0.1 40000 8443\r\n".encode()
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V2 = _SIGNATURE + struct.pack("!BBH4s4sHH", 0x21, 0x11, 12, socket.inet_aton(CLIENT), bytes(4), 40000, 8443)
LOCAL = _SIGNATURE + b"\x20\x00\x00\x00"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hops")


@pytest.fixture(scope="module")
def people() -> Authority:
    return Authority("Client CA")


@pytest.fixture(scope="module")
def pki(home: Path, people: Authority) -> dict[str, str]:
    """Files by the names of options."""
    site = Authority("Site CA")
    cert, key = site.issue_server(["localhost", "127.0.0.1"]).write(home, "server")
    people.write(home, "people")
    (home / "people.crl").write_bytes(people.crl_pem())
    site.write(home, "site")
    return {"tls_cert": str(cert), "tls_key": str(key), "client_ca": str(home / "people.crt"), "crl": str(home / "people.crl")}


def trusting(home: Path, cert: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(home / "site.crt"))
    if cert is not None:
        context.load_cert_chain(*cert)
    return context


@contextmanager
def after(preface: bytes, served: Served, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """A connection on which a proxy has spoken before TLS."""
    with Wire(served.address) as wire:
        wire.send(preface)
        if tls is not None:
            wire.sock = tls.wrap_socket(wire.sock, server_hostname="localhost")
        yield wire


def refused(served: Served, reason: str, address: str, times: int = 1) -> list[dict[str, Any]]:
    """The log's lines of such refusals, once there are that many."""

    def found() -> list[dict[str, Any]]:
        lines = [line for line in served.lines() if line["event"] == "refused" and line["reason"] == reason]
        return [line for line in lines if line["address"] == address]

    return until(lambda: found() if len(found()) >= times else [], 10, f"{reason} in the log: {served.log.read_text()}")


def counted(served: Served, reason: str, preface: bytes = b"") -> float:
    with after(preface, served) as wire:
        text = wire.ask("GET", "/metrics").body.decode()
    found = re.search(rf'gatestone_edge_refusals_total{{reason="{reason}"}} (\S+)', text)
    return float(found[1]) if found else 0.0


def closed(wire: Wire) -> bool:
    try:
        wire.ask("GET", "/v3/echo")
    except OSError:
        return True
    return False


@pytest.fixture(scope="module")
def behind(home: Path) -> Iterator[Served]:
    """A plain API listener behind a proxy on this host that is, by mistake or not, a trusted hop too."""
    chosen = {
        "server": {
            "workers": 1, "proxy_protocol": "any", "trusted_proxies": ["127.0.0.1"], "trusted_hops": ["127.0.0.1", CLIENT],
            "header_timeout": 0.5,
        }
    }  # fmt: skip
    with serving(home, chosen) as served:
        yield served


@pytest.mark.parametrize("header", [V1, V2])
def test_the_address_is_the_clients(behind: Served, header: bytes) -> None:
    with after(header, behind) as wire:
        for _ in range(2):
            seen = wire.ask("GET", "/v3/echo").json()
            assert (seen["address"], seen["environ"]["REMOTE_ADDR"], seen["environ"]["REMOTE_PORT"]) == (CLIENT, CLIENT, "40000")


@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"])
def test_a_proxy_that_speaks_for_itself_has_its_own_address(behind: Served, header: bytes) -> None:
    with after(header, behind) as wire:
        assert wire.ask("GET", "/v3/echo").json()["address"] == "127.0.0.1"


@pytest.mark.parametrize("header", [V1, V2, LOCAL])
def test_nobody_behind_a_tcp_proxy_is_a_trusted_hop(behind: Served, header: bytes) -> None:
    """A client that comes from a hop's address through the load balancer would else be whoever it likes."""
    with after(header, behind) as wire:
        seen = wire.ask("GET", "/v3/echo", "X-Remote-User: mallory", "X-Forwarded-For: 203.0.113.66", "X-Forwarded-Proto: https")
    assert seen.status == 200 and b"mallory" not in seen.body and b"203.0.113.66" not in seen.body
    assert seen.json()["environ"]["wsgi.url_scheme"] == "http"


def test_without_a_header_a_trusted_proxy_is_not_heard(behind: Served) -> None:
    before = counted(behind, "proxy", V2)
    for number, data in enumerate(
        (b"GET /v3 HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", V2[:12] + b"\x11\x11\0\0", V1[:-2] + b"\n")
    ):
        with Wire(behind.address) as wire:
            assert wire.send(data).ended(), number
    assert counted(behind, "proxy", V2) == before + 4
    assert all("detail" in line for line in refused(behind, "proxy", "127.0.0.1", 4))


@pytest.mark.parametrize("part", [b"", V2[:1], V2[:15], V2[:-1], V1[:-1]])
def test_a_header_that_never_ends_has_its_time(behind: Served, part: bytes) -> None:
    with Wire(behind.address) as wire:
        assert wire.send(part).ended(within=4.0)


def test_a_second_header_is_no_request(behind: Served) -> None:
    for header in (V1, V2):
        with after(header, behind) as wire:
            assert wire.send(header + b"GET /v3/echo HTTP/1.1\r\nHost: a\r\n\r\n").answer().status == 400


@pytest.mark.parametrize("header", [V1, V2])
@pytest.mark.parametrize("version", ["off", "v2"])
def test_a_header_from_a_stranger_is_refused(home: Path, pki: dict[str, str], header: bytes, version: str) -> None:
    """In plain HTTP and before TLS; without one the stranger speaks for itself."""
    chosen = {"workers": 1, "proxy_protocol": version, "trusted_proxies": ["198.51.100.1"]}
    with serving(home, {"server": chosen}) as served:
        with after(header, served) as wire:
            assert wire.send("GET /v3/echo HTTP/1.1\r\nHost: a\r\n\r\n").answer().status == 400
        assert refused(served, "proxy", "127.0.0.1")
        assert ask(served.address, "GET", "/v3/echo").json()["address"] == "127.0.0.1"
        assert counted(served, "proxy") == 1
    tls = {"tls_cert": pki["tls_cert"], "tls_key": pki["tls_key"]}
    with serving(home, {"server": chosen | tls}) as served:
        with pytest.raises((ssl.SSLError, OSError)), after(header, served, trusting(home)):
            pass
        assert refused(served, "proxy", "127.0.0.1")
        assert ask(served.address, "GET", "/v3/echo", tls=trusting(home)).status == 200


def test_certificates_behind_a_tcp_proxy(home: Path, pki: dict[str, str], people: Authority, tmp_path: Path) -> None:
    """The header comes before TLS; the certificate is still proven to us, and the log knows the client."""
    chosen = {**pki, "workers": 1, "proxy_protocol": "v2", "trusted_proxies": ["127.0.0.0/8"]}
    alice = people.issue_client("alice").write(tmp_path, "alice")
    with serving(home, {"x509": chosen}, "x509") as served:
        for preface in (V2, LOCAL):
            with after(preface, served, trusting(home, alice)) as wire:
                seen = wire.ask("GET", "/x509/v3/echo").json()
                assert seen["address"] == (CLIENT if preface is V2 else "127.0.0.1") and seen["certificate"]
        stranger = Authority("Client CA").issue_client("alice").write(tmp_path, "stranger")
        with pytest.raises((ssl.SSLError, OSError)), after(V2, served, trusting(home, stranger)) as wire:
            wire.ask("GET", "/x509/v3/echo")
        lines = until(lambda: [line for line in served.lines() if line["event"] == "login"], 10, "the log")
        assert {(line["address"], line["outcome"]) for line in lines} == {(CLIENT, "failure")}


def test_who_goes_past_the_load_balancer_is_closed_unheard(home: Path, pki: dict[str, str]) -> None:
    for listener, section, part in (("api", "server", {}), ("x509", "x509", pki)):
        chosen = {**part, "workers": 1, "allowed_peers": ["198.51.100.1", "127.0.0.7"]}
        with serving(home, {section: chosen}, listener) as served:
            for data in (b"", V2, b"GET /v3 HTTP/1.1\r\nHost: a\r\n\r\n"):
                with Wire(served.address) as wire:
                    wire.send(data)
                    assert wire.ended()
            assert len(refused(served, "peer", "127.0.0.1", 3)) == 3
            if listener == "api":
                with socket.create_connection(("127.0.0.1", served.address[1]), 5, ("127.0.0.7", 0)) as known:
                    known.sendall(b"GET /v3/echo HTTP/1.1\r\nHost: a\r\n\r\n")
                    assert known.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_flood_of_refusals_is_no_flood_of_lines(home: Path) -> None:
    with serving(home, {"server": {"workers": 1}}) as served:
        with Wire(served.address) as wire:
            assert {wire.ask("GET", "/v3//echo").status for _ in range(50)} == {400}
        assert counted(served, "path") == 50
        assert len(refused(served, "path", "127.0.0.1", 10)) == 10


# --- the listener for a proxy -------------------------------------------------------------------------------------


def hop_settings(pki: dict[str, str], **hop: Any) -> dict[str, dict[str, Any]]:
    return {"hop": {"enabled": True, "workers": 1, **hop}, "x509": {"client_ca": pki["client_ca"], "crl": pki["crl"]}}


@pytest.fixture(scope="module")
def hop(home: Path, pki: dict[str, str]) -> Iterator[Served]:
    with serving(home, hop_settings(pki, host=f"unix:{home / 'hop.sock'}", unix_peers=[str(os.geteuid())]), "hop") as served:
        yield served


def handed_on(issued: Issued) -> str:
    return f"Client-Cert: :{base64.b64encode(issued.der).decode()}:"


def test_a_certificate_that_a_proxy_hands_on_arrives_as_a_direct_one(hop: Served, people: Authority) -> None:
    alice = people.issue_client("alice")
    seen = ask(hop.address, "GET", "/x509/v3/echo", handed_on(alice), f"X-Forwarded-For: 203.0.113.5, {CLIENT}").json()
    assert (seen["certificate"], seen["address"], seen["face"], seen["listener"]) == (alice.der.hex(), CLIENT, "X509", "hop")
    assert not [name for name in seen["environ"] if "CERT" in name]
    middle = people.issue_intermediate("Middle CA")
    issued = middle.issue_client("bob")
    above = f"Client-Cert-Chain: :{base64.b64encode(issued.chain[0].public_bytes(Encoding.DER)).decode()}:"
    assert ask(hop.address, "GET", "/x509/v3/echo", handed_on(issued), above).json()["certificate"] == issued.der.hex()
    assert ask(hop.address, "GET", "/x509/v3/echo", handed_on(issued)).json()["certificate"] is None


def test_it_counts_on_its_own_entry_point_only(hop: Served, people: Authority) -> None:
    for face in ("", "/main", "/admin", "/krb"):
        assert ask(hop.address, "GET", f"{face}/v3/echo", handed_on(people.issue_client("alice"))).json()["certificate"] is None


def test_the_proxys_word_makes_no_certificate_good(hop: Served, people: Authority) -> None:
    stranger = Authority("Client CA").issue_client("alice")
    for issued in (stranger, people.issue_client("alice", usage=SERVER)):
        answer = ask(hop.address, "GET", "/x509/v3/echo", handed_on(issued), f"X-Forwarded-For: {CLIENT}", "X-SSL-Client-Verify: 0")
        assert answer.json()["certificate"] is None
        assert answer.get("X-Openstack-Request-Id") in {line["request_id"] for line in refused(hop, "certificate", CLIENT)}


def test_what_is_no_certificate_is_told(hop: Served, people: Authority) -> None:
    good = handed_on(people.issue_client("alice"))
    for lines in (
        ("Client-Cert: x",),
        ("Client-Cert: ",),
        (good, good),
        (good, "Client-Cert-Chain: x"),
        ("Client-Cert: :AAAA:, :AAAA:",),
    ):
        assert ask(hop.address, "GET", "/x509/v3/echo", *lines).status == 400, lines
    assert ask(hop.address, "GET", "/x509/v3/echo", "Client-Cert: :AAAA:").json()["certificate"] is None


def test_a_proxy_for_certificates_names_no_user(hop: Served, home: Path, pki: dict[str, str], people: Authority) -> None:
    """Each word must be allowed by the settings: such a proxy need not even know that there is a header for users."""
    lines = ("X-Remote-User: mallory", handed_on(people.issue_client("alice")))
    seen = ask(hop.address, "GET", "/x509/v3/echo", *lines)
    assert b"mallory" not in seen.body and seen.json()["certificate"]
    other = hop_settings(pki, host=f"unix:{home / 'other.sock'}", unix_peers=[str(os.geteuid())], believes=["remote-user"])
    with serving(home, other, "hop") as served:
        seen = ask(served.address, "GET", "/x509/v3/echo", *lines)
        assert seen.json()["environ"]["REMOTE_USER"] == "mallory" and seen.json()["certificate"] is None


def test_a_process_of_another_user_is_closed_unheard(home: Path, pki: dict[str, str]) -> None:
    for listener, section in (("hop", "hop"), ("api", "server")):
        chosen = hop_settings(pki) | {section: {"enabled": True} if section == "hop" else {}}
        chosen[section] |= {"workers": 1, "host": f"unix:{home / 'foreign.sock'}", "unix_peers": ["54321"], "unix_mode": "0666"}
        with serving(home, chosen, listener) as served:
            with Wire(served.address) as wire:
                assert closed(wire)
            assert refused(served, "peer", f"unix:uid={os.geteuid()}")


@pytest.mark.parametrize(("mode", "wanted"), [("0600", 0o600), ("0660", 0o660), ("666", 0o666)])
def test_a_unix_socket_has_the_mode_that_is_asked_for(home: Path, mode: str, wanted: int) -> None:
    path = home / "mode.sock"
    chosen = {"workers": 1, "host": f"unix:{path}", "unix_mode": mode, "unix_group": str(os.getegid())}
    with serving(home, {"server": chosen}):
        assert path.stat().st_mode & 0o777 == wanted


def test_over_the_network_a_proxy_proves_itself(home: Path, pki: dict[str, str], people: Authority) -> None:
    site = Authority("Proxy CA")
    site.write(home, "proxies")
    names = ("lb01.example.org", "web.example.org")
    both = {name: site.issue_server([name], usage=(*SERVER, *CLIENTS)).write(home, name) for name in names}
    chosen = hop_settings(
        pki,
        tls_cert=pki["tls_cert"],
        tls_key=pki["tls_key"],
        client_ca=str(home / "proxies.crt"),
        names=["LB01.example.org"],
        port=0,
    )
    alice = people.issue_client("alice")
    with serving(home, chosen, "hop") as served:
        good = trusting(home, both["lb01.example.org"])
        seen = ask(served.address, "GET", "/x509/v3/echo", handed_on(alice), f"X-Forwarded-For: {CLIENT}", tls=good).json()
        assert (seen["certificate"], seen["address"]) == (alice.der.hex(), CLIENT)
        person = alice.write(home, "person")
        for context in (trusting(home), trusting(home, person), trusting(home, both["web.example.org"])):
            with pytest.raises((ssl.SSLError, OSError)):
                ask(served.address, "GET", "/x509/v3/echo", handed_on(alice), tls=context)
        assert len(refused(served, "handshake", "127.0.0.1", 3)) == 3


# --- what one worker holds -----------------------------------------------------------------------------------------


def test_half_sent_bodies_have_a_bound_for_all_together(home: Path) -> None:
    """Each is within its own limit; together they would fill the memory. The largest gives way, and others are served."""
    half = b"POST /v3/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n" + b" " * 1000000
    chosen = {"workers": 1, "max_request_body_size": 1048576, "max_buffered": 1048576, "max_header_size": 8192}
    with serving(home, {"server": chosen}) as served:
        wires = [Wire(served.address) for _ in range(12)]
        try:
            for wire in wires:
                wire.send(half)
            assert len(refused(served, "memory", "127.0.0.1", 7)) >= 7
            answer = wires[0].answer()
            assert (answer.status, answer.get("Retry-After")) == (503, "1")
            assert ask(served.address, "GET", "/v3/echo").status == 200
        finally:
            for wire in wires:
                wire.sock.close()
        assert ask(served.address, "POST", "/v3/echo", body=b" " * 1000000).status == 200
