"""The headers of RFC 9440: their form, and that nobody's word but an authority's key makes a certificate good."""

from __future__ import annotations

import base64
import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from identity.wsgi.client_cert import MOST, NotVerified, Verifier, read
from identity.wsgi.refusal import Refused
from tests.support.pki import SERVER, Authority


def item(der: bytes) -> str:
    return f":{base64.b64encode(der).decode()}:"


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def test_both_headers_are_read() -> None:
    assert read(item(b"leaf")) == (b"leaf", ())
    assert read(f" {item(b'leaf')}", f"{item(b'one')}, {item(b'two')}") == (b"leaf", (b"one", b"two"))


@pytest.mark.parametrize(
    ("leaf", "chain"),
    [
        ("", ""),
        ("::", ""),
        ("bGVhZg==", ""),
        (":bGVhZg==", ""),
        ("bGVhZg==:", ""),
        (":bGVhZg=:", ""),
        (":bGVh Zg==:", ""),
        (":bGVhZg==:;p=1", ""),
        (":bGVhZg==:,:bGVhZg==:", ""),
        (":bGVhZg_-:", ""),
        ("-----BEGIN CERTIFICATE-----", ""),
        (":" + "A" * 16384 + ":", ""),
        (":bGVhZg==:", "x"),
        (":bGVhZg==:", ":bGVhZg==:,"),
        (":bGVhZg==:", ",".join([":bGVhZg==:"] * (MOST + 1))),
        (":\u0661\u0662\u0663\u0664:", ""),
    ],
)
def test_what_has_another_form_is_refused(leaf: str, chain: str) -> None:
    with pytest.raises(Refused) as caught:
        read(leaf, chain)
    assert (caught.value.status, caught.value.reason) == (400, "certificate")


@given(st.text(), st.text())
def test_hostile_text_is_refused_or_read(leaf: str, chain: str) -> None:
    try:
        found, above = read(leaf, chain)
    except Refused as refused:
        assert refused.status == 400
    else:
        assert found and len(above) <= MOST


@given(st.binary(max_size=300))
def test_hostile_bytes_are_no_certificate(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    ca = tmp_path_factory.getbasetemp() / "hostile-ca.pem"
    if not ca.exists():
        ca.write_bytes(Authority("Client CA").bundle_pem)
    with pytest.raises(NotVerified):
        Verifier(str(ca)).check(data, (data,))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Client CA")


@pytest.fixture
def verifier(authority: Authority, tmp_path: Path) -> Verifier:
    (tmp_path / "ca.pem").write_bytes(authority.bundle_pem)
    return Verifier(str(tmp_path / "ca.pem"))


def test_a_good_certificate_is_let_pass_with_or_without_a_name_for_hosts(authority: Authority, verifier: Verifier) -> None:
    verifier.check(authority.issue_client("alice").der, ())
    verifier.check(authority.issue_client("alice", usage=()).der, ())
    middle = authority.issue_intermediate("Middle CA")
    leaf = middle.issue_client("alice").der
    verifier.check(leaf, (der(middle.certificate),))
    with pytest.raises(NotVerified):
        verifier.check(leaf, ())


def test_a_bad_one_is_not(authority: Authority, verifier: Verifier) -> None:
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    good = authority.issue_client("alice")
    forged = bytearray(good.der)
    forged[-1] ^= 1
    stranger = Authority("Client CA")  # the same name, another key
    below_a_person = Authority("Fake CA", parent=authority)
    below_a_person.certificate = good.certificate
    bad = {
        "of a stranger": (stranger.issue_client("alice").der, ()),
        "of a stranger who brings his authority": (stranger.issue_client("alice").der, (der(stranger.certificate),)),
        "expired": (authority.issue_client("alice", not_before=now - 2 * day, not_after=now - day).der, ()),
        "too early": (authority.issue_client("alice", not_before=now + day, not_after=now + 2 * day).der, ()),
        "a server's": (authority.issue_client("alice", usage=SERVER).der, ()),
        "an authority's": (der(authority.certificate), ()),
        "an intermediate's": (der(authority.issue_intermediate("Middle CA").certificate), ()),
        "changed": (bytes(forged), ()),
        "signed by a person": (below_a_person.issue_client("alice").der, (good.der,)),
    }
    for what, (leaf, above) in bad.items():
        with pytest.raises(NotVerified):
            verifier.check(leaf, above)
            pytest.fail(what)


def test_the_authorities_are_those_of_the_file_as_it_is_now(authority: Authority, verifier: Verifier, tmp_path: Path) -> None:
    leaf = authority.issue_client("alice").der
    verifier.check(leaf, ())
    (tmp_path / "ca.pem").write_bytes(Authority("Another CA").bundle_pem * 2)
    with pytest.raises(NotVerified):
        verifier.check(leaf, ())
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(NotVerified, match=r"ca\.pem"):
        verifier.check(leaf, ())
    (tmp_path / "ca.pem").write_bytes(authority.bundle_pem)
    verifier.check(leaf, ())
