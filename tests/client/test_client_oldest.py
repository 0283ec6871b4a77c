"""The oldest clients that are promised to work, in an environment of their own, without Kerberos."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.conftest import HERE, Run, Site
from tests.client.stub import PASSWORDS

ROOT = HERE.parent.parent
REQUIREMENTS = HERE / "oldest.txt"


def _run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its bin directory. Made once for the pinned list (about 15 s) below build/; our client is installed anew."""
    state = REQUIREMENTS.read_bytes() + sys.version.encode() + os.fsencode(ROOT)
    base = ROOT / "build" / f"oldest-client-{hashlib.sha256(state).hexdigest()[:12]}"
    base.parent.mkdir(exist_ok=True)
    with open(f"{base}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pip = (base / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
        if not (base / "complete").exists():
            _run(sys.executable, "-m", "venv", "--clear", base)
            _run(*pip, "--require-hashes", "-r", REQUIREMENTS)
            (base / "complete").touch()
        # From a copy: the build leaves files beside the sources.
        copy = tmp_path_factory.mktemp("client") / "client"
        shutil.copytree(ROOT / "client", copy, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
        _run(*pip, "--no-deps", "--no-build-isolation", "--force-reinstall", copy)
    return base / "bin"


@pytest.mark.timeout(240)
def test_url_chooses_x509(site: Site, run: Run, oldest: Path) -> None:
    env = {**site.login("x509"), **site.certificate("alice")}
    issued = run("openstack", "token", "issue", "-f", "json", env=env, bin=oldest)
    assert issued.json["user_id"] == "id-of-alice"


def test_selector_in_the_sdk(site: Site, run: Run, oldest: Path) -> None:
    user = {"OS_USERNAME": "alice", "OS_PASSWORD": PASSWORDS["alice"], "OS_USER_DOMAIN_ID": "default"}
    env = {**site.login("main"), **user, "OS_AUTH_TYPE": "gatestone"}
    done = run("python", str(HERE / "whoami.py"), env=env, bin=oldest)
    assert done.out.strip() == "alice", done.err


def test_token_and_help_without_kerberos(site: Site, run: Run, oldest: Path) -> None:
    site.stub.tokens["handed-over"] = "bob"
    listed = run("openstack", "project", "list", "-f", "json", env={**site.login("main"), "OS_TOKEN": "handed-over"}, bin=oldest)
    assert [project["Name"] for project in listed.json] == ["project of bob"]
    doctor = run("openstack", "gatestone", "doctor", env=site.login("krb"), bin=oldest)
    assert doctor.code == 1
    assert "pip install 'keystoneauth-gatestone[kerberos]'" in doctor.out
