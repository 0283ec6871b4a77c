"""Catalogue rows, kept tokens and wrapped keys."""

from __future__ import annotations

import pytest

from identity.errors import Conflict, NotFound
from identity.model.catalog import Endpoint, Region, Service
from identity.store import endpoints, epoch, keys, regions, services, tokens
from tests.contract.store.world import NOW


def changes(store):
    with store.read() as db:
        return [(change.tag, change.revokes) for change in epoch.since(db, 0)]


def test_the_catalogue_is_one_query_in_a_fixed_order(store, queries):
    template = "https://b/$(project_id)s"
    with store.begin() as tx:
        regions.create(tx, Region("North", None, "up there"), NOW)
        regions.create(tx, Region("North 1", "North"), NOW)
        services.create(tx, Service("s2", "network", "neutron"), NOW)
        services.create(tx, Service("s1", "identity", "keystone"), NOW)
        services.create(tx, Service("s3", "image", ""), NOW)
        services.create(tx, Service("off", "compute", "", enabled=False), NOW)
        endpoints.create(tx, Endpoint("e2", "public", "North", template, "s1"), NOW)
        endpoints.create(tx, Endpoint("e1", "internal", "North", "https://a", "s1", extra={"name": "one"}), NOW)
        endpoints.create(tx, Endpoint("e3", "admin", None, "https://c", "s2", enabled=False), NOW)
    with store.read() as db, queries.counted(1):
        assert services.catalogue(db) == (
            Service(
                "s1",
                "identity",
                "keystone",
                (
                    Endpoint("e1", "internal", "North", "https://a", extra={"name": "one"}),
                    Endpoint("e2", "public", "North", template),
                ),
            ),
            Service("s3", "image", "", ()),
            Service("s2", "network", "neutron", ()),
        )
    with store.read() as db:
        assert services.find(db, "identity", "keystone") == "s1"
        assert services.find(db, "identity", "\0") is None
    assert {tag.partition(":")[0] for tag, _ in changes(store)} == {"catalog"}
    assert not any(revokes for _, revokes in changes(store))


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
