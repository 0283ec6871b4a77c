"""How answers leave: in one piece, with the fields that belong on every one."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pki import Authority
from tests.support.rawhttp import Served, Wire, ask, serving


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("wire"), {"server": {"workers": 1}}) as served:
        yield served


@pytest.mark.parametrize("target", ["/v3/big?5500", "/v3/big?16000", "/v3/parts", "/v3/nothing//", "/v3/boom"])
def test_an_answer_leaves_in_one_piece(gateway: Served, target: str) -> None:
    with Wire(gateway.address) as wire:
        for _ in range(5):
            answer = wire.ask("GET", target)
            assert answer.reads == 1, f"{answer.reads} reads for {len(answer.body)} bytes"
    assert ask(gateway.address, "GET", "/v3/parts").body == b"one,two,three"


def test_every_answer_carries_its_id_and_no_version(gateway: Served) -> None:
    ids = set()
    for target in ("/v3", "/v3/boom", "/x509", "/v3//", "/v3/parts"):
        answer = ask(gateway.address, "GET", target)
        assert answer.get("Server") == "Gatestone"
        assert "X-Auth-Token" in (answer.get("Vary") or "")
        assert answer.get("X-Content-Type-Options") == "nosniff"
        ids.add(answer.get("X-Openstack-Request-Id"))
    assert len(ids) == 5
    assert all(re.fullmatch(r"req-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", str(one)) for one in ids)


def test_a_crash_of_the_application_is_a_500_in_the_error_form(gateway: Served) -> None:
    answer = ask(gateway.address, "GET", "/v3/boom")
    assert answer.status == 500
    assert answer.json()["error"] == {
        "code": 500,
        "message": "An unexpected error prevented the server from fulfilling your request.",
        "title": "Internal Server Error",
    }
    found = [line for line in gateway.lines() if line["event"] == "unhandled"]
    assert found and found[-1]["request_id"] == answer.get("X-Openstack-Request-Id")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    directory = tmp_path_factory.mktemp("tls")
    authority = Authority("Test CA")
    cert, key = authority.issue_server(["localhost"]).write(directory, "server")
    ca = directory / "ca.pem"
    ca.write_bytes(authority.bundle_pem)
    with serving(directory, {"server": {"workers": 1, "tls_cert": str(cert), "tls_key": str(key)}}) as served:
        yield served, ca


def client(ca: Path, version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    context.set_ciphers(ciphers)
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_is_answered_in_one_piece_and_closed_with_a_good_bye(tls: tuple[Served, Path], version: ssl.TLSVersion) -> None:
    served, ca = tls
    with Wire(served.address, client(ca, version)) as wire:
        assert wire.ask("GET", "/v3/echo").json()["environ"]["wsgi.url_scheme"] == "https"
        assert wire.ask("GET", "/v3/big?5500").reads == 1
        wire.send("".join(f"GET /v3/big?{size} HTTP/1.1\r\nHost: a\r\n\r\n" for size in (7, 8, 9)))  # one TLS record
        assert [len(wire.answer().body) for _ in range(3)] == [7, 8, 9]
        assert len(wire.ask("POST", "/v3/echo", body=b"a" * 100_000).json()["body"]) == 100_000
        wire.sock.suppress_ragged_eofs = False
        assert wire.ask("GET", "/v3/big?1", "Connection: close").status == 200
        assert wire.sock.recv(1) == b"", "an end without TLS's own close would be an error here"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_large_answer_reaches_a_slow_reader_whole(tls: tuple[Served, Path], version: ssl.TLSVersion) -> None:
    served, ca = tls
    with Wire(served.address, client(ca, version)) as wire:
        wire.send("GET /v3/big?12000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        with Wire(served.address, client(ca, version)) as other:  # the first answer is stuck by the time of this one
            assert other.ask("GET", "/v3/echo").status == 200
        assert len(wire.answer().body) == 12_000_000


@pytest.mark.parametrize(
    ("version", "ciphers"),
    [
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_2, "AES256-SHA:ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:@SECLEVEL=0"),
    ],
)
def test_old_tls_and_weak_ciphers_are_refused(tls: tuple[Served, Path], version: ssl.TLSVersion, ciphers: str) -> None:
    served, ca = tls
    with pytest.raises(ssl.SSLError, match=r"(?i)alert|handshake|version"):
        ask(served.address, "GET", "/v3", tls=client(ca, version, ciphers))
