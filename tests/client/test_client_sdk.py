"""openstacksdk with its token cache on: whose token comes back when the proof behind one cloud entry changes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.client.conftest import HERE, Run, Site
from tests.client.stub import PASSWORDS

WHOAMI = ("python", str(HERE / "whoami.py"))


def cached(tmp_path: Path) -> dict[str, str]:
    """`cache: {auth: true}` does nothing without a keyring; this one is a file."""
    keyring = {"PYTHONPATH": str(HERE / "keyring_file"), "KEYRING_FILE": str(tmp_path / "keyring.json")}
    return {**keyring, "OS_CLOUD": "c", "OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml")}


def write(tmp_path: Path, site: Site, face: str, **cloud: Any) -> None:
    auth = {"auth_url": getattr(site.stub, face), "project_name": "demo", "project_domain_id": "default", **cloud.pop("auth", {})}
    entry = {"auth": auth, "cacert": str(site.ca), **cloud}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"cache": {"auth": True}, "clouds": {"c": entry}}))


def test_the_cache_is_really_on(site: Site, run: Run, tmp_path: Path) -> None:
    """Without this, the two tests below would prove nothing."""
    user = {"username": "alice", "password": PASSWORDS["alice"], "user_domain_id": "default"}
    write(tmp_path, site, "main", auth_type="gatestone", auth=user)
    for _ in range(2):
        done = run(*WHOAMI, env=cached(tmp_path))
        assert done.out.strip() == "alice", done.err
    assert len(site.stub.logins) == 1


@pytest.mark.parametrize("own", [False, True], ids=["session", "own"])
def test_certificate_swapped_in_one_cloud_entry(site: Site, run: Run, tmp_path: Path, own: bool) -> None:
    files = {"x509_cert": str(tmp_path / "me.crt"), "x509_key": str(tmp_path / "me.key")}
    write(
        tmp_path,
        site,
        "x509",
        **({"auth": files} if own else {"cert": files["x509_cert"], "key": files["x509_key"]}),
        auth_type="v3x509",
    )
    for person in ("alice", "bob"):
        for end in ("crt", "key"):
            shutil.copy(site.people / f"{person}.{end}", tmp_path / f"me.{end}")
        done = run(*WHOAMI, env=cached(tmp_path))
        assert done.out.strip() == person, done.err
    assert not (tmp_path / "keyring.json").exists()


def test_ticket_swapped_under_one_cloud_entry(site: Site, run: Run, tmp_path: Path) -> None:
    write(tmp_path, site, "krb", auth_type="gatestone")
    for person in ("alice", "bob"):
        done = run(*WHOAMI, env={**cached(tmp_path), **site.ticket(person)})
        assert done.out.strip() == person, done.err
    assert not (tmp_path / "keyring.json").exists()


def test_environment_and_selector(site: Site, run: Run) -> None:
    """The SDK has no hook for a URL alone; one variable more does it."""
    done = run(*WHOAMI, env={**site.login("krb"), **site.ticket("bob"), "OS_AUTH_TYPE": "gatestone"})
    assert done.out.strip() == "bob", done.err
