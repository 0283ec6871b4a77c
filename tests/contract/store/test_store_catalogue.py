"""Regions, services, endpoints, what a project is shown of them, and the policies set on them; on both databases."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import insert, select

from identity.errors import BadRequest, Conflict, Forbidden, NotFound, Problem
from identity.model.catalog import Endpoint, EndpointGroup, PolicyBlob, PolicyTarget, Region, Service
from identity.model.listing import Filter, Page, Sort
from identity.store import domains, endpoint_filter, endpoints, epoch, policies, projects, regions, services
from identity.store.tables import policy_association, project_endpoint, project_endpoint_group, registered_limit
from tests.contract.store.world import NOW


@pytest.fixture
def do(store):
    """One write in a transaction of its own."""

    def run(action, *args):
        with store.begin() as tx:
            return action(tx, *args)

    return run


@pytest.fixture
def ask(store):
    def run(action, *args, **values):
        with store.read() as db:
            return action(db, *args, **values)

    return run


@pytest.fixture
def town(do, store):
    """world > land > town, and far; the services compute and image; an endpoint of each kind; the projects p1 and p2."""
    for id, parent in (("world", None), ("land", "world"), ("town", "land"), ("far", None)):
        do(regions.create, Region(id, parent), NOW)
    for id in ("compute", "image"):
        do(services.create, Service(id, id, f"the {id}"), NOW)
    for id, interface, region, service in (
        ("c-town", "public", "town", "compute"),
        ("c-land", "internal", "land", "compute"),
        ("c-none", "public", None, "compute"),
        ("i-far", "admin", "far", "image"),
        ("i-town", "public", "town", "image"),
    ):
        do(endpoints.create, Endpoint(id, interface, region, f"https://{id}", service), NOW)
    with store.begin() as tx:
        domains.create(tx, id="d1", name="One", now=NOW)
        for id in ("p1", "p2"):
            projects.create(tx, id=id, name=id, domain_id="d1", now=NOW)


def changes(store, since):
    with store.read() as db:
        return [(change.tag, change.revokes) for change in epoch.since(db, since)]


def ids(found):
    return [one.id for one in found[0]]


def count(store, table):
    with store.read() as db:
        return len(db.execute(select(table)).all())


def test_a_region_goes_with_all_below_it_but_not_with_what_is_in_them(store, do, ask, town):
    with pytest.raises(Forbidden, match="endpoints"):
        do(regions.remove, "world", NOW)
    for id in ("c-town", "c-land", "i-town"):
        do(endpoints.remove, id, NOW)
    do(
        lambda tx: tx.execute(
            insert(registered_limit).values(id="l", service_id="image", region_id="town", resource_name="r", default_limit=1)
        )
    )
    with pytest.raises(Forbidden, match="limits"):
        do(regions.remove, "world", NOW)
    assert ids(ask(regions.listed)) == ["far", "land", "town", "world"]
    do(lambda tx: tx.execute(registered_limit.delete()))
    before = ask(epoch.current)
    do(regions.remove, "world", NOW)
    assert ids(ask(regions.listed)) == ["far"]
    assert changes(store, before) == [("catalog:world", False)]
    for id in ("world", "\0", "x" * 999):
        with pytest.raises(NotFound):
            do(regions.remove, id, NOW)


def test_regions_never_stand_in_a_circle(do, ask, town):
    for parent in ("world", "town", "land"):
        with pytest.raises(BadRequest):
            do(regions.save, Region("world", parent), NOW)
    with pytest.raises(NotFound):
        do(regions.save, Region("world", "gone"), NOW)
    with pytest.raises(Conflict):
        do(regions.create, Region("world"), NOW)
    do(regions.save, Region("town", "far", "moved", {"x": [1, None]}), NOW)
    assert ask(regions.get, "town") == Region("town", "far", "moved", {"x": [1, None]})


def test_a_service_takes_its_endpoints_and_all_that_was_said_of_them(store, do, ask, town):
    do(policies.create, PolicyBlob("pol", "t", "b"))
    for target in (PolicyTarget(endpoint_id="c-town"), PolicyTarget(service_id="compute"), PolicyTarget(None, "compute", "far")):
        do(policies.put_on, "pol", target)
    do(endpoint_filter.add, "p1", "c-town", NOW)
    do(lambda tx: tx.execute(insert(registered_limit).values(id="l", service_id="compute", resource_name="r", default_limit=1)))
    with pytest.raises(Forbidden, match="limits"):
        do(services.remove, "compute", NOW)
    do(lambda tx: tx.execute(registered_limit.delete()))
    before = ask(epoch.current)
    do(services.remove, "compute", NOW)
    assert ids(ask(endpoints.listed)) == ["i-far", "i-town"]
    assert count(store, policy_association) == count(store, project_endpoint) == 0
    assert changes(store, before) == [("catalog:compute", False)]
    for id in ("compute", "\0"):
        with pytest.raises(NotFound):
            do(services.remove, id, NOW)


def test_every_change_of_the_catalogue_is_one_row_and_ends_no_token(store, do, town):
    for action, *args in (
        (services.save, Service("image", "image", "new", enabled=False)),
        (endpoints.save, Endpoint("i-far", "public", None, "https://b", "compute", False, {"name": "n"})),
        (endpoints.remove, "i-far"),
        (endpoint_filter.add, "p1", "c-town"),
        (endpoint_filter.take, "p1", "c-town"),
    ):
        with store.read() as db:
            before = epoch.current(db)
        do(action, *args, NOW)
        (change,) = changes(store, before)
        assert change[0].startswith("catalog:") and change[1] is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"service_id": "gone"},
        {"service_id": "\0"},
        {"region_id": "gone"},
        {"interface": "private"},
        {"url": ""},
        {"url": "https://\0"},
        {"url": "x" * 5000},
        {"id": "a/b"},
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(do, ask, town, wrong):
    values = {"id": "e", "interface": "public", "region_id": None, "url": "https://a", "service_id": "compute", **wrong}
    with pytest.raises(BadRequest):
        do(endpoints.create, Endpoint(**values), NOW)
    assert len(ask(endpoints.listed)[0]) == 5


def test_what_is_not_there_cannot_be_changed(do, town):
    for action, thing in (
        (services.save, Service("gone", "t", "")),
        (endpoints.save, Endpoint("gone", "public", None, "https://a", "compute")),
        (regions.save, Region("gone")),
        (endpoint_filter.save, EndpointGroup("gone", "n", {})),
        (endpoints.remove, "gone"),
        (endpoint_filter.remove, "\0"),
    ):
        with pytest.raises(NotFound):
            do(action, thing, NOW)
    with pytest.raises(NotFound):
        do(policies.save, PolicyBlob("gone", "t", "b"))
    with pytest.raises(NotFound):
        do(policies.remove, "gone")


def test_lists_are_filtered_sorted_and_cut_in_one_query(ask, store, queries, town):
    with store.read() as db, queries.counted(1):
        assert ids(endpoints.listed(db, Page((Filter("region_id", "town"),)))) == ["c-town", "i-town"]
    newest = Page(sort=(Sort("url", True),), limit=2)
    assert (ids(ask(endpoints.listed, newest)), ask(endpoints.listed, newest)[1]) == (["i-town", "i-far"], True)
    assert ids(ask(services.listed, Page((Filter("name", "IMAGE", "icontains"),)))) == ["image"]
    assert ids(ask(services.listed, Page(marker="compute"))) == ["image"]


FITS = [
    ({"interface": "public"}, ["c-none", "c-town", "i-town"]),
    ({"region_id": None}, ["c-none"]),
    ({"region_id": "town"}, ["c-town", "i-town"]),
    ({"service_id": "compute", "region_id": "town"}, ["c-town"]),
    ({"service_id": "compute", "interface": "internal", "region_id": "land"}, ["c-land"]),
    ({"service_id": "none"}, []),
    ({}, ["c-land", "c-none", "c-town", "i-far", "i-town"]),
]


@pytest.mark.parametrize(("filters", "expected"), FITS)
def test_an_endpoint_group_holds_what_fits_all_its_filters(ask, town, filters, expected):
    assert ids(ask(endpoints.listed, Page(), endpoint_filter.matching([filters]))) == expected


def test_a_project_is_shown_its_own_endpoints_and_those_of_its_groups(store, do, ask, queries, town):
    assert ask(endpoint_filter.choosers) == ask(endpoint_filter.shown, "p1") == frozenset()
    do(endpoint_filter.add, "p1", "i-far", NOW)
    for number, (filters, _) in enumerate(FITS[1:4]):
        do(endpoint_filter.create, EndpointGroup(f"g{number}", "g", filters))
        do(endpoint_filter.add_group, "p1", f"g{number}", NOW)
    with store.read() as db, queries.counted(2):
        assert endpoint_filter.shown(db, "p1") == {"i-far", "c-none", "c-town", "i-town"}
    assert ask(endpoint_filter.choosers) == {"p1"}
    assert ids(ask(endpoint_filter.listed, project_id="p1")) == ["g0", "g1", "g2"]
    assert ids(ask(endpoint_filter.projects, endpoint_id="i-far")) == ids(ask(endpoint_filter.projects, group_id="g0")) == ["p1"]
    assert ids(ask(endpoint_filter.projects, endpoint_id="c-town")) == []
    for again, id in ((endpoint_filter.add, "i-far"), (endpoint_filter.add_group, "g0")):
        with pytest.raises(Conflict):
            do(again, "p1", id, NOW)
        with pytest.raises(NotFound):
            do(again, "gone", id, NOW)
    for take, id in ((endpoint_filter.take, "i-far"), (endpoint_filter.take_group, "g0")):
        do(take, "p1", id, NOW)
        with pytest.raises(NotFound):
            do(take, "p1", id, NOW)
    do(endpoint_filter.remove, "g1", NOW)
    assert ask(endpoint_filter.shown, "p1") == {"c-town"}
    with store.begin() as tx:
        projects.delete(tx, "p1", NOW)
    assert count(store, project_endpoint_group) == 0


def test_a_thousand_groups_of_one_project_are_one_condition(store, do, ask, town):
    with store.begin() as tx:
        for number in range(1100):
            endpoint_filter.create(tx, EndpointGroup(f"g{number}", "g", {"interface": "admin", "region_id": f"r{number}"}))
        tx.execute(
            insert(project_endpoint_group), [{"project_id": "p1", "endpoint_group_id": f"g{number}"} for number in range(1100)]
        )
        endpoint_filter.create(tx, EndpointGroup("last", "g", {"interface": "admin", "region_id": "far"}))
        endpoint_filter.add_group(tx, "p1", "last", NOW)
    assert ask(endpoint_filter.shown, "p1") == {"i-far"}


def test_the_nearest_policy_holds_for_an_endpoint(do, ask, store, queries, town):
    town_endpoint = ask(endpoints.get, "c-town")
    assert ask(policies.holds_for, town_endpoint) is None
    for id, target in (
        ("by-service", PolicyTarget(service_id="compute")),
        ("by-world", PolicyTarget(None, "compute", "world")),
        ("by-town", PolicyTarget(None, "compute", "town")),
        ("own", PolicyTarget(endpoint_id="c-town")),
    ):
        do(policies.create, PolicyBlob(id, "text/plain", f"blob of {id}\u20ac", {"x": id}))
        do(policies.put_on, id, target)
        with store.read() as db, queries.counted(3):
            assert policies.holds_for(db, town_endpoint) == PolicyBlob(id, "text/plain", f"blob of {id}\u20ac", {"x": id})
    do(policies.remove, "by-town")
    do(policies.remove, "own")
    assert ask(policies.holds_for, town_endpoint).id == "by-world"
    assert ask(policies.holds_for, ask(endpoints.get, "c-none")).id == "by-service"
    assert ask(policies.holds_for, ask(endpoints.get, "i-town")) is None


def test_a_policy_knows_the_endpoints_that_it_is_set_on(do, ask, town):
    do(policies.create, PolicyBlob("pol", "t", "b"))
    do(policies.create, PolicyBlob("other", "t", "b"))

    def theirs():
        return ids(ask(endpoints.listed, Page(), policies.endpoints_of("pol")))

    assert theirs() == []
    world = PolicyTarget(None, "compute", "world")
    for target, expected in (
        (PolicyTarget(endpoint_id="i-far"), ["i-far"]),
        (world, ["c-land", "c-town", "i-far"]),
        (PolicyTarget(service_id="compute"), ["c-land", "c-none", "c-town", "i-far"]),
    ):
        do(policies.put_on, "pol", target)
        do(policies.put_on, "pol", target)
        assert theirs() == expected
    do(policies.put_on, "other", PolicyTarget(service_id="compute"))  # one policy each: the other one goes
    assert ask(policies.found_on, PolicyTarget(service_id="compute")) == "other"
    assert do(policies.take_off, "other", world) is False
    assert do(policies.take_off, "pol", world) is True
    assert theirs() == ["i-far"]
    with pytest.raises(NotFound):
        do(policies.put_on, "gone", world)


def while_open(store, first, second):
    """Runs `second` in another thread while the transaction of `first` is open; gives what it raised."""
    raised = []

    def run():
        try:
            with store.begin() as tx:
                second(tx)
        except Problem as problem:
            raised.append(type(problem))

    with store.begin() as tx:
        first(tx)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()  # it waits
    thread.join(10)
    assert not thread.is_alive()
    return raised


def test_two_moves_at_once_close_no_circle(store, ask, town):
    raised = while_open(
        store,
        lambda tx: regions.save(tx, Region("world", "far"), NOW),
        lambda tx: regions.save(tx, Region("far", "town"), NOW),
    )
    assert raised == [BadRequest]
    assert (ask(regions.get, "world").parent_id, ask(regions.get, "far").parent_id) == ("far", None)


def test_an_endpoint_cannot_slip_into_what_goes_away_meanwhile(store, do, ask, town):
    do(endpoints.remove, "i-far", NOW)
    for remove, id in ((regions.remove, "far"), (services.remove, "image")):
        new = Endpoint("new", "public", "far" if id == "far" else None, "https://a", "image")
        raised = while_open(store, lambda tx: remove(tx, id, NOW), lambda tx: endpoints.create(tx, new, NOW))  # noqa: B023
        assert raised == [BadRequest]


def test_what_an_endpoint_slipped_into_does_not_go_away(store, ask, town):
    raised = while_open(
        store,
        lambda tx: endpoints.create(tx, Endpoint("new", "public", "far", "https://a", "compute"), NOW),
        lambda tx: regions.remove(tx, "far", NOW),
    )
    assert raised == [Forbidden]
    assert ask(endpoints.get, "new").region_id == "far"
