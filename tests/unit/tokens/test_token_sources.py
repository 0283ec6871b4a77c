"""What the settings ask for."""

import time

import pytest

from identity.errors import SettingsError, StartError
from identity.settings import Auth, Database, FernetTokens, Keys, Settings, Token
from identity.store.engine import Store
from identity.tokens import rotation, sources
from identity.tokens.keys import DirectoryKeys, StoreKeys, fresh_master_key
from tests.support.claims import plain


@pytest.fixture
def store(tmp_path):
    made = Store.open(Database(connection=f"sqlite:///{tmp_path}/sources.db"))
    yield made
    made.close()


def test_where_keys_come_from(tmp_path, store):
    wrapped = Settings(keys=Keys(master_key=fresh_master_key()))
    files = Settings(fernet_tokens=FernetTokens(key_repository=str(tmp_path)))
    assert isinstance(sources.key_source("fernet", wrapped, store), StoreKeys)
    assert isinstance(sources.key_source("jws", wrapped, store), StoreKeys)
    assert isinstance(sources.key_source("fernet", files, store), DirectoryKeys)
    assert sources.key_source("uuid", Settings(), store) is None
    with pytest.raises(StartError, match="master key"):
        sources.key_source("fernet", Settings(), store)
    with pytest.raises(SettingsError, match="32 bytes"):
        sources.key_source("fernet", Settings(keys=Keys(master_key="x")), store)


def test_each_spelling_has_its_provider(tmp_path, store):
    for name in ("fernet", "jws", "uuid"):
        keys = DirectoryKeys(tmp_path / name, name) if name != "uuid" else None
        if keys is not None:
            rotation.create(keys, time.time)
        made = sources.provider(name, keys, store)
        assert made.name == name
        if keys is not None:
            assert made.open(made.seal(plain()))


@pytest.mark.parametrize("name", ["fernt", "Fernet", ""])
def test_a_spelling_that_there_is_not_is_refused(store, name):
    with pytest.raises(SettingsError, match="known are fernet, jws, uuid"):
        sources.key_source(name, Settings(), store)
    with pytest.raises(SettingsError, match="known are fernet, jws, uuid"):
        sources.provider(name, None, store)


def test_signed_tokens_without_keys_never_become_uuid_tokens(store):
    with pytest.raises(SettingsError):
        sources.provider("fernet", None, store)


def test_the_spellings_in_use_and_whether_they_need_the_master_key():
    def asked(provider, *readers, files=""):
        return Settings(token=Token(provider=provider, readers=list(readers)), fernet_tokens=FernetTokens(key_repository=files))

    assert sources.spellings(asked("jws", "uuid", "jws", "fernet")) == ["jws", "uuid", "fernet"]
    needs = [asked("fernet"), asked("uuid", "jws"), asked("fernet", "jws", files="/keys")]
    assert [sources.needs_master_key(one) for one in needs] == [True, True, True]
    assert [sources.needs_master_key(one) for one in (asked("uuid"), asked("uuid", "fernet", files="/keys"))] == [False, False]


def test_methods_of_a_third_party_and_of_the_keystone_beside_us(tmp_path, store):
    settings = Settings(auth=Auth(methods=["password", "badge"]), fernet_tokens=FernetTokens(keystone_methods=["totp", "password"]))
    keys = DirectoryKeys(tmp_path / "keys")
    rotation.create(keys, time.time)
    table = sources.method_table(settings)
    made = sources.provider("fernet", keys, store, table)
    assert set(made.open(made.seal(plain(methods=("password", "badge")))).methods) == {"password", "badge"}
    assert table.names[3] == ("password", "totp")
