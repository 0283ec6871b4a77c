"""`gatestone config`: secrets stay hidden, what is shown reads back, and every mistake is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from identity.manage import main
from identity.manage.config import masked, reference_page, to_toml
from identity.manage.consistency import problems
from identity.settings import Settings
from identity.settings_load import load

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///gatestone.db", "sqlite:///gatestone.db"),
        ("sqlite:////var/lib/gatestone.db", "sqlite:////var/lib/gatestone.db"),
        ("postgresql+psycopg://u:hunter2@h:5432/n", "postgresql+psycopg://u:***@h:5432/n"),
        ("postgresql+psycopg://u:hunter2/@:@h/n?sslmode=require", "postgresql+psycopg://u:***@h/n?***"),
        ("postgresql+psycopg://u@h/n?password=hunter2", "postgresql+psycopg://u@h/n?***"),
        ("hunter2", "***"),
    ],
)
def test_a_database_password_is_masked(url: str, shown: str) -> None:
    assert masked(load(None, {}, [f"database.connection={url}"]))["database"]["connection"] == shown


def test_the_master_key_is_masked_everywhere() -> None:
    for extra in ((), ("--json",), ("--changed",)):
        code, out, err = run("config", "show", "--set", "keys.master_key=hunter2", *extra)
        assert code == 0
        assert "***" in out
        assert "hunter2" not in out + err


def test_what_is_shown_reads_back(tmp_path: Path) -> None:
    given = load(
        None,
        {},
        [
            'x509.rules=[{"issuer": "CN=a \\"b\\" \\\\", "subject": "CN={user}", "domain": "Größe"}]',
            "kerberos.realms=A.TEST=Default",
            "server.public_urls=https://a,https://b",
            "server.header_timeout=0.25",
            "x509.enabled=true",
        ],
    )
    file = tmp_path / "again.toml"
    file.write_text(to_toml(masked(given)))
    assert load(file, {}, []) == given


def test_the_defaults_fit() -> None:
    assert problems(Settings()) == []
    assert run("config", "check")[0] == 0


def test_check_lists_every_mistake(tmp_path: Path) -> None:
    file = tmp_path / "g.toml"
    file.write_text("[server]\nprot = 1\nport = 70000\n[keys]\nmaster_key = 5\n")
    code, out, err = run("config", "check", "--config", str(file))
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 3
    code, out, _ = run("config", "check", "--config", str(file), "--json")
    assert code == 1
    assert len(json.loads(out)["problems"]) == 3


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("server.tls_cert=/nowhere.pem", "server.tls_cert: there is no file /nowhere.pem"),
        ("server.tls_key=/nowhere.pem", "server.tls_cert: is needed beside"),
        ("server.public_urls=localhost", "is no http or https URL"),
        ("server.public_urls=https://a:x", "is no URL"),
        ("server.public_urls=https://user@a", "is more than a base URL"),
        ("server.public_urls=https://a/main/v3", "is more than a base URL"),
        ("server.trusted_hops=unix,10.0.0.0/33", "'10.0.0.0/33' is no address"),
        ("x509.enabled=true", "x509.client_ca: is needed"),
        ('x509.rules=[{"issuer":"CN=a","subject":"CN=b","domain":"c"}]', "rule 1 needs `issuer`, and `subject`"),
        ('x509.rules=[{"issuer":"CN=a","subject":"CN={user}"}]', "either `domain` or `domain_id`"),
        ('x509.rules=[{"isuer":"CN=a"}]', "unknown isuer"),
        ("kerberos.keytab=/nowhere.keytab", "kerberos.realms: is empty"),
        ("kerberos.service=HTTP/host", "must have the form HTTP@host.name"),
        ("catalog.driver=templated", "catalog.template_file: is needed"),
        ("token.readers=pki", "unknown pki"),
        ("fernet_tokens.key_repository=/nowhere", "there is no directory /nowhere"),
    ],
)
def test_options_that_do_not_fit_together_are_told(override: str, told: str) -> None:
    assert any(told in problem for problem in problems(load(None, {}, [override])))


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key.pem"
    file.touch()
    monkeypatch.setattr("os.access", lambda *_: False)  # root reads every file
    assert "cannot be read" in problems(load(None, {}, [f"server.tls_cert={file}", f"server.tls_key={file}"]))[0]


def test_the_settings_page_is_current() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == reference_page(), "run `make docs`"
    assert run("config", "reference")[1] == reference_page()


def test_a_command_that_is_not_there_is_a_usage_error() -> None:
    assert run("serv")[0] == 2
