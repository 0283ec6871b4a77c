"""A cell on a hot standby: it validates every token, admits service accounts, and goes on without its primary."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from identity.manage.demo.processes import DIES_WITH_US, clean_environ
from identity.settings import Catalog, Cell, Database, SecurityCompliance
from identity.store import grants, users
from tests.support.gateway import (
    NOW,
    Cloud,
    TurnableClock,
    check_error,
    fill,
    password_auth,
    password_of,
    project,
    settings_for,
    token_auth,
)
from tests.support.listener import GATESTONE, ROOT, free_port, until
from tests.support.postgres import Postgres, wait

LOGIN_URL = "https://id.example.org/main/v3"
TEMPLATE = """\
catalog.CellOne.identity.publicURL = http://cell-one.example.org:5000/main/v3
catalog.CellOne.identity.name = keystone
catalog.CellOne.compute.publicURL = http://cell-one.example.org:8774/v2.1/$(project_id)s
catalog.CellOne.compute.name = nova
"""
LIMITS = SecurityCompliance(lockout_failure_attempts=3, disable_user_account_days_inactive=9000)


class World:
    """A site on the primary, and its cell on the standby; both in this process."""

    def __init__(self, primary: Postgres, standby: Postgres, directory: Path) -> None:
        self.primary, self.standby = primary, standby
        template = directory / "cell.templates"
        template.write_text(TEMPLATE)
        settings = settings_for(directory, database=Database(connection=primary.url()), security_compliance=LIMITS)
        fill(settings).close()
        self.settings = replace(
            settings,
            database=Database(connection=standby.url()),
            catalog=Catalog(driver="templated", template_file=str(template)),
            cell=Cell(enabled=True, login_url=LOGIN_URL, service_users=["user-homed"], max_lag=0.5),
        )
        standby.in_step()
        self.clock = TurnableClock(time.time())  # of processes, too
        self.site = Cloud(settings, self.clock)
        self.cell = self.new_cell()

    def new_cell(self, **cell: Any) -> Cloud:
        made = Cloud(replace(self.settings, cell=replace(self.settings.cell, **cell)), self.clock)
        assert made.gateway._replica is not None
        made.gateway._replica._timer = time.monotonic
        return made

    def close(self) -> None:
        self.site.close()
        self.cell.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with Postgres() as primary, Postgres(primary) as standby:
        made = World(primary, standby, tmp_path_factory.mktemp("cell"))
        yield made
        made.close()


def referred(answer: Any, status: int) -> None:
    assert LOGIN_URL in check_error(answer, status)["message"]


def test_it_validates_the_tokens_of_the_whole_site(world: World) -> None:
    token = world.site.login("member", project("web")).token
    admin = world.site.login("admin", project("admin")).token
    shown = world.cell.show(admin, token)
    assert shown.status_code == 200, shown.get_data(as_text=True)
    there, here = shown.get_json()["token"], world.site.show(admin, token).get_json()["token"]
    assert {service["type"] for service in there["catalog"]} == {"identity", "compute"}
    assert there["catalog"] != here["catalog"], "it has a catalogue of its own"
    assert {key: there[key] for key in there if key != "catalog"} == {key: here[key] for key in here if key != "catalog"}
    assert world.cell.ask("GET", "/v3/auth/catalog", token=token).status_code == 200
    assert world.cell.show(admin, token, method="HEAD").status_code == 200
    assert world.cell.show(admin, token + "A").status_code == 404


def test_a_revocation_is_seen_once_it_is_replicated(world: World) -> None:
    token, admin = world.site.login("member", project("web")).token, world.site.login("admin", project("admin")).token
    assert world.cell.show(admin, token).status_code == 200
    assert world.site.ask("DELETE", "/v3/auth/tokens", token=token, subject=token).status_code == 204
    world.standby.in_step()
    check_error(world.cell.show(admin, token), 404)


def test_it_logs_service_accounts_in_and_nobody_else(world: World) -> None:
    """Whoever may not is told the same, with the right password or a wrong one, and where to go."""
    made = world.cell.login("nova", project("service"))
    assert world.site.show(made.token).status_code == 200, "its tokens are the site's"
    assert world.cell.issue(token_auth(made.token, project("service"))).token
    assert world.cell.login("homed", project("web")).token, "one who is listed"
    for refused in (
        password_auth("member", scope=project("web")),
        password_auth("member", "wrong", scope=project("web")),
        password_auth("admin", scope={"system": {"all": True}}),
        password_auth("nova", scope="unscoped"),
        password_auth("nova", "wrong", scope=project("service")),
        password_auth("who-is-this", "wrong", domain="default"),
        token_auth(world.site.login("member").token, project("web")),
    ):
        referred(world.cell.post(refused), 401)
    messages = {world.cell.post(password_auth("member", word)).get_data() for word in (None, "wrong")}
    assert len(messages) == 1, "no answer tells that a password is right"


def test_an_application_credential_of_a_service_logs_in(world: World) -> None:
    token = world.site.login("nova", project("service")).token
    body = {"application_credential": {"name": "cell", "roles": [{"name": "service"}]}}
    made = world.site.ask("POST", "/v3/users/user-nova/application_credentials", token=token, body=body)
    assert made.status_code == 201, made.get_data(as_text=True)
    kept = made.get_json()["application_credential"]
    world.standby.in_step()
    identity = {"methods": ["application_credential"], "application_credential": {"id": kept["id"], "secret": kept["secret"]}}
    assert world.cell.issue({"auth": {"identity": identity}}).roles == {"service"}


def test_guessing_at_a_cell_locks_there_though_nothing_can_be_counted(world: World) -> None:
    cell = world.new_cell()
    for _ in range(2):
        for _ in range(2):
            referred(cell.post(password_auth("nova", "wrong", scope=project("service"))), 401)
        assert cell.login("nova", project("service")).token, "in a row, they count"
    for _ in range(3):
        referred(cell.post(password_auth("nova", "wrong", scope=project("service"))), 401)
    referred(cell.post(password_auth("nova", scope=project("service"))), 401)
    cell.clock.turn(LIMITS.lockout_duration + 1)
    try:
        assert cell.login("nova", project("service")).token
    finally:
        cell.clock.turn(-LIMITS.lockout_duration - 1)
    assert world.site.login("nova", project("service")).token, "the site has counted nothing"
    cell.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v3/auth/tokens"),
        ("GET", "/v3/users"),
        ("POST", "/v3/projects"),
        ("GET", "/v3/users/user-nova"),
        ("POST", "/v3/users/user-nova/password"),
        ("PUT", "/v3/projects/web/users/user-nova/roles/role-admin"),
        ("POST", "/v3/OS-OAUTH1/request_token"),
        ("GET", "/v3/services"),
    ],
)
def test_all_else_is_elsewhere(world: World, method: str, path: str) -> None:
    admin = world.site.login("admin", project("admin")).token
    referred(world.cell.ask(method, path, token=admin, subject=admin, body={} if method == "POST" else None), 403)
    referred(world.cell.ask(method, path), 403)


def test_version_2_is_served_alike_where_it_is_asked_for(world: World) -> None:
    cell = Cloud(replace(world.settings, server=replace(world.settings.server, apis=["v3", "v2.0"])), world.clock)
    admin = world.site.login("admin", project("admin")).token

    def log_in(name: str) -> Any:
        word = {"username": name, "password": password_of(name)}
        tenant = "service-project" if name == "nova" else "web-project"
        return cell.ask("POST", "/v2.0/tokens", body={"auth": {"passwordCredentials": word, "tenantName": tenant}})

    made = log_in("nova")
    assert made.status_code == 200, made.get_data(as_text=True)
    token = made.get_json()["access"]["token"]["id"]
    assert cell.ask("GET", f"/v2.0/tokens/{token}", token=admin).status_code == 200
    assert cell.ask("GET", "/v2.0").status_code == 200
    referred(log_in("member"), 401)
    for method, path in (("DELETE", f"/v2.0/tokens/{token}"), ("GET", "/v2.0/users"), ("POST", "/v2.0/tenants")):
        referred(cell.ask(method, path, token=admin, body={} if method == "POST" else None), 403)
    cell.close()


def test_discovery_health_and_figures_are_there(world: World) -> None:
    assert world.cell.ask("GET", "/v3").status_code == 200
    assert world.cell.ask("GET", "/").status_code == 300
    health = world.cell.ask("GET", "/healthcheck")
    assert (health.status_code, health.get_json()) == (200, {"status": "ok", "detail": {}})
    assert "gatestone_replica_lag_seconds 0.0" in world.cell.ask("GET", "/metrics").get_data(as_text=True)
    shown = world.cell.ask("GET", "/v3/openapi.json").get_json()["paths"]
    assert "/v3/auth/tokens" in shown and "/v3/users" not in shown and "delete" not in shown["/v3/auth/tokens"]


def test_a_replica_too_far_behind_is_not_taken_at_its_word(world: World) -> None:
    """It has received what it does not show yet: a 200 could be untrue."""
    token, admin = world.site.login("member", project("web")).token, world.site.login("admin", project("admin")).token
    assert world.cell.show(admin, token).status_code == 200
    world.standby.ask("SELECT pg_wal_replay_pause()")
    try:
        wait(lambda: world.standby.ask("SELECT pg_get_wal_replay_pause_state()") == "paused", "the pause")
        assert world.site.ask("DELETE", "/v3/auth/tokens", token=token, subject=token).status_code == 204
        wait(lambda: world.cell.show(admin, token).status_code == 503, "the lag to be seen", 5)
        answer = world.cell.show(admin, token)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        check_error(world.cell.post(password_auth("nova", scope=project("service"))), 503)
        health = world.cell.ask("GET", "/healthcheck")
        assert health.status_code == 503 and "behind" in health.get_json()["detail"]["database"]
        lag = next(
            line
            for line in world.cell.ask("GET", "/metrics").get_data(as_text=True).splitlines()
            if line.startswith("gatestone_replica")
        )
        assert float(lag.split()[1]) > 0.5
    finally:
        world.standby.ask("SELECT pg_wal_replay_resume()")
    wait(lambda: world.cell.show(admin, token).status_code == 404, "the revocation", 5)
    assert world.cell.ask("GET", "/healthcheck").status_code == 200


def newcomer(world: World, name: str) -> str:
    """A token of a user who came to be a moment ago: no change of the log tells of it, for no earlier token is touched."""
    word = world.site.hash("fresh")
    world.site.do(users.create, id=f"user-{name}", name=name, domain_id="default", now=NOW, hash=word)
    world.site.do(grants.add, grants.Grant("user", f"user-{name}", "project", "web", "role-member"), NOW)
    return world.site.issue(password_auth(name, "fresh", project("web"), "default")).token


def test_what_is_on_its_way_to_the_replica_is_waited_for_and_never_denied(world: World) -> None:
    admin = world.site.login("admin", project("admin")).token
    trusting = world.new_cell(max_lag=0.0)
    assert trusting.show(admin).status_code == 200
    world.standby.ask("SELECT pg_wal_replay_pause()")
    try:
        wait(lambda: world.standby.ask("SELECT pg_get_wal_replay_pause_state()") == "paused", "the pause")
        token = newcomer(world, "late")
        wait(lambda: trusting.ask("GET", "/healthcheck").get_json()["detail"], "the lag to be seen", 5)
        assert trusting.show(admin, token).status_code == 503
        assert trusting.show(token).status_code == 503
        threading.Timer(0.3, world.standby.ask, ["SELECT pg_wal_replay_resume()"]).start()
        assert trusting.show(admin, token).status_code == 200
    finally:
        world.standby.ask("SELECT pg_wal_replay_resume()")
    world.site.do(users.delete, "user-late", NOW)
    world.standby.in_step()
    check_error(trusting.show(admin, token), 404)
    trusting.close()


class Served:
    """`gatestone serve --cell`, as an operator starts it."""

    def __init__(self, world: World, directory: Path) -> None:
        self.port = free_port()
        self.log = directory / "cell.log"
        config = directory / "gatestone.toml"
        settings = world.settings
        config.write_text(
            f'[server]\nport = {self.port}\nworkers = 2\n[database]\nconnection = "{settings.database.connection}"\n'
            f'[catalog]\ndriver = "templated"\ntemplate_file = "{settings.catalog.template_file}"\n'
            f'[cell]\nlogin_url = "{LOGIN_URL}"\n[keys]\nmaster_key = "{settings.keys.master_key}"\n'
            "[identity]\nargon2_time_cost = 1\nargon2_memory_cost = 8\n"
        )
        command = [*DIES_WITH_US, *GATESTONE, "serve", "--cell", "--config", str(config)]
        with self.log.open("wb") as out:
            environ = clean_environ({"HOME": str(directory), "TMPDIR": str(directory), "PYTHONPATH": str(ROOT)})
            self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        fields = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, path, json.dumps(body) if body is not None else None, fields)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), json.loads(content or b"null")

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.ask("GET", "/healthcheck")[0] == 200
        except OSError:
            return False

    def show(self, caller: str, token: str) -> int:
        return self.ask("GET", "/main/v3/auth/tokens", X_Auth_Token=caller, X_Subject_Token=token)[0]

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.log.read_text()[-2000:]


def test_without_its_primary_it_goes_on_and_after_a_promotion_too(world: World, tmp_path: Path) -> None:
    """The last test of this file: the primary dies in it."""
    admin, token, ended, unseen = (world.site.login(name, project(name)).token for name in ("admin",) * 4)
    assert world.site.ask("DELETE", "/v3/auth/tokens", token=ended, subject=ended).status_code == 204
    world.standby.in_step()
    cell = Served(world, tmp_path)
    bounded = world.new_cell(max_away=1.5)
    try:
        until(cell.answers, 30, "the cell")
        assert (cell.show(admin, token), cell.show(admin, ended)) == (200, 404)
        assert bounded.show(admin, token).status_code == 200
        world.site.close()
        world.primary.stop(at_once=True)
        statuses = {cell.show(admin, one) for one in (token, unseen) for _ in range(6)}
        assert (statuses, cell.show(admin, ended)) == ({200}, 404)
        status, headers, _ = cell.ask("POST", "/main/v3/auth/tokens", password_auth("nova", scope=project("service")))
        assert status == 201
        assert cell.show(admin, headers["X-Subject-Token"]) == 200
        assert cell.ask("POST", "/main/v3/auth/tokens", password_auth("member", scope=project("web")))[0] == 401
        wait(lambda: "no primary" in str(cell.ask("GET", "/healthcheck")[2]["detail"]), "health to tell", 10)
        assert cell.ask("GET", "/healthcheck")[0] == 200
        wait(lambda: bounded.show(admin, token).status_code == 503, "the time that this one allows", 10)
        world.standby.promote()
        wait(lambda: cell.ask("GET", "/healthcheck")[2] == {"status": "ok", "detail": {}}, "a primary", 10)
        assert (cell.show(admin, token), cell.show(admin, ended)) == (200, 404)
        wait(lambda: bounded.show(admin, token).status_code == 200, "an answer", 5)
        site = Cloud(replace(world.site.settings, database=world.settings.database), world.clock)
        assert site.show(headers["X-Subject-Token"]).status_code == 200
        site.do(users.set_enabled, "user-nova", False, NOW)
        assert cell.show(admin, headers["X-Subject-Token"]) == 404
        site.close()
    finally:
        bounded.close()
        cell.end()


def test_a_cell_that_cannot_be_one_does_not_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [*GATESTONE, "serve", "--cell", "--set", "token.provider=uuid", "--set", "cell.service_roles=[]"],
        cwd=tmp_path,
        env=clean_environ({"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    for option in ("cell.login_url", "token.provider", "catalog.driver", "cell.service_roles"):
        assert option in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
