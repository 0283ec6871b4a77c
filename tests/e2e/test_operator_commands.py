"""The operator's commands from an empty directory to a gateway that answers, each in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import Postgres

ROOT = Path(__file__).parents[2]


class Operator:
    """A shell in a directory with a configuration."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "gatestone.toml"
        key = self("keys", "master", bare=True)
        (directory / "master.key").write_text(key)
        self.config.write_text(
            f'[database]\nconnection = "sqlite:///{directory}/g.db"\n[keys]\nmaster_key_file = "{directory}/master.key"\n'
            "[identity]\nargon2_memory_cost = 64\nargon2_time_cost = 1\n"
        )

    def run(
        self, *words: str, environ: dict[str, str] | None = None, given: str = "", bare: bool = False
    ) -> subprocess.CompletedProcess[str]:
        group = 2 if words[0] in ("db", "keys", "config") else 1
        config = () if bare else ("--config", str(self.config))
        command = [sys.executable, "-m", "identity.manage", *words[:group], *config, *words[group:]]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "GATESTONE_"))}
        return subprocess.run(
            command,
            check=False,
            cwd=ROOT,
            env={**clean, **(environ or {})},
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def __call__(self, *words: str, **how: Any) -> str:
        done = self.run(*words, **how)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str, **how: Any) -> Any:
        return json.loads(self(*words, "--json", **how))


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def bootstrap(operator: Operator, password: str = "first", *more: str) -> Any:
    urls = ("--bootstrap-public-url", "http://localhost/main/v3", "--bootstrap-region-id", "RegionOne")
    return operator.json("bootstrap", *urls, *more, environ={"OS_BOOTSTRAP_PASSWORD": password})


def test_bootstrap_twice_changes_nothing(operator: Operator) -> None:
    first = bootstrap(operator)
    assert "user admin" in first["made"]
    assert "role admin implies manager" in first["made"]
    assert "public endpoint http://localhost/main/v3" in first["made"]
    content = dump(operator)
    second = bootstrap(operator)
    assert second == {**first, "made": [], "notes": []}
    assert dump(operator) == content
    assert operator("bootstrap").strip() == "Nothing to do: all of it is there."


def dump(operator: Operator) -> list[str]:

    with sqlite3.connect(operator.directory / "g.db") as db:
        return list(db.iterdump())


def test_a_changed_password_is_set_only_when_asked(operator: Operator) -> None:
    bootstrap(operator)
    content = dump(operator)
    assert bootstrap(operator, "second")["notes"] == [
        "the password given is not the one of user admin: --reset-password would set it"
    ]
    assert dump(operator) == content
    assert bootstrap(operator, "second", "--reset-password")["made"] == ["password of user admin"]
    assert bootstrap(operator, "second", "--reset-password")["made"] == []


def test_the_password_comes_from_a_file_or_standard_input_and_is_warned_about_as_an_argument(operator: Operator) -> None:
    secret = operator.directory / "secret"
    secret.write_text("from-file\nsecond line\n")
    operator("bootstrap", "--bootstrap-password-file", str(secret))
    assert bootstrap(operator, "from-file")["notes"] == []
    operator("bootstrap", "--bootstrap-password-file", "-", "--reset-password", given="typed\n")
    done = operator.run("bootstrap", "--bootstrap-password", "typed")
    assert done.returncode == 0
    assert "Warning: a password on the command line" in done.stderr


def test_a_password_ends_when_the_policy_says(operator: Operator) -> None:
    """One that bootstrap stores, and one that it sets anew."""
    days = ("--set", "security_compliance.password_expires_days=2")
    bootstrap(operator, "first")
    bootstrap(operator, "second", *days, "--reset-password")
    bootstrap(operator, "third", *days, "--bootstrap-username", "stored")
    bootstrap(operator, "fourth", "--bootstrap-username", "eternal")
    lives = "select name, expires_at - password.created_at from password join user_account on user_account.id = user_id"
    with sqlite3.connect(operator.directory / "g.db") as db:
        assert dict(db.execute(lives)) == {"admin": 2 * 86400, "stored": 2 * 86400, "eternal": None}


def test_bootstrap_without_a_password_says_how_to_give_one(operator: Operator) -> None:
    done = operator.run("bootstrap")
    assert done.returncode == 1
    assert "OS_BOOTSTRAP_PASSWORD" in done.stderr
    (operator.directory / "empty").touch()
    assert operator.run("bootstrap", "--bootstrap-password-file", str(operator.directory / "empty")).returncode == 1


def test_schema_commands(operator: Operator) -> None:
    assert "the database is empty" in operator("db", "current")
    done = operator.run("db", "check")
    assert done.returncode == 1
    assert "gatestone db upgrade" in done.stderr
    assert "no" not in operator("db", "upgrade").split()[:1]
    assert (
        operator.json("db", "upgrade")["before"]
        == operator.json("db", "current")["current"]
        == operator.json("db", "current")["needed"]
    )
    assert operator.json("db", "check") == {"fault": None}


def test_purge_without_a_schema_says_how_to_get_one(operator: Operator) -> None:
    done = operator.run("db", "purge")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the schema is at nothing")
    assert "gatestone db upgrade" in done.stderr


def test_purge_drops_what_no_token_needs(operator: Operator) -> None:
    """A change as old as no token can be is dropped, a young one stays, and the counter goes on from where it was."""
    operator("db", "upgrade")
    with sqlite3.connect(operator.directory / "g.db") as db:
        now = time.time()
        for seq, at in ((1, now - 400_000), (2, now - 10)):
            db.execute("insert into change (seq, tag, at, revokes) values (?, 'user:x', ?, 1)", (seq, at))
        db.execute("update change_counter set seq = 2")
        for digest, end in (("old", now - 200_000), ("young", now - 100)):
            db.execute("insert into uuid_token (digest, claims, expires_at) values (?, '{}', ?)", (digest, end))
    assert operator.json("db", "purge") == {"tokens": 1, "changes": 1}
    assert operator.json("db", "purge") == {"tokens": 0, "changes": 0}
    with sqlite3.connect(operator.directory / "g.db") as db:
        assert db.execute("select seq from change").fetchall() == [(2,)]
        assert db.execute("select digest from uuid_token").fetchall() == [("young",)]
        assert db.execute("select seq from change_counter").fetchone() == (2,)


def test_key_commands(operator: Operator) -> None:
    refused = operator.run("keys", "list")
    assert refused.returncode == 1
    assert "gatestone db upgrade" in refused.stderr
    operator("db", "upgrade")
    assert operator.json("keys", "list") == []
    made = [(key["provider"], key["primary"]) for key in operator.json("keys", "rotate")]
    assert made == [("fernet", 1), ("credential", 1)]
    for _ in range(4):
        operator("keys", "rotate")
    listed = operator.json("keys", "list")
    assert [(key["provider"], key["state"], key["position"]) for key in listed] == [
        ("fernet", "primary", 5),
        ("fernet", "secondary", 4),
        ("fernet", "staged", 0),
        ("credential", "primary", 1),  # by name only: their rotation seals every stored secret anew
        ("credential", "staged", 0),
    ]
    assert operator.json("keys", "rotate", "--provider", "credential") == [{"provider": "credential", "primary": 2, "removed": []}]
    assert "fernet" in operator("keys", "list")
    assert operator.run("keys", "rotate", "--provider", "jws").returncode == 2


def test_a_rotation_of_key_files_is_announced_to_the_workers(operator: Operator) -> None:
    """They would go on with tokens that they remember, though the key may have been dropped."""
    files = ("--set", f"fernet_tokens.key_repository={operator.directory}/keys")
    operator("db", "upgrade")
    for _ in range(2):
        operator("keys", "rotate", "--provider", "fernet", *files)
    with sqlite3.connect(operator.directory / "g.db") as db:
        assert db.execute("select tag, revokes from change").fetchall() == [("keys:fernet", 0)] * 2
        assert db.execute("select seq from change_counter").fetchone() == (2,)
    assert sorted(path.name for path in (operator.directory / "keys").iterdir()) == ["0", "1", "2"]


def test_without_a_master_key_the_cure_is_told(operator: Operator) -> None:
    operator("db", "upgrade")
    (operator.directory / "master.key").unlink()
    done = operator.run("keys", "list")
    assert done.returncode == 1
    assert "master.key" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away_is_one_clear_line(operator: Operator) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg://gatestone:hunter2@127.0.0.1:{unused.getsockname()[1]}/gatestone"
        for words in (("db", "current"), ("bootstrap",), ("keys", "list")):
            done = operator.run(*words, "--set", f"database.connection={url}")
            assert done.returncode == 1
            assert done.stderr.startswith("Error: ")
            assert "hunter2" not in done.stderr
        findings = json.loads(operator.run("doctor", "--json", "--set", f"database.connection={url}").stdout)
        assert [finding["state"] for finding in findings if finding["topic"] == "database"] == ["failed"]


def test_all_of_it_on_postgresql(operator: Operator) -> None:
    with Postgres() as server:
        there = ("--set", f"database.connection={server.new_database()}", "--set", "server.port=0")
        assert "schema" in operator.json("bootstrap", *there, environ={"OS_BOOTSTRAP_PASSWORD": "first"})["made"]
        assert operator.json("bootstrap", *there)["made"] == []
        assert operator.json("keys", "rotate", *there)[0]["primary"] == 2
        findings = operator.json("doctor", *there)
        states = {finding["topic"]: finding["state"] for finding in findings if finding["topic"] != "clock"}
        assert states == dict.fromkeys(("settings", "database", "keys", "keytab", "names"), "ok")
        assert not [finding for finding in findings if "differs" in finding["text"]]


def test_the_doctor_tells_each_trouble_with_its_cure(operator: Operator) -> None:
    (operator.directory / "broken.keytab").write_bytes(b"rubbish")
    operator.config.write_text(
        operator.config.read_text()
        + f'[kerberos]\nkeytab = "{operator.directory}/broken.keytab"\n'
        + '[server]\npublic_urls = ["http://no-such-host.invalid:5000"]\nport = 0\n'
    )
    done = operator.run("doctor", "--json")
    findings = json.loads(done.stdout)
    assert done.returncode == 1
    failed = {finding["topic"] for finding in findings if finding["state"] == "failed"}
    assert failed == {"settings", "database", "keytab", "names"}
    assert all(finding["cure"] for finding in findings if finding["state"] != "ok")
    assert "-> " in operator.run("doctor").stdout
    assert not (operator.directory / "g.db").exists(), "the doctor changed something"


def test_a_mistake_in_the_settings_is_told_by_every_command(operator: Operator) -> None:
    for words in (
        ("serve",),
        ("bootstrap",),
        ("db", "upgrade"),
        ("keys", "rotate"),
        ("config", "show"),
        ("config", "check"),
        ("doctor",),
    ):
        done = operator.run(*words, "--set", "server.prot=1", "--set", "token.provider=pki")
        assert done.returncode == 1, words
        assert "did you mean port?" in done.stdout + done.stderr
        assert "must be one of" in done.stdout + done.stderr


def test_settings_that_do_not_fit_together_keep_serve_from_starting(operator: Operator) -> None:
    """Each was served once: as a reader of other tokens, after a traceback, and with links to nowhere."""
    wrong = {
        "token.readers=fernt": "token.readers must be any of",
        "server.trusted_hops=10.0.0.300": "is no address, network or `unix`",
        "server.public_urls=foo": "is no http or https URL",
        "auth.methods=pasword": "did you mean 'password'?",
    }
    for override, told in wrong.items():
        done = operator.run("serve", "--set", override, "--set", "server.port=0")
        assert done.returncode == 1, override
        assert done.stderr.startswith("Error: the settings do not fit:")
        assert told in done.stderr
        assert "Traceback" not in done.stderr
    at_once = operator.run("serve", *(word for override in list(wrong)[1:] for word in ("--set", override)))
    assert len(at_once.stderr.splitlines()) == 4


def started(operator: Operator, *overrides: str) -> subprocess.Popen[str]:
    sets = [word for override in overrides for word in ("--set", override)]
    command = [sys.executable, "-m", "identity.manage", "serve", "--config", str(operator.config), *sets]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)


def test_a_port_of_the_systems_choice_is_told_and_stands_in_the_links(operator: Operator) -> None:
    bootstrap(operator)
    served = started(operator, "server.port=0", "fernet_tokens.max_active_keys=2")
    lines = []
    try:
        assert served.stderr is not None
        for line in served.stderr:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "listening":
                break
        port = lines[-1]["port"]
        assert lines[-1]["host"] == "127.0.0.1"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v3", timeout=5) as answer:
            links = json.loads(answer.read())["version"]["links"]
        assert links[0]["href"].rstrip("/") == f"http://127.0.0.1:{port}/v3"
    finally:
        served.send_signal(signal.SIGTERM)
        served.communicate(timeout=20)
    assert served.returncode == 0
    warned = [line for line in lines if line["level"] == "warning"]
    assert [line["message"].partition(":")[0] for line in warned] == ["fernet_tokens.max_active_keys"]


def test_serve_answers_soon_and_ends_with_sigterm(operator: Operator) -> None:
    bootstrap(operator)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    served = started(operator, f"server.port={port}")
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/v3", timeout=5) as answer:
                    assert answer.status == 200
                    break
            except urllib.error.URLError:
                assert served.poll() is None, served.communicate()[1]
                assert time.monotonic() < deadline
        assert operator.run("doctor", "--set", f"server.port={port}").returncode == 0
    finally:
        served.send_signal(signal.SIGTERM)
        served.communicate(timeout=20)
    assert served.returncode == 0


def test_serve_without_a_schema_or_with_a_taken_port_is_one_clear_line(operator: Operator) -> None:
    bootstrap(operator)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = operator.run("serve", "--set", f"server.port={taken.getsockname()[1]}")
    assert done.returncode == 1
    assert "is taken" in done.stderr
    assert "Traceback" not in done.stderr
