"""Which provider and which keys the settings ask for: one rule for the service and for the operator's commands."""

from __future__ import annotations

from ..errors import SettingsError
from ..ports import TokenProvider
from ..settings import Settings
from ..store.engine import Store
from .fernet import FernetProvider
from .keys import DirectoryKeys, StoreKeys, master_key
from .methods import MethodTable

PURPOSES = {"fernet": "fernet", "jws": "jws"}
"""Spelling of tokens to the purpose of its keys."""
KEYLESS = "uuid"
CREDENTIAL = "credential"
"""The purpose of the keys that seal stored secrets (`vault.Vault`); tokens have nothing to do with them."""


def spellings(settings: Settings) -> list[str]:
    """The spellings of tokens that are made or read, the one that is made first."""
    return list(dict.fromkeys([settings.token.provider, *settings.token.readers]))


def key_source(name: str, settings: Settings, store: Store) -> DirectoryKeys | StoreKeys | None:
    """The keys for tokens of this spelling; None where it has none. Raises `errors.StartError`, `errors.SettingsError`."""
    if name == KEYLESS:
        return None
    purpose = PURPOSES.get(name)
    if purpose is None:
        raise _unknown(name)
    if _in_files(name, settings):
        return DirectoryKeys(settings.fernet_tokens.key_repository)
    return StoreKeys(store, master_key(settings.keys), purpose)


def credential_keys(settings: Settings, store: Store) -> DirectoryKeys | StoreKeys | None:
    """The keys that seal stored secrets; None where there is no directory and no master key. Raises `errors.SettingsError`."""
    if settings.credential.key_repository:
        return DirectoryKeys(settings.credential.key_repository, CREDENTIAL)
    master = master_key(settings.keys)
    return StoreKeys(store, master, CREDENTIAL) if master is not None else None


def needs_master_key(settings: Settings) -> bool:
    """Whether a spelling in use keeps its keys in the database."""
    return any(name in PURPOSES and not _in_files(name, settings) for name in spellings(settings))


def _in_files(name: str, settings: Settings) -> bool:
    return name == "fernet" and bool(settings.fernet_tokens.key_repository)


def method_table(settings: Settings) -> MethodTable:
    """The bits of authentication methods in Fernet payloads, with room for the plugins of third parties."""
    return MethodTable(settings.fernet_tokens.keystone_methods, settings.auth.methods)


def provider(name: str, keys: DirectoryKeys | StoreKeys | None, store: Store, methods: MethodTable | None = None) -> TokenProvider:
    """A provider of the spelling `name`; only the one that is used gets imported. `methods` is for Fernet.

    Raises `errors.SettingsError` for a spelling that there is not.
    """
    if name == "fernet" and keys is not None:
        return FernetProvider(keys, methods)
    if name == "jws" and keys is not None:
        from .jws import JwsProvider  # noqa: PLC0415 (slow to load)

        return JwsProvider(keys)
    if name == KEYLESS:
        from .uuid import UuidProvider  # noqa: PLC0415 (slow to load)

        return UuidProvider(store)
    raise _unknown(name)


def _unknown(name: str) -> SettingsError:
    known = ", ".join([*PURPOSES, KEYLESS])
    return SettingsError([f"token.provider and token.readers: there are no tokens of the kind {name!r}; known are {known}"])
