"""Settings: where they come from, which source wins, and how mistakes are told."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.errors import SettingsError
from identity.settings import Settings, sections
from identity.settings_load import _FITS, _READERS, _WORDS, find, load


def mistakes(file: Path | None = None, environ: dict[str, str] | None = None, overrides: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(file, environ or {}, overrides)
    return caught.value.problems


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "gatestone.toml"
    file.write_text(text)
    return file


def test_nothing_given_is_the_defaults() -> None:
    assert load(None, {"HOME": "/", "GATESTONE_CONFIG": "/x"}, ()) == Settings()


def test_each_source_is_stronger_than_the_one_before(tmp_path: Path) -> None:
    file = write(tmp_path, "[server]\nport = 1\nworkers = 11\nthreads = 21\n")
    environ = {"GATESTONE_SERVER__WORKERS": "12", "GATESTONE_SERVER__THREADS": "22"}
    server = load(file, environ, ["server.threads=23"]).server
    assert (server.port, server.workers, server.threads) == (1, 12, 23)


def test_every_type_is_read_from_text() -> None:
    read = load(
        None,
        {
            "GATESTONE_SERVER__PUBLIC_URLS": "https://a, https://b",
            "GATESTONE_KERBEROS__REALMS": "A.TEST=Default,B.TEST=other",
            "GATESTONE_X509__ENABLED": "yes",
            "GATESTONE_X509__RULES": '[{"issuer": "CN=ca", "subject": "CN={user}", "domain": "Default"}]',
        },
        ["server.header_timeout=2", 'auth.methods=["password"]', 'server.trusted_hops=["unix"]', "token.readers="],
    )
    assert read.server.public_urls == ["https://a", "https://b"]
    assert read.kerberos.realms == {"A.TEST": "Default", "B.TEST": "other"}
    assert read.x509.enabled is True
    assert read.x509.rules[0]["subject"] == "CN={user}"
    assert read.server.header_timeout == 2.0
    assert read.auth.methods == ["password"]
    assert read.token.readers == []


def test_every_mistake_is_listed_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, '[sever]\nport=1\n[server]\nprot = 5\nport = "5000"\nworkers = 0\n[token]\nprovider = "pki"\nserver = 1')
    found = mistakes(file, {"GATESTONE_TOKEN__EXPIRATION": "soon"}, ("nothing", "x.y=1", "database.port=3"))
    assert found == [
        f"{file}: there is no section [sever]; did you mean server?",
        f"{file}: [server] has no option prot; did you mean port?",
        f"{file}: server.port must be a whole number, not '5000'",
        f"{file}: server.workers must be from 1 to 256, not 0",
        f"{file}: token.provider must be one of fernet, jws, uuid, not 'pki'",
        f"{file}: [token] has no option server; known are "
        "allow_expired_window, allow_rescope_scoped_token, cache_size, expiration, max_staleness, provider, readers",
        "variable GATESTONE_TOKEN__EXPIRATION: token.expiration must be a whole number, not 'soon'",
        "--set nothing: write section.option=value",
        f"--set x.y: there is no section [x]; known are {', '.join(sorted(field.name for field in fields(Settings)))}",
        "--set database.port: [database] has no option port; did you mean server.port?",
    ]


def test_each_element_of_a_list_is_held_against_the_choices(tmp_path: Path) -> None:
    told = "token.readers must be any of fernet, jws, uuid, not 'fernt'"
    assert mistakes(overrides=("token.readers=uuid,fernt",)) == [f"--set token.readers: {told}"]
    file = write(tmp_path, '[token]\nreaders = ["jws", "fernt"]\n')
    assert mistakes(file) == [f"{file}: {told}"]
    assert load(None, {}, ["token.readers=jws,uuid"]).token.readers == ["jws", "uuid"]


@pytest.mark.parametrize("text", ["[server", "\xff", "a = 1\n", "[server]\nport = true", "[log]\nfile = 3", "server = 3"])
def test_a_broken_file_names_itself(tmp_path: Path, text: str) -> None:
    file = tmp_path / "g.toml"
    file.write_bytes(text.encode("latin-1"))
    assert all(line.startswith(f"{file}: ") for line in mistakes(file))


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    assert "No such file" in mistakes(tmp_path / "none.toml")[0]


def test_a_secret_is_never_repeated(tmp_path: Path) -> None:
    file = write(tmp_path, "[keys]\nmaster_key = [31337]\n[database]\nconnection = 31337\n")
    found = mistakes(file, {}, ("keys.master_key=31337\0",))
    assert len(found) == 3
    assert "31337" not in "".join(found)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", ""])
def test_a_number_is_finite(value: str) -> None:
    assert "must be a number" in mistakes(overrides=(f"server.body_timeout={value}",))[0]


def test_find_prefers_the_explicit_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find(None, {}) is None or find(None, {}) == Path("/etc/gatestone/gatestone.toml")
    write(tmp_path, "")
    assert find(None, {}) == Path("gatestone.toml")
    assert find(None, {"GATESTONE_CONFIG": "/e"}) == Path("/e")
    assert find("/c", {"GATESTONE_CONFIG": "/e"}) == Path("/c")


def test_every_type_that_settings_use_can_be_read() -> None:
    used = {str(option.type) for _, _, options in sections() for option in options}
    assert used <= set(_READERS) & set(_FITS) & set(_WORDS)


OPTIONS = [f"{name}.{option.name}" for name, _, options in sections() for option in options]


@given(st.sampled_from(OPTIONS), st.text())
def test_any_text_is_a_value_or_a_told_mistake(name: str, text: str) -> None:
    try:
        load(None, {}, [f"{name}={text}"])
    except SettingsError as error:
        assert error.problems[0].startswith(f"--set {name}: {name} must ")
