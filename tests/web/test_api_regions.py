"""Regions through the API: the plainest resource, so also what all of them share."""

import pytest

from tests.support.gateway import check_error, project


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


def make(cloud, token, **region):
    answer = cloud.ask("POST", "/v3/regions", token=token, body={"region": region})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["region"]


def test_a_region_is_made_shown_changed_and_deleted(cloud, admin):
    made = make(cloud, admin, id="north", description="up there", colour="blue")
    assert made == {
        "id": "north",
        "description": "up there",
        "parent_region_id": None,
        "colour": "blue",
        "links": {"self": "https://id.example.org/v3/regions/north"},
    }
    assert cloud.ask("GET", "/v3/regions/north", token=admin).get_json()["region"] == made
    changed = cloud.ask("PATCH", "/v3/regions/north", token=admin, body={"region": {"description": "cold"}}).get_json()["region"]
    assert changed == {**made, "description": "cold"}
    assert cloud.ask("DELETE", "/v3/regions/north", token=admin).status_code == 204
    check_error(cloud.ask("GET", "/v3/regions/north", token=admin), 404)


def test_pages_meet_every_region_once_and_say_where_they_go_on(cloud, admin):
    for name in "abcde":
        make(cloud, admin, id=name)
    url, seen = "/v3/regions?limit=2", []
    while url:
        answer = cloud.ask("GET", url, token=admin).get_json()
        seen += [region["id"] for region in answer["regions"]]
        assert answer.get("truncated", False) is (answer["links"]["next"] is not None)
        assert answer.get("next") == answer["links"]["next"]  # where openstacksdk looks
        url = (answer["links"]["next"] or "").removeprefix("https://id.example.org")
    assert seen == ["RegionOne", "a", "b", "c", "d", "e"]
    back = cloud.ask("GET", "/v3/regions?sort_key=id&sort_dir=desc&limit=2&marker=c", token=admin).get_json()["regions"]
    assert [region["id"] for region in back] == ["b", "a"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=-1", "marker=none", "sort_key=colour", "sort_dir=up&sort_key=id", "a=%ff"]
)
def test_a_query_that_makes_no_sense_is_told_so(cloud, admin, query):
    check_error(cloud.ask("GET", f"/v3/regions?{query}", token=admin), 400)


def test_a_region_is_filtered_by_its_parent(cloud, admin):
    make(cloud, admin, id="town", parent_region_id="RegionOne")
    for query, expected in (("parent_region_id=RegionOne", ["town"]), ("parent_region_id__icontains=regionONE", ["town"])):
        found = cloud.ask("GET", f"/v3/regions?{query}", token=admin).get_json()["regions"]
        assert [region["id"] for region in found] == expected


def test_a_region_cannot_stand_below_itself(cloud, admin):
    make(cloud, admin, id="town", parent_region_id="RegionOne")
    check_error(cloud.ask("PATCH", "/v3/regions/RegionOne", token=admin, body={"region": {"parent_region_id": "town"}}), 400)
    check_error(cloud.ask("DELETE", "/v3/regions/RegionOne", token=admin), 403)


def test_an_empty_id_is_the_same_as_none(cloud, admin):
    assert len(make(cloud, admin, id="")["id"]) == len(make(cloud, admin, id=None)["id"]) == 32


def test_a_region_is_made_once_with_the_id_of_the_url(cloud, admin):
    assert cloud.ask("PUT", "/v3/regions/north", token=admin, body={"region": {"description": None}}).status_code == 201
    check_error(cloud.ask("PUT", "/v3/regions/north", token=admin, body={"region": {"id": "north"}}), 409)
    check_error(cloud.ask("POST", "/v3/regions", token=admin, body={"region": {"id": "north"}}), 409)
    check_error(cloud.ask("PUT", "/v3/regions/south", token=admin, body={"region": {"id": "north"}}), 400)
    check_error(cloud.ask("PUT", "/v3/regions/south", token=admin, body={"region": {"parent_region_id": "unknown"}}), 404)


def test_a_region_goes_with_all_below_it_unless_an_endpoint_is_in_one(cloud, admin):
    for id, parent in (("world", None), ("land", "world"), ("town", "land")):
        make(cloud, admin, id=id, parent_region_id=parent)
    service = cloud.ask("GET", "/v3/services", token=admin).get_json()["services"][0]["id"]
    endpoint = {"service_id": service, "interface": "public", "url": "https://a", "region_id": "town"}
    made = cloud.ask("POST", "/v3/endpoints", token=admin, body={"endpoint": endpoint}).get_json()["endpoint"]["id"]
    check_error(cloud.ask("DELETE", "/v3/regions/world", token=admin), 403)
    assert cloud.ask("DELETE", f"/v3/endpoints/{made}", token=admin).status_code == 204
    assert cloud.ask("DELETE", "/v3/regions/world", token=admin).status_code == 204
    assert [region["id"] for region in cloud.ask("GET", "/v3/regions", token=admin).get_json()["regions"]] == ["RegionOne"]


@pytest.mark.parametrize("change", [{}, {"id": "other"}, {"parent_region_id": "RegionOne"}, {"description": 5}])
def test_a_change_that_makes_no_sense_is_refused(cloud, admin, change):
    check_error(cloud.ask("PATCH", "/v3/regions/RegionOne", token=admin, body={"region": change}), 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"region": 1}',
        b'{"region": {"id": 7}}',
        b'{"region": {"id": " "}}',
        b'{"region": {"parent_region_id": ""}}',
        b'{"region": {"description": {"a": 1}}}',
        b'{"region": {"x": "\\u0000"}}',
        b'{"region": {"x": 1e400}}',
        b'{"region": {"x": 99999999999999999999999}}',
        b'{"region": {"x": ' + b"[" * 40 + b"]" * 40 + b"}}",
        b'{"region": {"id": "%s"}}' % (b"x" * 256),
    ],
)
def test_a_body_that_makes_no_sense_is_told_so_and_nothing_is_stored(cloud, admin, body):
    check_error(cloud.ask("POST", "/v3/regions", token=admin, body=body), 400)
    assert len(cloud.ask("GET", "/v3/regions", token=admin).get_json()["regions"]) == 1


def test_only_an_administrator_changes_regions(cloud):
    member = cloud.login("member", project("web")).token
    assert cloud.ask("GET", "/v3/regions/RegionOne", token=member).status_code == 200
    for method, body in (("PATCH", {"region": {}}), ("DELETE", None)):
        check_error(cloud.ask(method, "/v3/regions/RegionOne", token=member, body=body), 403)
        check_error(cloud.ask(method, "/v3/regions/unknown", token=member, body=body), 403)
    check_error(cloud.ask("GET", "/v3/regions"), 401)
