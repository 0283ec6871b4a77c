"""The database and the keys as the operator's commands use them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StartError
from ..services import sealing
from ..settings import Settings
from ..store import keys as key_rows
from ..store import migrations
from ..store.engine import Store
from ..tokens import rotation, sources
from ..tokens.keys import DirectoryKeys, StoreKeys
from ..tokens.vault import Vault

FIRST = rotation.Rotation(1, ())
"""What a rotation comes to that finds no keys."""
CREDENTIAL_KEYS = 3  # staged, sealing, and the one that sealed before; Keystone has no option for it either


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """The database, whatever its schema; closed at the end. Raises StartError, Unavailable."""
    store = Store.open(settings.database)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def ready(settings: Settings) -> Iterator[Store]:
    """The database with a current schema, else StartError that says how to get it."""
    with opened(settings) as store:
        fault = migrations.check(store)
        if fault:
            raise StartError(fault)
        yield store


def key_sources(settings: Settings, store: Store) -> dict[str, DirectoryKeys | StoreKeys]:
    """The keys of each spelling in use that has some, then "credential". Raises StartError where tokens need a master key."""
    found = {name: sources.key_source(name, settings, store) for name in sources.spellings(settings)}
    found[sources.CREDENTIAL] = sources.credential_keys(settings, store)
    return {name: keys for name, keys in found.items() if keys is not None}


def first_keys(settings: Settings, store: Store) -> list[str]:
    """Make keys where there are none; gives the spellings (or "credential") for which that was so."""
    return [name for name, keys in key_sources(settings, store).items() if first(keys)]


def first(keys: DirectoryKeys | StoreKeys) -> bool:
    """Make the first keys of one kind, unless there are some; says whether it did."""
    return rotation.create(keys, time.time)


def unused(name: str, settings: Settings) -> str:
    """Why there are no keys of this name to rotate, and what to do."""
    if name == sources.CREDENTIAL:
        return "credential keys have no place: set keys.master_key_file (`gatestone keys master`) or credential.key_repository"
    return f"{name} is not in use: token.provider is {settings.token.provider}"


def rotate(keys: DirectoryKeys | StoreKeys, settings: Settings, store: Store) -> rotation.Rotation:
    """Rotate the keys, and tell every worker to doubt the tokens that it remembers: one may be sealed with a dropped key.

    Stored secrets are sealed anew: before, so that the dropped key is in no use; after, so that the old one can go next time.
    A worker may seal with the old key until it has seen the change (token.max_staleness, or 5 seconds for files): two rotations
    should be further apart than that.
    """
    if keys.kind.purpose == sources.CREDENTIAL:
        if first(keys):
            return FIRST
        sealing.renew(store, Vault(keys))
        done = rotation.rotate(keys, CREDENTIAL_KEYS, time.time)
        sealing.renew(store, Vault(keys))
    else:
        done = rotation.rotate(keys, settings.fernet_tokens.max_active_keys, time.time)
    if isinstance(keys, DirectoryKeys):  # rows announce their change themselves
        with store.begin() as tx:
            key_rows.changed(tx, keys.kind.purpose, time.time())
    return done
