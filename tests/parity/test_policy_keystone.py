"""Our default rules against those of the real Keystone, decided by the real oslo.policy enforcer."""

import itertools

import pytest
from keystone.common import context, policies
from oslo_config import cfg
from oslo_policy import policy

from identity import errors
from identity.model.subject import Domain, Project, Role, Subject, User
from identity.model.token import Claims
from identity.policy.credentials import credentials
from identity.policy.enforcer import Enforcer
from identity.policy.rules import DEFAULTS

HOME, AWAY = Domain("d1", "Home"), Domain("d2", "Away")
SCOPES = {
    "system": {"system": True},
    "domain": {"domain": HOME},
    "project": {"project": Project("p1", "alpha", AWAY)},
    "unscoped": {},
}
ROLES = {
    "admin": ("admin", "manager", "member", "reader"),
    "manager": ("manager", "member", "reader"),
    "member": ("member", "reader"),
    "reader": ("reader",),
    "service": ("service",),
    "none": (),
}
# Documented for /v3/auth/domains and /v3/auth/projects, yet Keystone asks no route about them.
ASKED_NOWHERE = {"identity:list_domains_for_user", "identity:list_projects_for_user"}
TARGETS = {
    "own": {"target.token.user_id": "u1", "target.token.user.domain.id": "d1", "user_id": "u1", "target.role.name": "member"},
    "foreign": {"target.token.user_id": "u2", "target.token.user.domain.id": "d2", "user_id": "u2", "target.role.name": "admin"},
    "nothing": {},
}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    conf = cfg.ConfigOpts()
    conf([], project="parity", default_config_files=[], default_config_dirs=[])
    enforcer = policy.Enforcer(conf, policy_file=str(tmp_path_factory.mktemp("keystone") / "none.yaml"))
    enforcer.suppress_deprecation_warnings = True
    enforcer.register_defaults(policies.list_rules())
    enforcer.load_rules()
    return enforcer


@pytest.fixture(scope="module")
def ours():
    return Enforcer()


def test_every_rule_is_keystones_in_name_meaning_and_scope(theirs):
    for rule in DEFAULTS:
        registered = theirs.registered_rules[rule.name]
        assert str(policy.RuleDefault(rule.name, rule.check).check) == str(registered.check), rule.name
        assert list(rule.scopes) == list(registered.scope_types or []), rule.name


def test_no_building_block_and_no_rule_of_the_auth_routes_is_missing():
    wanted = {rule.name for rule in policies.list_rules() if ":" not in rule.name}
    wanted |= {rule.name for rule in policies.list_rules() if _is_auth_route(rule)}
    assert wanted - {rule.name for rule in DEFAULTS} - ASKED_NOWHERE == set()
    assert "identity:validate_token" in wanted


def _is_auth_route(rule):
    paths = {operation["path"] for operation in getattr(rule, "operations", None) or []}
    return any(path.startswith("/v3/auth/") and "OS-FEDERATION" not in path for path in paths)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("roles", ROLES)
@pytest.mark.parametrize("scope", SCOPES)
def test_decides_as_keystone(ours, theirs, scope, roles, target):
    for rule in DEFAULTS:
        expected = _their_decision(theirs, rule.name, scope, roles, TARGETS[target])
        got = [
            _our_decision(ours, rule.name, caller, TARGETS[target]) for caller in [_ours(scope, roles)] for _ in ("cold", "warm")
        ]
        assert got == [expected, expected], rule.name


def test_the_comparison_sees_both_outcomes(theirs):
    for rule in ("identity:validate_token", "identity:check_token", "identity:revoke_token", "identity:revocation_list"):
        outcomes = {_their_decision(theirs, rule, *persona, {}) for persona in itertools.product(SCOPES, ROLES)}
        assert outcomes == {True, False}, rule


def test_a_file_of_all_keystones_own_rules_is_taken_and_changes_nothing(tmp_path, ours):
    file = tmp_path / "policy.yaml"
    file.write_text("".join(f'"{rule.name}": "{rule.check_str}"\n' for rule in policies.list_rules()))
    enforcer = Enforcer(str(file))
    for rule, scope, roles, target in itertools.product(DEFAULTS, SCOPES, ROLES, TARGETS.values()):
        caller = _ours(scope, roles)
        assert _our_decision(enforcer, rule.name, caller, target) == _our_decision(ours, rule.name, caller, target)


def _ours(scope, roles):
    claims = Claims("u1", ("password",), 0, 1, ("a1",))
    held = tuple(Role(f"id-{name}", name) for name in ROLES[roles])
    return credentials(claims, Subject(User("u1", "alice", HOME), roles=held, **SCOPES[scope]))


def _our_decision(enforcer, rule, caller, target):
    try:
        enforcer.check(rule, caller, target)
    except errors.Forbidden:
        return False
    return True


def _their_decision(enforcer, rule, scope, roles, target):
    where = SCOPES[scope]
    caller = context.RequestContext(
        user_id="u1",
        user_domain_id="d1",
        roles=list(ROLES[roles]),
        system_scope="all" if "system" in where else None,
        domain_id=where["domain"].id if "domain" in where else None,
        project_id=where["project"].id if "project" in where else None,
        project_domain_id=where["project"].domain.id if "project" in where else None,
    )
    caller.token_reference = {"token": {"user": {"id": "u1", "domain": {"id": "d1"}}}}
    return bool(enforcer.enforce(rule, target, caller))
