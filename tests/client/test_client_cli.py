"""The stock `openstack` client, told nothing but OS_AUTH_URL, a scope, a CA and the proof. Each call costs two seconds."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import yaml

from tests.client.conftest import HERE, Run, Site
from tests.client.stub import PASSWORDS

ISSUE = ("openstack", "token", "issue", "-f", "json")


def test_kerberos(site: Site, run: Run) -> None:
    # Leftovers of a password cloud neither stop the login nor change it.
    stale = {"OS_USERNAME": "bob", "OS_PASSWORD": "x", "OS_USER_DOMAIN_NAME": "Default", "OS_TOKEN": "stale"}
    listed = run("openstack", "project", "list", "-f", "json", env={**site.login("krb"), **site.ticket("alice"), **stale})
    assert [project["Name"] for project in listed.json] == ["project of alice"]
    (login,) = site.stub.logins
    assert login.proof == "krb"
    assert login.body["auth"]["identity"] == {"methods": ["kerberos"], "kerberos": {}}
    assert login.body["auth"]["scope"] == {"project": {"name": "demo", "domain": {"id": "default"}}}


def test_x509(site: Site, run: Run) -> None:
    stale = {"OS_USERNAME": "alice", "OS_USER_DOMAIN_ID": "default"}
    issued = run(*ISSUE, env={**site.login("x509"), **site.certificate("bob"), **stale})
    assert issued.json["user_id"] == "id-of-bob"
    assert issued.err == ""
    assert [(seen.method, seen.path) for seen in site.stub.seen] == [("POST", "/x509/v3/auth/tokens")]


def test_password_stays_stock(site: Site, run: Run) -> None:
    user = {"OS_USERNAME": "alice", "OS_PASSWORD": PASSWORDS["alice"], "OS_USER_DOMAIN_ID": "default"}
    issued = run(*ISSUE, env={**site.login("main"), **user})
    assert issued.json["user_id"] == "id-of-alice"


def test_token_without_a_type(site: Site, run: Run) -> None:
    site.stub.tokens["handed-over"] = "bob"
    issued = run(*ISSUE, env={**site.login("main"), "OS_TOKEN": "handed-over"})
    assert issued.json["user_id"] == "id-of-bob"


def test_missing_proofs_say_what_to_do(site: Site, run: Run) -> None:
    without = run(*ISSUE, env={**site.login("krb"), **site.ticket("nobody")})
    assert without.code != 0
    assert "no Kerberos ticket: run kinit" in without.err
    assert "Traceback" not in without.err
    missing = run(*ISSUE, env={**site.login("krb"), "PYTHONPATH": str(HERE / "no_kerberos")})
    assert "pip install 'keystoneauth-gatestone[kerberos]'" in missing.err
    none = run(*ISSUE, env=site.login("x509"))
    assert "set OS_CERT and OS_KEY" in none.err
    assert site.stub.seen == []


def test_config_writes_a_cloud_that_works(site: Site, run: Run, tmp_path: Path) -> None:
    env = {**site.login("krb"), "OS_PASSWORD": "not to be written"}
    written = run("openstack", "gatestone", "config", "--name", "work", env=env)
    assert written.code == 0, written.err
    path = tmp_path / "clouds.yaml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "not to be written" not in path.read_text()
    cloud = yaml.safe_load(path.read_text())["clouds"]["work"]
    assert (cloud["auth_type"], cloud["auth"]["mutual_auth"]) == ("v3kerberos", "required")
    again = run("openstack", "gatestone", "config", env=site.login("krb"))
    assert again.code != 0
    assert "--force" in again.err
    # The file needs nothing of ours: it is for the stock plugin.
    issued = run(*ISSUE, "--os-cloud", "work", env=site.ticket("bob"))
    assert issued.json["user_id"] == "id-of-bob"


def test_openrc_replaces_another_cloud_and_logs_in(site: Site, run: Run, tmp_path: Path) -> None:
    env = {**site.login("x509"), **site.certificate("alice")}
    assert run("openstack", "gatestone", "config", "--format", "openrc", env=env).code == 0
    stale = {"OS_AUTH_TYPE": "password", "OS_CLOUD": "elsewhere", "OS_USER_DOMAIN_NAME": "x", "OS_TOKEN": "old"}
    bin = {"PATH": f"{Path(os.sys.executable).parent}:{os.environ['PATH']}"}
    issued = run("sh", "-c", ". ./openrc; exec openstack token issue -f json", env={**stale, **bin})
    assert issued.json["user_id"] == "id-of-alice"


def test_doctor(site: Site, run: Run) -> None:
    well = run("openstack", "gatestone", "doctor", "-f", "json", env={**site.login("krb"), **site.ticket("alice")})
    found = {row["Check"]: row for row in well.json}
    assert {name for name, row in found.items() if row["Result"] == "ok"} == {
        "choice",
        "versions",
        "ticket",
        "discovery",
        "login",
    }
    assert "alice@" in found["ticket"]["What it says"]
    assert "demo" in found["login"]["What it says"]
    ill = run("openstack", "gatestone", "doctor", env={**site.login("x509"), "OS_CERT": "/nowhere.crt"})
    assert ill.code == 1
    assert "check OS_CERT and OS_KEY" in ill.out
