"""The directory that the demo lives in: made here, and gone at the end whatever that end is."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

from ...errors import StartError

_PATIENCE = 15.0  # seconds that orphans may need to end and to stop writing


class Place:
    """A private directory. With no `asked` one, a temporary one; an existing one must be empty, and stays.

    A watching child holds the other end of a pipe: should this process be killed, the child removes what is left.
    """

    def __init__(self, asked: Path | None) -> None:
        if asked is None:
            self.directory, self._made = Path(tempfile.mkdtemp(prefix="gatestone-demo-")).resolve(), True
        else:
            self.directory, self._made = asked.absolute(), _make(asked.absolute())
            self.directory = self.directory.resolve()
        self._identity = _identity(self.directory)
        self._pipe, self._watcher = self._watch()

    def _watch(self) -> tuple[int, int]:
        reading, writing = os.pipe()
        child = os.fork()
        if child:
            os.close(reading)
            return writing, child
        try:  # the child: no return from here
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            os.close(writing)
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):  # whoever reads our output must not wait for this child
                os.dup2(null, descriptor)
            os.read(reading, 1)
            deadline = time.monotonic() + _PATIENCE
            while not self._emptied() and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            os._exit(0)

    def _emptied(self) -> bool:
        """Remove all that is here; true once nothing is left. Another directory that now has this name is not ours."""
        if _identity(self.directory) != self._identity:
            return True
        if self._made:
            shutil.rmtree(self.directory, ignore_errors=True)
            return not self.directory.exists()
        for entry in _entries(self.directory):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        return not _entries(self.directory)

    def remove(self) -> None:
        """Remove it all, and end the watching child; may be called twice."""
        if self._pipe < 0:
            return
        self._emptied()
        os.close(self._pipe)
        self._pipe = -1
        os.waitpid(self._watcher, 0)


def _make(directory: Path) -> bool:
    """Whether it had to be made."""
    try:
        directory.mkdir(mode=0o700)
        return True
    except FileNotFoundError:
        raise StartError(f"{directory.parent} does not exist: make it, or name another --dir") from None
    except FileExistsError:
        pass
    except OSError as error:
        raise StartError(f"{directory} cannot be made: {error.strerror}; name another --dir") from None
    try:
        if os.listdir(directory):
            raise StartError(f"{directory} is not empty: name a new or an empty directory with --dir")
        if not os.access(directory, os.W_OK | os.X_OK):
            raise StartError(f"{directory} cannot be written to: name another --dir")
    except OSError as error:
        raise StartError(f"{directory}: {error.strerror}; name another --dir") from None
    return False


def _identity(directory: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(directory)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []
