"""What every plugin keeps to: a good proof gives an identity; anything else gives a clear 401 or 400 and nothing more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import authplugins
from authplugins.application_credential import ApplicationCredential
from authplugins.external import External
from authplugins.kerberos import Kerberos
from authplugins.password import Password
from authplugins.token import Token
from authplugins.x509 import X509
from identity.errors import BadRequest, TokenNotFound, Unauthorized
from identity.model.auth import UserRef
from identity.model.delegation import CredentialRef, StoredSecret
from identity.model.evidence import AuthenticatedIdentity, Evidence, Peer
from identity.model.token import Claims
from identity.ports import AuthPlugin
from tests.support.kdc import Client, Realm
from tests.support.pki import Authority

SECRET = "correct horse battery"
NOBODY = Peer("192.0.2.1")


@dataclass
class Case:
    """A plugin and a way to make evidence that it accepts."""

    plugin: AuthPlugin
    good: Callable[[], Evidence]


class OneAccount:
    def verify(self, user: UserRef, password: str) -> tuple[str, float | None]:
        if (user, password) != (UserRef(id="u1"), SECRET):
            raise Unauthorized(reason="wrong password")
        return "u1", None


class OneToken:
    def read(self, token: str) -> Claims:
        if token != SECRET:
            raise TokenNotFound
        return Claims("u1", ("password",), 0, 2**33, ("a",))


class OneCredential:
    def verify(self, ref: CredentialRef, secret: str) -> StoredSecret:
        if (ref, secret) != (CredentialRef(id="ac1"), SECRET):
            raise Unauthorized(reason="wrong secret")
        return StoredSecret("ac1", "u1", "p1", "$hash")


def application_credential_case() -> Case:
    shown = {"id": "ac1", "secret": SECRET}
    return Case(ApplicationCredential(OneCredential()), lambda: Evidence("application_credential", shown, {}, NOBODY))


def password_case() -> Case:
    return Case(Password(OneAccount()), lambda: Evidence("password", {"user": {"id": "u1", "password": SECRET}}, {}, NOBODY))


def token_case() -> Case:
    return Case(Token(OneToken()), lambda: Evidence("token", {"id": SECRET}, {}, NOBODY))


def external_case() -> Case:
    return Case(External(domain_id="default"), lambda: Evidence("external", {}, {"REMOTE_USER": "alice"}, NOBODY))


def x509_case() -> Case:
    authority = Authority("CA")
    peer = Peer("192.0.2.1", "x509", authority.issue_client("alice").der)
    rule = {"issuer": "CN=CA,O=Gatestone", "subject": "CN={user},O=Gatestone", "domain": "Default"}
    return Case(X509(rules=[rule]), lambda: Evidence("x509", {}, {}, peer))


@pytest.fixture(scope="session")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    directory = tmp_path_factory.mktemp("realm")
    realm = Realm(directory)
    realm.add_principal("alice", SECRET)
    realm.add_principal("HTTP/localhost")
    realm.keytab(directory / "http.keytab", "HTTP/localhost")
    with realm, pytest.MonkeyPatch.context() as patch:
        for name, value in realm.environ.items():
            patch.setenv(name, value)
        realm.kinit("alice", password=SECRET, ccache=directory / "alice.cc")
        yield realm


@pytest.fixture(scope="session")
def cases(realm: Realm) -> dict[str, Case]:
    kerberos = Kerberos(keytab=str(realm.directory / "http.keytab"), service="HTTP@localhost", realms={realm.realm: "Default"})

    def ticket() -> Evidence:
        header = Client(realm.directory / "alice.cc").header
        return Evidence("kerberos", {}, {"HTTP_AUTHORIZATION": header}, NOBODY)

    return {
        "password": password_case(),
        "token": token_case(),
        "application_credential": application_credential_case(),
        "external": external_case(),
        "x509": x509_case(),
        "kerberos": Case(kerberos, ticket),
    }


def test_every_built_in_plugin_is_held_to_the_contract(cases: dict[str, Case]) -> None:
    assert set(cases) == set(authplugins.BUILT_IN)


@pytest.fixture(params=sorted(authplugins.BUILT_IN))
def case(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    return cases[request.param]


@pytest.fixture(scope="session", params=sorted(authplugins.BUILT_IN))
def steady_case(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    return cases[request.param]


def test_a_good_proof_names_one_user(case: Case) -> None:
    found = case.plugin.authenticate(case.good())
    assert isinstance(found, AuthenticatedIdentity)
    assert found.method == case.plugin.name
    assert (found.user_id is None) != (found.name is None)
    if found.name is not None:
        assert (found.domain_id is None) != (found.domain_name is None)
    assert found.not_after is None or found.not_after > 0
    for name, value in found.response_headers:
        assert name.isascii()
        assert "\n" not in value


def test_the_payloads_shape_can_be_documented(case: Case) -> None:
    schema = msgspec.json.schema(case.plugin.Payload)
    assert json.dumps(schema)


def test_evidence_is_read_only_where_it_was_declared(case: Case) -> None:
    good = case.good()
    assert set(good.environ) <= case.plugin.reads
    assert isinstance(case.plugin.reads, frozenset)


def test_nothing_shown_proves_nobody(case: Case) -> None:
    for payload in (None, {}, {"user": {}}, {"id": ""}):
        with pytest.raises((Unauthorized, BadRequest, TokenNotFound)):
            case.plugin.authenticate(Evidence(case.plugin.name, payload, {}, NOBODY))


def test_only_a_plugin_that_challenges_has_a_challenge_on_its_401(case: Case) -> None:
    challenges = case.plugin.name == "kerberos"
    with pytest.raises((Unauthorized, BadRequest, TokenNotFound)) as caught:
        case.plugin.authenticate(Evidence(case.plugin.name, {}, {}, NOBODY))
    assert bool(caught.value.headers) == challenges


TEXT = (
    st.text(st.characters(codec=None), max_size=20)
    | st.just(SECRET)
    | st.just("u1")
    | st.sampled_from(["\ud800", "\0", "x" * 5000])
)
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
KEY = st.sampled_from(["user", "id", "name", "domain", "password"]) | TEXT
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEY, inner, max_size=5), max_leaves=12)
USER = st.fixed_dictionaries({}, optional={"id": LEAF, "name": LEAF, "domain": VALUE, "password": LEAF})
PAYLOAD = VALUE | st.fixed_dictionaries({}, optional={"user": USER | VALUE, "id": LEAF})
LATIN = st.text(st.characters(max_codepoint=255), max_size=40)
HEADER = LATIN | LATIN.map("Negotiate {}".format) | st.binary(max_size=60).map(lambda raw: "Negotiate " + raw.hex())
ENVIRON = st.fixed_dictionaries(
    {}, optional={"HTTP_AUTHORIZATION": HEADER, "REMOTE_USER": st.sampled_from(["", "\xff", "a\nb", " "])}
)
PEER = st.builds(Peer, st.just("192.0.2.1"), st.sampled_from(["api", "x509"]), st.none() | st.binary(max_size=200))


@settings(max_examples=150, deadline=None)
@given(payload=PAYLOAD, environ=ENVIRON, peer=PEER)
def test_hostile_evidence_is_refused_and_not_repeated(steady_case: Case, payload: Any, environ: dict[str, str], peer: Peer) -> None:
    plugin = steady_case.plugin
    shown = {name: value for name, value in environ.items() if name in plugin.reads}
    try:
        found = plugin.authenticate(Evidence(plugin.name, payload, shown, peer))
    except (Unauthorized, BadRequest, TokenNotFound) as problem:
        assert SECRET not in problem.message + problem.reason
        assert "\n" not in problem.message + problem.reason
        for name, value in problem.headers:
            assert (name, value) == ("WWW-Authenticate", "Negotiate")
    else:
        # Chance may spell the right proof; then it is the right user and nobody else.
        assert found.user_id == "u1"


@settings(max_examples=60, deadline=None)
@given(payload=VALUE)
def test_a_hostile_payload_beside_a_good_proof_changes_nobody(steady_case: Case, payload: Any) -> None:
    good = steady_case.good()
    plugin = steady_case.plugin
    try:
        found = plugin.authenticate(Evidence(plugin.name, payload, good.environ, good.peer))
    except (Unauthorized, BadRequest, TokenNotFound):
        return
    assert (found.user_id or found.name) in ("u1", "alice")
