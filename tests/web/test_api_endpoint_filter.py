"""Endpoint groups, and the endpoints that projects are associated with, through the API."""

import pytest

from tests.support.gateway import check_error, project

EP = "/v3/OS-EP-FILTER"
BASE = "https://id.example.org"


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


@pytest.fixture
def stored(cloud, admin):
    """The seeded endpoints by their service's type: (endpoint id, service id)."""
    types = {one["id"]: one["type"] for one in cloud.ask("GET", "/v3/services", token=admin).get_json()["services"]}
    endpoints = cloud.ask("GET", "/v3/endpoints", token=admin).get_json()["endpoints"]
    return {types[one["service_id"]]: (one["id"], one["service_id"]) for one in endpoints}


@pytest.fixture
def ask(cloud, admin):
    """A request as the administrator; gives (status, body)."""

    def run(method, path, body=None):
        answer = cloud.ask(method, path, token=admin, body=body)
        return answer.status_code, answer.get_json() if answer.data else None

    return run


def group(ask, **values):
    status, body = ask("POST", f"{EP}/endpoint_groups", {"endpoint_group": {"name": "group", **values}})
    assert status == 201, body
    return body["endpoint_group"]


def types(cloud, token):
    return [service["type"] for service in cloud.show(token).get_json()["token"]["catalog"]]


def test_an_endpoint_group_is_made_shown_changed_and_deleted(ask):
    made = group(ask, filters={"interface": "public"})
    url = f"{EP}/endpoint_groups/{made['id']}"
    assert made == {
        "id": made["id"],
        "name": "group",
        "description": None,
        "filters": {"interface": "public"},
        "links": {"self": f"{BASE}{url}"},
    }
    assert ask("GET", url) == (200, {"endpoint_group": made})
    for change in ({"filters": {"region_id": None, "service_id": "x"}}, {"name": "other", "description": "about"}, {"filters": {}}):
        made |= change
        assert ask("PATCH", url, {"endpoint_group": change}) == (200, {"endpoint_group": made})
    assert ask("GET", f"{EP}/endpoint_groups?name=other")[1]["endpoint_groups"] == [made]
    assert ask("GET", f"{EP}/endpoint_groups?name=group")[1]["endpoint_groups"] == []
    assert ask("DELETE", url)[0] == 204
    for method, body in (("GET", None), ("PATCH", {"endpoint_group": {"name": "x"}}), ("DELETE", None)):
        assert ask(method, url, body)[0] == 404
    assert ask("GET", f"{url}/endpoints")[0] == ask("GET", f"{url}/projects")[0] == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "g"},
        {"filters": {"interface": "public"}},
        {"name": "", "filters": {"interface": "public"}},
        {"name": "g", "filters": {}},
        {"name": "g", "filters": []},
        {"name": "g", "filters": {"enabled": True}},
        {"name": "g", "filters": {"url": "https://a"}},
        {"name": "g", "filters": {"interface": "private"}},
        {"name": "g", "filters": {"interface": None}},
        {"name": "g", "filters": {"service_id": 1}},
        {"name": "g", "filters": {"service_id": "\0"}},
        {"name": "g", "filters": {"interface": "public"}, "colour": "blue"},
        {"name": "g", "filters": {"interface": "public"}, "description": 1},
    ],
)
def test_an_endpoint_group_that_makes_no_sense_is_refused(ask, wrong):
    assert ask("POST", f"{EP}/endpoint_groups", {"endpoint_group": wrong})[0] == 400
    assert ask("GET", f"{EP}/endpoint_groups")[1]["endpoint_groups"] == []


@pytest.mark.parametrize(
    "change", [{}, {"id": "x"}, {"name": None}, {"filters": {"enabled": True}}, {"filters": None}, {"colour": 1}]
)
def test_a_change_that_makes_no_sense_is_refused(ask, change):
    made = group(ask, filters={"interface": "public"})
    assert ask("PATCH", f"{EP}/endpoint_groups/{made['id']}", {"endpoint_group": change})[0] == 400
    assert ask("GET", f"{EP}/endpoint_groups/{made['id']}")[1]["endpoint_group"] == made


def test_a_project_is_associated_with_an_endpoint(ask, stored):
    image, _ = stored["image"]
    url = f"{EP}/projects/web/endpoints/{image}"
    assert ask("GET", url)[0] == ask("DELETE", url)[0] == 404
    assert ask("PUT", url)[0] == 204
    assert ask("PUT", url)[0] == 409
    assert ask("GET", url) == ask("HEAD", url) == (204, None)
    (shown,) = ask("GET", f"{EP}/projects/web/endpoints")[1]["endpoints"]
    assert shown == ask("GET", f"/v3/endpoints/{image}")[1]["endpoint"]
    (seen,) = ask("GET", f"{EP}/endpoints/{image}/projects")[1]["projects"]
    assert (seen["id"], seen["name"], seen["links"]) == ("web", "web-project", {"self": f"{BASE}/v3/projects/web"})
    assert ask("DELETE", url)[0] == 204
    assert ask("GET", f"{EP}/projects/web/endpoints")[1]["endpoints"] == []


def test_a_project_is_associated_with_an_endpoint_group(ask, stored):
    image, service = stored["image"]
    made = group(ask, filters={"service_id": service})
    url = f"{EP}/endpoint_groups/{made['id']}/projects/web"
    assert ask("GET", url)[0] == ask("DELETE", url)[0] == 404
    assert ask("PUT", url)[0] == 204
    assert ask("PUT", url)[0] == 409
    association = {"project_id": "web", "endpoint_group_id": made["id"], "links": {"self": f"{BASE}{url}"}}
    assert ask("GET", url) == (200, {"project_endpoint_group": association})
    assert ask("GET", f"{EP}/projects/web/endpoint_groups")[1]["endpoint_groups"] == [made]
    for path, key, expected in (
        (f"{EP}/projects/web/endpoints", "endpoints", [image]),
        (f"{EP}/projects/web/endpoints?interface=admin", "endpoints", []),
        (f"{EP}/endpoint_groups/{made['id']}/endpoints", "endpoints", [image]),
        (f"{EP}/endpoint_groups/{made['id']}/projects", "projects", ["web"]),
        (f"{EP}/endpoints/{image}/projects", "projects", []),
    ):
        assert [one["id"] for one in ask("GET", path)[1][key]] == expected
    assert ask("DELETE", url)[0] == 204
    assert ask("GET", url)[0] == 404


def test_what_is_not_there_cannot_be_associated(ask, stored):
    image, _ = stored["image"]
    made = group(ask, filters={"interface": "public"})
    for method in ("PUT", "GET", "DELETE"):
        for path in (
            f"projects/unknown/endpoints/{image}",
            "projects/web/endpoints/unknown",
            f"endpoint_groups/{made['id']}/projects/unknown",
            "endpoint_groups/unknown/projects/web",
        ):
            assert ask(method, f"{EP}/{path}")[0] == 404
    for path in ("projects/unknown/endpoints", "projects/unknown/endpoint_groups", "endpoints/unknown/projects"):
        assert ask("GET", f"{EP}/{path}")[0] == 404


def test_a_project_with_associations_is_shown_these_alone(cloud, ask, stored):
    image, image_service = stored["image"]
    compute, _ = stored["compute"]
    everything = ["compute", "identity", "image"]
    member, other = cloud.login("member", project("web")).token, cloud.login("admin", project("admin")).token
    domain = cloud.login("member", {"domain": {"id": "default"}}).token
    ask("PUT", f"{EP}/projects/web/endpoints/{compute}")
    assert types(cloud, member) == ["compute"]
    assert b"/v2.1/web" in cloud.show(member).data
    assert types(cloud, other) == types(cloud, domain) == everything
    made = group(ask, filters={"service_id": image_service})
    ask("PUT", f"{EP}/endpoint_groups/{made['id']}/projects/web")
    assert types(cloud, member) == ["compute", "image"]
    ask("PATCH", f"/v3/endpoints/{compute}", {"endpoint": {"enabled": False}})
    assert types(cloud, member) == ["image"]
    ask("PATCH", f"{EP}/endpoint_groups/{made['id']}", {"endpoint_group": {"filters": {"interface": "internal"}}})
    assert types(cloud, member) == []  # the one that is left is switched off
    ask("DELETE", f"{EP}/projects/web/endpoints/{compute}")
    assert types(cloud, member) == everything  # its group holds nothing
    ask("DELETE", f"{EP}/endpoint_groups/{made['id']}")
    ask("PUT", f"{EP}/projects/web/endpoints/{image}")
    assert types(cloud, member) == ["image"]
    assert [one["type"] for one in cloud.login("member", project("web")).shown["catalog"]] == ["image"]
    ask("DELETE", f"/v3/endpoints/{image}")
    assert types(cloud, member) == everything


def test_another_worker_shows_the_choice_at_once(cloud, ask, stored):
    second = cloud.second()
    try:
        member = cloud.login("member", project("web")).token
        assert types(second, member) == ["compute", "identity", "image"]
        ask("PUT", f"{EP}/projects/web/endpoints/{stored['image'][0]}")
        assert types(second, member) == ["image"]
    finally:
        second.close()


def test_only_administrators_associate(cloud, stored):
    image, _ = stored["image"]
    reader = cloud.login("reader", {"system": {"all": True}}).token
    member = cloud.login("member", project("web")).token
    for path in (f"projects/web/endpoints/{image}", "endpoint_groups/unknown/projects/web"):
        for token in (reader, member):
            for method in ("PUT", "DELETE"):
                check_error(cloud.ask(method, f"{EP}/{path}", token=token), 403)
        check_error(cloud.ask("GET", f"{EP}/{path}", token=reader), 404)
        check_error(cloud.ask("GET", f"{EP}/{path}", token=member), 403)
