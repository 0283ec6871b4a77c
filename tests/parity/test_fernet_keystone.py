"""Tokens and key repositories go both ways between us and the real Keystone."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import keystone.conf
import pytest
from hypothesis import HealthCheck, given, settings
from keystone import exception
from keystone.common import fernet_utils, jwt_utils
from keystone.token.providers.fernet import core as fernet_core
from keystone.token.providers.jws import core as jws_core
from oslo_utils import timeutils

from identity.errors import TokenNotFound
from identity.model.token import Claims
from identity.tokens import rotation
from identity.tokens.audit import audit_text, new_audit_id, sequence_of
from identity.tokens.claims_codec import EVERYTHING, pack, version_for
from identity.tokens.fernet import FernetProvider
from identity.tokens.jws import JwsProvider, public_pem
from identity.tokens.key_kinds import KINDS
from identity.tokens.keys import DirectoryKeys
from identity.tokens.methods import FURTHER_METHODS, KEYSTONE_METHODS, MethodTable
from tests.support.claims import ISSUED, claims, every_kind, hex_id, plain, same
from tests.support.keys import FixedKeys

CONF = keystone.conf.CONF
KEYSTONES = {kind: each for kind, each in every_kind().items() if version_for(each) != EVERYTHING}
ONE_REPOSITORY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def keystone_settings(tmp_path):
    """A Keystone whose key repository is ours. Its methods are its own defaults with ours after them."""
    keystone.conf.configure(CONF)
    CONF([], project="keystone", default_config_files=[], default_config_dirs=[])
    CONF.set_override("methods", [*KEYSTONE_METHODS, *FURTHER_METHODS], group="auth")
    CONF.set_override("key_repository", str(tmp_path / "keys"), group="fernet_tokens")
    CONF.set_override("max_active_keys", 3, group="fernet_tokens")
    CONF.set_override("jws_private_key_repository", str(tmp_path / "private"), group="jwt_tokens")
    CONF.set_override("jws_public_key_repository", str(tmp_path / "public"), group="jwt_tokens")
    yield
    CONF.reset()
    for section, name in (
        ("auth", "methods"),
        ("fernet_tokens", "key_repository"),
        ("fernet_tokens", "max_active_keys"),
        ("jwt_tokens", "jws_private_key_repository"),
        ("jwt_tokens", "jws_public_key_repository"),
    ):
        CONF.clear_override(name, group=section)


@pytest.fixture
def keys(tmp_path):
    made = DirectoryKeys(tmp_path / "keys")
    rotation.create(made, time.time)
    return made


@pytest.fixture
def utils(tmp_path):
    return fernet_utils.FernetUtils(str(tmp_path / "keys"), 3, "fernet_tokens")


def stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def seconds(text: str) -> int:
    return int(timeutils.parse_isotime(text).timestamp())


def as_keystones(each: Claims) -> SimpleNamespace:
    """What Keystone's providers read from its token model."""
    return SimpleNamespace(
        user_id=each.user_id,
        expires_at=stamp(each.expires_at),
        audit_ids=list(each.audit_ids),
        methods=list(each.methods),
        system=each.system,
        domain_id=each.domain_id,
        project_id=each.project_id,
        trust_id=each.trust_id,
        federated_groups=[{"id": group} for group in each.group_ids] if each.idp_id else None,
        identity_provider_id=each.idp_id,
        protocol_id=each.protocol_id,
        access_token_id=each.access_token_id,
        application_credential_id=each.app_cred_id,
        oauth2_thumbprint=each.thumbprint,
        oauth_scoped=each.access_token_id is not None,
        trust_scoped=each.trust_id is not None,
        is_federated=each.idp_id is not None,
        project_scoped=each.project_id is not None,
        domain_scoped=each.domain_id is not None,
        system_scoped=each.system is not None,
        unscoped=(each.project_id, each.domain_id, each.system, each.trust_id) == (None,) * 4,
    )


def as_ours(opened: tuple) -> Claims:
    """Claims from what Keystone's providers say about a token that they have opened."""
    user, methods, audit, system, domain, project, trust, groups, idp, protocol, access, app_cred, thumbprint, issued, expires = (
        opened
    )
    return Claims(
        user_id=user,
        methods=tuple(methods),
        issued_at=seconds(issued),
        expires_at=seconds(expires),
        audit_ids=tuple(audit),
        project_id=project,
        domain_id=domain,
        system=system,
        group_ids=tuple(group["id"] for group in groups or ()),
        idp_id=idp,
        protocol_id=protocol,
        trust_id=trust,
        access_token_id=access,
        app_cred_id=app_cred,
        thumbprint=thumbprint,
    )


@pytest.mark.parametrize("kind", KEYSTONES)
def test_keystone_opens_ours(keys, kind):
    token = FernetProvider(keys).seal(KEYSTONES[kind])
    theirs = as_ours(fernet_core.Provider().validate_token(token))
    assert same(theirs, KEYSTONES[kind])
    assert theirs.methods == FernetProvider(keys).open(token).methods  # in Keystone's order


@pytest.mark.parametrize("kind", KEYSTONES)
def test_we_open_keystones(keys, kind):
    token, issued = fernet_core.Provider().generate_id_and_issued_at(as_keystones(KEYSTONES[kind]))
    opened = FernetProvider(keys).open(token)
    assert same(opened, replace(KEYSTONES[kind], issued_at=seconds(issued)))
    assert abs(opened.issued_at - time.time()) < 60


@pytest.mark.parametrize("kind", KEYSTONES)
def test_same_payload_to_the_letter(keys, kind, monkeypatch):
    """Not only readable: the same version, the same bytes."""
    packed = []
    monkeypatch.setattr(fernet_core.tf.TokenFormatter, "pack", lambda _, payload: packed.append(payload) or "")
    monkeypatch.setattr(fernet_core.tf.TokenFormatter, "creation_time", lambda *_: datetime.fromtimestamp(ISSUED, UTC))
    fernet_core.Provider().generate_id_and_issued_at(as_keystones(KEYSTONES[kind]))
    assert pack(KEYSTONES[kind], MethodTable()) == packed[0]


@ONE_REPOSITORY
@given(each=claims())
def test_keystone_never_reads_other_claims_out_of_ours(keys, each):
    """Whatever the ids are: Keystone reads what we wrote, or refuses; it never sees a mightier or another token."""
    token = FernetProvider(keys).seal(each)
    try:
        theirs = as_ours(fernet_core.Provider().validate_token(token))
    except (exception.TokenNotFound, ValueError, TypeError, AssertionError):
        allowed = {"default"}
        odd = [id for id in (each.domain_id, each.trust_id) if id is not None and id not in allowed and not is_hex(id)]
        assert version_for(each) == EVERYTHING or odd
        return
    assert same(theirs, each)


def is_hex(id: str) -> bool:
    return len(id) == 32 and set(id) <= set("0123456789abcdef")


def test_our_own_version_is_no_token_to_keystone(keys):
    token = FernetProvider(keys).seal(every_kind()["federated trust"])
    with pytest.raises(exception.TokenNotFound):
        fernet_core.Provider().validate_token(token)


def test_keystones_default_methods_agree(keys):
    """Without any set-up on either side."""
    CONF.clear_override("methods", group="auth")
    assert tuple(CONF.auth.methods) == KEYSTONE_METHODS
    sealed = plain(methods=("password", "token"))
    assert set(as_ours(fernet_core.Provider().validate_token(FernetProvider(keys).seal(sealed))).methods) == {"password", "token"}


def test_a_keystone_with_methods_of_its_own(keys):
    CONF.set_override("methods", ["token", "totp", "password"], group="auth")
    ours = FernetProvider(keys, MethodTable(keystone=["token", "totp", "password"]))
    sealed = plain(methods=("password", "totp"))
    assert set(as_ours(fernet_core.Provider().validate_token(ours.seal(sealed))).methods) == {"password", "totp"}
    token, _ = fernet_core.Provider().generate_id_and_issued_at(as_keystones(sealed))
    assert set(ours.open(token).methods) == {"password", "totp"}


def test_the_sequence_passes_through_keystone(keys):
    """A token that Keystone rescopes keeps the chain's audit id, and with it our sequence."""
    sealed = plain(audit_ids=(audit_text(os.urandom(16)), new_audit_id(123456)))
    token, _ = fernet_core.Provider().generate_id_and_issued_at(as_keystones(sealed))
    opened = FernetProvider(keys).open(token)
    assert sequence_of(opened.chain_id) == 123456
    assert sequence_of(opened.audit_id) is None


def test_a_token_that_keystone_takes_in_two_spellings(keys):
    """Keystone decodes base64 leniently; we do not."""
    token = FernetProvider(keys).seal(plain())
    padded = token + "=" * (-len(token) % 4)
    assert padded != token and accepted(padded)
    with pytest.raises(TokenNotFound):
        FernetProvider(keys).open(padded)


def accepted(token: str) -> bool:
    try:
        fernet_core.Provider().validate_token(token)
    except (exception.TokenNotFound, ValueError):
        return False
    return True


def names(path) -> list[str]:
    return sorted(os.listdir(path), key=int)


def test_keystone_reads_our_repository_through_rotations(keys, utils):
    for _ in range(5):
        token = FernetProvider(keys).seal(plain())
        assert [key.encode() for key in utils.load_keys()] == list(keys.keys())
        assert utils.validate_key_repository(requires_write=True)
        rotation.rotate(keys, 3, time.time)
        assert fernet_core.Provider().validate_token(token)


def test_we_read_keystones_repository_through_rotations(utils, tmp_path):
    utils.create_key_directory()
    utils.initialize_key_repository()
    keys = DirectoryKeys(tmp_path / "keys")
    for _ in range(5):
        token, _ = fernet_core.Provider().generate_id_and_issued_at(as_keystones(plain()))
        assert list(keys.keys()) == [key.encode() for key in utils.load_keys()]
        utils.rotate_keys()
        assert FernetProvider(keys).open(token)
    assert keys.findings() == []


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_rotations_leave_the_same_files(tmp_path, most):
    """Step by step what keystone-manage leaves, and the key that was staged seals next in both."""
    theirs = fernet_utils.FernetUtils(str(tmp_path / "theirs"), most, "fernet_tokens")
    theirs.create_key_directory()
    theirs.initialize_key_repository()
    ours = DirectoryKeys(tmp_path / "ours")
    rotation.create(ours, time.time)
    if most > 1:  # with one key Keystone drops the sealing key at once, even when it makes the first ones
        assert names(tmp_path / "theirs") == names(tmp_path / "ours")
    for _ in range(6):
        staged = ours.keys()[-1], theirs.load_keys()[-1]
        theirs.rotate_keys()
        rotation.rotate(ours, most, time.time)
        assert names(tmp_path / "theirs") == names(tmp_path / "ours")
        if most > 1:
            assert (ours.primary(), theirs.load_keys()[0]) == staged


def test_taking_turns_in_one_repository(keys, utils):
    """An operator may move between the two tools at any time."""
    token = FernetProvider(keys).seal(plain())
    utils.rotate_keys()
    assert FernetProvider(keys).open(token)
    rotation.rotate(keys, 3, time.time)
    utils.rotate_keys()
    assert names(keys.path) == ["0", "3", "4"]
    assert list(keys.keys()) == [key.encode() for key in utils.load_keys()]


def test_keystone_finishes_what_our_crash_left(keys, utils, monkeypatch):
    """A rotation of ours that died with its new key half in place (0.tmp) does not disturb Keystone's next one."""

    class Crash(Exception):
        pass

    def dying(*_):
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(rotation.os, "rename", dying)
        with pytest.raises(Crash):
            rotation.rotate(keys, 3, time.time)
    assert (keys.path / "0.tmp").exists()
    utils.rotate_keys()
    assert names(keys.path) == ["0", "1", "2"]
    assert list(keys.keys()) == [key.encode() for key in utils.load_keys()]


@pytest.fixture
def jws_keys(tmp_path):
    """One key pair made by Keystone's own tool, in its two repositories."""
    (tmp_path / "private").mkdir()
    (tmp_path / "public").mkdir()
    jwt_utils.create_jws_keypair(str(tmp_path / "private" / "private.pem"), str(tmp_path / "public" / "theirs.pem"))
    return tmp_path


@pytest.mark.parametrize("kind", every_kind())
def test_keystone_opens_our_jws(jws_keys, kind):
    ours = FixedKeys("jws")
    (jws_keys / "public" / "ours.pem").write_bytes(public_pem(ours.primary()))
    sealed = every_kind()[kind]
    assert as_ours(jws_core.Provider().validate_token(JwsProvider(ours).seal(sealed))) == sealed


@pytest.mark.parametrize("kind", every_kind())
def test_we_open_keystones_jws_where_we_are_told_to(jws_keys, kind):
    sealed = every_kind()[kind]
    trusted = [(jws_keys / "public" / "theirs.pem").read_bytes()]
    token, _ = jws_core.Provider().generate_id_and_issued_at(as_keystones(sealed))
    assert replace(JwsProvider(FixedKeys("jws"), trusted).open(token), issued_at=ISSUED) == sealed
    with pytest.raises(TokenNotFound):
        JwsProvider(FixedKeys("jws")).open(token)


def test_we_can_sign_with_keystones_key(jws_keys):
    key = (jws_keys / "private" / "private.pem").read_bytes()
    assert KINDS["jws"].clean(key) == key
    keys = FixedKeys("jws", 0)
    keys.found = (key,)
    sealed = plain(project_id=hex_id())
    assert as_ours(jws_core.Provider().validate_token(JwsProvider(keys).seal(sealed))) == sealed
