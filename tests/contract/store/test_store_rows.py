"""Catalogue rows, kept tokens and wrapped keys."""

from __future__ import annotations

import pytest

from identity.errors import BadRequest, Conflict, NotFound
from identity.model.catalog import Endpoint, Service
from identity.store import epoch, keys, services, tokens
from tests.contract.store.world import NOW


def changes(store):
    with store.read() as db:
        return [(change.tag, change.revokes) for change in epoch.since(db, 0)]


def test_the_catalogue_is_one_query_in_a_fixed_order(store, queries):
    template = "https://b/$(project_id)s"
    with store.begin() as tx:
        services.create_region(tx, id="North", now=NOW, description="up there")
        services.create_region(tx, id="North 1", parent_id="North", now=NOW)
        services.create_service(tx, id="s2", type="network", name="neutron", now=NOW)
        services.create_service(tx, id="s1", type="identity", name="keystone", now=NOW)
        services.create_service(tx, id="s3", type="image", now=NOW)
        services.create_service(tx, id="off", type="compute", enabled=False, now=NOW)
        services.create_endpoint(tx, id="e2", service_id="s1", interface="public", url=template, region_id="North", now=NOW)
        services.create_endpoint(tx, id="e1", service_id="s1", interface="internal", url="https://a", region_id="North", now=NOW)
        services.create_endpoint(tx, id="e3", service_id="s2", interface="admin", url="https://c", enabled=False, now=NOW)
    with store.read() as db, queries.counted(1):
        assert services.catalogue(db) == (
            Service(
                "s1",
                "identity",
                "keystone",
                (Endpoint("e1", "internal", "North", "https://a"), Endpoint("e2", "public", "North", template)),
            ),
            Service("s3", "image", "", ()),
            Service("s2", "network", "neutron", ()),
        )
    with store.read() as db:
        assert [region.id for region in services.regions(db)] == ["North", "North 1"]
        assert services.find_service(db, "identity", "keystone") == "s1"
        assert services.find_service(db, "identity", "\0") is None
    assert {tag.partition(":")[0] for tag, _ in changes(store)} == {"catalog"}
    assert not any(revokes for _, revokes in changes(store))


def test_a_service_goes_with_its_endpoints_and_a_region_only_when_unused(store):
    with store.begin() as tx:
        services.create_region(tx, id="North", now=NOW)
        services.create_service(tx, id="s1", type="identity", now=NOW)
        services.create_endpoint(tx, id="e1", service_id="s1", interface="public", url="https://a", region_id="North", now=NOW)
    with pytest.raises(NotFound), store.begin() as tx:
        services.delete_region(tx, "North", NOW)
    with store.begin() as tx:
        services.delete_service(tx, "s1", NOW)
        services.delete_region(tx, "North", NOW)
    assert changes(store)[-2:] == [("catalog:s1", False), ("catalog:North", False)]
    for action, id in ((services.delete_service, "s1"), (services.delete_endpoint, "e1"), (services.delete_region, "\0")):
        with pytest.raises(NotFound), store.begin() as tx:
            action(tx, id, NOW)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"service_id": "gone"}, NotFound),
        ({"region_id": "gone"}, NotFound),
        ({"interface": "private"}, BadRequest),
        ({"url": ""}, BadRequest),
        ({"url": "https://\0"}, BadRequest),
        ({"url": "x" * 5000}, BadRequest),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(store, values, problem):
    with store.begin() as tx:
        services.create_service(tx, id="s1", type="identity", now=NOW)
    with pytest.raises(problem), store.begin() as tx:
        services.create_endpoint(tx, **{"service_id": "s1", "interface": "public", "url": "https://a", "now": NOW, **values})


def test_a_region_has_one_row(store):
    with store.begin() as tx:
        services.create_region(tx, id="North", now=NOW)
    with pytest.raises(Conflict), store.begin() as tx:
        services.create_region(tx, id="North", now=NOW)
    with pytest.raises(NotFound), store.begin() as tx:
        services.create_region(tx, id="South", parent_id="gone", now=NOW)


def test_tokens_are_kept_until_they_are_purged(store):
    with store.begin() as tx:
        tokens.put(tx, "a" * 64, '{"user": "Zoë"}', NOW + 10)
        tokens.put(tx, "b" * 64, "{}", NOW + 20)
    with store.read() as db:
        assert tokens.get(db, "a" * 64) == '{"user": "Zoë"}'
        assert [tokens.get(db, digest) for digest in ("c", "\0", "\ud800", "")] == [None] * 4
    with pytest.raises(Conflict), store.begin() as tx:
        tokens.put(tx, "a" * 64, "{}", NOW)
    with store.begin() as tx:
        assert tokens.purge(tx, NOW + 10) == 0
        assert tokens.purge(tx, NOW + 11) == 1
        assert tokens.get(tx, "a" * 64) is None


def test_keys_are_staged_promoted_and_dropped(store):
    with store.begin() as tx:
        staged = keys.add(tx, purpose="fernet", position=0, blob=b"\0\xffstaged", now=NOW)
        primary = keys.add(tx, purpose="fernet", position=1, blob=b"primary", now=NOW)
        keys.add(tx, purpose="jws", position=0, blob=b"other", now=NOW)
    with store.begin() as tx:
        keys.move(tx, staged, 2)
        fresh = keys.add(tx, purpose="fernet", position=0, blob=b"fresh", now=NOW + 1)
        keys.drop(tx, primary)
        keys.changed(tx, "fernet", NOW + 1)
    with store.read() as db:
        assert keys.rows(db, "fernet") == [
            keys.WrappedKey(fresh, "fernet", 0, b"fresh", NOW + 1),
            keys.WrappedKey(staged, "fernet", 2, b"\0\xffstaged", NOW),
        ]
        assert "staged" not in repr(keys.rows(db, "fernet"))
        assert keys.rows(db, "none") == []
    assert changes(store) == [("keys:fernet", False)]
    for action, values in ((keys.move, (primary, 5)), (keys.drop, (primary,))):
        with pytest.raises(NotFound), store.begin() as tx:
            action(tx, *values)


def test_two_hosts_cannot_make_the_first_keys_twice(store):
    with store.begin() as tx:
        first = keys.add(tx, purpose="fernet", position=0, blob=b"a", now=NOW)
        second = keys.add(tx, purpose="fernet", position=1, blob=b"a", now=NOW)
    with pytest.raises(Conflict), store.begin() as tx:
        keys.add(tx, purpose="fernet", position=0, blob=b"b", now=NOW)
    with pytest.raises(Conflict), store.begin() as tx:
        keys.move(tx, first, 1)
    with store.read() as db:
        assert [row.id for row in keys.rows(db, "fernet")] == [first, second]
