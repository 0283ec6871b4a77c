"""clouds.yaml and openrc: no value escapes its quotes, no secret is written, no file is overwritten or readable."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from keystoneauth_gatestone import profile

KRB = "https://h/krb/v3"
NASTY = ["it's", '"x"', "$(touch pwned)", "`touch pwned`", "a\ntouch pwned", "\\", "$HOME", "#x", "; touch pwned", "é✓", "-n", " "]
text = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def krb(**auth: str) -> dict[str, Any]:
    return {"auth_type": "gatestone", "auth": {"auth_url": KRB, **auth}, "interface": "public"}


def sourced(shell: str, content: str, folder: Path, names: list[str], env: dict[str, str]) -> dict[str, str]:
    (folder / "openrc").write_text(content)
    # /usr/bin/env -0 prints each variable whole, line breaks included.
    done = subprocess.run(
        [shell, "-c", ". ./openrc; env -0"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=True,
    )
    found = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
    return {name: value for name, value in found.items() if name.startswith("OS_") or name in names}


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("value", NASTY)
def test_openrc_quotes(shell: str, value: str, tmp_path: Path) -> None:
    found = sourced(shell, profile.openrc(profile.gather(krb(project_name=value))), tmp_path, [], {})
    assert found["OS_PROJECT_NAME"] == value
    assert [entry.name for entry in tmp_path.iterdir()] == ["openrc"]


def test_openrc_starts_afresh_and_asks_nothing(tmp_path: Path) -> None:
    stale = dict.fromkeys(profile.STALE, "stale")
    content = profile.openrc(profile.gather(krb(project_name="demo", project_domain_id="default")))
    assert sourced("sh", content, tmp_path, [], stale) == {
        "OS_AUTH_TYPE": "v3kerberos",
        "OS_AUTH_URL": KRB,
        "OS_PROJECT_NAME": "demo",
        "OS_PROJECT_DOMAIN_ID": "default",
        "OS_MUTUAL_AUTH": "required",
        "OS_IDENTITY_API_VERSION": "3",
        "OS_INTERFACE": "public",
    }
    assert "read " not in content


def test_openrc_asks_for_a_password_where_one_is_needed() -> None:
    config = {"auth_type": "password", "auth": {"auth_url": "https://h/main/v3", "username": "$(id)", "password": "s3cret"}}
    content = profile.openrc(profile.gather(config))
    assert "read -r OS_PASSWORD" in content
    assert "s3cret" not in content
    assert "OS_USERNAME='$(id)'" in content


@given(text, text)
@settings(deadline=None)
def test_clouds_yaml_round_trips(project: str, name: str) -> None:
    loaded = yaml.safe_load(profile.clouds_yaml(profile.gather(krb(project_name=project)), name))
    assert loaded["clouds"][name]["auth"]["project_name"] == project


def test_x509_paths_are_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    config = {"auth_type": "gatestone", "auth": {"auth_url": "https://h:8443/x509/v3"}, "cert": "me.crt", "key": "me.key"}
    cloud = yaml.safe_load(profile.clouds_yaml(profile.gather(config), "c"))["clouds"]["c"]
    assert (cloud["auth_type"], cloud["cert"]) == ("v3x509", str(tmp_path / "me.crt"))
    assert "mutual_auth" not in cloud["auth"]


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"auth_type": "password", "auth": {}}, "OS_AUTH_URL"),
        ({"auth_type": "gatestone", "auth": {"auth_url": "https://h/x509/v3"}}, "OS_CERT"),
        ({"auth_type": "password", "auth": {"auth_url": "https://h/main/v3"}}, "OS_USERNAME"),
        ({"auth_type": "v3token", "auth": {"auth_url": "https://h/main/v3", "token": "t"}}, "expires"),
    ],
)
def test_what_is_missing_is_said(config: dict[str, Any], advice: str) -> None:
    with pytest.raises(profile.Incomplete, match=advice):
        profile.gather(config)


def test_an_explicit_type_is_kept() -> None:
    auth = {"auth_url": "https://h/main/v3", "application_credential_id": "a", "application_credential_secret": "s3cret"}
    found = profile.gather({"auth_type": "v3applicationcredential", "auth": auth})
    assert (found.auth_type, found.auth["application_credential_id"]) == ("v3applicationcredential", "a")
    for content in (profile.clouds_yaml(found, "c"), profile.openrc(found)):
        assert "s3cret" not in content
        assert "APPLICATION_CREDENTIAL_SECRET" in content.upper()


def test_files_are_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "clouds.yaml"
    old = os.umask(0)
    try:
        profile.save("one", str(path), force=False)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        profile.save("two", str(path), force=False)
    assert path.read_text() == "one"
    path.chmod(0o644)
    profile.save("two", str(path), force=True)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("two", 0o600)
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    with pytest.raises(FileExistsError):
        profile.save("three", str(link), force=False)
    profile.save("three", str(link), force=True)
    assert not link.is_symlink()
    assert not target.exists()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["clouds.yaml", "link"]
