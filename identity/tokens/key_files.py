"""A directory of keys as Keystone keeps it: files named 0, 1, 2 ...; 0 is staged, the highest seals, all open."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..errors import StartError, Unavailable
from .key_kinds import KINDS, Finding, KeyInfo, described

_NAME: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_BIGGEST: Final = 16384  # bytes; a key has 44, a PEM some 240
_SETTLE: Final = 2_000_000_000  # nanoseconds: within these a second change may have left the same time stamp
_RECHECK: Final = 5.0  # seconds after which even an unchanged directory is listed again: files may be written in place


@dataclass(frozen=True)
class _Look:
    """What one look at the directory found. `mark` is its time stamp, or None where that proves nothing yet."""

    mark: int | None
    due: float
    signature: tuple[tuple[int, int, int, int], ...] | None
    keys: tuple[bytes, ...] = field(repr=False)


class DirectoryKeys:
    """A KeySource over files, for tokens of one `purpose` ("fernet" or "jws").

    A change by anybody (`gatestone keys rotate`, `keystone-manage fernet_rotate`, rsync) is seen at the next use: each use asks
    for the directory's time stamp, some microseconds, and every few seconds for the files'. Safe to share between threads.
    """

    def __init__(self, path: str | Path, purpose: str = "fernet") -> None:
        self.path = Path(path)
        self.kind = KINDS[purpose]
        self._look: _Look | None = None

    def primary(self) -> bytes:
        """The key that seals. Raises `errors.Unavailable`."""
        return self.keys()[0]

    def keys(self) -> Sequence[bytes]:
        """All keys, the sealing one first; the same object until they change. Raises `errors.Unavailable`."""
        look = self._look
        try:
            if look is None or os.stat(self.path).st_mtime_ns != look.mark or time.monotonic() > look.due:
                self.reload()
        except (StartError, OSError) as fault:
            raise Unavailable(reason=f"signing keys: {fault}") from None
        assert self._look is not None
        return self._look.keys

    def reload(self) -> bool:
        """Look again; says whether the keys are others now. Raises `errors.StartError`; the keys stay as they were then."""
        before = self._look
        try:
            now = time.time_ns()
            changed_at = os.stat(self.path).st_mtime_ns
            found = list(self._files())
            settled = all(abs(now - at) > _SETTLE for at in (changed_at, *(status.st_mtime_ns for _, _, status in found)))
            signature = tuple((place, status.st_mtime_ns, status.st_size, status.st_ino) for place, _, status in found)
            due = time.monotonic() + _RECHECK
            if before is not None and before.signature == signature:
                keys = before.keys
            else:
                keys = tuple(key for key in map(self._key, (path for _, path, _ in found)) if key is not None)
        except OSError as fault:
            raise StartError(f"cannot read the key directory {self.path}: {fault.strerror}") from None
        if not keys:
            raise StartError(f"no usable {self.kind.purpose} key in {self.path}: make some with `{self.kind.cure}`")
        if before is not None and before.keys == keys:
            keys = before.keys
        self._look = _Look(changed_at, due, signature, keys) if settled else _Look(None, due, None, keys)
        return before is None or before.keys is not keys

    def listing(self) -> list[KeyInfo]:
        """The keys without their secrets. Raises `errors.StartError`."""
        try:
            return described({place: status.st_mtime for place, _, status in self._files()})
        except OSError as fault:
            raise StartError(f"cannot read the key directory {self.path}: {fault.strerror}") from None

    def findings(self) -> list[Finding]:
        """What is wrong with the directory."""
        try:
            status, found = os.stat(self.path), list(self._files())
            unusable = [path for _, path, _ in found if self._key(path) is None]
        except OSError as fault:
            return [Finding(True, f"cannot read the key directory {self.path}: {fault.strerror}", "run as its owner, or create it")]
        findings = []
        if len(unusable) == len(found):
            findings.append(Finding(True, f"no usable {self.kind.purpose} key in {self.path}", self.kind.cure))
        elif not any(place == 0 for place, _, _ in found):
            findings.append(Finding(False, f"no staged key (0) in {self.path}", f"{self.kind.cure} finishes the rotation"))
        for path in unusable:
            findings.append(Finding(False, f"{path} holds no {self.kind.purpose} key and is left out", f"remove {path}"))
        if status.st_mode & (stat.S_IROTH | stat.S_IXOTH):
            findings.append(Finding(False, f"every user of this host can read {self.path}", f"chmod 0700 {self.path}"))
        for _, path, file_status in found:
            if file_status.st_mode & stat.S_IROTH:
                findings.append(Finding(False, f"every user of this host can read {path}", f"chmod 0600 {path}"))
        return findings

    def _files(self) -> Iterator[tuple[int, Path, os.stat_result]]:
        """Key files by position, the highest first. Links are followed: mounted secrets are made of them."""
        places = sorted((int(name) for name in os.listdir(self.path) if _NAME.fullmatch(name)), reverse=True)
        for place in places:
            path = self.path / str(place)
            try:
                status = os.stat(path)
            except FileNotFoundError:
                continue  # a rotation moved it since the listing; its new name changes the directory's time stamp
            if stat.S_ISREG(status.st_mode):
                yield place, path, status

    def _key(self, path: Path) -> bytes | None:
        """The key in a file; None where it is empty or torn. Then the others still serve, as under Keystone."""
        try:
            with open(path, "rb") as file:
                text = file.read(_BIGGEST)
        except FileNotFoundError:
            return None
        return self.kind.clean(text)
