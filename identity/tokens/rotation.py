"""Making and rotating signing keys, as Keystone does it.

Position 0 is staged: all nodes know it before it seals anything. A rotation promotes it to one above the highest, puts a fresh
key at 0, and drops the lowest of the others until `max_active_keys` are left, the staged one counted.
"""

from __future__ import annotations

import fcntl
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from ..errors import StartError
from ..ports import Clock
from ..store import keys as table
from .key_files import DirectoryKeys
from .keys import StoreKeys, opened

_PLACE: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_NEXT: Final = "0.tmp"  # Keystone's name for a staged key that is not in place yet; every reader passes it over


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did: the position that seals now, and those that were dropped."""

    primary: int
    removed: tuple[int, ...]


def create(keys: DirectoryKeys | StoreKeys, clock: Clock) -> bool:
    """Make a sealing and a staged key unless there are keys; says whether it did. Raises `errors.StartError`."""
    made = _create_files(keys) if isinstance(keys, DirectoryKeys) else _create_rows(keys, clock)
    keys.reload()
    return made


def rotate(keys: DirectoryKeys | StoreKeys, max_active_keys: int, clock: Clock) -> Rotation:
    """Promote the staged key, stage a fresh one and drop the oldest. Raises `errors.StartError`.

    Where a rotation was cut off and there is no staged key, that one is finished: promoting a key that nobody has seen
    staged would make tokens that other nodes cannot open. An empty repository gets its first keys.
    """
    if max_active_keys < 1:
        raise ValueError("at least one key must stay active")
    done = _rotate_files(keys, max_active_keys) if isinstance(keys, DirectoryKeys) else _rotate_rows(keys, max_active_keys, clock)
    keys.reload()
    return done


def _excess(places: list[int], max_active_keys: int) -> list[int]:
    """Of the positions above 0, those that a rotation drops."""
    ordered = sorted((place for place in places if place), reverse=True)
    return ordered[max_active_keys - 1 :]


# Files


def _create_files(keys: DirectoryKeys) -> bool:
    try:
        os.makedirs(keys.path, mode=0o700, exist_ok=True)
        with _locked(keys.path):
            if any(keys.kind.clean((keys.path / str(place)).read_bytes()) for place in _places(keys.path)):
                return False
            _write(keys.path, "1", keys.kind.fresh())
            _write(keys.path, "0", keys.kind.fresh())
            return True
    except OSError as fault:
        raise StartError(f"cannot make keys in {keys.path}: {fault.strerror}") from None


def _rotate_files(keys: DirectoryKeys, max_active_keys: int) -> Rotation:
    """Each step leaves a repository that works: a crash between two of them costs no token."""
    if _create_files(keys):
        return Rotation(1, ())
    path = keys.path
    try:
        with _locked(path):
            places = _places(path)
            staged = path / "0"
            if 0 in places and keys.kind.clean(staged.read_bytes()) is not None:
                _prepare(path, _NEXT, keys.kind.fresh())
                places.append(max(places) + 1)
                os.rename(staged, path / str(max(places)))
                _sync(path)
                os.rename(path / _NEXT, staged)
                _sync(path)
            else:
                _write(path, "0", keys.kind.fresh())
            removed = _excess(places, max_active_keys)
            for place in reversed(removed):
                os.unlink(path / str(place))
            _sync(path)
    except OSError as fault:
        raise StartError(f"cannot rotate the keys in {path}: {fault.strerror}") from None
    return Rotation(max(set(places) - set(removed), default=0), tuple(sorted(removed)))


def _places(path: Path) -> list[int]:
    return [int(name) for name in os.listdir(path) if _PLACE.fullmatch(name) and (path / name).is_file()]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One rotation at a time on this host; the lock goes with the process."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, name: str, key: bytes) -> None:
    _prepare(path, f"{name}.tmp", key)
    os.rename(path / f"{name}.tmp", path / name)
    _sync(path)


def _prepare(path: Path, name: str, key: bytes) -> None:
    """Write a file that only its owner can read. Root gives it to the directory's owner, who is to read it."""
    handle = os.open(path / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        os.fchmod(handle, 0o600)
        if os.geteuid() == 0:
            owner = os.stat(path)
            os.fchown(handle, owner.st_uid, owner.st_gid)
        file.write(key)
        file.flush()
        os.fsync(handle)


def _sync(path: Path) -> None:
    """Make renames and removals last through a power cut, in their order."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# Rows


def _create_rows(keys: StoreKeys, clock: Clock) -> bool:
    with keys.store.read() as db:
        if table.rows(db, keys.kind.purpose):
            return False
    with keys.store.begin() as tx:
        _take_turn(tx, keys, clock)
        if table.rows(tx, keys.kind.purpose):
            return False
        for place in (1, 0):
            _add(tx, keys, place, clock)
    return True


def _rotate_rows(keys: StoreKeys, max_active_keys: int, clock: Clock) -> Rotation:
    """One transaction. Rows that were altered open nothing any more, so they are dropped; a wrong master key stops it."""
    if _create_rows(keys, clock):
        return Rotation(1, ())
    with keys.store.begin() as tx:
        _take_turn(tx, keys, clock)
        stored = {row.position: row for row in table.rows(tx, keys.kind.purpose)}
        found = opened(keys.wrapping, keys.kind, stored.values())
        removed = [place for place, key in found.items() if not isinstance(key, bytes)]
        places = [place for place in stored if place not in removed]
        top = max(stored, default=0) + 1
        for place in removed:
            table.drop(tx, stored[place].id)
        if 0 in places:
            table.move(tx, stored[0].id, top)
            stored[top] = stored[0]
            places.append(top)
        _add(tx, keys, 0, clock)
        for place in _excess(places, max_active_keys):
            table.drop(tx, stored[place].id)
            removed.append(place)
    return Rotation(max(set(places) - set(removed), default=0), tuple(sorted(removed)))


def _take_turn(tx: Connection, keys: StoreKeys, clock: Clock) -> None:
    """Announce the change first: the counter's row lock makes a second rotation wait, and then see what this one did."""
    table.changed(tx, keys.kind.purpose, clock())


def _add(tx: Connection, keys: StoreKeys, place: int, clock: Clock) -> None:
    id = uuid.uuid4().hex
    blob = keys.wrapping.wrap(id, keys.kind.fresh())
    table.add(tx, purpose=keys.kind.purpose, position=place, blob=blob, now=clock(), id=id)
