"""Which provider and which keys the settings ask for: one rule for the service and for the operator's commands."""

from __future__ import annotations

from ..ports import TokenProvider
from ..settings import Settings
from ..store.engine import Store
from .fernet import FernetProvider
from .keys import DirectoryKeys, StoreKeys, master_key
from .methods import MethodTable

PURPOSES = {"fernet": "fernet", "jws": "jws"}
"""Spelling of tokens to the purpose of its keys; UUID tokens need none."""


def key_source(name: str, settings: Settings, store: Store) -> DirectoryKeys | StoreKeys | None:
    """The keys for tokens of this spelling; None where it has none. Raises `errors.StartError`, `errors.SettingsError`."""
    purpose = PURPOSES.get(name)
    if purpose is None:
        return None
    if purpose == "fernet" and settings.fernet_tokens.key_repository:
        return DirectoryKeys(settings.fernet_tokens.key_repository)
    return StoreKeys(store, master_key(settings.keys), purpose)


def method_table(settings: Settings) -> MethodTable:
    """The bits of authentication methods in Fernet payloads, with room for the plugins of third parties."""
    return MethodTable(settings.fernet_tokens.keystone_methods, settings.auth.methods)


def provider(name: str, keys: DirectoryKeys | StoreKeys | None, store: Store, methods: MethodTable | None = None) -> TokenProvider:
    """A provider of the spelling `name`; only the one that is used gets imported. `methods` is for Fernet."""
    if name == "fernet" and keys is not None:
        return FernetProvider(keys, methods)
    if name == "jws" and keys is not None:
        from .jws import JwsProvider  # noqa: PLC0415 (slow to load)

        return JwsProvider(keys)
    from .uuid import UuidProvider  # noqa: PLC0415 (slow to load)

    return UuidProvider(store)
