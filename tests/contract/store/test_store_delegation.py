"""Application credentials, access rules and trusts in the store, and how tokens are held to a credential."""

from __future__ import annotations

import pytest

from identity.errors import BadRequest, Conflict, Forbidden, NotFound
from identity.model.assignment import RoleEntry
from identity.model.delegation import ApplicationCredential, RoleRef, Trust, WantedRule
from identity.model.listing import Filter, Page
from identity.store import access_rules, application_credentials, epoch, handed_roles, projects, roles, trusts, users
from identity.store.subjects import roles_held
from tests.contract.store.world import NOW

WHOLE = WantedRule(service="identity", path="/v3/users", method="GET")


def credential(world, id="ac", *, name=None, role_ids=("member",), rules=(), **values):
    def make(tx):
        held = handed_roles.existing(tx, role_ids)
        found = access_rules.obtain(tx, "u1", rules)
        new = ApplicationCredential(id, name or id, "u1", "top", roles=held, access_rules=found, **values)
        application_credentials.create(tx, new, f"$hash${id}", NOW)
        return new

    return world.do(make)


def test_it_is_read_as_it_was_written(world, queries):
    made = credential(world, rules=(WHOLE,), description="for backups", expires_at=NOW + 1.5, unrestricted=True)
    with queries.counted(3):
        assert world.ask(application_credentials.get, "ac") == made
    assert world.ask(application_credentials.get, "none") is None
    secret = world.ask(application_credentials.secret, "ac")
    assert secret == world.ask(application_credentials.secret_named, "u1", "ac")
    assert (secret.user_id, secret.project_id, secret.hash, secret.expires_at) == ("u1", "top", "$hash$ac", NOW + 1.5)
    assert world.ask(application_credentials.secret_named, "u1", "\0") is None


def test_a_list_costs_the_same_however_long_it_is(world, queries):
    for id in ("c", "a", "b"):
        credential(world, id, role_ids=("member", "reader"), rules=(WHOLE,))
    with queries.counted(3):
        found, more = world.ask(application_credentials.listed, "u1", Page(limit=2))
    assert [(one.id, [role.id for role in one.roles], len(one.access_rules)) for one in found] == [
        ("a", ["member", "reader"], 1),
        ("b", ["member", "reader"], 1),
    ]
    assert more
    assert [one.id for one in world.ask(application_credentials.listed, "u1", Page((Filter("name", "c"),)))[0]] == ["c"]
    assert world.ask(application_credentials.listed, "nobody") == ([], False)


def test_a_name_is_its_users_own(world):
    credential(world)
    with pytest.raises(Conflict):
        credential(world, "other", name="ac")


def test_what_is_removed_ends_its_tokens(world):
    credential(world)
    before = world.seq()
    world.do(application_credentials.remove, "ac", NOW)
    assert [(change.tag, change.revokes) for change in world.ask(epoch.since, before)] == [("app_cred:ac", True)]
    with pytest.raises(NotFound):
        world.do(application_credentials.remove, "ac", NOW)


def test_all_of_a_user_or_with_a_role(world):
    credential(world, "a", role_ids=("member",))
    credential(world, "b", role_ids=("reader",))
    assert world.do(application_credentials.remove_with_role, "reader") == [("app_cred", "b", True)]
    assert world.do(application_credentials.remove_of_user, "u1", "mid") == []
    assert world.do(application_credentials.remove_of_user, "u1") == [("app_cred", "a", True)]
    assert world.ask(application_credentials.listed, "u1") == ([], False)


def test_it_goes_with_its_user(world):
    credential(world, rules=(WHOLE,))
    world.do(users.delete, "u1", NOW)
    assert world.ask(application_credentials.get, "ac") is None
    assert world.ask(access_rules.listed, "u1") == ([], False)


def test_rules_are_shared_and_stay_while_they_are_used(world):
    first = credential(world, "a", rules=(WHOLE, WHOLE)).access_rules
    other = WantedRule(id="unknown", service="compute", path="/x", method="POST")
    second = credential(world, "b", rules=(WHOLE, WantedRule(id=first[0].id), other)).access_rules
    assert len(first) == 1 and len(second) == 2 and first[0] in second
    assert "unknown" not in [rule.id for rule in second]
    assert len(world.ask(access_rules.listed, "u1")[0]) == 2
    assert world.ask(access_rules.get, "stranger", first[0].id) is None
    with pytest.raises(Forbidden):
        world.do(access_rules.remove, "u1", first[0].id)
    for id in "ab":
        world.do(application_credentials.remove, id, NOW)
    world.do(access_rules.remove, "u1", first[0].id)
    with pytest.raises(NotFound):
        world.do(access_rules.remove, "u1", first[0].id)


@pytest.mark.parametrize(
    ("rule", "problem"), [(WantedRule(id="none"), NotFound), (WantedRule(service="identity", path="/"), BadRequest)]
)
def test_a_rule_must_be_ones_own_or_whole(world, rule, problem):
    with pytest.raises(problem):
        world.do(access_rules.obtain, "u1", [rule])


def test_another_users_rule_cannot_be_named(world):
    theirs = credential(world, rules=(WHOLE,)).access_rules[0]
    world.do(users.create, id="u2", name="Ulrich", domain_id="d1", now=NOW)
    with pytest.raises(NotFound):
        world.do(access_rules.obtain, "u2", [WantedRule(id=theirs.id)])


def confined(world, **values):
    return world.load(project_id="top", app_cred_id="ac", **values)


def test_a_subject_is_held_to_the_credential_in_one_query(world, queries):
    world.grant("user:u1", "project:top", "admin")
    world.grant("user:u1", "project:top", "member")
    made = credential(world, role_ids=("member", "reader"), rules=(WHOLE,), expires_at=NOW + 9)
    with queries.counted(1):
        subject = confined(world)
    assert [role.id for role in subject.roles] == ["member"]  # neither more than is handed on, nor more than is held
    assert subject.confinement.access_rules == made.access_rules
    assert (subject.confinement.name, subject.confinement.expires_at) == ("ac", NOW + 9)
    assert "app_cred:ac" in subject.tags and not subject.revoked_seq
    world.do(application_credentials.remove, "ac", NOW)
    assert confined(world) is None


@pytest.mark.parametrize("scope", [{"project_id": "mid"}, {"domain_id": "d1"}, {"system": True}, {}])
def test_a_credential_counts_on_its_own_project_only(world, scope):
    for target in ("project:mid", "domain:d1", "system:system"):
        world.grant("user:u1", target, "member")
    credential(world)
    assert world.load(app_cred_id="ac", **scope) is None
    assert world.load(app_cred_id="", **scope) is None


def test_a_credential_counts_for_its_own_user_only(world):
    world.do(users.create, id="u2", name="Ulrich", domain_id="d1", now=NOW)
    world.grant("user:u2", "project:top", "member")
    credential(world)
    assert world.load("u2", project_id="top", app_cred_id="ac") is None


def trust(id="t", **values):
    given = {"trustor_user_id": "u1", "trustee_user_id": "u1", "project_id": "top", "impersonation": True, "created_at": NOW}
    return Trust(id, **{**given, "roles": (RoleEntry("member", "member"),), **values})


def test_a_trust_is_read_as_it_was_written(world, queries):
    made = trust(expires_at=NOW + 5, remaining_uses=2, redelegation_count=1, extra={"colour": "blue"})
    world.do(trusts.create, made)
    with queries.counted(2):
        assert world.ask(trusts.get, "t", NOW) == made
    with queries.counted(1):
        found, more = world.ask(trusts.listed, Page((Filter("trustor_user_id", "u1"),)))
    assert [one.id for one in found] == ["t"] and not more
    assert world.ask(trusts.listed, Page((Filter("trustee_user_id", "other"),))) == ([], False)


def test_a_trust_that_has_expired_or_is_used_up_is_not_there(world):
    world.do(trusts.create, trust("old", expires_at=NOW))
    world.do(trusts.create, trust("spent", remaining_uses=0))
    assert world.ask(trusts.get, "old", NOW) is not None
    assert world.ask(trusts.get, "old", NOW + 1) is None
    assert world.ask(trusts.get, "spent", NOW) is None
    assert len(world.ask(trusts.listed)[0]) == 2


def test_what_was_handed_on_goes_with_the_trust(world):
    for id, parent in (("t", None), ("t2", "t"), ("t3", "t2"), ("apart", None)):
        world.do(trusts.create, trust(id, redelegated_trust_id=parent))
    before = world.seq()
    world.do(trusts.remove, "t", NOW)
    assert {change.tag for change in world.ask(epoch.since, before)} == {"trust:t", "trust:t2", "trust:t3"}
    assert [one.id for one in world.ask(trusts.listed)[0]] == ["apart"]
    with pytest.raises(NotFound):
        world.do(trusts.remove, "t", NOW)


def test_roles_by_name(world, queries):
    world.do(roles.create, id="twin", name="member", domain_id="d1", now=NOW)
    with queries.counted(1):
        assert world.ask(handed_roles.named, [RoleRef(name="reader"), RoleRef(id="x"), RoleRef(id="x")]) == ["reader", "x"]
    with pytest.raises(BadRequest):
        world.ask(handed_roles.named, [RoleRef(name="member")])
    with pytest.raises(NotFound):
        world.ask(handed_roles.named, [RoleRef(name="none")])


def test_implied_roles_and_those_of_one_domain(world):
    world.do(roles.imply, "admin", "member", NOW)
    world.do(roles.imply, "member", "reader", NOW)
    assert world.ask(handed_roles.with_implied, ["admin"]) == {"admin", "member", "reader"}
    world.do(roles.create, id="local", name="local", domain_id="d1", now=NOW)
    world.grant("user:u1", "project:top", "local")
    world.grant("group:g1", "project:top", "member")
    assert world.ask(roles_held, "u1", "top") == {"local", "member", "reader"}
    assert world.ask(roles_held, "u1", "none") == set()


def test_a_project_takes_its_credentials_and_trusts_along(world):
    world.do(projects.create, id="gone", name="gone", domain_id="d1", now=NOW)
    world.do(trusts.create, trust(project_id="gone"))
    world.do(projects.delete, "gone", NOW)
    assert world.ask(trusts.get, "t", NOW) is None
