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


@pytest.mark.parametrize("target", ["/v3/big?5500", "/v3/big?60000", "/v3/parts", "/v3/nothing//", "/v3/boom"])
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


def test_tls_offers_1_2_and_1_3_and_nothing_older(tmp_path: Path) -> None:
    authority = Authority("Test CA")
    cert, key = authority.issue_server(["localhost"]).write(tmp_path, "server")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(authority.bundle_pem)
    with serving(tmp_path, {"server": {"workers": 1, "tls_cert": str(cert), "tls_key": str(key)}}) as served:
        for version, works in ((ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)):
            client = ssl.create_default_context(cafile=str(ca))
            client.minimum_version = ssl.TLSVersion.TLSv1
            client.maximum_version = version
            client.set_ciphers("ALL:@SECLEVEL=0")
            if not works:
                with pytest.raises(ssl.SSLError):
                    ask(served.address, "GET", "/v3/echo", tls=client)
                continue
            seen = ask(served.address, "GET", "/v3/echo", tls=client)
            assert seen.json()["environ"]["wsgi.url_scheme"] == "https"
            with Wire(served.address, client) as wire:
                wire.ask("GET", "/v3/big?5500")
                assert wire.ask("GET", "/v3/big?5500").reads == 1
        weak = ssl.create_default_context(cafile=str(ca))
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("AES256-SHA:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError):
            ask(served.address, "GET", "/v3", tls=weak)
