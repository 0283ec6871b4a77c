"""`gatestone config`: secrets stay hidden, what is shown reads back, and every mistake is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from identity.manage import main
from identity.manage.config import masked, reference_page, to_toml
from identity.manage.consistency import mistakes, problems, warnings
from identity.settings import Settings
from identity.settings_load import load

ROOT = Path(__file__).parents[3]
MASTER_KEY = "keys.master_key=b25lIG1hc3RlciBrZXkgb2YgdGhpcnR5LXR3byBieXQ="
CERTIFICATES = ("x509.enabled=true", "x509.port=8443")


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


def test_no_secret_is_in_the_text_of_the_settings() -> None:
    settings = load(None, {}, ["keys.master_key=hunter2", "database.connection=postgresql+psycopg://u:hunter2@h/n"])
    assert "hunter2" not in repr(settings)
    assert "pool_size=8" in repr(settings)


def test_the_defaults_lack_a_master_key_and_nothing_else() -> None:
    assert [problem.partition(":")[0] for problem in problems(Settings())] == ["keys.master_key_file"]
    assert problems(load(None, {}, [MASTER_KEY])) == []
    assert run("config", "check", "--set", MASTER_KEY)[0] == 0
    assert run("config", "check")[0] == 1
    assert problems(load(None, {}, ["token.provider=uuid"])) == []


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
        ("server.trusted_hops=10.0.0.300", "'10.0.0.300' is no address, network or `unix`; write e.g."),
        ("server.public_urls=localhost", "is no http or https URL"),
        ("server.public_urls=https://a:x", "is no URL"),
        ("server.public_urls=https://user@a", "is more than a base URL"),
        ("server.public_urls=https://a/main/v3", "is more than a base URL"),
        ("server.trusted_hops=unix,10.0.0.0/33", "'10.0.0.0/33' is no address"),
        ("x509.enabled=true", "x509.client_ca: is needed"),
        ('x509.rules=[{"issuer":"CN=a","subject":"CN=b","domain":"c"}]', "rule 1: subject needs {user} exactly once"),
        ('x509.rules=[{"issuer":"not a name","subject":"CN={user}","domain":"c"}]', "rule 1: issuer is not a name"),
        ('x509.rules=[{"issuer":"CN=a","subject":"CN={user}{user}","domain":"c"}]', "rule 1: subject needs {user} exactly once"),
        ('x509.rules=[{"issuer":"CN=a","subject":"CN={user}"}]', "either domain (a name) or domain_id"),
        ('x509.rules=[{"isuer":"CN=a"}]', "unknown key 'isuer'"),
        ("kerberos.keytab=/nowhere.keytab", "kerberos.realms: is empty"),
        ("kerberos.service=HTTP/host", "must have the form HTTP@host.name"),
        ("catalog.driver=templated", "catalog.template_file: is needed"),
        ("auth.methods=pasword", "there is no method 'pasword'; did you mean 'password'?"),
        ("keys.master_key=short", "keys.master_key is not 32 bytes"),
        ("keys.master_key_file=/nowhere", "keys.master_key_file /nowhere cannot be read"),
        ("oslo_policy.policy_file=/nowhere", "/nowhere: No such file or directory; name a file"),
        ("fernet_tokens.key_repository=/nowhere", "no directory /nowhere: correct the name, or make it"),
    ],
)
def test_options_that_do_not_fit_together_are_told(override: str, told: str) -> None:
    assert any(told in problem for problem in problems(load(None, {}, [override])))


def test_a_catalogue_or_policy_that_does_not_read_is_told_line_by_line(tmp_path: Path) -> None:
    catalogue, policy = tmp_path / "catalogue", tmp_path / "policy.yaml"
    catalogue.write_text("catalog.R.compute.publicUrl = https://a\nrubbish\n")
    policy.write_text('"identity:get_user": "rule:adminn"\n"x": 5\n')
    asked = ["catalog.driver=templated", f"catalog.template_file={catalogue}", f"oslo_policy.policy_file={policy}"]
    found = problems(load(None, {}, [MASTER_KEY, *asked]))
    assert [problem.partition(": ")[0] for problem in found] == [f"{catalogue}:1", f"{catalogue}:2", f"{policy}:1", f"{policy}:2"]
    policy.write_text('"identity:validate_token": "rule:adminn"\n')
    assert "refers to `adminn`" in problems(load(None, {}, [f"oslo_policy.policy_file={policy}"]))[-1]


def test_every_mistake_of_every_part_is_listed_at_once() -> None:
    wrong = [
        "server.public_urls=foo",
        "server.trusted_hops=x",
        "kerberos.service=y",
        "auth.methods=pasword",
        "catalog.driver=templated",
    ]
    found = [problem.partition(":")[0] for problem in problems(load(None, {}, [MASTER_KEY, *wrong]))]
    assert found == ["server.public_urls", "server.trusted_hops", "kerberos.service", "auth.methods", "catalog.template_file"]


def test_a_file_that_is_away_is_a_problem_but_does_not_keep_the_rest_from_serving() -> None:
    settings = load(None, {}, [MASTER_KEY, "kerberos.keytab=/nowhere", "kerberos.realms=A=b"])
    assert [problem.partition(":")[0] for problem in problems(settings)] == ["kerberos.keytab"]
    assert mistakes(settings) == []


@pytest.mark.parametrize(
    ("urls", "warned"),
    [
        ("", False),
        ("https://a:5000", True),
        ("https://a:5000,https://b:5000", True),
        ("https://a", True),
        ("https://a:5000,https://a:8443", False),
        ("https://a:5000,https://a:9443", False),
        ("https://a,https://x509.a", False),
        ("https://a:8443", False),
    ],
)
def test_links_that_cannot_lead_to_the_certificate_listener_are_warned_of(urls: str, warned: bool) -> None:
    settings = load(None, {}, [MASTER_KEY, *CERTIFICATES, f"server.public_urls={urls}"])
    assert bool(warnings(settings)) == warned
    assert all("add its URL, e.g. https://a:8443" in told for told in warnings(settings))
    assert warnings(load(None, {}, [MASTER_KEY, f"server.public_urls={urls}"])) == []


@pytest.mark.parametrize(
    ("most", "more", "warned"), [(1, (), True), (2, (), True), (3, (), False), (1, ("token.provider=uuid",), False)]
)
def test_too_few_keys_for_a_rotation_are_warned_of_and_no_mistake(most: int, more: tuple[str, ...], warned: bool) -> None:
    asked = (MASTER_KEY, f"fernet_tokens.max_active_keys={most}", *more)
    sets = [word for one in asked for word in ("--set", one)]
    code, _, err = run("config", "check", *sets)
    assert code == 0
    assert err.startswith("warning: fernet_tokens.max_active_keys") == warned
    assert bool(json.loads(run("config", "check", "--json", *sets)[1])["warnings"]) == warned


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
