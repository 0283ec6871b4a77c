"""Ready-made bodies: what they show, when they are made again, and what a hit costs."""

import json
import threading

import pytest

from catalog.snapshot import CatalogSnapshots
from identity import errors
from identity.model.access import Access
from identity.model.catalog import Endpoint, Service
from identity.model.subject import Domain, Subject, User
from identity.model.token import Claims

COMPUTE = Service(
    "s1",
    "compute",
    "nova",
    (
        Endpoint("e1", "public", "RegionOne", "https://nova/v2.1/$(project_id)s"),
        Endpoint("e2", "admin", None, "https://nova/v2.1"),
        Endpoint("e3", "internal", "RegionOne", "https://nova/$(port)s"),
    ),
)
EMPTY = Service("s2", "dns", "", ())


class Source:
    """A source whose rows the test turns, and which counts how often it is read."""

    def __init__(self, *services):
        self.rows = services
        self.reads = 0

    def services(self):
        self.reads += 1
        return self.rows


class File(Source):
    stamp = 1

    def version(self):
        return self.stamp


def access(project_id="p1", user_id="u1"):
    claims = Claims(user_id, ("password",), 0, 1, ("a",), project_id=project_id, domain_id=None if project_id else "d1")
    return Access(claims, Subject(User(user_id, "name", Domain("d1", "D"))))


def test_shows_what_keystone_shows():
    snapshots = CatalogSnapshots(Source(COMPUTE, EMPTY))
    assert json.loads(snapshots.json_for(access())) == [
        {
            "id": "s1",
            "type": "compute",
            "name": "nova",
            "endpoints": [
                {"id": "e1", "interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": "https://nova/v2.1/p1"},
                {"id": "e2", "interface": "admin", "region": None, "region_id": None, "url": "https://nova/v2.1"},
            ],
        },
        {"id": "s2", "type": "dns", "name": "", "endpoints": []},
    ]


def test_a_token_without_a_project_sees_no_url_that_needs_one():
    shown = json.loads(CatalogSnapshots(Source(COMPUTE)).json_for(access(project_id=None)))
    assert [endpoint["id"] for endpoint in shown[0]["endpoints"]] == ["e2"]


def test_an_endpoint_that_is_left_out_is_told_once(caplog):
    snapshots = CatalogSnapshots(Source(COMPUTE))
    for project in ("p1", "p2", None):
        snapshots.json_for(access(project))
    assert [record.getMessage() for record in caplog.records if "e3" in record.getMessage()] == [
        "endpoint e3 of compute is left out of the catalogue: unknown name `port`; known are project_id, tenant_id, user_id"
    ]


def test_ids_cannot_break_out_of_the_json():
    service = Service("s", "t", "n", (Endpoint("e", "public", None, "http://$(project_id)s/$(user_id)s"),))
    snapshots = CatalogSnapshots(Source(service))
    odd = 'a"]}\\\n€'
    assert json.loads(snapshots.json_for(access(odd, odd)))[0]["endpoints"][0]["url"] == f"http://{odd}/{odd}"


def test_is_read_once_for_all_projects_and_made_once_for_each():
    source = Source(COMPUTE)
    snapshots = CatalogSnapshots(source)
    bodies = {project: snapshots.json_for(access(project)) for project in ("p1", "p2", "p3", None)}
    assert source.reads == 1
    assert all(snapshots.json_for(access(project, "u2")) is body for project, body in bodies.items())


def test_is_made_for_each_user_only_where_a_url_names_the_user():
    service = Service("s", "t", "n", (Endpoint("e", "public", None, "http://a/$(user_id)s"),))
    snapshots = CatalogSnapshots(Source(service))
    for project in ("p1", None):
        first = snapshots.json_for(access(project, "u1"))
        assert b"http://a/u1" in first
        assert snapshots.json_for(access(project, "u1")) is first
        assert b"http://a/u2" in snapshots.json_for(access(project, "u2"))


@pytest.mark.parametrize("size", [1, 3])
def test_is_bounded(size):
    snapshots = CatalogSnapshots(Source(COMPUTE), size=size)
    first = snapshots.json_for(access("p0"))
    for number in range(1, 5):
        snapshots.json_for(access(f"p{number}"))
    assert len(snapshots._generation.held) == size
    again = snapshots.json_for(access("p0"))
    assert again == first
    assert again is not first


def test_evict_reads_again():
    source = Source(COMPUTE)
    snapshots = CatalogSnapshots(source)
    snapshots.json_for(access())
    source.rows = (EMPTY,)
    assert b"nova" in snapshots.json_for(access())
    snapshots.evict()
    assert b"nova" not in snapshots.json_for(access())
    assert source.reads == 2


def test_a_file_is_followed_without_a_change_in_the_log():
    source = File(COMPUTE)
    snapshots = CatalogSnapshots(source)
    snapshots.json_for(access())
    source.rows, source.stamp = (EMPTY,), 2
    assert b"nova" not in snapshots.json_for(access())
    snapshots.json_for(access("p2"))
    assert source.reads == 2


def test_a_body_begun_before_a_change_does_not_outlive_it():
    entered, go_on = threading.Event(), threading.Event()

    class Slow(Source):
        def services(self):
            rows = super().services()
            entered.set()
            assert go_on.wait(10)
            return rows

    source = Slow(COMPUTE)
    snapshots = CatalogSnapshots(source)
    old = []
    reader = threading.Thread(target=lambda: old.append(snapshots.json_for(access())))
    reader.start()
    assert entered.wait(10)
    source.rows = (EMPTY,)
    snapshots.evict()
    go_on.set()
    reader.join(10)
    assert b"nova" in old[0]
    assert b"nova" not in snapshots.json_for(access())


def test_many_threads_read_once():
    source = Source(COMPUTE)
    snapshots = CatalogSnapshots(source)
    gate = threading.Barrier(8)
    bodies = []

    def ask(number):
        gate.wait(10)
        bodies.append((number, snapshots.json_for(access(f"p{number}"))))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert source.reads == 1
    assert sorted(number for number, _ in bodies) == list(range(8))
    assert all(f"/v2.1/p{number}".encode() in body for number, body in bodies)


def test_a_source_that_is_away_is_asked_again():
    class Away(Source):
        def services(self):
            if super().services() and self.reads == 1:
                raise errors.Unavailable()
            return self.rows

    snapshots = CatalogSnapshots(Away(COMPUTE))
    with pytest.raises(errors.Unavailable):
        snapshots.json_for(access())
    assert b"nova" in snapshots.json_for(access())
