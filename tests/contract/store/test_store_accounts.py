"""Users as the resource API reads them: one query a list, whatever is asked; and what a change writes."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select

from identity.errors import BadRequest, Conflict
from identity.model.account import FederatedLink, NewPassword
from identity.model.auth import UserRef
from identity.model.listing import Filter, Page, Sort
from identity.store import accounts, domains, groups, tables, user_projects, users
from tests.contract.store.world import NOW

LINK = FederatedLink("idp", "saml", "ann@there")


@pytest.fixture
def people(world):
    """u1 of the world, and two more: u2 in another domain, u3 with a password that ends."""
    world.do(domains.create, id="d2", name="Two", now=NOW)
    world.do(users.create, id="u2", name="Ämilie", domain_id="d2", now=NOW, extra={"email": "a@b"}, options={"lock_password": True})
    world.do(users.create, id="u3", name="Zoe", domain_id="d1", now=NOW, enabled=False, hash="$h$", password_expires_at=NOW + 9)
    with world.store.begin() as tx:
        tx.execute(insert(tables.identity_provider), {"id": "idp", "domain_id": "d1", "enabled": True})
        tx.execute(insert(tables.federation_protocol), {"id": "saml", "identity_provider_id": "idp", "mapping_id": "m"})
    return world


def ids(world, *filters, **where):
    page = where.pop("page", Page(filters))
    return [account.id for account in world.ask(accounts.listed, page, **where)[0]]


def test_an_account_is_read_whole(people, queries):
    people.do(accounts.set_links, "u2", "Ämilie", [LINK])
    with people.store.read() as db, queries.counted(2):
        found = accounts.get(db, "u2")
    assert (found.name, found.domain_id, found.extra, found.options) == ("Ämilie", "d2", {"email": "a@b"}, {"lock_password": True})
    assert (found.federated, found.created_at, found.last_active_at) == ((LINK,), NOW, None)
    assert [people.ask(accounts.get, id) for id in ("gone", "\0", "\ud800")] == [None, None, None]


def test_a_list_is_one_query_however_it_is_narrowed(people, queries):
    people.do(accounts.set_links, "u2", "Ämilie", [LINK])
    by_link = (Filter("idp_id", "idp"), Filter("protocol_id", "saml"), Filter("unique_id", "@", "contains"))
    with people.store.read() as db, queries.counted(1):
        accounts.listed(db, Page(by_link, limit=1), domain_id="d2", group_id="g1", expires=("lt", NOW))
    assert ids(people) == ["u1", "u3", "u2"]
    assert ids(people, *by_link) == ["u2"]
    assert ids(people, Filter("idp_id", "\0")) == ids(people, Filter("unique_id", "other"), *by_link) == []
    assert ids(people, Filter("enabled", "false")) == ["u3"]
    assert ids(people, Filter("name", "MILIE", "iendswith"), domain_id="d2") == ["u2"]
    assert ids(people, domain_id="d1") == ["u1", "u3"]
    assert ids(people, group_id="g1") == ["u1"]
    assert ids(people, page=Page(sort=(Sort("domain_id", True), Sort("name")), limit=2)) == ["u2", "u1"]


@pytest.mark.parametrize(
    ("comparison", "at", "expected"),
    [("lt", 10, ["u3"]), ("lt", 9, []), ("lte", 9, ["u3"]), ("gt", 8, ["u3"]), ("gte", 10, []), ("eq", 9, ["u3"]), ("neq", 9, [])],
)
def test_the_end_of_the_password_in_force_is_compared(people, comparison, at, expected):
    assert ids(people, expires=(comparison, NOW + at)) == expected
    people.do(users.set_password, "u3", "$new$", NOW, None, keep=1)
    assert ids(people, expires=(comparison, NOW + at)) == []


def test_federated_links_are_replaced_and_belong_to_one_user(people):
    people.do(accounts.set_links, "u2", "Ämilie", [LINK])
    with pytest.raises(Conflict):
        people.do(accounts.set_links, "u3", "Zoe", [LINK])
    for foreign in (FederatedLink("idp", "oidc", "x"), FederatedLink("gone", "saml", "x"), FederatedLink("idp", "saml", "\0")):
        with pytest.raises(BadRequest):
            people.do(accounts.set_links, "u2", "Ämilie", [foreign])
    assert people.ask(accounts.links_of, "u2") == (LINK,)
    people.do(accounts.set_links, "u2", "Ämilie", [])
    assert people.ask(accounts.links_of, "u2") == ()


def test_former_passwords_stay_as_long_as_they_are_asked_for(people):
    for number in range(4):
        people.do(users.change, "u3", {}, NOW + number, password=NewPassword(f"${number}$", keep=2, self_service=number > 1))
    kept = people.ask(accounts.former_passwords, "u3", 9)
    assert [(one.hash, one.self_service) for one in kept] == [("$3$", True), ("$2$", True), ("$1$", False)]
    assert len(people.ask(accounts.former_passwords, "u3", 1)) == 1
    people.do(users.change, "u3", {}, NOW, password=NewPassword(None))
    assert people.ask(accounts.former_passwords, "u3", 9) == []


def test_a_log_in_reads_what_it_judges_in_one_query(people, queries):
    people.do(users.mark_active, "u2", NOW + 5)
    with people.store.read() as db, queries.counted(1):
        found = users.account(db, UserRef(id="u2"))
    assert (found.id, found.options, found.created_at, found.last_active_at) == ("u2", {"lock_password": True}, NOW, NOW + 5)
    assert people.ask(users.account, UserRef(id="gone")) is None


def test_trusts_end_with_either_side_and_those_made_of_them_too(people):
    rows = [("t1", "u1", "u2", None), ("t2", "u2", "u3", "t1"), ("t3", "u3", "u2", None)]
    with people.store.begin() as tx:
        for id, trustor, trustee, above in rows:
            row = {
                "id": id,
                "trustor_user_id": trustor,
                "trustee_user_id": trustee,
                "redelegated_trust_id": above,
                "created_at": NOW,
            }
            tx.execute(insert(tables.trust), row)
    before = people.seq()
    people.do(users.delete, "u1", NOW)
    changes = select(tables.change.c.tag).where(tables.change.c.seq > before)
    with people.store.read() as db:
        assert sorted(db.execute(changes).scalars()) == ["trust:t1", "trust:t2", "user:u1"]
        assert db.execute(select(tables.trust.c.id)).scalars().all() == ["t3"]


def test_the_projects_of_a_user_are_a_list_like_others(people, queries):
    people.grant("user:u1", "project:leaf", "member")
    people.grant("group:g1", "project:top", "reader", inherited=True)
    people.grant("group:g1", "domain:d2", "reader")
    with people.store.read() as db, queries.counted(1):
        found, more = user_projects.listed(db, "u1", Page(limit=1))
    assert ([one.id for one in found], more) == (["leaf"], True)
    assert [one.id for one in people.ask(user_projects.listed, "u1")[0]] == ["leaf", "mid"]
    assert people.ask(user_projects.listed, "u1", Page((Filter("name", "mid"),)))[0][0].domain_id == "d1"
    assert people.ask(user_projects.listed, "u2") == people.ask(user_projects.listed, "\0") == ([], False)


def test_groups_are_changed_and_keep_what_else_is_stored(people):
    found = people.ask(groups.get, "g1")
    people.do(groups.save, type(found)(found.id, "Crew", found.domain_id, "us", {"colour": "blue"}))
    assert people.ask(groups.get, "g1").extra == {"colour": "blue"}
    people.do(groups.create, name="Group", domain_id="d1")
    with pytest.raises(Conflict):
        people.do(groups.save, type(found)(found.id, "Group", found.domain_id))
