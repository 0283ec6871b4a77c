"""Several workers as one service: some die, some are replaced, all hear of a change at once, and slow clients hold none."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from identity.services.hashing import Hasher
from identity.settings import Identity
from identity.store import grants, projects, roles, users
from identity.store.engine import Store
from tests.support.demo_world import DemoWorld
from tests.support.listener import TOKENS, Listener, password_body, proof_body, until

LOST = (OSError, http.client.HTTPException)
ROUNDS = 200


class Traffic:
    """Threads that validate a token until `stop`. `lost`: requests without an answer; `wrong`: answers that are not 200."""

    def __init__(self, listener: Listener, token: str, threads: int = 4, *, kept: bool = True) -> None:
        self.done = self.lost = self.lost_again = 0
        self.wrong: list[int] = []
        self._listener, self._token, self._kept = listener, token, kept
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        connection = self._listener.connect(timeout=5)
        failures = 0
        while not self._over.is_set():
            try:
                status = self._listener.show(self._token, self._token, on=connection).status
                failures = 0
                with self._lock:
                    self.done += 1
                    if status != 200:
                        self.wrong.append(status)
            except LOST:
                failures += 1
                with self._lock:
                    self.lost += 1
                    self.lost_again += failures > 1
                connection.close()
                connection = self._listener.connect(timeout=5)
            if not self._kept:
                connection.close()
        connection.close()

    def more(self, number: int = 40) -> None:
        """Wait for that many further answers."""
        aim = self.done + number
        until(lambda: self.done >= aim, 20, "answers")

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive(), "a request hangs"


def replaced(listener: Listener, gone: set[int], number: int) -> list[int]:
    """The workers once none of `gone` is left and all places are filled."""

    def look() -> list[int]:
        now = listener.workers()
        return now if len(now) == number and not gone & set(now) else []

    return until(look, 20, "new workers")


def test_a_killed_worker_costs_its_own_requests_only(world: DemoWorld) -> None:
    traffic = Traffic(world.api, world.token("alice", "demo"))
    try:
        before = world.api.workers()
        assert len(before) == 2
        for pid in before:
            traffic.more()
            lost = traffic.lost
            os.kill(pid, signal.SIGKILL)
            replaced(world.api, {pid}, 2)
            traffic.more()
            assert traffic.lost - lost <= 4  # one a thread: what it had asked, or would have asked on that connection
    finally:
        traffic.stop()
    assert not traffic.wrong and not traffic.lost_again, (traffic.wrong, traffic.lost_again)
    assert not set(before) & set(world.api.workers())


def test_workers_are_replaced_without_a_lost_request(world: DemoWorld, tmp_path: Path) -> None:
    """SIGHUP: clients with connections of their own do not notice."""
    token = world.token("alice", "demo")
    with world.serve(tmp_path) as listener:
        traffic = Traffic(listener, token, 3, kept=False)
        try:
            for _ in range(2):
                before = set(listener.workers())
                traffic.more(20)
                os.kill(listener.pid, signal.SIGHUP)
                replaced(listener, before, 2)
                traffic.more(20)
        finally:
            traffic.stop()
        assert (traffic.lost, traffic.wrong) == (0, [])


def sent(listener: Listener, content: bytes, part: float = 1.0) -> ssl.SSLSocket:
    """A connection that some worker has taken (a first request was answered on it), with part of a further log-in sent."""
    plain = socket.create_connection(("localhost", listener.port), 10)
    tls = listener.context().wrap_socket(plain, server_hostname="localhost")
    head = f"POST /main{TOKENS} HTTP/1.1\r\nHost: localhost:{listener.port}\r\nContent-Type: application/json\r\n"
    tls.sendall(f"GET /v3 HTTP/1.1\r\nHost: localhost:{listener.port}\r\n\r\n".encode())
    assert tls.recv(65536).startswith(b"HTTP/1.1 200")
    whole = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
    tls.sendall(whole[: int(len(whole) * part)])
    return tls


def answered(tls: ssl.SSLSocket) -> bytes:
    tls.settimeout(15)
    data = b""
    with contextlib.suppress(ssl.SSLError):
        while chunk := tls.recv(65536):
            data += chunk
    tls.close()
    return data


def test_the_end_of_the_service_finishes_what_it_was_asked(world: DemoWorld, tmp_path: Path) -> None:
    alice = world.user("alice")
    content = json.dumps(password_body("alice", alice["password"], "demo")).encode()
    with world.serve(tmp_path) as listener:
        whole = [sent(listener, content) for _ in range(6)]
        half = sent(listener, content, 0.9)
        os.kill(listener.pid, signal.SIGTERM)
        until(lambda: _closed(listener), 10, "the end of the listening")
        rest = _rest(listener, content, 0.9)
        half.sendall(rest)
        for tls in (*whole, half):
            data = answered(tls)
            assert data.startswith(b"HTTP/1.1 201"), data
            assert tls is not half or b"connection: close" in data.lower()
        until(lambda: not listener.workers(), 15, "the end of the workers")


def _rest(listener: Listener, content: bytes, part: float) -> bytes:
    head = f"POST /main{TOKENS} HTTP/1.1\r\nHost: localhost:{listener.port}\r\nContent-Type: application/json\r\n"
    whole = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
    return whole[int(len(whole) * part) :]


def _closed(listener: Listener) -> bool:
    try:
        socket.create_connection(("localhost", listener.port), 2).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("part", [0.2, 0.9], ids=["half a head", "half a body"])
def test_slow_clients_hold_nobody_up(world: DemoWorld, part: float) -> None:
    """More of them than there are threads in all workers."""
    content = json.dumps(password_body("alice", "x" * 400)).encode()
    token = world.token("alice", "demo")
    slow = [sent(world.api, content, part) for _ in range(40)]
    try:
        for _ in range(10):
            began = time.monotonic()
            assert world.api.show(token, token).status == 200
            assert time.monotonic() - began < 3
        assert world.api.login("bob", world.user("bob")["password"]).status == 201
    finally:
        for tls in slow:
            tls.close()


@pytest.fixture
def everywhere(world: DemoWorld) -> Iterator[Callable[[str, str], set[int]]]:
    """What each worker says of a token; the administrator asks."""
    kept = world.api.one_connection_a_worker()
    assert len(kept) == 2

    def statuses(admin: str, token: str) -> set[int]:
        return {world.api.show(admin, token, on=connection).status for connection in kept.values()}

    yield statuses
    for connection in kept.values():
        connection.close()


def test_a_revocation_is_heard_by_every_worker_at_once(world: DemoWorld, everywhere: Callable[[str, str], set[int]]) -> None:
    """Issue, validate everywhere, revoke by one, ask all; a token issued next, in the same second, is good."""
    admin = world.admin_token()
    issuing, revoking = world.x509.connect(world.cert("carol")), world.api.connect()
    try:
        for number in range(ROUNDS):
            try:
                reply = world.x509.ask("POST", f"/x509{TOKENS}", proof_body("external", "demo"), on=issuing)
            except LOST:  # the listener ends a connection after a while, to look at the certificate again
                issuing.close()
                reply = world.x509.ask("POST", f"/x509{TOKENS}", proof_body("external", "demo"), on=issuing)
            token = reply.token
            assert everywhere(admin, token) == {200}, number
            headers = {"X-Auth-Token": token, "X-Subject-Token": token}
            assert world.api.ask("DELETE", f"/main{TOKENS}", headers=headers, on=revoking).status == 204
            assert everywhere(admin, token) == {404}, number
            assert everywhere(token, token) == {401}, number
    finally:
        issuing.close()
        revoking.close()


class Dave:
    """An account of the tests' own, changed straight in the database as another host's command would."""

    def __init__(self, world: DemoWorld, store: Store) -> None:
        self.world, self.store = world, store
        self.hashes = {word: Hasher(Identity()).hash(word) for word in ("first-word-of-dave", "second-word-of-dave")}
        self.password = "first-word-of-dave"
        world.secrets.update(self.hashes)
        now = time.time()
        with store.begin() as tx:
            self.project = projects.create(tx, name="daves", domain_id="default", now=now)
            self.user = users.create(tx, name="dave", domain_id="default", now=now, hash=self.hashes[self.password])
            role = roles.find(tx, "member")
            assert role is not None
            self.grant = grants.Grant("user", self.user, "project", self.project, role.id)
            grants.add(tx, self.grant, now)

    def token(self) -> str:
        return self.world.api.login("dave", self.password, "daves").token

    def changes(self, change: Callable[[Any], Any]) -> None:
        with self.store.begin() as tx:
            change(tx)

    def takes(self, word: str) -> None:
        self.password = word
        self.changes(lambda tx: users.set_password(tx, self.user, self.hashes[word], time.time()))


@pytest.fixture
def dave(world: DemoWorld) -> Iterator[Dave]:
    with world.store() as store:
        made = Dave(world, store)
        yield made
        with contextlib.suppress(Exception):
            made.changes(lambda tx: users.delete(tx, made.user, time.time()))
        made.changes(lambda tx: projects.delete(tx, made.project, time.time()))


def test_a_password_change_ends_the_tokens_everywhere_at_once(
    world: DemoWorld, everywhere: Callable[[str, str], set[int]], dave: Dave
) -> None:
    admin, alice = world.admin_token(), world.token("alice", "demo")
    for word in ("second-word-of-dave", "first-word-of-dave") * 2:
        token, former = dave.token(), dave.password
        assert everywhere(admin, token) == {200}
        dave.takes(word)
        assert everywhere(admin, token) == {404}
        assert world.api.login("dave", former).status == 401
        assert everywhere(admin, dave.token()) == {200}  # in the same second as the change
    assert everywhere(admin, alice) == {200}


def test_what_is_taken_away_is_gone_everywhere_at_once(
    world: DemoWorld, everywhere: Callable[[str, str], set[int]], dave: Dave
) -> None:
    admin = world.admin_token()
    token = dave.token()
    assert everywhere(admin, token) == {200}
    dave.changes(lambda tx: grants.remove(tx, dave.grant, time.time()))
    assert everywhere(admin, token) == {404}
    assert world.api.login("dave", dave.password, "daves").status == 401
    dave.changes(lambda tx: grants.add(tx, dave.grant, time.time()))
    assert everywhere(admin, token) == {404}  # given back is not undone
    token = dave.token()
    assert everywhere(admin, token) == {200}
    dave.changes(lambda tx: users.set_enabled(tx, dave.user, False, time.time()))
    assert everywhere(admin, token) == {404}
    assert world.api.login("dave", dave.password).status == 401
    dave.changes(lambda tx: users.set_enabled(tx, dave.user, True, time.time()))
    assert everywhere(admin, token) == {404}
    token = dave.token()
    assert everywhere(admin, token) == {200}
    dave.changes(lambda tx: users.delete(tx, dave.user, time.time()))
    assert everywhere(admin, token) == {404}
    assert world.api.login("dave", dave.password).status == 401


def test_every_worker_counts_in_the_metrics_of_every_other(world: DemoWorld) -> None:
    kept = world.api.one_connection_a_worker()
    try:
        texts = {pid: world.api.ask("GET", "/metrics", on=connection).body.decode() for pid, connection in kept.items()}
    finally:
        for connection in kept.values():
            connection.close()
    sums = [
        [line for line in text.splitlines() if line.startswith("gatestone_logins_total") and 'method="kerberos"' in line]
        for text in texts.values()
    ]
    assert sums[0] == sums[1] and sums[0]
