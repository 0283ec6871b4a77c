"""Domains, projects, and the scopes in which a user has a role."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from identity.errors import BadRequest, Conflict, Forbidden, NotFound
from identity.model.auth import DomainRef, ProjectRef, UserRef
from identity.model.listing import EVERYTHING
from identity.model.subject import Domain, Project, Role
from identity.store import domains, epoch, grants, groups, projects, roles, tables, user_domains, users
from tests.contract.store.world import NOW
from tests.support import places


def last_changes(world, count=1):
    return [(change.tag, change.revokes) for change in world.ask(epoch.since, world.seq() - count)]


def test_a_domain_is_found_by_id_or_name(world, queries):
    for ref in (DomainRef(id="d1"), DomainRef(name="One"), DomainRef(id="d1", name="other")):
        with world.store.read() as db, queries.counted(1):
            assert domains.find(db, ref) == "d1"
    for ref in (
        DomainRef(),
        DomainRef(id="leaf"),
        DomainRef(name="one"),
        DomainRef(name="leaf"),
        DomainRef(id="\0"),
        DomainRef(name="\ud800"),
    ):
        assert world.ask(domains.find, ref) is None
    assert world.ask(domains.get, DomainRef(id="d1")) == Domain("d1", "One")


def test_a_project_is_found_by_id_or_by_name_and_domain(world, queries):
    one, by_name = DomainRef(id="d1"), DomainRef(name="One")
    for ref in (ProjectRef(id="leaf"), ProjectRef(name="leaf", domain=one), ProjectRef(name="leaf", domain=by_name)):
        with world.store.read() as db, queries.counted(1):
            assert projects.find(db, ref) == "leaf"
    for ref in (
        ProjectRef(),
        ProjectRef(id="gone"),
        ProjectRef(name="leaf"),
        ProjectRef(name="Leaf", domain=one),
        ProjectRef(id="\0"),
    ):
        assert world.ask(projects.find, ref) is None


def test_a_project_is_shown_with_its_place(world, queries):
    with world.store.read() as db, queries.counted(1):
        assert projects.get(db, "leaf") == Project("leaf", "leaf", Domain("d1", "One"), True, False, "mid")
    world.do(places.set_enabled, "top", False, NOW)
    assert world.ask(projects.get, "leaf").enabled is False
    assert world.ask(projects.get, "d1").is_domain is True
    assert world.ask(projects.get, "gone") is None


def test_names_of_domains_and_projects_are_unique_where_they_must_be(world):
    with pytest.raises(Conflict):
        world.do(domains.create, name="One", now=NOW)
    with pytest.raises(Conflict):
        world.do(projects.create, name="leaf", domain_id="d1", now=NOW)
    world.do(domains.create, id="d2", name="leaf", now=NOW)
    world.do(projects.create, name="leaf", domain_id="d2", now=NOW)
    world.do(projects.create, name="One", domain_id="d1", now=NOW)
    with pytest.raises(Conflict):
        world.do(places.rename, "d2", "One", NOW)
    with pytest.raises(Conflict):
        world.do(places.rename, "mid", "leaf", NOW)


@pytest.mark.parametrize(
    "place",
    [
        {},
        {"domain_id": "gone"},
        {"parent_id": "gone"},
        {"parent_id": "top", "domain_id": "d2"},
        {"domain_id": "\0"},
        {"domain_id": "top"},
    ],
)
def test_a_project_needs_a_parent_of_its_domain(world, place):
    world.do(domains.create, id="d2", name="Two", now=NOW)
    with pytest.raises(BadRequest):
        world.do(projects.create, name="x", now=NOW, **place)


@pytest.mark.parametrize(("on", "revokes"), [(False, True), (True, False)])
def test_switching_is_logged(world, on, revokes):
    if on:
        world.do(places.set_enabled, "mid", False, NOW)
        world.do(places.set_enabled, "d1", False, NOW)
    world.do(places.set_enabled, "mid", on, NOW)
    assert last_changes(world) == [("project:mid", revokes)]
    world.do(places.set_enabled, "d1", on, NOW)
    assert last_changes(world) == [("domain:d1", revokes)]
    assert world.ask(domains.get, DomainRef(id="d1")).enabled is on


def test_a_project_that_is_off_ends_the_tokens_below_it(world):
    issued = world.seq()
    world.do(places.set_enabled, "top", False, NOW)
    assert world.load(project_id="leaf", since=issued).revoked_seq > issued
    assert world.load(since=issued).revoked_seq == 0


def test_a_project_goes_with_its_grants_but_not_with_its_children(world):
    world.grant("user:u1", "project:leaf", "member")
    with pytest.raises(Conflict):
        world.do(projects.delete, "mid", NOW)
    world.do(projects.delete, "leaf", NOW)
    assert last_changes(world) == [("project:leaf", True)]
    assert world.ask(grants.on, "project", "leaf") == []
    for id in ("leaf", "gone"):
        with pytest.raises(NotFound):
            world.do(projects.delete, id, NOW)


def test_a_domain_goes_with_everything_in_it(world):
    world.do(domains.create, id="d2", name="Two", now=NOW)
    world.do(users.create, id="u2", name="Guest", domain_id="d2", now=NOW)
    world.do(projects.create, id="far", name="far", domain_id="d2", now=NOW)
    world.do(roles.create, id="local", name="local", domain_id="d1", now=NOW)
    world.do(groups.add_member, "g1", "u2", NOW)
    world.grant("group:g1", "project:far", "reader")
    world.grant("user:u1", "domain:d2", "member")
    world.grant("user:u2", "project:leaf", "member")
    with pytest.raises(Forbidden):
        world.do(domains.delete, "d1", NOW)
    world.do(places.set_enabled, "d1", False, NOW)
    issued = world.seq()
    world.do(domains.delete, "d1", NOW)
    assert set(last_changes(world, world.seq() - issued)) == {
        ("domain:d1", True),
        ("grant:g1/*", True),
        ("grant:u1/*", True),
        ("grant:u2/*", True),
        ("role:local", True),
    }
    assert world.load("u2", project_id="far", since=issued).revoked_seq > issued
    with world.store.read() as db:
        for table, left in (
            (tables.project, 2),
            (tables.user_account, 1),
            (tables.user_group, 0),
            (tables.role_grant, 0),
            (tables.role, 3),
        ):
            assert db.execute(select(func.count()).select_from(table)).scalar_one() == left, table.name


def test_the_projects_of_a_user(world, queries):
    world.grant("user:u1", "project:top", "member", inherited=True)
    world.grant("group:g1", "project:top", "reader")
    world.do(domains.create, id="d2", name="Two", now=NOW)
    world.do(projects.create, id="other", name="other", domain_id="d2", now=NOW)
    with world.store.read() as db, queries.counted(1):
        found = projects.projects_of(db, "u1")
    assert [(project.id, project.parent_id, project.domain.name) for project in found] == [
        ("leaf", "mid", "One"),
        ("mid", "top", "One"),
        ("top", "d1", "One"),
    ]
    world.grant("group:g1", "domain:d2", "reader", inherited=True)
    assert [project.id for project in world.ask(projects.projects_of, "u1")] == ["leaf", "mid", "other", "top"]
    world.do(places.set_enabled, "mid", False, NOW)
    assert [project.id for project in world.ask(projects.projects_of, "u1") if project.enabled] == ["other", "top"]
    assert world.ask(projects.projects_of, "gone") == world.ask(projects.projects_of, "\0") == []


def domains_of(world, *groups):
    found, _ = world.ask(user_domains.listed, "u1", EVERYTHING, groups)
    return [domain.id for domain in found]


def test_a_role_of_one_domain_opens_no_scope_unless_it_implies_another(world):
    world.do(roles.create, id="local", name="local", domain_id="d1", now=NOW)
    for target in ("project:leaf", "domain:d1", "system:system"):
        world.grant("user:u1", target, "local")
    assert world.ask(projects.projects_of, "u1") == []
    assert domains_of(world) == []
    assert world.ask(grants.system_roles, "u1") == []
    world.do(roles.imply, "local", "reader", NOW)
    assert [project.id for project in world.ask(projects.projects_of, "u1")] == ["leaf"]
    assert domains_of(world) == ["d1"]
    assert world.ask(grants.system_roles, "u1") == [Role("reader", "reader")]


def test_domains_and_system_of_a_user(world, queries):
    world.do(roles.imply, "admin", "member", NOW)
    world.grant("group:g1", "domain:d1", "reader")
    world.grant("user:u1", "system:system", "admin")
    with world.store.read() as db:
        with queries.counted(1):
            assert [domain.id for domain in user_domains.listed(db, "u1")[0]] == ["d1"]
        with queries.counted(1):
            assert [role.name for role in grants.system_roles(db, "u1")] == ["admin", "member"]
    world.do(domains.create, id="d2", name="Two", now=NOW)
    world.grant("user:u1", "domain:d2", "reader", inherited=True)
    assert domains_of(world) == ["d1"]


def test_scopes_of_a_federated_login(world):
    world.do(groups.create, id="g2", name="Visitors", domain_id="d1")
    for target in ("project:leaf", "domain:d1", "system:system"):
        world.grant("group:g2", target, "reader")
    assert world.ask(projects.projects_of, "u1") == domains_of(world) == world.ask(grants.system_roles, "u1") == []
    assert [project.id for project in world.ask(projects.projects_of, "u1", ("g2",))] == ["leaf"]
    assert domains_of(world, "g2") == ["d1"]
    assert [role.id for role in world.ask(grants.system_roles, "u1", ("g2",))] == ["reader"]


def test_what_projects_of_lists_can_be_scoped_to(world):
    """Two statements tell who may scope where; they must not differ."""
    world.grant("user:u1", "domain:d1", "member", inherited=True)
    world.grant("user:u1", "project:mid", "admin", inherited=True)
    world.grant("group:g1", "project:d1", "reader")
    listed = {project.id for project in world.ask(projects.projects_of, "u1")}
    assert listed == {id for id in ("d1", "top", "mid", "leaf") if world.roles(project_id=id)} == {"d1", "top", "mid", "leaf"}
    assert world.ask(users.find, UserRef(id="u1")) is not None
