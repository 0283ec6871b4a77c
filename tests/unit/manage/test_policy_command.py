"""`gatestone policy`: what is in force is told with its place, and the sample is the defaults."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from identity.manage import main
from identity.manage.policy import reference_page, sample_file
from identity.policy import policy_file
from identity.policy.review import doubts, in_force
from identity.policy.rules import DEFAULTS

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["policy", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text('# ours\n"identity:list_users": "rule:helpers"\n"helpers": "role:helper"\n"identity:get_region": "!"\n')
    return path


def setting(file: Path) -> tuple[str, str]:
    return "--set", f"oslo_policy.policy_file={file}"


def test_show_prints_every_rule_and_reads_back(tmp_path: Path) -> None:
    code, out, _ = run("show")
    assert code == 0
    assert out.count("  # default\n") == len(DEFAULTS)
    assert yaml.safe_load(out) == {rule.name: rule.check for rule in DEFAULTS}


def test_show_tells_where_a_rule_comes_from(file: Path) -> None:
    code, out, _ = run("show", *setting(file), "--json")
    rows = {row["rule"]: row for row in json.loads(out)}
    assert code == 0
    assert len(rows) == len(DEFAULTS) + 1
    assert rows["identity:list_users"]["from"] == f"{file}:2"
    assert rows["identity:list_users"]["check"] == "rule:helpers"
    assert rows["identity:list_users"]["default"].startswith("rule:admin_required or")
    assert rows["identity:list_users"]["scopes"] == ["system", "domain", "project"]
    assert rows["identity:list_users"]["routes"] == ["GET /v3/users"]
    assert rows["identity:get_user"]["from"] == "default"
    assert rows["identity:get_user"]["default"] == rows["identity:get_user"]["check"]
    assert (rows["helpers"]["from"], rows["helpers"]["default"]) == (f"{file}:3", None)


def test_show_only_what_the_file_says(file: Path) -> None:
    code, out, _ = run("show", *setting(file), "--changed")
    assert code == 0
    assert out.splitlines() == [
        f'"identity:list_users": "rule:helpers"  # {file}:2',
        f'"identity:get_region": "!"  # {file}:4',
        f'"helpers": "role:helper"  # {file}:3',
    ]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("get_user",), {"identity:get_user"}),
        (("identity:get_user", "owner"), {"identity:get_user", "owner"}),
        (("*_region",), {f"identity:{verb}_region" for verb in ("get", "create", "update", "delete")}),
    ],
)
def test_show_takes_names_and_patterns(words: tuple[str, ...], names: set[str]) -> None:
    code, out, _ = run("show", *words)
    assert code == 0
    assert set(yaml.safe_load(out)) == names


def test_show_an_unknown_rule_is_told() -> None:
    code, out, err = run("show", "get_usr")
    assert (code, out) == (2, "")
    assert "there is no rule get_usr; did you mean get_user?" in err


def test_show_tells_the_mistakes_of_the_file(file: Path) -> None:
    file.write_text('"a": "nonsense"\n')
    code, out, err = run("show", *setting(file))
    assert (code, out) == (1, "")
    assert f"{file}:1: `a`: cannot be understood" in err


def test_check_a_good_file(file: Path) -> None:
    assert run("check", str(file)) == (0, f"The policy fits ({file}).\n", "")
    assert run("check", *setting(file)) == (0, f"The policy fits ({file}).\n", "")
    assert json.loads(run("check", str(file), "--json")[1]) == {"file": str(file), "problems": [], "warnings": []}


def test_check_lists_every_mistake_with_its_line(file: Path) -> None:
    file.write_text('"a": "admin"\n"b": true\n"b": "@"\n"c": "rule:b or rule:zz"\n"identity:get_usr": "!"\n1: "@"\n')
    code, out, err = run("check", str(file))
    assert (code, out) == (1, "")
    assert [line.split(": ")[0] for line in err.splitlines()] == [f"{file}:{line}" for line in (1, 2, 3, 4, 5, 6)]
    code, out, _ = run("check", str(file), "--json")
    assert code == 1
    assert len(json.loads(out)["problems"]) == 6


def test_check_warns_of_what_looks_odd(file: Path) -> None:
    usual = next(rule.check for rule in DEFAULTS if rule.name == "identity:create_grant")
    file.write_text(
        f'"identity:create_grant": "({usual})"\n"identity:list_users": ""\n'
        '"mine": "@"\n"nova:boot": "@"\n"identity:get_region": "@"\n'
    )
    code, out, err = run("check", str(file))
    assert (code, out) == (0, f"The policy fits ({file}).\n")
    said = err.splitlines()
    assert len(said) == 5
    assert (
        said[0]
        == f"warning: {file}:1: `identity:create_grant`: the same as the default; without this line a later default would reach you"
    )
    assert "lets in everyone" in said[1]
    assert "nothing asks" in said[2]
    assert "no route asks" in said[3]
    assert "the same as the default" in said[4]


@pytest.mark.parametrize("what", ["missing", "directory", "deep", "long chain"])
def test_check_survives(tmp_path: Path, what: str) -> None:
    path = tmp_path / "odd"
    if what == "directory":
        path.mkdir()
    elif what == "deep":
        path.write_text("[" * 5000)
    elif what == "long chain":
        path.write_text("".join(f'"r{number}": "rule:r{number + 1}"\n' for number in range(300)) + '"r300": "rule:r0"\n')
    code, _, err = run("check", str(path))
    assert code == 1
    assert str(path) in err
    assert "Traceback" not in err


def test_check_asks_for_a_file_where_none_is_set() -> None:
    code, _, err = run("check")
    assert code == 2
    assert "oslo_policy.policy_file is not set" in err


def test_the_sample_changes_nothing_as_it_is_and_is_the_defaults_uncommented(tmp_path: Path) -> None:
    code, out, _ = run("sample")
    assert (code, out) == (0, sample_file())
    assert policy_file.parse(out, "sample").rules == {}
    path = tmp_path / "policy.yaml"
    path.write_text(re.sub(r'^#(?=")', "", out, flags=re.MULTILINE))
    assert {name: rule.check for name, rule in policy_file.read(path).rules.items()} == {rule.name: rule.check for rule in DEFAULTS}
    assert [row.rule for row in in_force(path)] == list(DEFAULTS)
    assert len(doubts(path)) == len(DEFAULTS)
    for rule in DEFAULTS:
        assert f"# {rule.doc}\n" in out
        assert all(f"# {route}\n" in out for route in rule.routes)


def test_the_page_of_all_rules_is_current() -> None:
    assert (ROOT / "docs/policy-reference.md").read_text() == reference_page(), "run `make docs`"
