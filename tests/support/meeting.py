"""Requests that really meet: each is under way, and waits for a row that the test holds, before the first of them goes on."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
from werkzeug.test import Client, TestResponse

from tests.support.gateway import Cloud
from tests.support.postgres import Postgres

PATIENCE = 20.0
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()
"""
Session = psycopg.Connection[tuple[object, ...]]


class Meeting:
    """Asks a gateway on PostgreSQL from several threads, with one administrator's token."""

    def __init__(self, cloud: Cloud, server: Postgres) -> None:
        self.cloud = cloud
        self.server = server
        self.token = cloud.login("admin", scope={"system": {"all": True}}).token

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> TestResponse:
        """One request, by a client of its own: they are not made for several threads."""
        cloud = copy.copy(self.cloud)
        cloud.client = Client(cloud.gateway.wsgi)
        return cloud.ask(method, path if path.startswith("/") else f"/v3/{path}", token=token or self.token, body=body)

    def make(self, path: str, **body: Any) -> str:
        """Make one thing, such as make("users", user={"name": "n"}); gives its id."""
        answer = self.ask("POST", path, body)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        (made,) = answer.get_json().values()
        return str(made["id"])

    def session(self) -> Session:
        return self.server.connect(self.cloud.settings.database.connection.rpartition("/")[2])

    @contextmanager
    def held(self, table: str, id: str) -> Iterator[Session]:
        """The row is held while this lasts. The session in its transaction comes out, to look or to hold more."""
        with self.session() as holder:
            holder.execute("BEGIN")
            holder.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", (id,))  # type: ignore[call-overload]
            yield holder
            holder.execute("ROLLBACK")

    def at_once(self, table: str, id: str, *requests: tuple[Any, ...]) -> list[TestResponse]:
        """The answers to requests (method, path, body) that were all under way while the row was held."""
        with ThreadPoolExecutor(len(requests)) as pool:
            with self.held(table, id):
                asked = [pool.submit(self.ask, *request) for request in requests]
                self.until_all_wait(asked)
            return [answer.result(PATIENCE) for answer in asked]

    def until_all_wait(self, asked: list[Future[Any]]) -> None:
        """Return once each of them waits for a lock, or is done."""
        end = time.monotonic() + PATIENCE
        with self.session() as watch:
            while True:
                row = watch.execute(WAITING).fetchone()
                assert row is not None
                if int(str(row[0])) + sum(one.done() for one in asked) >= len(asked):
                    return
                assert time.monotonic() < end, "the requests neither wait nor end"
                time.sleep(0.005)
