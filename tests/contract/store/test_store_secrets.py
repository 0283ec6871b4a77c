"""Sealed secrets, credentials, limits and revocations in the store: the same on both databases, in a fixed number of queries."""

from __future__ import annotations

import pytest

from identity.errors import Conflict, NotFound
from identity.model.catalog import Service
from identity.model.credential import KeptSecret
from identity.model.limit import STRICT_TWO_LEVEL, Limit, RegisteredLimit
from identity.model.listing import Page
from identity.services import limits as rules
from identity.services import sealing
from identity.services.sealing import Renewal
from identity.store import credentials, epoch, limits, registered_limits, revocations, sealed, services
from identity.store.tables import credential, domain_config
from identity.tokens.vault import Vault
from tests.contract.store.world import NOW, Queries, World
from tests.support.keys import FixedKeys


def kept(id: str, blob: bytes = b"sealed", **more: str) -> KeptSecret:
    return KeptSecret(id, more.get("user", "u1"), more.get("project"), more.get("type", "ec2"), blob, {"colour": "blue"})


def test_a_credential_is_kept_as_given(world: World):
    one = kept("c1", b"\x00\xff", project="top")
    world.do(credentials.create, one)
    with world.store.read() as db:
        assert credentials.get(db, "c1") == one
        assert credentials.get(db, "c2") is None and credentials.get(db, "\0") is None
        assert credentials.count(db, "u1") == 1
        assert credentials.there(db, "u1", "top") == (True, True)
        assert credentials.there(db, "u2", "nowhere") == (False, False)
    with pytest.raises(Conflict):
        world.do(credentials.create, one)
    world.do(credentials.reseal, "c1", b"other")
    world.do(credentials.remove, "c1")
    for action in (lambda: world.do(credentials.remove, "c1"), lambda: world.do(credentials.reseal, "c1", b"")):
        with pytest.raises(NotFound):
            action()


def test_credentials_are_listed_by_owner(world: World):
    for number, (user, project) in enumerate((("u1", "top"), ("u2", "top"), ("u2", "mid"))):
        world.do(credentials.create, kept(f"c{number}", user=user, project=project))
    with world.store.read() as db:
        for owners, found in (
            ({}, ["c0", "c1", "c2"]),
            ({"user_id": "u2"}, ["c1", "c2"]),
            ({"user_id": "u1", "project_id": "mid"}, ["c0", "c2"]),
        ):
            assert [one.id for one in credentials.listed(db, **owners)[0]] == found
        assert [one.id for one in credentials.ec2_listed(db, "u2", Page(limit=1))[0]] == ["c1"]


def test_every_stored_secret_is_sealed_anew(world: World, monkeypatch: pytest.MonkeyPatch):
    """Also in tables with longer keys, over several batches; what no key opens, and what was just written, stays."""
    monkeypatch.setattr(sealed, "WIDTH", 2)
    keys = FixedKeys("credential", 2)
    new, old = Vault(keys), Vault(FixedKeys("credential", 1))
    old._source.found = keys.found[1:]  # type: ignore[union-attr]
    for number in range(5):
        world.do(credentials.create, kept(f"c{number}", old.seal(b"secret %d" % number)))
    world.do(credentials.create, kept("fresh", new.seal(b"new")))
    world.do(credentials.create, kept("lost", b"rubbish"))
    options = [{"domain_id": "d1", "group_name": "ldap", "option_name": name, "sealed": old.seal(b"p")} for name in ("a", "b", "c")]
    with world.store.begin() as tx:
        tx.execute(domain_config.insert(), options)
        tx.execute(domain_config.insert(), {"domain_id": "d1", "group_name": "ldap", "option_name": "d", "value": 1})
    assert sealing.renew(world.store, new) == Renewal(renewed=8, lost=1)
    assert sealing.renew(world.store, new) == Renewal(renewed=0, lost=1)
    newest = Vault(FixedKeys("credential", 1))
    newest._source.found = keys.found[:1]  # type: ignore[union-attr]
    with world.store.read() as db:
        for number in range(5):
            one = credentials.get(db, f"c{number}")
            assert one is not None and newest.open(one.sealed) == b"secret %d" % number
        assert {newest.open(secret.sealed) for secret in sealed.some(db, domain_config.c.sealed)} == {b"p"}


def test_a_secret_that_was_written_meanwhile_is_left_alone(world: World):
    world.do(credentials.create, kept("c1", b"first"))
    with world.store.read() as db:
        (found,) = sealed.some(db, credential.c.blob)
    world.do(credentials.reseal, "c1", b"second")
    world.do(sealed.replace, credential.c.blob, [(found, b"first, sealed anew")])
    with world.store.read() as db:
        one = credentials.get(db, "c1")
    assert one is not None and one.sealed == b"second"


@pytest.fixture
def cores(world: World) -> str:
    id: str = world.do(services.create, Service("nova", "compute", "nova"), NOW)
    world.do(registered_limits.create, [RegisteredLimit("cores", id, None, "cores", 10)])
    return id


def limit(service: str, id: str, value: int, project: str | None = None, domain: str | None = None) -> Limit:
    return Limit(id, project, domain, service, None, "cores", value)


def test_one_limit_of_a_resource_for_each_owner(world: World, cores: str):
    assert world.do(rules.create, [limit(cores, "l1", 5, "mid"), limit(cores, "l2", 6, domain="d1")], STRICT_TWO_LEVEL)
    with pytest.raises(Conflict):
        world.do(rules.create, [limit(cores, "l3", 1, "mid")], STRICT_TWO_LEVEL)
    with pytest.raises(Conflict):
        world.do(registered_limits.create, [RegisteredLimit("again", cores, None, "cores", 10)])
    with world.store.read() as db:
        assert {one.id for one in limits.listed_in_domain(db, "d1")[0]} == {"l1", "l2"}
        assert [one.id for one in limits.listed_of_project(db, "mid")[0]] == ["l1"]
        assert limits.listed_of_project(db, None) == ([], False)
        found = limits.get(db, "l1")
    assert found is not None and (found.owner_domain_id, found.resource_limit) == ("d1", 5)


def test_many_limits_take_as_many_queries_as_one(world: World, cores: str, queries: Queries):
    names = [f"r{number}" for number in range(20)]
    world.do(registered_limits.create, [RegisteredLimit(name, cores, None, name, 10) for name in names])
    with queries.counted(7):
        world.do(rules.create, [limit(cores, "first", 5, "mid")], STRICT_TWO_LEVEL)
    many = [Limit(f"l-{name}", "mid", None, cores, None, name, 1) for name in names]
    with queries.counted(7):
        world.do(rules.create, many, STRICT_TWO_LEVEL)


def test_revocations_take_three_queries_whatever_their_number(world: World, queries: Queries):
    with world.store.begin() as tx:
        epoch.record(tx, NOW + 1, [("grant", f"u{number}/mid", True) for number in range(50)])
        epoch.record(tx, NOW + 2, [("grant", "g1/d1", True), ("user", "u9", False)])
    with queries.counted(3), world.store.read() as db:
        found, rest = revocations.listed(db, since=NOW, after=0, limit=100)
    assert len(found) == 51 and rest is None
    assert found[-1].keys == (("user_id", "u1"), ("domain_id", "d1"))
    with world.store.read() as db:
        assert revocations.listed(db, since=NOW, after=0, limit=50)[1] is not None
