"""Policies and what they are set on, through the API."""

import pytest

from tests.support.gateway import check_error, project

BASE = "https://id.example.org"


@pytest.fixture
def ask(cloud):
    """A request as the administrator; gives (status, body)."""
    token = cloud.login("admin", project("admin")).token

    def run(method, path, body=None):
        answer = cloud.ask(method, path, token=token, body=body)
        return answer.status_code, answer.get_json() if answer.data else None

    return run


@pytest.fixture
def compute(ask):
    """(endpoint id, service id) of a seeded service; its region is RegionOne, which stands in World here."""
    ask("PUT", "/v3/regions/World", {"region": {}})
    assert ask("PATCH", "/v3/regions/RegionOne", {"region": {"parent_region_id": "World"}})[0] == 200
    service = ask("GET", "/v3/services?type=compute")[1]["services"][0]["id"]
    return ask("GET", f"/v3/endpoints?service_id={service}")[1]["endpoints"][0]["id"], service


def make(ask, **policy):
    status, body = ask("POST", "/v3/policies", {"policy": {"type": "application/json", "blob": "{}", **policy}})
    assert status == 201, body
    return body["policy"]


def test_a_policy_is_made_shown_changed_and_deleted(ask):
    made = make(ask, blob='{"a": "\u20ac\\u0000"}', colour="blue", id="mine")
    url = f"/v3/policies/{made['id']}"
    assert made == {
        "id": made["id"],
        "type": "application/json",
        "blob": '{"a": "\u20ac\\u0000"}',
        "colour": "blue",
        "links": {"self": f"{BASE}{url}"},
    }
    assert made["id"] != "mine"
    assert ask("GET", url) == (200, {"policy": made})
    made |= {"blob": "", "type": "", "colour": None}
    assert ask("PATCH", url, {"policy": {"blob": "", "type": "", "colour": None}}) == (200, {"policy": made})
    assert ask("GET", "/v3/policies?type=")[1]["policies"] == [made]
    assert ask("GET", "/v3/policies?type=other")[1]["policies"] == []
    assert ask("DELETE", url)[0] == 204
    for method, body in (("GET", None), ("PATCH", {"policy": {"blob": "x"}}), ("DELETE", None)):
        assert ask(method, url, body)[0] == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"blob": "x"},
        {"type": "x"},
        {"blob": {"a": 1}, "type": "x"},
        {"blob": "x", "type": "x" * 256},
        {"blob": "\0", "type": "x"},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(ask, wrong):
    assert ask("POST", "/v3/policies", {"policy": wrong})[0] == 400
    assert ask("GET", "/v3/policies")[1]["policies"] == []


@pytest.mark.parametrize("change", [{}, {"id": "x"}, {"blob": None}, {"type": 5}])
def test_a_change_that_makes_no_sense_is_refused(ask, change):
    made = make(ask)
    assert ask("PATCH", f"/v3/policies/{made['id']}", {"policy": change})[0] == 400
    assert ask("GET", f"/v3/policies/{made['id']}")[1]["policy"] == made


def test_the_nearest_policy_is_shown_for_an_endpoint(ask, compute):
    endpoint, service = compute
    url = f"/v3/endpoints/{endpoint}/OS-ENDPOINT-POLICY/policy"
    assert ask("GET", url)[0] == 404
    for place in (
        f"services/{service}",
        f"services/{service}/regions/World",
        f"services/{service}/regions/RegionOne",
        f"endpoints/{endpoint}",
    ):
        made = make(ask, blob=place)
        theirs = f"/v3/policies/{made['id']}/OS-ENDPOINT-POLICY"
        assert ask("GET", f"{theirs}/{place}")[0] == 404
        assert ask("PUT", f"{theirs}/{place}") == ask("PUT", f"{theirs}/{place}") == (204, None)
        assert ask("GET", f"{theirs}/{place}") == ask("HEAD", f"{theirs}/{place}") == (204, None)
        assert ask("GET", url) == (200, {"policy": made})
        (shown,) = ask("GET", f"{theirs}/endpoints")[1]["endpoints"]
        assert shown == ask("GET", f"/v3/endpoints/{endpoint}")[1]["endpoint"]
        assert ask("GET", f"{theirs}/endpoints?interface=admin")[1]["endpoints"] == []
    assert ask("DELETE", f"{theirs}/{place}")[0] == ask("DELETE", f"{theirs}/{place}")[0] == 204
    assert ask("GET", f"{theirs}/{place}")[0] == 404
    assert ask("GET", url)[1]["policy"]["blob"].endswith("RegionOne")


def test_a_policy_takes_the_place_of_another_and_ends_with_what_it_is_set_on(ask, compute):
    endpoint, service = compute
    first, second = make(ask, blob="first"), make(ask, blob="second")
    for made in (first, second):
        assert ask("PUT", f"/v3/policies/{made['id']}/OS-ENDPOINT-POLICY/endpoints/{endpoint}")[0] == 204
    assert ask("GET", f"/v3/policies/{first['id']}/OS-ENDPOINT-POLICY/endpoints/{endpoint}")[0] == 404
    assert ask("DELETE", f"/v3/policies/{first['id']}/OS-ENDPOINT-POLICY/endpoints/{endpoint}")[0] == 204
    assert ask("GET", f"/v3/endpoints/{endpoint}/OS-ENDPOINT-POLICY/policy")[1]["policy"]["blob"] == "second"
    assert ask("DELETE", f"/v3/services/{service}")[0] == 204
    assert ask("GET", f"/v3/policies/{second['id']}/OS-ENDPOINT-POLICY/endpoints")[1]["endpoints"] == []


def test_what_is_not_there_has_no_policy(ask, compute):
    endpoint, service = compute
    made = make(ask)
    for method in ("PUT", "GET", "DELETE"):
        for policy, place in (
            ("unknown", f"endpoints/{endpoint}"),
            (made["id"], "endpoints/unknown"),
            (made["id"], "services/unknown"),
            (made["id"], f"services/{service}/regions/unknown"),
            (made["id"], "services/unknown/regions/RegionOne"),
        ):
            assert ask(method, f"/v3/policies/{policy}/OS-ENDPOINT-POLICY/{place}")[0] == 404
    assert ask("GET", "/v3/policies/unknown/OS-ENDPOINT-POLICY/endpoints")[0] == 404
    assert ask("GET", "/v3/endpoints/unknown/OS-ENDPOINT-POLICY/policy")[0] == 404


def test_only_administrators_set_policies(cloud, ask, compute):
    endpoint, service = compute
    made = make(ask)
    reader = cloud.login("reader", {"system": {"all": True}}).token
    member = cloud.login("member", project("web")).token
    for place in (f"endpoints/{endpoint}", f"services/{service}", f"services/{service}/regions/RegionOne"):
        url = f"/v3/policies/{made['id']}/OS-ENDPOINT-POLICY/{place}"
        for method in ("PUT", "DELETE"):
            for token in (reader, member):
                check_error(cloud.ask(method, url, token=token), 403)
        check_error(cloud.ask("GET", url, token=reader), 404)
        check_error(cloud.ask("GET", url, token=member), 403)
