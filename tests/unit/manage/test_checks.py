"""The doctor's single checks."""

from __future__ import annotations

import datetime
import socket
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.manage.checks import certificates, kerberos, keytab, network
from identity.manage.checks.finding import Finding
from identity.manage.demo.pki import Authority
from identity.settings import Database, Settings
from identity.settings_load import load
from identity.store import facts

AES, RC4 = 18, 23
NOW = datetime.datetime.now(datetime.UTC)


def entry(principal: str, enctype: int, version: int = 1, *, long_version: bool = True) -> bytes:
    name, _, realm = principal.rpartition("@")
    words = [realm, *name.split("/")]
    raw = struct.pack(">H", len(words) - 1) + b"".join(struct.pack(">H", len(word)) + word.encode() for word in words)
    raw += struct.pack(">IIBHH", 1, 0, version & 255, enctype, 32) + bytes(32)
    raw += struct.pack(">I", version) if long_version else b""
    return struct.pack(">i", len(raw)) + raw


def test_a_keytab_is_read() -> None:
    hole = struct.pack(">i", -6) + bytes(6)
    content = b"\x05\x02" + entry("HTTP/host@A.TEST", AES, 300) + hole + entry("alice@A.TEST", RC4, 2, long_version=False)
    assert keytab.read(content) == [keytab.Entry("HTTP/host@A.TEST", 300, AES), keytab.Entry("alice@A.TEST", 2, RC4)]
    assert keytab.Entry("x", 1, AES).enctype_name == "aes256-cts-hmac-sha1-96"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_keytab_or_a_value_error(content: bytes) -> None:
    for candidate in (content, b"\x05\x02" + content, b"\x05\x02" + entry("a@B", AES)[: len(content)]):
        try:
            keytab.read(candidate)
        except ValueError:
            continue


def keytab_settings(tmp_path: Path, *entries: bytes, service: str = "HTTP@host", mode: int = 0o600) -> Settings:
    file = tmp_path / "http.keytab"
    file.write_bytes(b"\x05\x02" + b"".join(entries))
    file.chmod(mode)
    return load(None, {}, [f"kerberos.keytab={file}", f"kerberos.service={service}", "kerberos.realms=A.TEST=Default"])


def states(findings: list[Finding]) -> list[str]:
    assert all(finding.cure for finding in findings if finding.state != "ok")
    return [finding.state for finding in findings]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("HTTP/host@A.TEST", AES)], "ok"),
        ([("HTTP/host@A.TEST", RC4)], "warning"),
        ([("HTTP/host@A.TEST", AES), ("HTTP/host@A.TEST", RC4)], "warning"),
        ([("HTTP/other@A.TEST", AES)], "failed"),
        ([], "failed"),
    ],
)
def test_the_keytab_must_hold_the_services_principal(tmp_path: Path, entries: list[tuple[str, int]], expected: str) -> None:
    settings = keytab_settings(tmp_path, *(entry(*one) for one in entries))
    assert states(list(kerberos.check(settings))) == [expected]


def test_a_key_for_one_of_several_hosts_is_enough_to_serve(tmp_path: Path) -> None:
    urls = "server.public_urls=https://id.test:5000,https://X509.id.test:8443"
    keytab_settings(tmp_path, entry("HTTP/id.test@A.TEST", AES))
    asked = [f"kerberos.keytab={tmp_path}/http.keytab", "kerberos.realms=A.TEST=Default"]
    found = list(kerberos.check(load(None, {}, [*asked, urls])))
    assert states(found) == ["ok", "warning"]
    assert "HTTP/x509.id.test" in found[1].text


def test_without_public_urls_the_listeners_own_names_count(tmp_path: Path) -> None:
    """As when the gateway is built: localhost and its address, for which no realm has keys."""
    asked = [f"kerberos.keytab={tmp_path}/http.keytab", "kerberos.realms=A.TEST=Default"]
    keytab_settings(tmp_path, entry("HTTP/localhost@A.TEST", AES))
    assert states(list(kerberos.check(load(None, {}, asked)))) == ["ok"]
    keytab_settings(tmp_path, entry("HTTP/elsewhere@A.TEST", AES))
    assert set(states(list(kerberos.check(load(None, {}, asked))))) == {"failed"}


def test_only_the_newest_version_of_a_key_counts(tmp_path: Path) -> None:
    settings = keytab_settings(tmp_path, entry("HTTP/host@A.TEST", RC4, 1), entry("HTTP/host@A.TEST", AES, 2))
    assert states(list(kerberos.check(settings))) == ["ok"]


def test_a_keytab_that_others_can_read_is_told(tmp_path: Path) -> None:
    assert states(list(kerberos.check(keytab_settings(tmp_path, entry("HTTP/host@A.TEST", AES), mode=0o644)))) == ["warning", "ok"]


def test_a_keytab_that_is_away_is_told(tmp_path: Path) -> None:
    settings = keytab_settings(tmp_path, entry("HTTP/host@A.TEST", AES))
    (tmp_path / "http.keytab").unlink()
    assert states(list(kerberos.check(settings))) == ["failed"]
    assert states(list(kerberos.check(Settings()))) == ["ok"]


class Pki:
    """An API and a certificate listener with lists, all good at NOW."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority("CA")
        self.authority.issue_server(["id.test"]).write(directory, "server")
        self.authority.write(directory, "ca")
        (directory / "crl").write_bytes(self.authority.crl_pem())

    def check(self, now: datetime.datetime = NOW, *more: str) -> list[Finding]:
        d = self.directory
        tls = [
            f"{section}.{option}={d}/server.{kind}"
            for section in ("server", "x509")
            for option, kind in (("tls_cert", "crt"), ("tls_key", "key"))
        ]
        lists = [f"x509.client_ca={d}/ca.crt", f"x509.crl={d}/crl", "x509.enabled=1", "server.public_urls=https://id.test:5000"]
        return list(certificates.check(load(None, {}, [*tls, *lists, *more]), now))


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


def test_good_certificates_are_good(pki: Pki) -> None:
    assert states(pki.check()) == ["ok", "ok", "ok"]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-2, ["failed", "failed", "ok"]),
        (6, ["warning", "ok", "warning"]),
        (8, ["failed", "ok", "failed"]),
        (40, ["failed", "failed", "failed"]),
    ],
)
def test_the_time_of_certificates_and_lists_counts(pki: Pki, days: int, expected: list[str]) -> None:
    assert states(pki.check(NOW + datetime.timedelta(days=days))) == expected


def test_a_name_that_the_certificate_lacks_is_told(pki: Pki) -> None:
    found = pki.check(NOW, "server.public_urls=https://other.test:5000,https://elsewhere.test")
    assert states(found) == ["failed", "ok", "ok", "ok"]
    assert "other.test" in found[0].text
    assert "elsewhere" not in found[0].text, "another port is another listener's, or a proxy's"


def test_a_key_of_another_certificate_is_told(pki: Pki) -> None:
    Authority("else").issue_server(["id.test"]).write(pki.directory, "other")
    assert states(pki.check(NOW, f"server.tls_key={pki.directory}/other.key"))[0] == "failed"
    (pki.directory / "rubbish").write_text("rubbish")
    assert states(pki.check(NOW, f"server.tls_cert={pki.directory}/rubbish"))[0] == "failed"
    assert states(pki.check(NOW, f"x509.client_ca={pki.directory}/rubbish"))[-1] == "failed"


def test_an_authority_without_a_list_is_told(pki: Pki) -> None:
    (pki.directory / "crl").write_bytes(Authority("else").crl_pem())
    assert states(pki.check())[-1] == "failed"


def test_plain_http_to_the_world_is_told() -> None:
    assert states(list(certificates.check(load(None, {}, ["server.host=0.0.0.0"])))) == ["warning"]
    assert list(certificates.check(Settings())) == []


@pytest.mark.parametrize(
    ("url", "absent"),
    [
        ("sqlite:///{d}/none.db", True),
        ("sqlite+pysqlite:///{d}/none.db?timeout=5", True),
        ("sqlite:///{d}/there.db", False),
        ("sqlite:///file:{d}/none.db?uri=true", False),
        ("sqlite:///:memory:", False),
        ("sqlite://", False),
        ("postgresql+psycopg://u@h/none.db", False),
        ("rubbish", False),
    ],
)
def test_a_database_file_that_is_not_there_is_known_without_opening_it(tmp_path: Path, url: str, absent: bool) -> None:
    (tmp_path / "there.db").touch()
    found = facts.absent_file(Database(connection=url.format(d=tmp_path)))
    assert found == (str(tmp_path / "none.db") if absent else "")
    assert not (tmp_path / "none.db").exists()


def test_ports_are_free_or_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        port = server.getsockname()[1]
        found = list(network.ports(load(None, {}, [f"server.port={port}"])))
        assert states(found) == ["failed"]
    assert states(list(network.ports(load(None, {}, [f"server.port={port}"])))) == ["ok"]
    assert states(list(network.ports(load(None, {}, ["server.host=192.0.2.1"])))) == ["failed"]


def test_names_resolve_or_not() -> None:
    urls = "server.public_urls=https://localhost:5000,https://no-such-host.invalid"
    assert states(list(network.names(load(None, {}, [urls])))) == ["ok", "failed"]
