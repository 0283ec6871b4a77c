"""The demo's directory, ports and hand-outs, each by itself."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from identity.errors import SettingsError, StartError
from identity.manage.consistency import problems
from identity.manage.demo import cloud, realm, report, world
from identity.manage.demo.place import Place
from identity.manage.demo.processes import clean_environ, free_port
from identity.manage.demo.tour import Login
from identity.manage.demo.wanted import Wanted
from identity.manage.first_cloud import Plan
from identity.settings_load import load


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_a_temporary_place_goes_with_all_in_it() -> None:
    place = Place(None)
    (place.directory / "deep").mkdir()
    (place.directory / "deep" / "file").write_text("x")
    assert place.directory.stat().st_mode & 0o777 == 0o700
    place.remove()
    place.remove()
    assert not place.directory.exists()


def test_a_new_directory_is_removed_but_an_empty_one_of_the_caller_is_kept(tmp_path: Path) -> None:
    made, given = tmp_path / "made", tmp_path / "given"
    given.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").touch()
    for directory in (made, given):
        place = Place(directory)
        (place.directory / "file").touch()
        (place.directory / "link").symlink_to(tmp_path / "outside")
        place.remove()
    assert not made.exists()
    assert list(given.iterdir()) == []
    assert (tmp_path / "outside" / "kept").exists()


def test_another_directory_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    place = Place(tmp_path / "demo")
    (tmp_path / "demo").rename(tmp_path / "moved")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "precious").touch()
    place.remove()
    assert (tmp_path / "demo" / "precious").exists()


def test_a_directory_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(StartError, match="is not empty"):
        Place(tmp_path)
    assert (tmp_path / "mine").read_text() == "precious"


@pytest.mark.parametrize("name", ["no/such/parent", "file"])
def test_a_directory_that_cannot_be_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError) as caught:
        Place(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_killed_owner_leaves_no_file(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    code = (
        "import pathlib, sys, signal\n"
        "from identity.manage.demo.place import Place\n"
        "place = Place(pathlib.Path(sys.argv[1])); (place.directory / 'secret').touch(); print('made', flush=True); signal.pause()"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"made\n"
    assert (home / "secret").exists()
    owner.kill()
    owner.wait()
    assert until(lambda: not home.exists())
    assert owner.stdout.read() == b"", "the watching child holds our output open"
    owner.stdout.close()


def test_two_demos_never_choose_one_port() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        usual = probe.getsockname()[1]
    first, claim = free_port(None, usual, "--port")
    second, second_claim = free_port(None, usual, "--port")
    assert first == usual
    assert second != usual
    with pytest.raises(StartError, match=f"port {usual} is taken: .*--port"):
        free_port(usual, 1, "--port")
    claim.close()
    again, claim = free_port(usual, 1, "--port")
    assert again == usual
    claim.close()
    second_claim.close()


def test_a_port_that_some_program_listens_on_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(StartError):
            free_port(server.getsockname()[1], 1, "--port")
        found, claim = free_port(None, server.getsockname()[1], "--port")
        assert found != server.getsockname()[1]
        claim.close()


def test_nothing_of_the_caller_decides_anything_in_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OS_CLOUD", "GATESTONE_SERVER__PORT", "REQUESTS_CA_BUNDLE", "KRB5_CONFIG", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "stale")
    assert "stale" not in clean_environ({"HOME": "/x"}).values()


@pytest.fixture
def made(tmp_path: Path) -> world.World:
    return world.make(tmp_path, 15000, 18443, ("token.expiration=60",))


def test_the_world_is_a_sound_configuration(made: world.World) -> None:
    missing = [problem for problem in problems(made.settings) if "http.keytab" not in problem]  # the realm writes it at its start
    assert missing == []
    assert made.settings.token.expiration == 60
    assert load(made.config, {}, ()) == made.settings
    loose = [path for path in made.directory.rglob("*") if path.name.endswith((".key", ".toml")) and path.stat().st_mode & 0o077]
    assert loose == []


def test_no_secret_is_in_the_text_of_what_the_demo_knows(made: world.World) -> None:
    login = Login("password", "", made.people[0], {"OS_PASSWORD": made.people[0].password})
    plan = Plan(domain_id="default", password=made.admin_password)
    told = repr((made, login, plan, Wanted(overrides=(f"keys.master_key={made.admin_password}",))))
    assert "alice" in told
    assert not [secret for secret in (made.admin_password, *(one.password for one in made.people)) if secret in told]


def test_the_policy_on_the_age_of_passwords_holds_for_everybody_in_the_demo(tmp_path: Path) -> None:
    quick = ("identity.argon2_time_cost=1", "identity.argon2_memory_cost=8", "security_compliance.password_expires_days=3")
    cloud.fill(world.make(tmp_path, 15000, 18443, quick))
    with sqlite3.connect(tmp_path / "gatestone.db") as db:
        assert db.execute("select expires_at - created_at from password").fetchall() == [(3 * 86400,)] * 4


def test_a_kdc_that_will_not_start_is_told_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log is in a directory that is gone when somebody reads this."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(realm, "_free_port", lambda: taken.getsockname()[1])
        with pytest.raises(StartError) as caught:
            realm.Realm(tmp_path).start()
    assert "Address already in use" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_mistake_in_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        world.make(tmp_path, 1, 2, ("token.expiration=soon",))


def test_demo_json_is_what_scripts_expect(made: world.World) -> None:
    target = report.write_demo_json(made, 4711)
    assert target.stat().st_mode & 0o777 == 0o600
    document = json.loads(target.read_text())
    assert list(document) == [
        "api_url",
        "x509_url",
        "ca",
        "admin",
        "users",
        "client_ca",
        "revoked",
        "krb5_conf",
        "realm",
        "log",
        "pid",
    ]
    assert set(document["admin"]) == {"user", "password", "project", "domain"}
    assert set(document["users"][0]) == {"user", "password", "principal", "keytab", "cert", "key", "projects"}
    assert (document["pid"], document["api_url"], document["x509_url"]) == (
        4711,
        "https://localhost:15000",
        "https://localhost:18443",
    )
    for name in (document["ca"], *document["client_ca"].values(), *document["revoked"].values(), document["users"][1]["cert"]):
        assert Path(name).is_absolute()
        assert Path(name).is_file()
    secrets = [user["password"] for user in document["users"]] + [document["admin"]["password"]]
    assert len(set(secrets)) == len(secrets)


def test_the_openrc_blocks_can_be_pasted(made: world.World) -> None:
    for title, block in report.blocks(made).items():
        script = block.replace("kinit", "true")
        shown = subprocess.run(
            ["bash", "-euc", script + "env"],
            check=False,
            env={"PATH": os.environ["PATH"], "OS_TOKEN": "stale", "OS_CLOUD": "stale"},
            capture_output=True,
            text=True,
        )
        assert shown.returncode == 0, shown.stderr
        assert "stale" not in shown.stdout, title
        assert re.search(r"^OS_AUTH_URL=https://localhost:(15000/main|15000/krb|18443/x509)/v3$", shown.stdout, re.MULTILINE)


def test_clouds_yaml_has_an_entry_for_each_method(made: world.World) -> None:
    import yaml

    entries = yaml.safe_load(report.clouds(made))["clouds"]
    assert [entry["auth_type"] for entry in entries.values()] == ["v3password", "v3kerberos", "v3x509"]
    assert entries["gatestone-kerberos"]["auth"]["mutual_auth"] == "required"
    assert entries["gatestone-x509"]["key"] == str(made.people[2].pair.key)


def test_sigterm_is_a_wish_and_not_an_exception() -> None:
    from identity.manage.demo.command import _Stopped, _Wish

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        wish = _Wish()
        wish.proceed()
        os.kill(os.getpid(), signal.SIGTERM)
        assert wish.wait(5)
        with pytest.raises(_Stopped, match="SIGTERM"):
            wish.proceed()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
