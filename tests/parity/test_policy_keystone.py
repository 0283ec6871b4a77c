"""Our default rules against those of the real Keystone: name by name, as formulas, and as decisions on real callers."""

import itertools
import random
import re

import pytest
from keystone.common import context, policies
from oslo_config import cfg
from oslo_policy import _checks, policy

from identity import errors
from identity.model.subject import Domain, Project, Role, Subject, User
from identity.model.token import Claims
from identity.policy.credentials import Credentials, credentials
from identity.policy.enforcer import Enforcer, canonical, parsed
from identity.policy.rules import DEFAULTS

THEIRS = {rule.name: rule for rule in policies.list_rules()}
OURS = {rule.name: rule for rule in DEFAULTS}

HOME, AWAY = Domain("d1", "Home"), Domain("d2", "Away")
SCOPES = {
    "system": {"system": True},
    "own domain": {"domain": HOME},
    "other domain": {"domain": AWAY},
    "own project": {"project": Project("p1", "alpha", HOME)},
    "other project": {"project": Project("p2", "beta", AWAY)},
    "unscoped": {},
}
ROLES = {
    "admin": ("admin", "manager", "member", "reader"),
    "admin alone": ("admin",),
    "manager": ("manager", "member", "reader"),
    "member": ("member", "reader"),
    "reader": ("reader",),
    "service": ("service",),
    "none": (),
}
PERSONAS = list(itertools.product(SCOPES, ROLES))
ROLE_NAMES = ("admin", "manager", "member", "reader", "service", "made-up", "")
ABSENT = object()
MOST_TARGETS = 24


class Theirs:
    """The real enforcer with the real rules, set as it is by default: scopes are enforced, old defaults are left behind."""

    def __init__(self, directory):
        conf = cfg.ConfigOpts()
        conf([], project="parity", default_config_files=[], default_config_dirs=[])
        self.enforcer = policy.Enforcer(conf, policy_file=str(directory / "none.yaml"))
        self.enforcer.suppress_deprecation_warnings = True
        self.enforcer.register_defaults(policies.list_rules())
        self.enforcer.load_rules()
        assert conf.oslo_policy.enforce_new_defaults
        self.callers = {persona: self.caller(*persona) for persona in PERSONAS}

    def caller(self, scope, roles):
        where, domain, project = SCOPES[scope], SCOPES[scope].get("domain"), SCOPES[scope].get("project")
        caller = context.RequestContext(
            user_id="u1",
            user_domain_id="d1",
            roles=list(ROLES[roles]),
            system_scope="all" if "system" in where else None,
            domain_id=domain and domain.id,
            project_id=project and project.id,
            project_domain_id=project and project.domain.id,
        )
        token = {"user": {"id": "u1", "domain": {"id": "d1"}}}
        if domain:
            token["domain"] = {"id": domain.id, "name": domain.name}
        if project:
            token["project"] = {"id": project.id, "domain": {"id": project.domain.id}}
        caller.token_reference = {"token": token}
        return self.enforcer._map_context_attributes_into_creds(caller)

    def decide(self, rule, persona, target):
        return self.decide_for(rule, self.callers[persona], target)

    def decide_for(self, rule, caller, target):
        return bool(self.enforcer.enforce(rule, target, caller))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return Theirs(tmp_path_factory.mktemp("keystone"))


@pytest.fixture(scope="module")
def ours():
    return Enforcer()


def our_caller(scope, roles, trust_id=None):
    claims = Claims("u1", ("password",), 0, 1, ("a1",), trust_id=trust_id)
    held = tuple(Role(f"id-{name}", name) for name in ROLES[roles])
    return credentials(claims, Subject(User("u1", "alice", HOME), roles=held, **SCOPES[scope]))


OUR_CALLERS = {persona: our_caller(*persona) for persona in PERSONAS}


def decide(enforcer, rule, caller, target):
    try:
        enforcer.check(rule, caller, target)
    except errors.Forbidden:
        return False
    return True


def keys(name, seen=()):
    """The target keys that Keystone's rule reads, its named parts included."""
    text = THEIRS[name].check_str
    found = set(re.findall(r"%\(([^)]+)\)s", text))
    for part in re.findall(r"rule:([a-z_:]+)", text):
        if part not in seen:
            found |= keys(part, (*seen, part))
    return found


def may_be_none(name, key):
    """What the store keeps as None: a role of the whole cloud, a project that stands for a domain, a domain's limit."""
    if key == "target.domain_id":
        return name.startswith("identity:list_role_assignments")
    return key in {"target.role.domain_id", "target.project.domain_id", "target.limit.project_id"}


def values(name, key):
    if key == "target.role.name":
        return (*ROLE_NAMES, ABSENT)
    if "domain" in key.rpartition("target.")[2]:
        known = ("d1", "d2")
    elif "project" in key:
        known = ("p1", "p2")
    else:
        known = ("u1", "u2")
    return (*known, ABSENT, None) if may_be_none(name, key) else (*known, ABSENT)


def targets(name):
    """Every target of a rule that reads little; a fair and repeatable choice of them for one that reads much."""
    read = sorted(keys(name))
    choices = [values(name, key) for key in read]
    every = itertools.islice(itertools.product(*choices), 5000)
    if len(read) > 3:
        chance = random.Random(name)
        every = [tuple(chance.choice(choice) for choice in choices) for _ in range(MOST_TARGETS * 4)]
        # Both ends at home, or chance alone would seldom fulfil the rules about grants.
        every += [tuple("d1" if "d1" in choice else one for choice, one in zip(choices, line, strict=True)) for line in every[:8]]
    every = list(dict.fromkeys(every))
    chosen = every if len(every) <= MOST_TARGETS else random.Random(name).sample(every[:-8], MOST_TARGETS) + every[-8:]
    return [{key: value for key, value in zip(read, line, strict=True) if value is not ABSENT} for line in chosen]


def test_the_names_are_keystones_every_one_and_no_other():
    assert len(THEIRS) == 204
    assert set(OURS) == set(THEIRS)
    assert len(DEFAULTS) == len(OURS)


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_scopes_and_routes_are_keystones(name):
    assert list(OURS[name].scopes) == list(THEIRS[name].scope_types or [])
    assert routes(our_operations(name)) == routes(their_operations(name))


def our_operations(name):
    return {tuple(route.split(" ", 1)) for route in OURS[name].routes}


def their_operations(name):
    for operation in getattr(THEIRS[name], "operations", None) or []:
        methods = operation["method"]
        for method in [methods] if isinstance(methods, str) else methods:
            yield method.strip(), operation["path"].strip()


def routes(operations):
    """Method and path, without the HEAD that goes with a GET."""
    operations = set(operations)
    return {(method, path) for method, path in operations if method != "HEAD" or ("GET", path) not in operations}


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_the_check_is_the_same_formula(name):
    """Over every truth of its parts, so for every caller and every target there can be."""
    mine, real = parsed(OURS[name].check), parsed(THEIRS[name].check_str)
    parts = sorted(leaves(real))
    assert sorted(leaves(mine)) == parts
    assert len(parts) <= 14
    for truth in itertools.product((False, True), repeat=len(parts)):
        given = dict(zip(parts, truth, strict=True))
        assert holds(mine, given) == holds(real, given), given


def leaves(check):
    if isinstance(check, (_checks.AndCheck, _checks.OrCheck)):
        return set().union(*(leaves(part) for part in check.rules))
    if isinstance(check, _checks.NotCheck):
        return leaves(check.rule)
    if isinstance(check, _checks.RuleCheck):
        return leaves(parsed(THEIRS[check.match].check_str))
    return set() if isinstance(check, (_checks.TrueCheck, _checks.FalseCheck)) else {str(check)}


def holds(check, given):
    if isinstance(check, _checks.AndCheck):
        return all(holds(part, given) for part in check.rules)
    if isinstance(check, _checks.OrCheck):
        return any(holds(part, given) for part in check.rules)
    if isinstance(check, _checks.NotCheck):
        return not holds(check.rule, given)
    if isinstance(check, _checks.RuleCheck):
        return holds(parsed(THEIRS[check.match].check_str), given)
    return isinstance(check, _checks.TrueCheck) or given.get(str(check), False)


def alike():
    """The rules in sets that ask the same: one of each is decided on real callers."""
    groups = {}
    for name, rule in OURS.items():
        said = (canonical(rule.check), canonical(THEIRS[name].check_str), rule.scopes, THEIRS[name].scope_types)
        groups.setdefault(repr(said) + str(name.startswith("identity:list_role_assignments")), []).append(name)
    return list(groups.values())


@pytest.mark.parametrize("names", alike(), ids=lambda names: names[0])
def test_decides_as_keystone(ours, theirs, names):
    name = names[0]
    for target in targets(name):
        for persona in PERSONAS:
            expected = theirs.decide(name, persona, target)
            caller = OUR_CALLERS[persona]
            assert [decide(ours, name, caller, target) for _ in ("cold", "warm")] == [expected, expected], (persona, target)


def test_every_rule_that_can_refuse_is_seen_to_allow_and_to_refuse(theirs):
    for names in alike():
        seen = set()
        for target, persona in itertools.product(targets(names[0]), PERSONAS):
            seen.add(theirs.decide(names[0], persona, target))
            if len(seen) == 2:
                break
        assert seen == ({True} if THEIRS[names[0]].check_str == "" else {True, False}), names


@pytest.mark.parametrize("is_admin", [1, "1", True, 0, None])
def test_the_bootstrap_administrator_is_judged_alike(ours, theirs, is_admin):
    caller = {"user_id": "u9", "roles": [], "is_admin": is_admin, "project_id": "p9"}
    for name in OURS:
        target = {key: "x" for key in keys(name)}
        assert decide(ours, name, Credentials(caller), target) == theirs.decide_for(name, dict(caller), target), name


def test_a_trust_changes_no_decision(ours):
    for name in (names[0] for names in alike()):
        target = dict.fromkeys(keys(name), "u1")
        for persona in PERSONAS:
            caller = our_caller(*persona, trust_id="t1")
            assert decide(ours, name, caller, target) == decide(ours, name, OUR_CALLERS[persona], target), (name, persona)


def test_none_where_the_store_never_has_it_lets_nobody_in(ours, theirs):
    """Keystone takes the None of a target for that of a token without a domain; here what is not there fits nothing."""
    wider = set()
    for names in alike():
        name = names[0]
        nothing = dict.fromkeys(keys(name))
        for persona in PERSONAS:
            mine, real = decide(ours, name, OUR_CALLERS[persona], nothing), theirs.decide(name, persona, nothing)
            assert real or not mine, (name, persona)
            if real and not mine:
                wider.update(names)
    assert "identity:create_group" in wider
    assert "identity:update_project" not in wider


@pytest.mark.parametrize(
    "check",
    [
        "domain_id:None",
        "not project_id:None and role:reader",
        "system_scope:None",
        "user_domain_id:None",
        "project_domain_id:None",
        "service_user_id:None",
        "token.domain.id:None",
        "trust_id:None",
        "system:None",
        "not domain_id:%(target.user.domain_id)s",
        "project_domain_id:%(target.user.domain_id)s",
        "token.project.domain.id:%(target.user.domain_id)s and role:member",
        "token.user.domain.id:%(target.user.domain_id)s",
        "'d1':%(target.user.domain_id)s or project_id:%(project_id)s",
        "domain_id:d1",
        "role:%(target.role.name)s",
    ],
)
def test_an_override_means_the_same(theirs, tmp_path, check):
    file = tmp_path / "policy.yaml"
    file.write_text(f'"mine": "{check}"\n')
    enforcer, tree = Enforcer(str(file)), policy.RuleDefault("mine", check).check
    for target in ({}, {"target.user.domain_id": "d1", "project_id": "p1", "target.role.name": "Member"}, {"project_id": "p2"}):
        for persona in PERSONAS:
            expected = bool(theirs.enforcer.enforce(tree, target, theirs.callers[persona]))
            assert decide(enforcer, "mine", OUR_CALLERS[persona], target) == expected, (persona, target)


def test_a_file_of_all_keystones_own_rules_is_taken_and_changes_nothing(tmp_path, ours):
    file = tmp_path / "policy.yaml"
    file.write_text("".join(f'"{rule.name}": "{rule.check_str}"\n' for rule in policies.list_rules()))
    enforcer = Enforcer(str(file))
    for names in alike():
        for target in targets(names[0])[:4]:
            for persona in PERSONAS:
                caller, name = our_caller(*persona), names[-1]
                assert decide(enforcer, name, caller, target) == decide(ours, name, caller, target), (name, persona, target)
