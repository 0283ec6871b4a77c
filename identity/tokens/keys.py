"""Where signing keys come from: a directory of files, or rows of the database wrapped by a master key."""

from __future__ import annotations

import base64
import binascii
import os
import stat
import threading
from collections.abc import Iterable, Sequence

from ..errors import SettingsError, StartError, Unavailable
from ..settings import Keys
from ..store import keys as table
from ..store.engine import Store
from .key_files import DirectoryKeys
from .key_kinds import KINDS, Finding, KeyInfo, KeyKind, described
from .wrapping import MASTER_KEY_LENGTH, DamagedKey, Wrapping, WrongMasterKey

__all__ = ["DirectoryKeys", "Finding", "KeyInfo", "StoreKeys", "fresh_master_key", "master_key", "master_key_findings"]

_HINT = "make one with: gatestone keys master"


class StoreKeys:
    """A KeySource over rows of the database, for tokens of one `purpose` ("fernet" or "jws").

    Reads nothing until first used, and again only at `reload`: call that after a change of kind KEYS, and after a fork it is
    not needed. Raises `errors.StartError` without a master key.
    """

    def __init__(self, store: Store, master_key: bytes | None, purpose: str = "fernet") -> None:
        if master_key is None:
            raise StartError(f"keys in the database need a master key: set keys.master_key_file or keys.master_key; {_HINT}")
        self.store = store
        self.kind = KINDS[purpose]
        self.wrapping = Wrapping(master_key, purpose)
        self._keys: tuple[bytes, ...] = ()
        self._turn = threading.Lock()

    def primary(self) -> bytes:
        """The key that seals. Raises `errors.Unavailable`."""
        return self.keys()[0]

    def keys(self) -> Sequence[bytes]:
        """All keys, the sealing one first; the same object until they change. Raises `errors.Unavailable`."""
        if not self._keys:
            try:
                self.reload()
            except StartError as fault:
                raise Unavailable(reason=f"signing keys: {fault}") from None
        return self._keys

    def reload(self) -> bool:
        """Read the rows again; says whether the keys are others now.

        Raises `errors.StartError` (wrong master key, an altered row, no row) and `errors.Unavailable` (the database is away);
        the keys stay as they were then.
        """
        with self._turn:
            found = self._opened()
            broken = next((key for key in found.values() if isinstance(key, DamagedKey)), None)
            if broken is not None:
                raise broken
            if not found:
                raise StartError(f"no {self.kind.purpose} key in the database: make some with `{self.kind.cure}`")
            keys = tuple(key for _, key in sorted(found.items(), reverse=True) if isinstance(key, bytes))
            changed = keys != self._keys
            if changed:
                self._keys = keys
            return changed

    def listing(self) -> list[KeyInfo]:
        """The keys without their secrets."""
        with self.store.read() as db:
            return described({row.position: row.created_at for row in table.rows(db, self.kind.purpose)})

    def findings(self) -> list[Finding]:
        """What is wrong with the rows."""
        try:
            found = self._opened()
        except WrongMasterKey as fault:
            return [Finding(True, str(fault), "give the master key that was in use when the keys were made")]
        findings = [Finding(True, str(key), self.kind.cure) for key in found.values() if isinstance(key, DamagedKey)]
        if not found:
            findings.append(Finding(True, f"no {self.kind.purpose} key in the database", self.kind.cure))
        elif 0 not in found:
            findings.append(Finding(False, f"no staged {self.kind.purpose} key in the database", self.kind.cure))
        return findings

    def _opened(self) -> dict[int, bytes | DamagedKey]:
        with self.store.read() as db:
            return opened(self.wrapping, self.kind, table.rows(db, self.kind.purpose))


def opened(wrapping: Wrapping, kind: KeyKind, stored: Iterable[table.WrappedKey]) -> dict[int, bytes | DamagedKey]:
    """Each row's key by position, or what is wrong with that row; raises WrongMasterKey where no row fits the master key."""
    found: dict[int, bytes | DamagedKey] = {}
    foreign: WrongMasterKey | None = None
    for row in stored:
        try:
            key = kind.clean(wrapping.unwrap(row.id, row.blob))
            found[row.position] = key or DamagedKey(f"the {kind.purpose} key {row.id} in the database is no such key")
        except DamagedKey as fault:
            found[row.position] = fault
        except WrongMasterKey as fault:
            foreign = fault
            found[row.position] = DamagedKey(
                f"the {kind.purpose} key {row.id} in the database fits another master key than the rest"
            )
    if foreign is not None and not any(isinstance(key, bytes) for key in found.values()):
        raise foreign
    return found


def master_key(settings: Keys) -> bytes | None:
    """The 32 bytes of the master key, or None where none is set. Raises `errors.SettingsError`; never tells the value."""
    if settings.master_key and settings.master_key_file:
        raise SettingsError(["keys.master_key and keys.master_key_file are both set: keep one of them"])
    if settings.master_key:
        return _decoded(settings.master_key, "keys.master_key")
    if not settings.master_key_file:
        return None
    try:
        with open(settings.master_key_file, encoding="utf-8") as file:
            return _decoded(file.read(1024).strip(), f"keys.master_key_file {settings.master_key_file}")
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is not text"
        raise SettingsError([f"keys.master_key_file {settings.master_key_file} cannot be read: {why}; {_HINT}"]) from None


def master_key_findings(settings: Keys) -> list[Finding]:
    """What is wrong with the master key's file."""
    try:
        master_key(settings)
    except SettingsError as fault:
        return [Finding(True, problem, _HINT) for problem in fault.problems]
    path = settings.master_key_file
    if path and os.stat(path).st_mode & (stat.S_IROTH | stat.S_IWOTH):
        return [Finding(False, f"every user of this host can reach the master key in {path}", f"chmod 0600 {path}")]
    return []


def fresh_master_key() -> str:
    """A new master key as `keys.master_key` takes it."""
    return base64.urlsafe_b64encode(os.urandom(MASTER_KEY_LENGTH)).decode()


def _decoded(text: str, place: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != MASTER_KEY_LENGTH:
        raise SettingsError([f"{place} is not 32 bytes in URL-safe base64; {_HINT}"])
    return raw
