"""The whole service on PostgreSQL, set up by the operator's own commands; the database goes away and comes back."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from identity.manage.demo.pki import write_private
from identity.manage.demo.processes import clean_environ
from tests.support.listener import GATESTONE, ROOT, TOKENS, Listener, free_port, password_body, serving, until
from tests.support.pki import Authority
from tests.support.postgres import Postgres


@dataclass
class Site:
    """What an operator has: a server, files and a configuration."""

    directory: Path
    postgres: Postgres
    database: str
    port: int
    password: str
    secrets: set[str]

    @property
    def config(self) -> Path:
        return self.directory / "gatestone.toml"

    @property
    def environ(self) -> dict[str, str]:
        home = str(self.directory)
        return clean_environ({"HOME": home, "TMPDIR": home, "OS_BOOTSTRAP_PASSWORD": self.password, "PYTHONPATH": str(ROOT)})

    def command(self, *words: str, code: int = 0) -> str:
        """Run a `gatestone` command."""
        done = subprocess.run(
            [*GATESTONE, *words, "--config", str(self.config)],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        assert self.password not in done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def serving(self, *overrides: str, port: int | None = None) -> Iterator[Listener]:
        own = [f"server.port={port}"] if port else []
        ca = self.directory / "ca.crt"
        with serving(
            self.config, port or self.port, ca, self.directory, [*own, *overrides], self.environ, self.secrets
        ) as listener:
            yield listener

    def login(self, listener: Listener) -> str:
        return listener.login("admin", self.password, "admin").token


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("site")
    with Postgres() as postgres:
        url = postgres.new_database()
        made = Site(directory, postgres, url, free_port(), "the-operators-own-word", set())
        authority = Authority("Site CA")
        authority.write(directory, "ca")
        authority.issue_server(["localhost", "127.0.0.1"]).write(directory, "server")
        write_private(directory / "master.key", base64.urlsafe_b64encode(secrets.token_bytes(32)))
        made.config.write_text(
            "[server]\n"
            f'port = {made.port}\ntls_cert = "{directory}/server.crt"\ntls_key = "{directory}/server.key"\n'
            f'[database]\nconnection = "{url}"\nconnect_timeout = 2\nstatement_timeout = 2\n'
            f'[keys]\nmaster_key_file = "{directory}/master.key"\n'
            "[identity]\nargon2_time_cost = 1\nargon2_memory_cost = 1024\n"
        )
        made.command("db", "upgrade")
        made.command(
            "bootstrap",
            *("--bootstrap-public-url", f"https://localhost:{made.port}/main/v3"),
            *("--bootstrap-internal-url", f"https://localhost:{made.port}/main/v3", "--bootstrap-region-id", "here"),
        )
        yield made


@pytest.fixture(scope="module")
def gateway(site: Site) -> Iterator[Listener]:
    with site.serving() as listener:
        yield listener


def test_the_operators_commands_find_it_well(site: Site) -> None:
    assert json.loads(site.command("db", "check", "--json"))
    assert "Nothing to do" in site.command("bootstrap")
    keys = json.loads(site.command("keys", "list", "--json"))
    assert keys


def test_log_in_validate_rescope_and_revoke(site: Site, gateway: Listener) -> None:
    reply = gateway.login("admin", site.password, "admin")
    body = reply.json()["token"]
    assert body["project"]["name"] == "admin" and "admin" in {role["name"] for role in body["roles"]}
    assert [service["type"] for service in body["catalog"]] == ["identity"]
    token = reply.token
    assert gateway.show(token, token).json()["token"]["audit_ids"] == body["audit_ids"]
    again = gateway.ask(
        "POST",
        f"/main{TOKENS}",
        {"auth": {"identity": {"methods": ["token"], "token": {"id": token}}, "scope": {"system": {"all": True}}}},
    )
    assert again.json()["token"]["system"] == {"all": True}
    admin = site.login(gateway)
    assert gateway.revoke(admin, token).status == 204
    assert {gateway.show(admin, one).status for one in (token, again.token) for _ in range(6)} == {404}
    assert gateway.login("admin", "not-" + site.password).status == 401


def test_key_rotation_reaches_running_workers(site: Site, gateway: Listener) -> None:
    """Tokens made before it stay good; a rotation is heard through the change log, without a restart."""
    before = site.login(gateway)
    kept = [gateway.connect() for _ in range(6)]
    for _ in range(2):
        site.command("keys", "rotate")
        fresh = site.login(gateway)
        assert {gateway.show(before, fresh, on=one).status for one in kept} == {200}
        assert {gateway.show(fresh, before, on=one).status for one in kept} == {200}
        before = fresh  # with three active keys, a token outlives one rotation and not the next
    for one in kept:
        one.close()


def test_a_second_host_on_the_same_database_hears_at_once(site: Site, gateway: Listener) -> None:
    """Two gateways, one of them with tokens of another spelling: read by both, revoked for both."""
    with site.serving("token.provider=uuid", 'token.readers=["fernet"]', port=free_port()) as other:
        here = site.login(gateway)
        assert other.show(here, here).status == 200
        there = other.login("admin", site.password, "admin").token
        assert not there.startswith("gAAAA") and other.show(here, there).status == 200
        assert gateway.revoke(here, here).status == 204
        assert {other.show(there, here).status for _ in range(6)} == {404}


@pytest.mark.parametrize("at_once", [False, True], ids=["stopped", "killed"])
def test_without_its_database_the_service_says_so_and_comes_back(site: Site, gateway: Listener, at_once: bool) -> None:
    """503, never 401 or 404: a client would throw its good token away. No restart of ours is needed."""
    token = site.login(gateway)
    assert {gateway.show(token, token).status for _ in range(6)} == {200}
    workers = gateway.workers()
    site.postgres.stop(at_once=at_once)
    try:
        for _ in range(6):
            for reply in (
                gateway.show(token, token),
                gateway.show(token, "gAAAAABnonsense"),
                gateway.login("admin", site.password, "admin"),
            ):
                assert (reply.status, reply.headers.get("retry-after")) == (503, "1"), reply
                assert "postgres" not in reply.message.lower() and str(site.postgres.port) not in reply.message
        health = gateway.ask("GET", "/healthcheck")
        assert (health.status, health.json()["status"]) == (503, "unavailable")
        assert gateway.ask("GET", "/v3").status == 200
    finally:
        site.postgres.start()
    first = gateway.show(token, token)
    assert first.status == 200, first
    assert {gateway.show(token, token).status for _ in range(12)} == {200}
    assert gateway.ask("GET", "/healthcheck").status == 200
    assert gateway.revoke(token, token).status == 204
    assert site.login(gateway)
    assert gateway.workers() == workers


def test_a_database_that_does_not_answer_holds_nobody_for_long(site: Site, gateway: Listener) -> None:
    """Frozen, not gone: connections stand and nothing comes. Discovery goes on, and the rest is told in bounded time."""
    token = site.login(gateway)
    results: list[tuple[int, str | None, float]] = []

    def ask() -> None:
        began = time.monotonic()
        reply = gateway.show(token, token)
        results.append((reply.status, reply.headers.get("retry-after"), time.monotonic() - began))

    with site.postgres.frozen():
        asking = [threading.Thread(target=ask, daemon=True) for _ in range(30)]
        for thread in asking:
            thread.start()
        for _ in range(10):
            began = time.monotonic()
            assert gateway.ask("GET", "/main/v3").status == 200
            assert time.monotonic() - began < 4
        for thread in asking:
            thread.join(15)
        assert len(results) == 30 and {found[:2] for found in results} == {(503, "1")}, results
        assert max(seconds for _, _, seconds in results) < 5
        until(lambda: _quickly_refused(gateway, token), 5, "both workers to know")
    began = time.monotonic()
    until(lambda: all(gateway.show(token, token).status == 200 for _ in range(6)), 5, "an answer")
    assert time.monotonic() - began < 5
    idle = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatestone' AND state LIKE 'idle in transaction%'"
    all_of_them = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatestone'"
    assert site.postgres.ask(idle) == 0
    most = 2 * (8 + 4)  # what two workers' pools may hold
    until(lambda: int(str(site.postgres.ask(all_of_them))) <= most, 5, "the abandoned sessions to end")


def _quickly_refused(gateway: Listener, token: str) -> bool:
    """Whether six in a row, so each worker most likely, are told at once that the database is away."""
    for _ in range(6):
        began = time.monotonic()
        if gateway.show(token, token).status != 503 or time.monotonic() - began > 0.5:
            return False
    return True


def test_many_log_ins_at_once_are_all_answered(site: Site, gateway: Listener) -> None:
    statuses: list[int] = []

    def run() -> None:
        for _ in range(10):
            reply: Any = gateway.ask("POST", f"/main{TOKENS}", password_body("admin", site.password, "admin"))
            statuses.append(reply.status)
            token = reply.token
            statuses.append(gateway.revoke(token, token).status)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(set(statuses)) == [201, 204] and len(statuses) == 160
