"""The certificate plugin against certificates of real authorities."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from authplugins.x509 import X509
from identity.errors import Problem, SettingsError, Unauthorized, Unavailable
from identity.model.evidence import AuthenticatedIdentity, Evidence, Peer
from tests.support.pki import Authority

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
RULE = {"issuer": "CN=Users CA,O=Gatestone", "subject": "CN={user},O=Gatestone", "domain": "Default"}

O, CN, OU = NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME  # noqa: E741

Write = Callable[[str, bytes], str]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Users CA")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return written


def show(plugin: X509, certificate: bytes | None) -> AuthenticatedIdentity:
    return plugin.authenticate(Evidence("x509", {}, {}, Peer("127.0.0.1", "x509", certificate)))


def refusal(plugin: X509, certificate: bytes | None) -> str:
    with pytest.raises(Unauthorized) as caught:
        show(plugin, certificate)
    return caught.value.reason


def named(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])


def test_issuer_and_subject_name_the_user_until_the_certificate_ends(authority: Authority) -> None:
    alice = authority.issue_client("alice")
    found = show(X509(rules=[RULE]), alice.der)
    assert (found.method, found.name, found.domain_name, found.domain_id) == ("x509", "alice", "Default", None)
    assert found.not_after == alice.certificate.not_valid_after_utc.timestamp()


def test_a_rule_may_name_the_domain_by_id(authority: Authority) -> None:
    rule = {"issuer": RULE["issuer"], "subject": RULE["subject"], "domain_id": "default"}
    found = show(X509(rules=[rule]), authority.issue_client("alice").der)
    assert (found.domain_id, found.domain_name) == ("default", None)


def test_the_same_name_from_another_authority_is_another_person(authority: Authority) -> None:
    partners = Authority("Partners CA")
    alice = partners.issue_client("alice")
    refusal(X509(rules=[RULE]), alice.der)
    both = X509(rules=[RULE, {**RULE, "issuer": "CN=Partners CA,O=Gatestone", "domain": "Partners"}])
    assert show(both, alice.der).domain_name == "Partners"
    assert show(both, authority.issue_client("alice").der).domain_name == "Default"


def test_an_authority_that_took_anothers_name_is_told_by_its_key(authority: Authority, write: Write) -> None:
    partners = Authority("Partners CA")
    impostor = partners.issue_intermediate("Users CA")
    bundle = write("ca.pem", authority.bundle_pem + partners.bundle_pem)
    alice = impostor.issue_client("alice").der
    assert show(X509(rules=[RULE]), alice).name == "alice"  # by its name alone it would pass
    assert "issued" in refusal(X509(rules=[RULE], ca_path=bundle), alice)
    assert show(X509(rules=[RULE], ca_path=bundle), authority.issue_client("alice").der).name == "alice"


def test_a_connection_without_certificate_is_told_so() -> None:
    with pytest.raises(Unauthorized, match="no client certificate") as caught:
        show(X509(rules=[RULE]), None)
    assert caught.value.message == "no client certificate was sent"


def test_validity_is_checked_at_each_request(authority: Authority) -> None:
    alice = authority.issue_client("alice", not_before=NOW - DAY, not_after=NOW + DAY).der
    now = [NOW.timestamp()]
    plugin = X509(rules=[RULE], clock=lambda: now[0])
    assert show(plugin, alice).name == "alice"
    now[0] = (NOW + DAY).timestamp() + 1
    assert "expired" in refusal(plugin, alice)
    now[0] = (NOW - DAY).timestamp() - 1
    assert "not valid yet" in refusal(plugin, alice)


def test_an_authority_is_not_a_user(authority: Authority) -> None:
    alice = authority.issue_intermediate("alice").certificate
    assert "authority" in refusal(X509(rules=[RULE]), alice.public_bytes(Encoding.DER))


@pytest.mark.parametrize("sign", ["constraints", "certificates", "lists", "nothing"])
def test_one_mark_of_an_authority_is_enough(authority: Authority, sign: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    ) | {"key_cert_sign": sign == "certificates", "crl_sign": sign == "lists", "encipher_only": False, "decipher_only": False}
    builder = (
        x509.CertificateBuilder()
        .subject_name(named((O, "Gatestone"), (CN, "alice")))
        .issuer_name(authority.name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=sign == "constraints", path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
    )
    certificate = builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)
    if sign == "nothing":
        assert show(X509(rules=[RULE]), certificate).name == "alice"
    else:
        assert "authority" in refusal(X509(rules=[RULE]), certificate)


def test_extended_key_usage_must_allow_clients_where_it_is_present(authority: Authority) -> None:
    plugin = X509(rules=[RULE])
    for usage in ([ExtendedKeyUsageOID.SERVER_AUTH], [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]):
        assert "clientAuth" in refusal(plugin, authority.issue_client("alice", usage=usage).der)
    for usage in ([], [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]):
        assert show(plugin, authority.issue_client("alice", usage=usage).der).name == "alice"


MULTI = x509.RelativeDistinguishedName([x509.NameAttribute(CN, "alice"), x509.NameAttribute(OU, "admins")])
TWICE = x509.RelativeDistinguishedName([x509.NameAttribute(CN, "alice"), x509.NameAttribute(CN, "root")])
ORG = x509.RelativeDistinguishedName([x509.NameAttribute(O, "Gatestone")])
BITS = x509.Name(
    [
        x509.NameAttribute(O, "Gatestone"),
        x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, b"alice", x509.name._ASN1Type.BitString),
    ]
)


@pytest.mark.parametrize(
    "subject",
    [
        named((CN, "alice"), (O, "Gatestone")),
        named((O, "Gatestone"), (CN, "root"), (CN, "alice")),
        named((O, "Gatestone"), (CN, "alice"), (CN, "root")),
        named((O, "gatestone"), (CN, "alice")),
        named((O, "Gatestone"), (OU, "alice")),
        named((CN, "alice,O=Gatestone")),
        named((CN, "alice")),
        named((O, "Gatestone"), (CN, "alice"), (OU, "x")),
        named((O, "Gatestone"), (CN, " alice")),
        named((O, "Gatestone"), (CN, "alice\0root")),
        named((O, "Gatestone"), (CN, "alice\u202e")),
        x509.Name([ORG, MULTI]),
        x509.Name([ORG, TWICE]),
        x509.Name([]),
        BITS,
    ],
    ids=lambda subject: subject.rfc4514_string() if isinstance(subject, x509.Name) else None,
)
def test_a_name_that_only_looks_alike_is_refused(authority: Authority, subject: x509.Name) -> None:
    refusal(X509(rules=[RULE]), authority.issue_client("", subject=subject).der)


def test_a_comma_within_a_name_is_part_of_it(authority: Authority) -> None:
    subject = named((O, "Gatestone"), (CN, "Doe, Jane"))
    assert show(X509(rules=[RULE]), authority.issue_client("", subject=subject).der).name == "Doe, Jane"
    rule = {**RULE, "subject": r"CN={user},O=Gate\,stone"}
    subject = named((O, "Gate,stone"), (CN, "alice"))
    assert show(X509(rules=[rule]), authority.issue_client("", subject=subject).der).name == "alice"


@pytest.mark.parametrize(
    ("pattern", "subject", "user"),
    [
        ("CN=Robot: {user},O=Gatestone", named((O, "Gatestone"), (CN, "Robot: backup")), "backup"),
        ("emailAddress={user}@gate.test", named((NameOID.EMAIL_ADDRESS, "alice@gate.test")), "alice"),
        (
            "CN={any},CN={any},CN={user},O=Gatestone",
            named((O, "Gatestone"), (CN, "alice"), (CN, "12345"), (CN, "Alice A.")),
            "alice",
        ),
        ("CN={user}+OU=admins,O=Gatestone", x509.Name([ORG, MULTI]), "alice"),
        ("CN=Robot: {user},O=Gatestone", named((O, "Gatestone"), (CN, "Robot: ")), None),
        ("emailAddress={user}@gate.test", named((NameOID.EMAIL_ADDRESS, "alice@gate.test.evil")), None),
        ("CN={any},CN={any},CN={user},O=Gatestone", named((O, "Gatestone"), (CN, "alice"), (CN, "12345")), None),
        ("CN={user}+OU=admins,O=Gatestone", x509.Name([ORG, TWICE]), None),
    ],
)
def test_patterns(authority: Authority, pattern: str, subject: x509.Name, user: str | None) -> None:
    plugin = X509(rules=[{**RULE, "subject": pattern}])
    certificate = authority.issue_client("", subject=subject).der
    if user is None:
        refusal(plugin, certificate)
    else:
        assert show(plugin, certificate).name == user


def test_the_first_rule_that_fits_decides(authority: Authority) -> None:
    first = {**RULE, "subject": "CN=Robot: {user},O=Gatestone", "domain": "Robots"}
    plugin = X509(rules=[first, RULE])
    robot = show(plugin, authority.issue_client("Robot: x").der)
    assert (robot.name, robot.domain_name) == ("x", "Robots")


def test_every_mistake_in_the_rules_is_told_at_once() -> None:
    rules = [
        {**RULE, "issuer": "Users CA"},
        {**RULE, "subject": "CN=alice,O=Gatestone"},
        {**RULE, "subject": "CN={user}+CN=x"},
        {**RULE, "domain_id": "default"},
        {"issuer": RULE["issuer"], "subject": RULE["subject"]},
        {**RULE, "isuer": "x"},
        {**RULE, "issuer": "CN={any}"},
    ]
    with pytest.raises(SettingsError) as caught:
        X509(rules=rules)
    for number in range(1, len(rules) + 1):
        assert any(f"rule {number}" in problem for problem in caught.value.problems)


def test_a_revoked_certificate_is_refused_at_the_next_request(authority: Authority, write: Write) -> None:
    users = Authority("Users CA")
    alice, bob = users.issue_client("alice"), users.issue_client("bob")
    plugin = X509(rules=[RULE], ca_path=write("ca.pem", users.bundle_pem), crl_path=write("crl.pem", users.crl_pem()))
    assert show(plugin, alice.der).name == "alice"
    users.revoke(alice.certificate)
    write("crl.pem", users.crl_pem())
    assert "revoked" in refusal(plugin, alice.der)
    assert show(plugin, bob.der).name == "bob"


def test_a_serial_that_another_authority_revoked_means_nothing(authority: Authority, write: Write) -> None:
    alice = authority.issue_client("alice")
    other = Authority("Partners CA")
    other.revoke(alice.certificate)  # the same serial number, on the list of another issuer
    crls = write("crl.pem", authority.crl_pem() + other.crl_pem())
    for bundle in ("", write("ca.pem", authority.bundle_pem + other.bundle_pem)):
        assert show(X509(rules=[RULE], ca_path=bundle, crl_path=crls), alice.der).name == "alice"


def test_a_list_with_anothers_signature_is_no_list(authority: Authority, write: Write) -> None:
    impostor = Authority("Users CA")
    plugin = X509(rules=[RULE], ca_path=write("ca.pem", authority.bundle_pem), crl_path=write("crl.pem", impostor.crl_pem()))
    with pytest.raises(Unavailable, match="no current revocation list"):
        show(plugin, authority.issue_client("alice").der)


@pytest.mark.parametrize(
    "content",
    [
        lambda ca: b"",
        lambda ca: b"rubbish",
        lambda ca: ca.crl_pem()[:-60],
        lambda ca: Authority("Partners CA").crl_pem(),
        lambda ca: ca.crl_pem(last_update=NOW - 3 * DAY, next_update=NOW - DAY),
        lambda ca: ca.crl_pem(last_update=NOW + DAY, next_update=NOW + 2 * DAY),
    ],
    ids=["empty", "rubbish", "cut off", "of another authority", "out of date", "of the future"],
)
def test_without_a_current_list_nobody_gets_in(authority: Authority, write: Write, content: Callable[[Authority], bytes]) -> None:
    plugin = X509(rules=[RULE], crl_path=write("crl.pem", content(authority)))
    with pytest.raises(Unavailable):
        show(plugin, authority.issue_client("alice").der)
    write("crl.pem", authority.crl_pem())
    assert show(plugin, authority.issue_client("alice").der).name == "alice"


def test_a_list_that_is_revoked_and_out_of_date_still_refuses(write: Write) -> None:
    users = Authority("Users CA")
    alice = users.issue_client("alice")
    users.revoke(alice.certificate)
    old = users.crl_pem(last_update=NOW - 3 * DAY, next_update=NOW - DAY)
    assert "revoked" in refusal(X509(rules=[RULE], crl_path=write("crl.pem", old)), alice.der)


def test_missing_files_are_told_by_health(authority: Authority, tmp_path: Path, write: Write) -> None:
    plugin = X509(rules=[RULE], crl_path=str(tmp_path / "none.pem"))
    assert "none.pem" in plugin.health()
    with pytest.raises(Unavailable):
        show(plugin, authority.issue_client("alice").der)
    write("none.pem", authority.crl_pem())
    assert plugin.health() is None
    os.unlink(tmp_path / "none.pem")
    assert "none.pem" in plugin.health()


def test_an_intermediate_that_was_revoked_takes_its_users_with_it(write: Write) -> None:
    root = Authority("Root CA")
    users = root.issue_intermediate("Users CA")
    alice = users.issue_client("alice")
    bundle = write("ca.pem", users.bundle_pem)
    plugin = X509(rules=[RULE], ca_path=bundle, crl_path=write("crl.pem", users.crl_pem() + root.crl_pem()))
    assert show(plugin, alice.der).name == "alice"
    root.revoke(users.certificate)
    write("crl.pem", users.crl_pem() + root.crl_pem())
    assert "revoked" in refusal(plugin, alice.der)
    write("crl.pem", users.crl_pem())
    with pytest.raises(Unavailable):  # nothing says whether the intermediate is good
        show(plugin, alice.der)


def test_an_authority_past_its_end_vouches_for_nobody(write: Write) -> None:
    users = Authority("Users CA", now=NOW - 40 * DAY)
    alice = users.issue_client("alice", not_before=NOW - DAY, not_after=NOW + DAY)
    assert "present authority" in refusal(X509(rules=[RULE], ca_path=write("ca.pem", users.bundle_pem)), alice.der)


@settings(max_examples=200, deadline=None)
@given(rubbish=st.binary(max_size=400))
def test_any_bytes_are_refused(rubbish: bytes) -> None:
    refusal(X509(rules=[RULE]), rubbish)


@settings(max_examples=300, deadline=None)
@given(
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=3),
    kept=st.floats(0.01, 1),
)
def test_a_damaged_certificate_is_refused(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[float, int]], kept: float
) -> None:
    bundle = tmp_path_factory.getbasetemp() / "fuzz-ca.pem"
    bundle.write_bytes(authority.bundle_pem)
    plugin = X509(rules=[RULE], ca_path=str(bundle))
    der = bytearray(authority.issue_client("alice").der)
    whole = bytes(der)
    for place, difference in damage:
        der[int(place * len(der))] ^= difference
    damaged = bytes(der[: max(1, int(kept * len(der)))])
    if damaged != whole:
        with pytest.raises(Problem) as caught:
            show(plugin, damaged)
        assert isinstance(caught.value, Unauthorized)
