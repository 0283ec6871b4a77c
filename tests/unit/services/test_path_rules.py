"""Which paths an access rule means: Keystone's patterns, walked so that none of them can take long."""

from __future__ import annotations

import time

import pytest

from identity import errors
from identity.model.access import Access
from identity.model.delegation import AccessRule, Confinement
from identity.model.subject import Domain, Subject, User
from identity.model.token import Claims
from identity.services.path_rules import LONGEST, check, matches

MEANT = [
    ("/v3/users", "/v3/users"),
    ("/v3/users/*", "/v3/users/abc"),
    ("/v3/users/{user_id}", "/v3/users/abc"),
    ("/v3/users/*/projects", "/v3/users/abc/projects"),
    ("/v3/users/a*", "/v3/users/abc"),
    ("/v3/**", "/v3/users/abc/projects"),
    ("/v3/**", "/v3/"),
    ("/v3/**/roles", "/v3/a/b/roles"),
    ("**", "/anything"),
    ("/v3/***", "/v3/a"),
    ("/v3/{", "/v3/{"),
]
NOT_MEANT = [
    ("/v3/users", "/v3/users/"),
    ("/v3/users", "/v3/users/abc"),
    ("/v3/users/abc", "/v3/users"),
    ("/v3/users/*", "/v3/users/"),
    ("/v3/users/*", "/v3/users/abc/projects"),
    ("/v3/users/{user_id}", "/v3/users/a/b"),
    ("/v3/u.ers", "/v3/users"),
    ("/v3/users", "/v3/users\n"),
    ("/v3/users/[a]", "/v3/users/a"),
    ("", "/v3"),
    ("**", "/" + "a" * LONGEST),
]


@pytest.mark.parametrize(("pattern", "path"), MEANT)
def test_meant(pattern, path):
    assert matches(pattern, path)


@pytest.mark.parametrize(("pattern", "path"), NOT_MEANT)
def test_not_meant(pattern, path):
    assert not matches(pattern, path)


def test_no_pattern_takes_long():
    """As a regular expression this one would go on for longer than the universe has (CWE-1333)."""
    began = time.perf_counter()
    assert not matches("/" + "**a" * 42, "/" + "a" * (LONGEST - 2) + "b")
    assert time.perf_counter() - began < 5


def access(*rules: AccessRule) -> Access:
    user = User("u", "u", Domain("d", "d"))
    confinement = Confinement("ac", "mine", access_rules=rules)
    claims = Claims("u", ("application_credential",), 0, 1, ("a",), project_id="p", app_cred_id="ac")
    return Access(claims, Subject(user, confinement=confinement))


def rule(path: str, method: str = "GET", service: str = "identity") -> AccessRule:
    return AccessRule("r", service, path, method)


def test_service_method_and_path_must_all_fit_one_rule():
    held = access(rule("/v3/users"), rule("/v3/projects", "POST"), rule("/v3/roles", service="compute"))
    check(held, "GET", "", "/v3/users")
    check(held, "POST", "/main", "/v3/projects")
    for method, path in (("POST", "/v3/users"), ("GET", "/v3/projects"), ("GET", "/v3/roles"), ("HEAD", "/v3/users")):
        with pytest.raises(errors.Unauthorized):
            check(held, method, "", path)


def test_a_rule_may_name_the_face_as_the_catalogue_does():
    held = access(rule("/main/v3/users"))
    check(held, "GET", "/main", "/v3/users")
    with pytest.raises(errors.Unauthorized):
        check(held, "GET", "/admin", "/v3/users")


def test_a_token_can_always_be_validated_and_without_rules_all_is_open():
    check(access(rule("/nothing")), "GET", "", "/v3/auth/tokens")
    check(access(), "DELETE", "", "/v3/users/abc")
    with pytest.raises(errors.Unauthorized):
        check(access(rule("/nothing")), "DELETE", "", "/v3/auth/tokens")
