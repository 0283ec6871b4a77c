"""What every catalogue source must do, run on each of them; and that the stored one shows what Keystone shows."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
from sqlalchemy import event

from catalog.snapshot import CatalogSnapshots
from catalog.sql import SqlCatalog
from catalog.templated import TemplatedCatalog
from identity.model.access import Access
from identity.model.catalog import Endpoint, Region, Service
from identity.model.revocation import CATALOG
from identity.model.subject import Domain, Subject, User
from identity.model.token import Claims
from identity.ports import CatalogSource
from identity.settings import Database
from identity.store import endpoints, epoch, migrations, regions, services
from identity.store.engine import Store
from tests.support.postgres import Postgres

ENDPOINTS = [
    ("RegionOne", "identity", "keystone", "public", "https://id.example/main/v3"),
    ("RegionOne", "compute", "nova", "public", "https://nova.example/v2.1/$(project_id)s"),
    ("RegionOne", "compute", "nova", "internal", "http://nova.internal/v2.1/%(tenant_id)s"),
    ("Region.Two", "compute", "nova", "public", "https://nova.two/v2.1"),
    ("RegionOne", "object-store", "swift", "admin", "https://swift.example/v1?user=$(user_id)s"),
]
Row = tuple[str, str, str, str, str]


@dataclass
class Kind:
    """One implementation: the source, and how a test replaces its content."""

    source: CatalogSource
    fill: Callable[[list[Row]], None]
    store: Store | None = None


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as server:
        yield server


@pytest.fixture(params=["templated", "sqlite", "postgresql"])
def kind(request, tmp_path):
    if request.param == "templated":
        file = tmp_path / "catalog.templates"
        file.write_text("")
        yield Kind(TemplatedCatalog(file), lambda rows: write(file, rows))
        return
    postgresql = request.param == "postgresql"
    url = request.getfixturevalue("postgres").new_database() if postgresql else f"sqlite:///{tmp_path}/catalog.db"
    store = Store.open(Database(connection=url))
    migrations.upgrade(store)
    yield Kind(SqlCatalog(store), lambda rows: replace_rows(store, rows), store)
    store.close()


def write(file, rows):
    lines = [f"catalog.{region}.{type}.{interface}URL = {url}\n" for region, type, _, interface, url in rows]
    names = {f"catalog.{region}.{type}.name = {name}\n" for region, type, name, _, _ in rows}
    file.write_text("".join([*lines, *sorted(names)]))


def replace_rows(store, rows):
    with store.read() as db:
        stored, known = services.catalogue(db), {region.id for region in regions.listed(db)[0]}
    with store.begin() as tx:
        for service in stored:
            services.remove(tx, service.id, now=1)
        ids = {}
        for region, type, name, interface, url in rows:
            if region not in known:
                known.add(regions.create(tx, Region(region), now=1))
            if (type, name) not in ids:
                ids[type, name] = services.create(tx, Service(uuid4().hex, type, name), now=1)
            endpoints.create(tx, Endpoint(uuid4().hex, interface, region, url, ids[type, name]), now=1)


def shape(found):
    return {
        (endpoint.region_id, service.type, service.name, endpoint.interface, endpoint.url)
        for service in found
        for endpoint in service.endpoints
    }


def access(project_id="p1"):
    claims = Claims("u1", ("password",), 0, 1, ("a",), project_id=project_id, domain_id=None if project_id else "d1")
    return Access(claims, Subject(User("u1", "name", Domain("d1", "D"))))


def test_empty(kind):
    assert list(kind.source.services()) == []
    assert CatalogSnapshots(kind.source).json_for(access()) == b"[]"


def test_gives_every_service_with_its_endpoints(kind):
    kind.fill(ENDPOINTS)
    found = kind.source.services()
    assert shape(found) == set(ENDPOINTS)
    assert sorted(service.type for service in found) == ["compute", "identity", "object-store"]


def test_ids_are_distinct_and_the_same_at_each_reading(kind):
    kind.fill(ENDPOINTS)
    first, again = kind.source.services(), kind.source.services()
    ids = [service.id for service in first] + [endpoint.id for service in first for endpoint in service.endpoints]
    assert len(set(ids)) == len(ids) == 8
    assert all(ids)
    assert first == again


def test_urls_are_given_as_they_are_written(kind):
    kind.fill(ENDPOINTS)
    urls = {endpoint.url for service in kind.source.services() for endpoint in service.endpoints}
    assert "https://nova.example/v2.1/$(project_id)s" in urls


def test_shows_a_change_once_it_is_told(kind):
    kind.fill(ENDPOINTS)
    snapshots = CatalogSnapshots(kind.source)
    assert b"https://nova.example/v2.1/p1" in snapshots.json_for(access())
    kind.fill(ENDPOINTS[:1])
    if kind.store is not None:
        with kind.store.read() as db:
            assert CATALOG in {change.kind for change in epoch.since(db, 0)}
        snapshots.evict()
    shown = json.loads(snapshots.json_for(access()))
    assert [(service["type"], [e["url"] for e in service["endpoints"]]) for service in shown] == [
        ("identity", ["https://id.example/main/v3"])
    ]


def test_a_token_without_a_project_sees_what_needs_none(kind):
    kind.fill(ENDPOINTS)
    shown = json.loads(CatalogSnapshots(kind.source).json_for(access(project_id=None)))
    urls = {service["type"]: [endpoint["url"] for endpoint in service["endpoints"]] for service in shown}
    assert urls == {
        "identity": ["https://id.example/main/v3"],
        "compute": ["https://nova.two/v2.1"],
        "object-store": ["https://swift.example/v1?user=u1"],
    }


class TestStored:
    """What only the database can hold."""

    @pytest.fixture
    def store(self, tmp_path):
        store = Store.open(Database(connection=f"sqlite:///{tmp_path}/catalog.db"))
        migrations.upgrade(store)
        yield store
        store.close()

    def test_leaves_out_what_is_disabled_and_keeps_a_service_without_endpoints(self, store):
        with store.begin() as tx:
            on = services.create(tx, Service("on", "compute", "nova"), now=1)
            off = services.create(tx, Service("off", "image", "glance", enabled=False), now=1)
            services.create(tx, Service("bare", "dns", ""), now=1)
            endpoints.create(tx, Endpoint("e1", "public", None, "http://on", on), now=1)
            endpoints.create(tx, Endpoint("e2", "admin", None, "http://off", on, enabled=False), now=1)
            endpoints.create(tx, Endpoint("e3", "public", None, "http://image", off), now=1)
        shown = json.loads(CatalogSnapshots(SqlCatalog(store)).json_for(access()))
        assert [(service["type"], service["name"], [e["url"] for e in service["endpoints"]]) for service in shown] == [
            ("compute", "nova", ["http://on"]),
            ("dns", "", []),
        ]

    def test_asks_two_queries_for_any_number_of_projects(self, store):
        replace_rows(store, ENDPOINTS)
        snapshots = CatalogSnapshots(SqlCatalog(store))
        asked = []
        event.listen(store.engine, "before_cursor_execute", lambda *about: asked.append(about[2]))
        for number in range(20):
            snapshots.json_for(access(f"p{number}"))
        snapshots.json_for(access(None))
        assert len(asked) == 2, asked
        snapshots.evict()
        for number in range(20):
            snapshots.json_for(access(f"p{number}"))
        assert len(asked) == 4, asked
