"""The connection to the database: transactions, time limits, and what its failures mean."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, Executable, Row, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoResultFound, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from ..errors import StartError, Unavailable
from ..settings import Database
from . import hosts
from .failures import READ_ONLY, LostConnection, code, driver_failures, gave_up, lost_answer, meaning
from .watch import DOUBT, SURE, Watch

READ = {
    "sqlite": ("PRAGMA query_only=1", "BEGIN"),
    "postgresql": ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",),
}
WRITE = {
    "sqlite": ("PRAGMA query_only=0", "BEGIN IMMEDIATE"),
    "postgresql": ("BEGIN ISOLATION LEVEL READ COMMITTED",),
}

COUNTER = "SELECT seq FROM change_counter"


class Store:
    """One database, and this process's pool of connections to it.

    Connections stand in the driver's autocommit mode; a transaction is opened by its own BEGIN. That is the first thing sent,
    so it also finds out whether a pooled connection is still alive, without the extra round trip of a ping.
    """

    def __init__(self, engine: Engine, watch: Watch | None = None) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self.replica = False
        self.watch = watch or Watch(lambda: None, lambda: None)
        self.connections = 0  # made so far: each may lead to another server than the one before
        self._inherited: list[Any] = []
        event.listen(engine, "connect", self._count)

    @classmethod
    def open(cls, database: Database, *, replica: bool = False) -> Store:
        """Make the pool; connects at first use. A `replica` is taken as it is: of several hosts the first that answers.

        Raises `errors.StartError` for a URL that cannot work.
        """
        url = _url(database.connection)
        if url.get_backend_name() == "sqlite":
            store = cls(_sqlite(url, database))
        else:
            store = cls(*_postgresql(url, _arguments(url, database, replica), database))
        store.replica = replica
        return store

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only transaction: all statements in it see one snapshot. Raises `errors.Unavailable`, `BadRequest`."""
        with self._transaction(READ[self.dialect]) as db:
            yield db

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A write transaction; commits at the end, or rolls back on an exception. Raises `errors.Conflict` too."""
        if self.replica:
            raise Unavailable("This service reads a replica of the database: it changes nothing.", reason="a write to a replica")
        with self._transaction(WRITE[self.dialect]) as tx:
            yield tx

    def sequence(self) -> int:
        """The change counter, for the hot path: the same as `epoch.current`, without a transaction or SQLAlchemy around it.

        One round trip; a lost connection is replaced once. Not seen by SQLAlchemy's events. Raises `errors.Unavailable`.
        """
        driver: Any = None
        if self.watch.since is not None:
            self.watch.refuse()
        try:
            for last in (False, True):
                pooled = self.engine.raw_connection()
                try:
                    driver = pooled.dbapi_connection
                    row = driver.execute(COUNTER).fetchone()
                    break
                except Exception as error:
                    lost = self.engine.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
                    pooled.invalidate()
                    if last or not lost or gave_up(error):
                        raise
                    self.engine.dispose()  # its neighbours in the pool died with it
                finally:
                    pooled.close()
            if row is None:
                raise NoResultFound
        except driver_failures() as error:
            raise meaning(error) from error
        return int(row[0])

    def execute(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """One statement that reads, outside any transaction: one round trip, one snapshot. Raises `errors.Unavailable`."""
        if self.watch.since is not None:
            self.watch.refuse()
        for last in (False, True):
            try:
                with self.engine.connect() as connection:
                    return connection.execute(statement, values).all()
            except driver_failures() as error:
                if last or not getattr(error, "connection_invalidated", False) or gave_up(error):
                    raise meaning(error) from error
        raise AssertionError("not reached")

    def dispose(self) -> None:
        """Forget the connections that a fork copied from its parent. Call it in the child, before the first query.

        They stay referenced: to collect them would close the parent's session, or drop its SQLite locks.
        """
        self._inherited.append(self.engine.pool)
        self.engine.dispose(close=False)
        self.watch.reset()

    def close(self) -> None:
        """Close every idle connection of this process."""
        self.watch.end()
        self.engine.dispose()

    def hurried(self, seconds: float) -> AbstractContextManager[None]:
        """Within it no answer of a server is waited for longer than that."""
        if self.dialect != "postgresql":
            return nullcontext()
        from .patience import hurried  # noqa: PLC0415 (loads psycopg)

        return hurried(seconds)

    def _count(self, _connection: Any, _record: Any) -> None:
        self.connections += 1

    @contextmanager
    def _transaction(self, opening: tuple[str, ...]) -> Iterator[Connection]:
        try:
            connection = self._start(opening)
            ending = False
            try:
                yield connection
                ending = True
                connection.commit()
            except BaseException as error:
                if not connection.invalidated:
                    connection.rollback()
                elif ending and opening is WRITE[self.dialect]:
                    raise lost_answer(error) from error
                raise
            finally:
                connection.close()
        except driver_failures() as error:
            if code(error) == READ_ONLY and opening is WRITE[self.dialect]:
                self.engine.dispose()  # it was the primary and is no longer: look for the one that is
            raise meaning(error) from error

    def _start(self, opening: tuple[str, ...]) -> Connection:
        """A connection with a transaction open. A dead one is replaced once: nothing was asked of it yet."""
        if self.watch.since is not None:
            self.watch.refuse()
        connection = self.engine.connect()
        try:
            return self._opened(connection, opening)
        except LostConnection as lost:
            if lost.__cause__ is not None and gave_up(lost.__cause__):
                raise
            self.engine.dispose()  # its neighbours in the pool died with it
        return self._opened(self.engine.connect(), opening)

    def _opened(self, connection: Connection, opening: tuple[str, ...]) -> Connection:
        driver: Any = connection.connection.dbapi_connection
        try:
            for command in opening:
                # A setting stays with the connection, and SQLite compiles every statement anew once it is given, even to the same
                # value: 0.5 ms for a token's. `info` lives as long as the driver's connection does.
                if command.startswith("PRAGMA"):
                    if connection.info.get("given") == command:
                        continue
                    connection.info["given"] = command
                driver.execute(command)
            connection.begin()
        except BaseException as error:
            lost = isinstance(error, Exception) and self.engine.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
            connection.invalidate()
            connection.close()
            if lost:
                raise LostConnection from error
            raise
        return connection


def _url(text: str) -> URL:
    try:
        url = hosts.parsed(text)
    except (ArgumentError, ValueError):
        raise StartError(
            "database.connection is not a database URL; write sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
        ) from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise StartError(f"database.connection names {url.drivername!r}; supported are sqlite and postgresql+psycopg")
    return url


def _sqlite(url: URL, database: Database) -> Engine:
    """Write-ahead log: readers never wait for the writer. A database in memory has one connection, which threads take in turn."""
    memory = url.database in (None, "", ":memory:") or url.query.get("mode") == "memory"
    if not memory and "uri" not in url.query:
        _private_file(str(url.database))
    size = {"pool_size": 1, "max_overflow": 0} if memory else {"pool_size": database.pool_size, "max_overflow": 4}
    engine = create_engine(
        url,
        poolclass=QueuePool,
        **size,
        pool_timeout=database.connect_timeout,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "isolation_level": None, "timeout": database.statement_timeout},
    )

    def prepare(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA foreign_keys=1")
        if not memory:
            _write_ahead(connection, database.statement_timeout)

    event.listen(engine, "connect", prepare)
    return engine


def _write_ahead(connection: Any, patience: float) -> None:
    """The first to open a file switches it over; for that alone SQLite does not wait until another process has written."""
    end = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _private_file(name: str) -> None:
    """Create the file readable by its owner only; SQLite gives its log files the same mode."""
    try:
        os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StartError(f"cannot open the database file {os.path.abspath(name)}: {error.strerror}") from None


def _postgresql(url: URL, given: Mapping[str, Any], database: Database) -> tuple[Engine, Watch]:
    """A silent network is noticed by keepalives; a slow statement is given up by the server itself, a frozen server by us."""
    engine = _pool(url, given, database)
    from .patience import Patient  # noqa: PLC0415 (loads psycopg)

    order = hosts.Order()
    longest = max(database.statement_timeout, database.lock_timeout)

    def reach(arguments: Any, named: Mapping[str, Any]) -> Patient:
        connection = Patient.connect(*arguments, **order.apply(named))
        order.took(connection)
        connection.patience = longest + 0.5  # the server speaks first where it can
        return connection

    def probe() -> None:
        arguments, named = engine.dialect.create_connect_args(engine.url)
        with reach(arguments, {**named, **given}) as connection:
            connection.patience = SURE
            connection.execute("SELECT 1")

    watch = Watch(probe, engine.dispose)

    def connect(dialect: Any, record: Any, arguments: Any, named: Any) -> Any:
        watch.refuse()
        began = time.monotonic()
        try:
            connection = reach(arguments, named)
        except Exception:
            if time.monotonic() - began > DOUBT:
                watch.lost()
            raise
        connection.watch = watch
        return connection

    event.listen(engine, "do_connect", connect)
    return engine, watch


def _pool(url: URL, given: Mapping[str, Any], database: Database) -> Engine:
    try:
        return create_engine(
            url.difference_update_query(["options"]),
            pool_size=database.pool_size,
            max_overflow=4,
            pool_timeout=database.connect_timeout,
            pool_use_lifo=True,
            hide_parameters=True,
            connect_args=dict(given),
        )
    except (ImportError, NoSuchModuleError):
        raise StartError("the PostgreSQL driver is not installed: pip install 'psycopg[binary]'") from None


def _arguments(url: URL, database: Database, replica: bool) -> dict[str, Any]:
    """What libpq is told beside the URL, which has the last word."""
    session = {
        "statement_timeout": int(database.statement_timeout * 1000),
        "lock_timeout": int(database.lock_timeout * 1000),
        "idle_in_transaction_session_timeout": int(database.idle_in_transaction_session_timeout * 1000),
        "random_page_cost": 1.1,  # every question is a few probes of an index, nearly all in memory
        "jit": "off",  # compiling one costs more than answering it
    }
    options = " ".join(f"-c {name}={value}" for name, value in session.items())
    given = url.query.get("options")
    defaults: dict[str, Any] = {
        "connect_timeout": database.connect_timeout,
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": int(database.tcp_user_timeout * 1000),
        "application_name": "gatestone",
    }
    if hosts.count(url) > 1 and not replica:
        defaults["target_session_attrs"] = "read-write"  # a standby would be asked for what it may not know yet
    arguments = {name: value for name, value in defaults.items() if name not in url.query}
    arguments["options"] = f"{options} {given}" if isinstance(given, str) else options
    arguments["autocommit"] = True
    return arguments
