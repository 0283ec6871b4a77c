"""A real throw-away PostgreSQL for tests: an unprivileged user, a free port, nothing left afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg


class Postgres:
    """A server on 127.0.0.1. `start` and `stop` may be repeated: the port and the data stay. Use it as a context manager."""

    def __init__(self) -> None:
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
            self._create()
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

    def _create(self) -> None:
        command = [
            self.programs / "initdb",
            "-D",
            self.data,
            "-U",
            "gatestone",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]
        made = subprocess.run([*_as_nobody(), *command], check=False, cwd="/", capture_output=True, text=True, timeout=60)
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr[-2000:]}")


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
