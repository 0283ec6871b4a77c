"""Decisions: what is allowed, what is remembered, what a warm one costs, and what happens to a bad file."""

import os
import subprocess
import sys

import pytest

from identity import errors
from identity.policy.credentials import Credentials
from identity.policy.enforcer import Enforcer, canonical
from identity.policy.rules import DEFAULTS, Rule

SUBJECT = {"target.token.user_id": "u1"}
OTHER = {"target.token.user_id": "u2"}


def caller(*roles, **more):
    return Credentials({"user_id": "u1", "roles": list(roles), **more})


def allowed(enforcer, rule, credentials, target=SUBJECT):
    try:
        enforcer.check(rule, credentials, target)
    except errors.Forbidden:
        return False
    return True


def test_a_refusal_is_forbidden_and_names_the_action():
    with pytest.raises(errors.Forbidden) as caught:
        Enforcer().check("identity:revoke_token", caller("member"), OTHER)
    assert caught.value.status == 403
    assert caught.value.message == "You are not authorized to perform the requested action: identity:revoke_token."


def test_an_unknown_rule_is_refused_for_everyone():
    assert not allowed(Enforcer(), "identity:no_such", caller("admin"))


@pytest.mark.parametrize("plain", [False, True])
def test_outcomes_are_the_same_cold_and_warm(plain):
    enforcer, member, admin = Enforcer(), caller("member"), caller("ADMIN")
    if plain:
        member, admin = dict(member), dict(admin)
    for _ in range(3):
        assert allowed(enforcer, "identity:validate_token", member, SUBJECT)
        assert not allowed(enforcer, "identity:validate_token", member, OTHER)
        assert not allowed(enforcer, "identity:validate_token", member, {})
        assert allowed(enforcer, "identity:validate_token", admin, OTHER)


def test_what_is_remembered_belongs_to_one_rule_and_one_target():
    enforcer = Enforcer(defaults=[Rule("a", "user_id:%(one)s", ""), Rule("b", "user_id:%(two)s", "")])
    credentials = caller()
    assert allowed(enforcer, "a", credentials, {"one": "u1", "two": "u2"})
    assert not allowed(enforcer, "b", credentials, {"one": "u1", "two": "u2"})
    assert not allowed(enforcer, "a", credentials, {"two": "u1"})
    assert allowed(enforcer, "b", credentials, {"two": "u1"})


def test_what_is_remembered_is_bounded():
    enforcer, credentials = Enforcer(), caller("member")
    for number in range(2000):
        assert not allowed(enforcer, "identity:revoke_token", credentials, {"target.token.user_id": f"other{number}"})
    assert len(credentials.decided[1]) <= 256
    assert allowed(enforcer, "identity:revoke_token", credentials, SUBJECT)


def test_a_decision_that_never_looked_at_the_target_is_kept_once():
    enforcer, credentials = Enforcer(), caller("admin")
    for number in range(50):
        assert allowed(enforcer, "identity:revoke_token", credentials, {"target.token.user_id": f"other{number}"})
    assert credentials.decided[1] == {"identity:revoke_token": True}


def test_a_target_with_a_list_works_and_is_not_remembered():
    enforcer, credentials = Enforcer(), caller("member")
    for _ in range(2):
        assert allowed(enforcer, "identity:revoke_token", credentials, {**SUBJECT, "target.tags": ["a"]})
        assert not allowed(enforcer, "identity:revoke_token", credentials, {**OTHER, "target.tags": ["a"]})


def test_a_check_that_fails_is_a_refusal(caplog):
    enforcer = Enforcer(defaults=[Rule("odd", "user_id.name:%(x)s", "")])
    assert not allowed(enforcer, "odd", caller("admin"), {"x": "u1"})
    assert "the check of odd failed" in caplog.text


@pytest.mark.parametrize("unset", [{}, {"domain_id": None}])
def test_none_asks_for_a_value_that_the_token_does_not_have(unset):
    enforcer = Enforcer(defaults=[Rule("none", "domain_id:None", ""), Rule("some", "not domain_id:None", "")])
    for credentials, expected in ((caller(**unset), True), (caller(domain_id="d1"), False)):
        assert allowed(enforcer, "none", credentials) is expected
        assert allowed(enforcer, "some", credentials) is not expected


def test_grouping_is_no_difference():
    assert canonical("a:b or (c:d or (e:f))") == canonical("(a:b or c:d) or e:f") == canonical("a:b or c:d or e:f")
    assert canonical("a:b or c:d and e:f") == canonical("a:b or (c:d and e:f)") != canonical("(a:b or c:d) and e:f")
    assert canonical("not (a:b)") == canonical("not a:b") != canonical("a:b")


def test_a_scope_that_does_not_fit_is_refused():
    enforcer = Enforcer()
    assert allowed(enforcer, "identity:revocation_list", caller("admin"))
    assert allowed(enforcer, "identity:revocation_list", caller("admin", system_scope="all"))
    assert not allowed(enforcer, "identity:revocation_list", caller("admin", domain_id="d1"))


def test_a_warm_decision_takes_two_frames(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text('"identity:get_auth_system": "!"')
    for enforcer, most in ((Enforcer(), 1), (Enforcer(str(file)), 2)):
        for credentials in (caller("service"), caller("member")):
            enforcer.check("identity:validate_token", credentials, SUBJECT)
            frames = []

            def note(frame, event, _, frames=frames):
                if event == "call" and f"{os.sep}identity{os.sep}" in frame.f_code.co_filename:
                    frames.append(frame.f_code.co_name)

            sys.setprofile(note)
            enforcer.check("identity:validate_token", credentials, SUBJECT)
            sys.setprofile(None)
            assert 1 <= len(frames) <= most, frames


def test_brings_neither_configuration_nor_remote_checks():
    code = "import sys, identity.policy.enforcer as e; e.Enforcer(); print(sorted(m for m in sys.modules if m in %r))"
    heavy = {"oslo_config", "oslo_policy.policy", "requests", "yaml"}
    done = subprocess.run([sys.executable, "-c", code % heavy, "--help"], capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")


class TestFile:
    """An operator's overrides."""

    @pytest.fixture
    def file(self, tmp_path):
        return tmp_path / "policy.yaml"

    def test_lies_over_the_defaults(self, file):
        file.write_text(
            "# ours\n"
            '"identity:get_auth_system": "!"\n'
            '"identity:get_auth_catalog": "@"\n'
            'identity:revoke_token: "rule:admin_required or rule:helpers"\n'
            '"helpers": "(role:helper and not role:intern) or \'x\':%(target.kind)s"\n'
            '"identity:list_users": "rule:helpers"\n'
        )
        enforcer = Enforcer(str(file))
        assert not allowed(enforcer, "identity:get_auth_system", caller("admin"))
        assert allowed(enforcer, "identity:get_auth_catalog", caller())
        assert allowed(enforcer, "identity:revoke_token", caller("helper"), OTHER)
        assert not allowed(enforcer, "identity:revoke_token", caller("helper", "intern"), OTHER)
        assert allowed(enforcer, "identity:revoke_token", caller(), {**OTHER, "target.kind": "x"})
        assert not allowed(enforcer, "identity:revoke_token", caller(), SUBJECT)
        assert set(enforcer.names()) == {rule.name for rule in DEFAULTS} | {"helpers", "identity:list_users"}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("- a\n", "1: not a mapping"),
            ("a: [\n", "2: not YAML"),
            ('\t"a": "@"\n', "not YAML"),
            ('"a": !\n', "1: the check of `a` is not text"),
            ('"a":\n', "1: the check of `a` is not text"),
            ('"a": true\n', "1: the check of `a` is not text"),
            ('"a": []\n', "1: the check of `a` is not text"),
            ('1: "@"\n', "1: a rule's name is text"),
            ('"a": "@"\n"b": "@"\n"a": "!"\n', "3: `a` was already given on line 1"),
            ('"identity:revoke_tokens": "!"\n', "did you mean `identity:revoke_token`?"),
            ('"a": "role:admin or"\n', "1: `a`: cannot be understood"),
            ('"a": "role:admin role:x"\n', "cannot be understood"),
            ('"a": "(role:admin"\n', "cannot be understood"),
            ('"a": "   "\n', "cannot be understood"),
            (f'"a": "{"not " * 60}role:x"\n', "cannot be understood"),
            (f'"a": "{"(@ or (@ and " * 3000}@{"))" * 3000}"\n', "cannot be understood"),
            ("[" * 3000, "nested too deeply"),
            ('"a": "admin"\n', "cannot be understood"),
            ('"a": "! or admin"\n', "cannot be understood"),
            ('"a": "rule:admin_requierd"\n', "did you mean `admin_required`?"),
            ('"a": "rule:b"\n"b": "not rule:a"\n', "1: `a`: refers to itself"),
            ('"admin_required": "rule:service_or_admin"\n', "refers to itself"),
            ('"a": "http://host/%(user)s"\n', "checks ask another server"),
            ('"a": "user_id:%(x)"\n', "cannot be understood"),
            ('"a": "user_id:%(x)q and role:%(y)s"\n', "is not of the form"),
        ],
    )
    def test_tells_a_mistake_with_its_line(self, file, text, said):
        file.write_text(text)
        with pytest.raises(errors.SettingsError) as caught:
            Enforcer(str(file))
        assert all(problem.startswith(f"{file}:") or problem.startswith("default: ") for problem in caught.value.problems)
        assert said in "\n".join(caught.value.problems)

    def test_tells_every_mistake_at_once(self, file):
        file.write_text('"a": "admin"\n"b": "@"\n"c": "rule:x"\n')
        with pytest.raises(errors.SettingsError) as caught:
            Enforcer(str(file))
        assert [problem.split(": ")[0] for problem in caught.value.problems] == [f"{file}:1", f"{file}:3"]

    def test_tells_spoilt_entries_beside_the_mistakes_in_good_ones(self, file):
        file.write_text('"a": "rule:x"\n"b": []\n"b": "@"\n"c": "rule:b"\n')
        with pytest.raises(errors.SettingsError) as caught:
            Enforcer(str(file))
        assert [problem.split(": ")[0] for problem in caught.value.problems] == [f"{file}:{line}" for line in (1, 2, 3)]

    def test_that_is_missing_or_binary(self, file):
        with pytest.raises(errors.SettingsError, match="No such file"):
            Enforcer(str(file))
        file.write_bytes(b"\xff")
        with pytest.raises(errors.SettingsError, match="byte 0 is not UTF-8"):
            Enforcer(str(file))

    def test_is_read_again_when_it_changes(self, file, caplog):
        file.write_text("")
        enforcer, member = Enforcer(str(file)), caller("member")
        assert allowed(enforcer, "identity:revoke_token", member)
        replace(file, '"identity:revoke_token": "!"')
        assert not allowed(enforcer, "identity:revoke_token", member)
        replace(file, '"identity:revoke_token": "nonsense"')
        assert not allowed(enforcer, "identity:revoke_token", member)
        assert not allowed(enforcer, "identity:revoke_token", caller("member"))
        assert caplog.text.count("the policy stays as it was") == 1
        file.unlink()
        assert not allowed(enforcer, "identity:revoke_token", member)
        replace(file, '"identity:revoke_token": "role:member"')
        assert allowed(enforcer, "identity:revoke_token", member)


def replace(file, text):
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, file)
