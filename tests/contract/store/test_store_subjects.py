"""Who a user is within a scope: effective roles, the tags to watch, and what revoked the token."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from identity.model.subject import Domain
from identity.store import epoch, groups, roles, subjects, tables, users
from tests.contract.store.world import NOW, World
from tests.support import places


def test_one_statement_answers_for_every_scope(world, queries):
    world.grant("user:u1", "project:leaf", "member")
    for scope in (
        {},
        {"project_id": "leaf"},
        {"domain_id": "d1"},
        {"system": True},
        {"project_id": "leaf", "groups": ("g1", "gone")},
    ):
        with world.store.read() as db, queries.counted(1):
            assert subjects.load(db, "u1", extra_tags=("audit:x", "chain:x"), since=0, **scope) is not None


def test_the_user_is_shown_as_stored(world):
    world.do(users.set_password, "u1", "$hash$2", NOW, NOW + 10)
    world.do(users.change, "u1", {"default_project_id": "leaf"}, NOW)
    user = world.load().user
    assert (user.id, user.name, user.domain, user.enabled) == ("u1", "Ursula", Domain("d1", "One"), True)
    assert (user.default_project_id, user.password_expires_at) == ("leaf", NOW + 10)


def test_unscoped_has_no_roles_and_no_grant_tags(world):
    world.grant("user:u1", "project:leaf", "member")
    found = world.load()
    assert (found.project, found.domain, found.system, found.roles) == (None, None, False, ())
    assert found.tags == {"user:u1", "domain:d1"}


def test_roles_direct_and_by_group(world):
    world.grant("user:u1", "project:leaf", "member")
    world.grant("group:g1", "project:leaf", "reader")
    world.grant("user:u1", "project:mid", "admin")
    assert world.roles(project_id="leaf") == ["member", "reader"]
    assert world.roles(project_id="top") == []


def test_the_same_id_of_a_user_and_a_group_are_two_actors(world):
    world.do(groups.create, id="u1", name="namesake", domain_id="d1")
    world.grant("group:u1", "project:leaf", "admin")
    assert world.roles(project_id="leaf") == []


def test_an_inherited_role_holds_below_its_target_and_not_on_it(world):
    world.grant("user:u1", "project:top", "member", inherited=True)
    world.grant("group:g1", "domain:d1", "reader", inherited=True)
    assert world.roles(project_id="top") == ["reader"]
    assert world.roles(project_id="mid") == ["member", "reader"]
    assert world.roles(project_id="leaf") == ["member", "reader"]
    assert world.roles(domain_id="d1") == []


def test_implied_roles_are_followed_all_the_way(world):
    world.do(roles.imply, "admin", "member", NOW)
    world.do(roles.imply, "member", "reader", NOW)
    world.grant("group:g1", "project:top", "admin", inherited=True)
    assert world.roles(project_id="leaf") == ["admin", "member", "reader"]


def test_a_circle_of_implied_roles_ends(world):
    world.do(roles.imply, "admin", "member", NOW)
    with world.store.begin() as tx:  # past the check, as an import may leave it
        tx.execute(insert(tables.role_implication), {"prior_id": "member", "implied_id": "admin"})
    world.grant("user:u1", "project:leaf", "member")
    assert world.roles(project_id="leaf") == ["admin", "member"]


def test_roles_of_one_domain_stay_out_but_what_they_imply_comes_in(world):
    world.do(roles.create, id="local", name="local", domain_id="d1", now=NOW)
    world.do(roles.imply, "local", "reader", NOW)
    world.grant("user:u1", "project:leaf", "local")
    assert world.roles(project_id="leaf") == ["reader"]
    assert "role:local" in world.load(project_id="leaf").tags


def test_domain_and_system_scope(world):
    world.grant("user:u1", "domain:d1", "member")
    world.grant("group:g1", "system:system", "reader")
    assert world.roles(domain_id="d1") == ["member"]
    assert world.roles(system=True) == ["reader"]
    assert world.load(domain_id="d1").domain == Domain("d1", "One")
    assert world.load(system=True).system


def test_groups_of_a_federated_login_add_their_roles(world):
    world.do(groups.create, id="g2", name="Visitors", domain_id="d1")
    world.grant("group:g2", "project:leaf", "reader")
    assert world.roles(project_id="leaf") == []
    assert world.roles(project_id="leaf", groups=("g2", "gone")) == ["reader"]
    assert "grant:g2/leaf" in world.load(project_id="leaf", groups=("g2", "gone")).tags


def test_a_domain_may_act_as_a_project(world):
    world.grant("user:u1", "project:d1", "member")
    found = world.load(project_id="d1")
    assert (found.project.is_domain, found.project.domain, [role.name for role in found.roles]) == (
        True,
        Domain("d1", "One"),
        ["member"],
    )


@pytest.mark.parametrize("off", ["leaf", "mid", "top"])
def test_a_project_is_off_when_any_ancestor_is(world, off):
    world.do(places.set_enabled, off, False, NOW)
    assert world.load(project_id="leaf").project.enabled is False
    assert world.load(project_id="leaf").project.domain.enabled is True


def test_a_domain_that_is_off_shows_beside_the_project(world):
    world.do(places.set_enabled, "d1", False, NOW)
    found = world.load(project_id="leaf")
    assert (found.project.enabled, found.project.domain.enabled, found.user.domain.enabled) == (True, False, False)
    assert world.load(domain_id="d1").domain.enabled is False


@pytest.mark.parametrize(
    ("user", "scope"),
    [
        ("gone", {}),
        ("u1", {"project_id": "gone"}),
        ("u1", {"domain_id": "gone"}),
        ("u1", {"domain_id": "leaf"}),
        ("", {}),
        ("u1\0", {}),
        ("u1", {"project_id": "\ud800"}),
        ("u1", {"domain_id": "d1\0"}),
        ("x" * 100_000, {}),
        ("u1' OR '1'='1", {}),
    ],
)
def test_nobody_or_nowhere_is_none(world, user, scope):
    assert world.load(user, **scope) is None


def test_the_tags_name_everything_that_the_answer_rests_on(world):
    world.do(roles.imply, "admin", "member", NOW)
    world.grant("user:u1", "project:leaf", "admin")
    targets = ("leaf", "mid", "top", "d1")
    assert world.load(project_id="leaf", extra_tags=("audit:a", "chain:c")).tags == {
        "user:u1",
        "domain:d1",
        "project:leaf",
        "project:mid",
        "project:top",
        "role:admin",
        "role:member",
        "grant:u1/*",
        "audit:a",
        "chain:c",
        *(f"grant:u1/{target}" for target in targets),
        *(f"grant:g1/{target}" for target in targets),
    }


EVERY_TAG = [
    "user:u1",
    "domain:d1",
    "project:leaf",
    "project:top",
    "role:admin",
    "role:member",
    "grant:u1/*",
    "grant:u1/leaf",
    "grant:g1/mid",
    "grant:g1/d1",
    "audit:a",
    "chain:c",
]


@pytest.mark.parametrize("tag", EVERY_TAG)
def test_a_revoking_change_of_any_tag_is_seen(world, tag):
    world.do(roles.imply, "admin", "member", NOW)
    world.grant("group:g1", "project:leaf", "admin")
    kind, _, id = tag.partition(":")
    issued = world.seq()
    revoked = world.do(epoch.record, NOW + 7, [(kind, id, True), (kind, id, False), (kind, "other", True)]) - 2
    scope = {"project_id": "leaf", "extra_tags": ("audit:a", "chain:c")}
    found = world.load(since=issued, **scope)
    assert found.revoked_seq == revoked
    assert world.load(since=revoked, **scope).revoked_seq == 0


def test_system_grants_revoke_system_tokens_only(world):
    issued = world.seq()
    world.do(epoch.record, NOW, [("grant", "u1/system", True)])
    assert world.load(system=True, since=issued).revoked_seq == issued + 1
    assert world.load(project_id="leaf", since=issued).revoked_seq == 0
    assert world.load(since=issued).revoked_seq == 0


def test_leaving_a_group_spares_unscoped_tokens(world):
    issued = world.seq()
    world.do(groups.remove_member, "g1", "u1", NOW)
    assert world.load(since=issued).revoked_seq == 0
    assert world.load(project_id="leaf", since=issued).revoked_seq > issued


def test_what_does_not_revoke_is_not_counted(world):
    issued = world.seq()
    world.do(users.change, "u1", {"name": "Ulla"}, NOW)
    found = world.load(since=issued)
    assert (found.user.name, found.revoked_seq) == ("Ulla", 0)


def test_the_sequence_decides_within_one_second(world: World):
    """Three tokens and two changes, all at the same time on the clock."""
    first = world.seq()
    world.do(users.set_password, "u1", "$hash$2", NOW)
    second = world.seq()
    assert world.load(since=first).revoked_seq > first
    assert world.load(since=second).revoked_seq == 0
    world.do(users.set_enabled, "u1", False, NOW)
    third = world.seq()
    assert world.load(since=second).revoked_seq > second
    assert world.load(since=third).revoked_seq == 0


def test_a_token_without_a_sequence_is_judged_by_time(world):
    world.do(epoch.record, NOW + 50, [("user", "u1", True)])
    assert world.load(since=0, since_at=NOW + 51).revoked_seq == 0
    assert world.load(since=0, since_at=NOW + 50).revoked_seq > 0


def test_an_absurd_sequence_is_no_error(world):
    assert world.load(since=2**64 - 1).revoked_seq == 0


def test_the_start_of_the_log_is_told(world):
    """What was revoked before it is not known: a token older than the log must not pass for good."""
    assert world.load().log_start == 1
    last = world.do(epoch.record, NOW + 500, [("user", "other", True)])
    world.do(epoch.prune, NOW + 400)
    assert (world.load().log_start, world.load().log_start_at) == (last, NOW + 500)
    world.do(epoch.prune, NOW + 900)
    assert world.load().log_start == last, "the newest row stays, or a quiet log would forget where it began"
