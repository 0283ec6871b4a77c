"""The table of methods and how it is loaded."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import authplugins
from identity.errors import SettingsError


def test_every_built_in_method_loads_under_its_own_name() -> None:
    for name, made in authplugins.load(authplugins.BUILT_IN).items():
        assert made.name == name


def test_every_unknown_method_is_told_at_once_with_what_was_meant() -> None:
    with pytest.raises(SettingsError) as caught:
        authplugins.load(["pasword", "password", "nonsense"])
    first, second = caught.value.problems
    assert "did you mean 'password'" in first
    assert "nonsense" in second
    assert "kerberos" in second


def test_another_distribution_may_add_a_method_but_not_replace_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "elsewhere-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1\n")
    (package / "entry_points.txt").write_text(
        "[gatestone.auth]\nsmartcard = elsewhere_plugin:Card\npassword = elsewhere_plugin:Card\nbroken = elsewhere_plugin:Nothing\n"
    )
    (tmp_path / "elsewhere_plugin.py").write_text("class Card:\n    name = 'smartcard'\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = authplugins.load(["smartcard", "password"])
    assert found["smartcard"].__module__ == "elsewhere_plugin"
    assert found["password"].__module__ == "authplugins.password"
    with pytest.raises(SettingsError, match="broken"):
        authplugins.load(["broken"])
    sys.modules.pop("elsewhere_plugin")
