"""The vault: what it seals opens while its keys are there, and nothing tells the secret."""

from __future__ import annotations

import time

import pytest
from cryptography.fernet import Fernet

from identity.errors import Unavailable
from identity.tokens import rotation
from identity.tokens.keys import DirectoryKeys
from identity.tokens.vault import Unopened, Vault
from tests.support.keys import FixedKeys


def test_what_is_sealed_opens_and_is_never_the_same_twice():
    vault = Vault(FixedKeys("credential"))
    sealed = vault.seal(b"a secret")
    assert vault.open(sealed) == b"a secret"
    assert sealed != vault.seal(b"a secret") and b"a secret" not in sealed


def test_every_key_opens_and_the_newest_seals():
    keys = FixedKeys("credential", 3)
    vault = Vault(keys)
    for key in keys.found:
        assert vault.open(Fernet(key).encrypt(b"x")) == b"x"
    assert Fernet(keys.found[0]).decrypt(vault.seal(b"x")) == b"x"


def test_a_secret_is_sealed_anew_only_where_another_key_sealed_it():
    keys = FixedKeys("credential")
    vault = Vault(keys)
    assert vault.renewed(vault.seal(b"x")) is None
    fresh = vault.renewed(Fernet(keys.found[1]).encrypt(b"x"))
    assert fresh is not None and Fernet(keys.found[0]).decrypt(fresh) == b"x"


def test_what_no_key_opens_is_no_fault_of_the_clients():
    vault = Vault(FixedKeys("credential"))
    for sealed in (b"", b"rubbish", Fernet(Fernet.generate_key()).encrypt(b"hidden")):
        with pytest.raises(Unopened) as fault:
            vault.open(sealed)
        assert fault.value.status == 503 and "hidden" not in str(fault.value)
        with pytest.raises(Unopened):
            vault.renewed(sealed)


def test_without_keys_the_log_is_told_the_cure(tmp_path):
    for vault, told in (
        (Vault(None), "keys.master_key_file"),
        (Vault(DirectoryKeys(tmp_path / "none", "credential")), "cannot read the key directory"),
    ):
        for attempt in (lambda: vault.seal(b"x"), lambda: vault.open(b"x"), lambda: vault.renewed(b"x")):  # noqa: B023
            with pytest.raises(Unavailable) as fault:
                attempt()
            assert told in fault.value.reason and "key" not in fault.value.message


def test_keys_in_keystones_directory_open_what_keystone_sealed(tmp_path):
    """Its credential provider is Fernet over the files of `[credential] key_repository`."""
    keys = DirectoryKeys(tmp_path / "credential-keys", "credential")
    rotation.create(keys, time.time)
    theirs = Fernet((tmp_path / "credential-keys" / "1").read_bytes())
    assert Vault(keys).open(theirs.encrypt(b"blob")) == b"blob"
    assert theirs.decrypt(Vault(keys).seal(b"blob")) == b"blob"
