"""The database and the signing keys as the operator's commands use them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StartError
from ..settings import Settings
from ..store import keys as key_rows
from ..store import migrations
from ..store.engine import Store
from ..tokens import rotation, sources
from ..tokens.keys import DirectoryKeys, StoreKeys


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
    """The keys of each spelling in use that has some. Raises StartError without a master key."""
    found = {name: sources.key_source(name, settings, store) for name in sources.spellings(settings)}
    return {name: keys for name, keys in found.items() if keys is not None}


def first_keys(settings: Settings, store: Store) -> list[str]:
    """Make keys where there are none; gives the spellings for which that was so."""
    return [name for name, keys in key_sources(settings, store).items() if rotation.create(keys, time.time)]


def rotate(keys: DirectoryKeys | StoreKeys, settings: Settings, store: Store) -> rotation.Rotation:
    """Rotate the keys, and tell every worker to doubt the tokens that it remembers: one may be sealed with a dropped key."""
    done = rotation.rotate(keys, settings.fernet_tokens.max_active_keys, time.time)
    if isinstance(keys, DirectoryKeys):  # rows announce their change themselves
        with store.begin() as tx:
            key_rows.changed(tx, keys.kind.purpose, time.time())
    return done
