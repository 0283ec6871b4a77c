"""Projects and domains as records: lists, tags, the tree, and what goes with them when they go."""

from dataclasses import replace

import pytest
from sqlalchemy import func, insert, select

from identity.errors import BadRequest, Conflict, NotFound
from identity.model import revocation
from identity.model.listing import Filter, Page, Sort
from identity.model.tenancy import ProjectRecord, TagFilter
from identity.store import domains, epoch, project_tree, projects, tables, tenancy, user_domains, users
from tests.contract.store.world import NOW, Queries
from tests.support import places


def names(found):
    return [project.id for project in found[0]]


def test_a_record_is_stored_and_shown_whole(world):
    world.do(
        projects.create,
        id="p",
        name="Paint",
        domain_id="d1",
        now=NOW,
        enabled=False,
        description="colours",
        options={"immutable": True},
        extra={"colour": ["blue", None]},
        tags=("red", "green"),
    )
    expected = ProjectRecord(
        "p", "Paint", "d1", "d1", False, False, "colours", {"immutable": True}, {"colour": ["blue", None]}, ("green", "red")
    )
    with Queries(world.store).counted(1):
        assert world.ask(tenancy.get, "p") == expected
    assert expected.immutable
    assert world.ask(tenancy.get, "d1") == world.ask(tenancy.domain, "d1") == ProjectRecord("d1", "One", is_domain=True)
    for missing in ("gone", "\0", "\ud800"):
        assert world.ask(tenancy.get, missing) is None
    assert world.ask(tenancy.domain, "p") is None


def test_a_list_takes_one_query_tags_and_all(world):
    world.do(tenancy.set_tags, "leaf", ("b", "a"))
    with Queries(world.store).counted(1):
        found, more = world.ask(tenancy.listed)
    assert [(project.id, project.tags) for project in found] == [("d1", ()), ("leaf", ("a", "b")), ("mid", ()), ("top", ())]
    assert more is False


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"is_domain": True}, ["d1", "d2"]),
        ({"is_domain": False}, ["far", "leaf", "mid", "top"]),
        ({"domain_id": "d2"}, ["far"]),
        ({"id": "mid"}, ["mid"]),
        ({"page": Page((Filter("parent_id", "top"),))}, ["mid"]),
        ({"page": Page((Filter("enabled", "False"),))}, ["far"]),
        ({"page": Page((Filter("is_domain", "1"), Filter("name", "O", "startswith")))}, ["d1"]),
        ({"page": Page((Filter("domain_id", "d1"),), (Sort("name", True),), 2)}, ["top", "mid"]),
        ({"page": Page((Filter("name", "\0"),))}, []),
    ],
)
def test_a_list_is_narrowed(world, query, expected):
    world.do(domains.create, id="d2", name="Two", now=NOW)
    world.do(projects.create, id="far", name="far", domain_id="d2", now=NOW, enabled=False)
    assert names(world.ask(tenancy.listed, **query)) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (TagFilter(all=("a", "b")), ["mid"]),
        (TagFilter(all=("a",)), ["mid", "top"]),
        (TagFilter(any=("b", "c")), ["leaf", "mid"]),
        (TagFilter(not_all=("a", "b")), ["d1", "leaf", "top"]),
        (TagFilter(not_any=("a", "b")), ["d1", "leaf"]),
        (TagFilter(all=("a",), not_any=("b",)), ["top"]),
        (TagFilter(all=("a", "a")), ["mid", "top"]),
        (TagFilter(any=("\0",)), []),
        (TagFilter(all=("a", "\0")), []),
    ],
)
def test_a_list_is_narrowed_by_tags(world, asked, expected):
    for id, tags in (("top", ("a",)), ("mid", ("a", "b")), ("leaf", ("c",))):
        world.do(tenancy.set_tags, id, tags)
    assert names(world.ask(tenancy.listed, tags=asked)) == expected


def test_single_tags_come_and_go(world):
    world.do(tenancy.add_tag, "leaf", "x")
    with pytest.raises(Conflict):
        world.do(tenancy.add_tag, "leaf", "x")
    world.do(tenancy.remove_tag, "leaf", "x")
    with pytest.raises(NotFound):
        world.do(tenancy.remove_tag, "leaf", "x")


def test_the_tree_is_walked_in_one_query_each_way(world):
    world.do(projects.create, id="twig", name="a-twig", parent_id="mid", now=NOW)
    with Queries(world.store).counted(1):
        above = world.ask(project_tree.parents, "leaf")
    assert [place.id for place in above] == ["mid", "top", "d1"]
    assert project_tree.ids_above(above) == {"mid": {"top": {"d1": None}}}
    with Queries(world.store).counted(1):
        below = world.ask(project_tree.subtree, "top")
    assert [place.id for place in below] == ["twig", "leaf", "mid"]
    assert project_tree.ids_below("top", below) == {"mid": {"twig": None, "leaf": None}}
    assert project_tree.ids_below("leaf", []) is None
    for walk, id in ((project_tree.parents, "d1"), (project_tree.parents, "gone"), (project_tree.subtree, "\0")):
        assert world.ask(walk, id) == []


def test_a_switch_below_is_seen_at_any_depth(world):
    assert world.ask(project_tree.enabled_below, "top") is True
    for id in ("mid", "leaf"):
        world.do(places.set_enabled, id, False, NOW)
    assert world.ask(project_tree.enabled_below, "top") is False
    assert world.ask(project_tree.has_children, "mid") is True
    assert world.ask(project_tree.has_children, "leaf") is False


@pytest.mark.parametrize(
    ("id", "values", "expected"),
    [
        ("leaf", {"enabled": False}, [(revocation.PROJECT, "leaf", True)]),
        ("leaf", {"name": "other"}, [(revocation.PROJECT, "leaf", False)]),
        ("d1", {"enabled": False}, [(revocation.DOMAIN, "d1", True)]),
        ("leaf", {"description": "x", "tags": ("a",), "extra": {"b": 1}, "options": {"immutable": True}}, []),
    ],
)
def test_only_a_change_that_tokens_feel_is_logged(world, id, values, expected):
    before = world.ask(tenancy.get, id)
    seq = world.seq()
    world.do(tenancy.save, before, replace(before, **values), NOW)
    assert world.ask(tenancy.get, id) == replace(before, **values)
    with world.store.read() as db:
        assert [(change.kind, change.id, change.revokes) for change in epoch.since(db, seq)] == expected


def test_a_record_that_is_gone_or_whose_name_is_taken_is_not_saved(world):
    leaf = world.ask(tenancy.get, "leaf")
    with pytest.raises(NotFound):
        world.do(tenancy.save, leaf, replace(leaf, id="gone"), NOW)
    with pytest.raises(Conflict):
        world.do(tenancy.save, leaf, replace(leaf, name="mid"), NOW)
    with pytest.raises(BadRequest):
        world.do(tenancy.save, leaf, replace(leaf, name="\0"), NOW)
    assert world.ask(tenancy.get, "leaf") == leaf


def furnish(world):
    """Whatever may refer to the project leaf, and a credential and a grant of its domain's user."""
    world.grant("user:u1", "project:leaf", "member")
    world.do(users.create, id="u2", name="far", domain_id="d2", now=NOW, default_project_id="leaf")
    world.do(tenancy.set_tags, "leaf", ("a",))
    at = {"created_at": NOW}
    rows = (
        (tables.credential, {"id": "c1", "user_id": "u2", "project_id": "leaf", "type": "ec2", "blob": b"x"}),
        (tables.credential, {"id": "c2", "user_id": "u1", "project_id": None, "type": "totp", "blob": b"x"}),
        (tables.trust, {"id": "t", "trustor_user_id": "u1", "trustee_user_id": "u2", "project_id": "leaf", **at}),
        (tables.application_credential, {"id": "ac", "name": "ac", "user_id": "u1", "project_id": "leaf", "hash": "h", **at}),
        (tables.domain_config, {"domain_id": "d1", "group_name": "ldap", "option_name": "url", "value": "x"}),
    )
    for table, values in rows:
        world.do(lambda tx, table=table, values=values: tx.execute(insert(table), values))


def left(world):
    counted = ("role_grant", "project_tag", "credential", "trust", "application_credential", "domain_config")
    with world.store.read() as db:
        return {name: db.execute(select(func.count()).select_from(getattr(tables, name))).scalar_one() for name in counted}


def test_nothing_refers_to_a_project_that_is_gone(world):
    world.do(domains.create, id="d2", name="Two", now=NOW)
    furnish(world)
    world.do(projects.delete, "leaf", NOW)
    assert left(world) == {
        "role_grant": 0,
        "project_tag": 0,
        "credential": 1,
        "trust": 0,
        "application_credential": 0,
        "domain_config": 1,
    }
    assert default_project_of(world, "u2") is None


def test_nothing_refers_to_a_domain_that_is_gone(world):
    world.do(domains.create, id="d2", name="Two", now=NOW)
    furnish(world)
    world.do(places.set_enabled, "d1", False, NOW)
    world.do(domains.delete, "d1", NOW)
    assert set(left(world).values()) == {0}
    assert default_project_of(world, "u2") is None
    assert names(world.ask(tenancy.listed)) == ["d2"]


def test_the_domains_of_a_user_are_those_with_a_role_on_them(world):
    world.do(domains.create, id="d2", name="Two", now=NOW)
    world.grant("user:u1", "project:leaf", "member")
    world.grant("group:g1", "domain:d2", "reader")
    world.grant("user:u1", "domain:d1", "reader", inherited=True)
    with Queries(world.store).counted(1):
        assert names(world.ask(user_domains.listed, "u1")) == ["d2"]
    assert names(world.ask(user_domains.listed, "\0")) == []


def default_project_of(world, user_id):
    wanted = select(tables.user_account.c.default_project_id).where(tables.user_account.c.id == user_id)
    return world.ask(lambda db: db.execute(wanted).scalar_one())
