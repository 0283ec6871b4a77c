"""Daemons on hosts: each in a session of its own, so that it can be killed with all its workers, and none outlives us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from identity.manage.demo.processes import clean_environ

from .hosts import Host

ROOT = Path(__file__).resolve().parents[2]
Found = TypeVar("Found")
_END = 20.0  # seconds that a daemon may take to end when told to


class WorldFault(RuntimeError):
    """The world itself does not work; the message says which part, with its last words."""


def until(condition: Callable[[], Found], seconds: float, what: str) -> Found:
    """The first true value of `condition`, asked often. Raises WorldFault after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise WorldFault(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.02)
    return found


class Daemon:
    """A program in the foreground on a host; it may be started again after its end."""

    def __init__(
        self,
        host: Host,
        name: str,
        command: Sequence[str],
        log: Path,
        environ: Mapping[str, str] | None = None,
        *,
        user: str = "",
        last: str = "TERM",
    ) -> None:
        self.host, self.name, self.log = host, name, log
        self.command, self.environ = list(command), dict(environ or {})
        # `last`: what it gets when we die. The signal is set after the change of user, which would undo it.
        become = [f"--reuid={user}", "--regid=nogroup", "--clear-groups"] if user and os.geteuid() == 0 else []
        self._prefix = ["setpriv", *become, "--pdeathsig", last, "--"]
        self._process: subprocess.Popen[bytes] | None = None
        self.mark = 0  # where in the log its present life begins

    def start(self) -> None:
        """Start it; returns at once. Call it in the main thread: a thread's end would be ours for the kernel (prctl(2))."""
        with self.log.open("ab") as out:
            self.mark = out.tell()
            self._process = subprocess.Popen(
                self.host.within([*self._prefix, *self.command]),
                cwd="/",
                env=clean_environ(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def check(self) -> None:
        """Raises WorldFault with the end of its log if it does not run."""
        if not self.runs:
            raise WorldFault(f"{self.name} on {self.host.name} ended: {self.last_words()}")

    def last_words(self) -> str:
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-5:]) if self.log.exists() else ""

    def family(self) -> list[int]:
        """It and all below it, parents first; a server of PostgreSQL has its children in sessions of their own."""
        found = [self.pid] if self.runs else []
        for pid in found:
            with contextlib.suppress(OSError):
                found += [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return found

    def tell(self, number: int) -> None:
        """To the main process only."""
        if self.runs:
            os.kill(self.pid, number)

    def tell_all(self, number: int) -> None:
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """As if its host had lost power: everything at once, nothing is said to anybody."""
        family = self.family()
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(_END)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end and wait; gives its exit code. Raises WorldFault if it does not end by itself."""
        if self._process is None:
            return 0
        self.tell(number)
        try:
            return self._process.wait(_END)
        except subprocess.TimeoutExpired:
            self.kill()
            raise WorldFault(f"{self.name} on {self.host.name} did not end within {_END:.0f} s") from None


def command(host: Host, words: Sequence[str], environ: Mapping[str, str], *, user: str = "", seconds: float = 60) -> str:
    """Run a program on a host to its end; gives what it printed. Raises WorldFault if it fails."""
    become = ["setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups", "--"] if user and os.geteuid() == 0 else []
    done = subprocess.run(
        host.within([*become, *words]),
        cwd="/",
        env=clean_environ(environ),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise WorldFault(f"{' '.join(words[:6])} failed on {host.name}: {done.stderr.strip()[-1500:]}")
    return done.stdout
