"""A real throw-away PostgreSQL for tests: an unprivileged user, a free port, nothing left afterwards; a standby of it, too."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg


class Postgres:
    """A server on 127.0.0.1, a hot standby of `primary` where one is given. Use it as a context manager.

    `start` and `stop` may be repeated: the port and the data stay.
    """

    def __init__(self, primary: Postgres | None = None) -> None:
        self.primary = primary
        self.programs = _programs()
        self.root = Path(tempfile.mkdtemp(prefix="gatestone-pg-"))
        self.data = self.root / "data"
        self.log = self.root / "log"
        self.port = _free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.root, nobody.pw_uid, nobody.pw_gid)

    def __enter__(self) -> Postgres:
        try:
            self._create() if self.primary is None else self._copy(self.primary)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(at_once=True)
        shutil.rmtree(self.root, ignore_errors=True)

    def url(self, name: str = "postgres") -> str:
        return f"postgresql+psycopg://gatestone@127.0.0.1:{self.port}/{name}"

    def new_database(self, template: str = "template0") -> str:
        """Create a database, empty or a copy of one that nobody is connected to; gives its URL."""
        name = f"test{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[call-overload]
        return self.url(name)

    def connect(self, name: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A plain connection, for looking at the server from outside."""
        return psycopg.connect(host="127.0.0.1", port=self.port, user="gatestone", dbname=name, autocommit=True, connect_timeout=3)

    def start(self, deadline: float = 30.0) -> None:
        """Start the server in the foreground of its own process and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 60,
            "wal_retrieve_retry_interval": "100ms",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [*_as_nobody(), self.programs / "postgres", "-D", self.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )
        end = time.monotonic() + deadline
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                if self._server.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()[-2000:]}") from None
                time.sleep(0.02)

    def stop(self, *, at_once: bool = False) -> None:
        """End the server: clients are cut off in either case, `at_once` also skips the checkpoint."""
        server, self._server = self._server, None
        if server is None or server.poll() is not None:
            return
        server.send_signal(3 if at_once else 2)  # SIGQUIT: immediate; SIGINT: fast
        server.wait(timeout=30)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Every process of it stands still: connections stay open, and nobody answers."""
        assert self._server is not None
        try:
            for _ in range(2):  # the second time for children born meanwhile
                self._tell(signal.SIGSTOP)
            yield
        finally:
            self._tell(signal.SIGCONT)

    def thaw(self) -> None:
        self._tell(signal.SIGCONT)

    def promote(self) -> None:
        """Make a standby the primary."""
        self.ask("SELECT pg_promote(true, 20)")
        wait(lambda: not self.ask("SELECT pg_is_in_recovery()"), "the promotion")

    def ask(self, query: str, name: str = "postgres") -> object:
        """The first column of the first row, seen from outside."""
        with self.connect(name) as connection:
            cursor = connection.execute(query)  # type: ignore[call-overload]
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def in_step(self) -> None:
        """Wait until this standby has replayed all that its primary has written."""
        assert self.primary is not None
        end = self.primary.ask("SELECT pg_current_wal_lsn()::text")
        wait(lambda: self.ask(f"SELECT pg_last_wal_replay_lsn() >= '{end}'::pg_lsn"), "the standby to be in step")

    def _tell(self, number: signal.Signals) -> None:
        assert self._server is not None
        for pid in (self._server.pid, *_children(self._server.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _copy(self, primary: Postgres) -> None:
        source = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "gatestone"]
        self._run("pg_basebackup", *source, "-D", str(self.data), "-R", "-X", "stream", "-c", "fast", "--no-sync")

    def _create(self) -> None:
        self._run("initdb", "-D", str(self.data), "-U", "gatestone", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")

    def _run(self, program: str, *words: str) -> None:
        command = [*_as_nobody(), str(self.programs / program), *words]
        made = subprocess.run(command, check=False, cwd="/", capture_output=True, text=True, timeout=60)
        if made.returncode:
            raise RuntimeError(f"{program} failed: {made.stderr[-2000:]}")


def wait(met: Callable[[], object], what: str, deadline: float = 20.0) -> None:
    end = time.monotonic() + deadline
    while not met():
        assert time.monotonic() < end, f"{what}: not within {deadline} s"
        time.sleep(0.02)


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.name))
    return found


def _as_nobody() -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []


def _programs() -> Path:
    """Debian keeps the server's programs off PATH, one directory for each version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    program = shutil.which("postgres")
    if program is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return Path(program).parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
