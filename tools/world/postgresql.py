"""PostgreSQL on two hosts: a primary, and a standby that must have every commit before it is acknowledged."""

from __future__ import annotations

import os
import pwd
import signal
from pathlib import Path
from typing import Any

import psycopg

from .hosts import Host
from .processes import Daemon, WorldFault, command, until

USER, NAME = "gatestone", "gatestone"
PORT = 5432
# No disk is waited for: power does not fail here. A standby that lost its primary looks for it five times a second.
_SETTINGS = {
    "fsync": "off",
    "max_connections": "200",
    "wal_keep_size": "64MB",
    "wal_retrieve_retry_interval": "200ms",
    "wal_receiver_timeout": "30s",
    "wal_sender_timeout": "30s",
    "checkpoint_timeout": "30min",
    "shared_buffers": "64MB",
}


class Server:
    """One server below `directory`. As nobody: PostgreSQL refuses to run as root."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host, self.directory = host, directory
        self.data = directory / "data"
        self._bin = programs()
        directory.mkdir()
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(directory, nobody.pw_uid, nobody.pw_gid)
        settings = _SETTINGS | {"listen_addresses": host.address, "port": str(PORT), "unix_socket_directories": str(directory)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        program = [str(self._bin / "postgres"), "-D", str(self.data), *options]
        self.daemon = Daemon(host, "postgresql", program, directory.parent / f"{host.name}.log", user="nobody", last="QUIT")

    def create(self) -> None:
        """A new and empty cluster with our database's owner; all of the world's hosts may connect."""
        self._run("initdb", "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 192.0.2.0/24 trust\nhost replication all 192.0.2.0/24 trust\n")

    def copy(self, primary: Server) -> None:
        """A standby of `primary`, which runs."""
        where = ("-h", primary.host.address, "-p", str(PORT), "-U", USER)
        self._run("pg_basebackup", *where, "-D", str(self.data), "-R", "-X", "stream", "-c", "fast", "--no-sync")

    def start(self) -> None:
        self.daemon.start()
        until(self._answers, 30, f"PostgreSQL on {self.host.name}")

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """An administrator's connection through the server's Unix socket: it does not depend on the network."""
        return psycopg.connect(host=str(self.directory), port=PORT, user=USER, dbname=database, autocommit=True, connect_timeout=5)

    def one(self, query: str, database: str = "postgres") -> Any:
        """The first column of the first row."""
        with self.connect(database) as connection:
            row = connection.execute(query).fetchone()
        return row[0] if row else None

    def wait_for_standby(self) -> None:
        """From here on a commit is acknowledged once the standby has it too."""
        with self.connect() as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        until(self.has_standby, 20, "the standby to be in step")

    def has_standby(self) -> bool:
        return bool(self.one("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"))

    def sessions(self) -> int:
        """How many connections the gateways hold."""
        return int(self.one("SELECT count(*) FROM pg_stat_activity WHERE datname = 'gatestone' AND client_addr IS NOT NULL"))

    def stuck(self) -> int:
        """How many of those sit in a transaction that nobody goes on with."""
        return int(
            self.one(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = 'gatestone' AND state LIKE 'idle in transaction%' "
                "AND state_change < now() - interval '2 seconds'"
            )
        )

    def freeze(self) -> None:
        """Stop every process of it: connections stay open, and nobody answers. Returns once all stand still."""
        self.daemon.tell_all(signal.SIGSTOP)
        family = self.daemon.family()  # a child born meanwhile
        self.daemon.tell_all(signal.SIGSTOP)
        until(lambda: all(_stands(pid) for pid in family), 5, "PostgreSQL to stand still")

    def thaw(self) -> None:
        self.daemon.tell_all(signal.SIGCONT)

    def restart(self) -> None:
        """As `pg_ctl restart -m fast`: connections are cut off at once."""
        self.daemon.stop(signal.SIGINT)
        self.start()

    def promote(self) -> None:
        """Make the standby the primary."""
        if not self.one("SELECT pg_promote(true, 20)"):
            raise WorldFault(f"{self.host.name} was not promoted")

    def _answers(self) -> bool:
        self.daemon.check()
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, name: str, *words: str) -> None:
        command(self.host, [str(self._bin / name), *words], {"HOME": str(self.directory)}, user="nobody")


def pair(primary: Server, standby: Server) -> None:
    """Both running, the standby in step, an empty database for the gateways."""
    primary.create()
    primary.start()
    with primary.connect() as connection:
        connection.execute(f"CREATE DATABASE {NAME}")
    standby.copy(primary)
    standby.start()
    primary.wait_for_standby()


def programs() -> Path:
    """Debian keeps the server's programs off PATH, one directory for each version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise WorldFault("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1].parent


def _stands(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "TtZ"
    except OSError:
        return True
