"""Services through the API."""

import pytest

from tests.support.gateway import check_error, project


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


def make(cloud, token, **service):
    answer = cloud.ask("POST", "/v3/services", token=token, body={"service": service})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["service"]


def test_a_service_is_made_shown_changed_and_deleted(cloud, admin):
    made = make(cloud, admin, type="dns", name="designate", description="names", colour="blue", id="mine", links={"self": "x"})
    url = f"/v3/services/{made['id']}"
    assert made == {
        "id": made["id"],
        "type": "dns",
        "name": "designate",
        "enabled": True,
        "description": "names",
        "colour": "blue",
        "links": {"self": f"https://id.example.org{url}"},
    }
    assert made["id"] != "mine"
    assert cloud.ask("GET", url, token=admin).get_json() == {"service": made}
    change = {"id": made["id"], "enabled": False, "name": "bind", "colour": None}
    changed = cloud.ask("PATCH", url, token=admin, body={"service": change}).get_json()["service"]
    assert changed == {**made, **change} == cloud.ask("GET", url, token=admin).get_json()["service"]
    assert cloud.ask("DELETE", url, token=admin).status_code == 204
    for method, body in (("GET", None), ("PATCH", {"service": {"type": "x"}}), ("DELETE", None)):
        check_error(cloud.ask(method, url, token=admin, body=body), 404)


def test_a_service_needs_a_type_alone_and_shows_a_description_only_where_it_has_one(cloud, admin):
    made = make(cloud, admin, type="dns")
    assert (made["name"], made["enabled"], "description" in made) == ("", True, False)
    url = f"/v3/services/{made['id']}"
    for sent, shown in (("about", "about"), (None, None), ("again", "again"), ("", None)):
        answer = cloud.ask("PATCH", url, token=admin, body={"service": {"description": sent}})
        assert answer.get_json()["service"].get("description") == shown


def test_services_are_filtered_sorted_and_paged(cloud, admin):
    for number in range(3):
        make(cloud, admin, type="dns", name=f"n{number}")
    for query, expected in (
        ("type=dns", ["n0", "n1", "n2"]),
        ("type=dns&name=n1", ["n1"]),
        ("name__istartswith=N&sort_key=name&sort_dir=desc", ["nova", "n2", "n1", "n0"]),
        ("type=dns&limit=2", ["n0", "n1"]),
        ("type=none", []),
        ("name=", []),
    ):
        found = cloud.ask("GET", f"/v3/services?{query}", token=admin).get_json()
        assert [service["name"] for service in found["services"]] == expected
    assert cloud.ask("HEAD", "/v3/services", token=admin).status_code == 200


def test_what_a_service_is_shows_in_catalogues_at_once_and_ends_no_token(cloud, admin):
    member = cloud.login("member", project("web")).token

    def types():
        return [service["type"] for service in cloud.show(member).get_json()["token"]["catalog"]]

    assert types() == ["compute", "identity", "image"]
    made = make(cloud, admin, type="dns")
    assert "dns" in types()
    cloud.ask("PATCH", f"/v3/services/{made['id']}", token=admin, body={"service": {"enabled": False}})
    assert types() == ["compute", "identity", "image"]
    image = cloud.ask("GET", "/v3/services?type=image", token=admin).get_json()["services"][0]["id"]
    assert cloud.ask("DELETE", f"/v3/services/{image}", token=admin).status_code == 204
    assert types() == ["compute", "identity"]
    assert len(cloud.ask("GET", "/v3/endpoints", token=admin).get_json()["endpoints"]) == 2


@pytest.mark.parametrize(
    "service",
    [
        {},
        {"name": "x"},
        {"type": ""},
        {"type": " "},
        {"type": None},
        {"type": 7},
        {"type": "x" * 256},
        {"type": "dns", "name": ""},
        {"type": "dns", "name": None},
        {"type": "dns", "name": "x" * 256},
        {"type": "dns", "enabled": "yes"},
        {"type": "dns", "enabled": None},
        {"type": "dns", "description": ["a"]},
        {"type": "dns\0"},
        {"type": "dns", "extra": {"a": "\ud800"}},
    ],
)
def test_a_service_that_makes_no_sense_is_refused_and_nothing_is_stored(cloud, admin, service):
    check_error(cloud.ask("POST", "/v3/services", token=admin, body={"service": service}), 400)
    found = cloud.ask("GET", "/v3/services", token=admin).get_json()["services"]
    assert [one["name"] for one in found] == ["glance", "keystone", "nova"]


@pytest.mark.parametrize("change", [{}, {"id": "other"}, {"id": 5}, {"type": None}, {"name": ""}, {"enabled": 1}])
def test_a_change_that_makes_no_sense_is_refused(cloud, admin, change):
    stored = cloud.ask("GET", "/v3/services", token=admin).get_json()["services"][0]
    check_error(cloud.ask("PATCH", f"/v3/services/{stored['id']}", token=admin, body={"service": change}), 400)
    assert cloud.ask("GET", f"/v3/services/{stored['id']}", token=admin).get_json()["service"] == stored


@pytest.mark.parametrize("path", ["services", "endpoints", "policies", "OS-EP-FILTER/endpoint_groups"])
def test_readers_of_the_system_see_and_only_administrators_change(cloud, path):
    reader = cloud.login("reader", {"system": {"all": True}}).token
    member = cloud.login("member", project("web")).token
    assert cloud.ask("GET", f"/v3/{path}", token=reader).status_code == 200
    check_error(cloud.ask("GET", f"/v3/{path}/unknown", token=reader), 404)
    check_error(cloud.ask("GET", f"/v3/{path}", token=member), 403)
    check_error(cloud.ask("GET", f"/v3/{path}"), 401)
    for token in (reader, member):
        for method, url in (("POST", f"/v3/{path}"), ("PATCH", f"/v3/{path}/unknown"), ("DELETE", f"/v3/{path}/unknown")):
            check_error(cloud.ask(method, url, token=token, body={"no": "sense"}), 403)
