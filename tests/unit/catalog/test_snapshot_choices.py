"""Projects that chose their endpoints: what they are shown, and what that costs the others."""

import json

import pytest

from catalog.snapshot import CatalogSnapshots
from identity.model.catalog import Endpoint, Service
from tests.unit.catalog.test_snapshot import Source, access

NOVA = Service(
    "s1",
    "compute",
    "nova",
    (
        Endpoint("e1", "public", "RegionOne", "https://nova/$(project_id)s", extra={"name": "one", "id": "spoilt"}),
        Endpoint("e2", "admin", None, "https://nova/$(user_id)s"),
    ),
)
GLANCE = Service("s2", "image", "glance", (Endpoint("e3", "public", None, "https://glance"),))
BROKEN = Service("s3", "dns", "", (Endpoint("e4", "public", None, "https://$(port)s"),))
BARE = Service("s4", "volume", "", ())


class Choices(Source):
    """`picked`: the endpoints that each choosing project is associated with."""

    def __init__(self, picked):
        super().__init__(NOVA, GLANCE, BROKEN, BARE)
        self.picked = picked
        self.asked = []

    def choosers(self):
        return frozenset(self.picked)

    def chosen(self, project_id):
        self.asked.append(project_id)
        return frozenset(self.picked[project_id])


def shown(snapshots, *who):
    return {
        service["id"]: [endpoint["id"] for endpoint in service["endpoints"]]
        for service in json.loads(snapshots.json_for(access(*who)))
    }


def test_a_project_is_shown_what_it_chose_and_no_empty_service():
    snapshots = CatalogSnapshots(Choices({"p1": ["e1", "e4", "gone"], "p2": ["e2", "e3"]}))
    assert shown(snapshots, "p1") == {"s1": ["e1"]}
    assert shown(snapshots, "p2") == {"s1": ["e2"], "s2": ["e3"]}
    everything = {"s1": ["e1", "e2"], "s2": ["e3"], "s3": [], "s4": []}
    assert shown(snapshots, "p3") == everything
    assert shown(snapshots, None) == {**everything, "s1": ["e2"]}


def test_a_choice_that_holds_only_what_is_switched_off_shows_nothing():
    assert shown(CatalogSnapshots(Choices({"p1": ["disabled"]})), "p1") == {}


@pytest.mark.parametrize(("setting", "expected"), [(True, {"s1", "s2", "s3", "s4"}), (False, set())])
def test_whether_no_choice_means_all_is_a_setting(setting, expected):
    snapshots = CatalogSnapshots(Choices({"p1": []}), all_if_none_chosen=setting)
    for project in ("p1", "p2", None):  # groups that hold nothing, no choice at all, no project
        assert set(shown(snapshots, project)) == expected


def test_a_source_without_choices_takes_no_notice_of_the_setting():
    assert set(shown(CatalogSnapshots(Source(NOVA), all_if_none_chosen=False), "p1")) == {"s1"}


def test_only_a_project_that_chose_is_asked_about_and_only_once_for_all_its_users():
    source = Choices({"p1": ["e1", "e2"]})
    snapshots = CatalogSnapshots(source)
    for user in ("u1", "u2", "u3"):
        for project in ("p1", "p2", None):
            body = snapshots.json_for(access(project, user))
            assert f"https://nova/{user}".encode() in body
            assert (b"https://nova/p1" in body) is (project == "p1")
    assert source.asked == ["p1"]
    assert source.reads == 1


def test_skeletons_are_bounded_and_gone_after_a_change():
    source = Choices({f"p{number}": ["e3"] for number in range(5)})
    snapshots = CatalogSnapshots(source, size=2)
    for project in source.picked:
        assert shown(snapshots, project) == {"s2": ["e3"]}
    assert len(snapshots._generation.skeletons) == len(snapshots._generation.held) == 2
    source.picked = {"p4": ["e1"]}
    assert shown(snapshots, "p4") == {"s2": ["e3"]}
    snapshots.evict()
    assert shown(snapshots, "p4") == {"s1": ["e1"]}


def test_further_attributes_are_shown_and_never_in_place_of_known_ones():
    (nova, *_) = json.loads(CatalogSnapshots(Choices({})).json_for(access("p1")))
    assert nova["endpoints"][0] == {
        "id": "e1",
        "interface": "public",
        "name": "one",
        "region": "RegionOne",
        "region_id": "RegionOne",
        "url": "https://nova/p1",
    }
