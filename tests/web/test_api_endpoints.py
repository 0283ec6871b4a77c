"""Endpoints through the API."""

import pytest

from tests.support.gateway import check_error, project


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


@pytest.fixture
def service(cloud, admin):
    return cloud.ask("GET", "/v3/services?type=compute", token=admin).get_json()["services"][0]["id"]


def post(cloud, token, endpoint):
    return cloud.ask("POST", "/v3/endpoints", token=token, body={"endpoint": endpoint})


def make(cloud, token, service_id, **endpoint):
    answer = post(cloud, token, {"service_id": service_id, "interface": "public", "url": "https://a", **endpoint})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["endpoint"]


def regions(cloud, token):
    return [region["id"] for region in cloud.ask("GET", "/v3/regions", token=token).get_json()["regions"]]


def test_an_endpoint_is_made_shown_changed_and_deleted(cloud, admin, service):
    made = make(cloud, admin, service, region_id="RegionOne", name="one", description=None, colour="blue", id="mine")
    url = f"/v3/endpoints/{made['id']}"
    assert made == {
        "id": made["id"],
        "interface": "public",
        "service_id": service,
        "region_id": "RegionOne",
        "region": "RegionOne",
        "url": "https://a",
        "enabled": True,
        "name": "one",
        "description": None,
        "colour": "blue",
        "links": {"self": f"https://id.example.org{url}"},
    }
    assert made["id"] != "mine"
    change = {"interface": "admin", "region_id": None, "url": "https://b/%(tenant_id)s", "enabled": False, "name": "two"}
    changed = cloud.ask("PATCH", url, token=admin, body={"endpoint": change}).get_json()["endpoint"]
    assert changed == {**made, **change, "region": None} == cloud.ask("GET", url, token=admin).get_json()["endpoint"]
    assert cloud.ask("DELETE", url, token=admin).status_code == 204
    for method, body in (("GET", None), ("PATCH", {"endpoint": {"url": "https://c"}}), ("DELETE", None)):
        check_error(cloud.ask(method, url, token=admin, body=body), 404)


def test_the_old_name_of_a_region_makes_it(cloud, admin, service):
    made = make(cloud, admin, service, region="South")
    assert made["region"] == made["region_id"] == "South"
    assert regions(cloud, admin) == ["RegionOne", "South"]
    assert make(cloud, admin, service, region="South", region_id=None)["region_id"] == "South"
    assert make(cloud, admin, service, region="West", region_id="South")["region_id"] == "South"  # the new name goes first
    url = f"/v3/endpoints/{made['id']}"
    for change, expected in (({"region": "East"}, "East"), ({"region": None}, "East"), ({"region_id": "South"}, "South")):
        assert cloud.ask("PATCH", url, token=admin, body={"endpoint": change}).get_json()["endpoint"]["region"] == expected
    assert regions(cloud, admin) == ["East", "RegionOne", "South"]


def test_an_endpoint_that_cannot_be_made_leaves_no_region_behind(cloud, admin):
    wrong = {"service_id": "unknown", "interface": "public", "url": "https://a", "region": "New"}
    check_error(post(cloud, admin, wrong), 400)
    assert regions(cloud, admin) == ["RegionOne"]


def test_endpoints_are_filtered_and_paged(cloud, admin, service):
    made = [make(cloud, admin, service, interface=interface)["id"] for interface in ("admin", "internal", "internal")]
    stored = cloud.ask("GET", f"/v3/endpoints?service_id={service}&region_id=RegionOne", token=admin).get_json()["endpoints"]
    assert [endpoint["url"] for endpoint in stored] == ["https://compute.example.org/v2.1/$(project_id)s"]
    for query, expected in (
        ("interface=internal", made[1:]),
        (f"interface=admin&service_id={service}", made[:1]),
        ("interface__startswith=in", made[1:]),
        ("interface=admin&region_id=RegionOne", []),
        ("interface=bogus", []),
    ):
        found = cloud.ask("GET", f"/v3/endpoints?{query}", token=admin).get_json()["endpoints"]
        assert sorted(endpoint["id"] for endpoint in found) == sorted(expected)
    first = cloud.ask("GET", "/v3/endpoints?interface=internal&limit=1", token=admin).get_json()
    second = cloud.ask("GET", first["links"]["next"].removeprefix("https://id.example.org"), token=admin).get_json()
    assert [first["endpoints"][0]["id"], second["endpoints"][0]["id"]] == sorted(made[1:])


def test_an_endpoint_shows_in_catalogues_at_once(cloud, admin, service):
    member = cloud.login("member", project("web")).token
    made = make(cloud, admin, service, url="https://b/$(project_id)s", name="one")

    def urls():
        return {endpoint["url"] for one in cloud.show(member).get_json()["token"]["catalog"] for endpoint in one["endpoints"]}

    assert "https://b/web" in urls()
    cloud.ask("PATCH", f"/v3/endpoints/{made['id']}", token=admin, body={"endpoint": {"url": "https://c/%(user_id)s"}})
    assert "https://c/user-member" in urls()
    cloud.ask("PATCH", f"/v3/endpoints/{made['id']}", token=admin, body={"endpoint": {"enabled": False}})
    assert "https://c/user-member" not in urls()


URLS = [
    "",
    "a",
    "https:",
    "//a",
    "ht!tp://a",
    "https://a\n",
    "https://\0",
    "https://$(port)s",
    "https://$(project_id)",
    "https://%(project_id)d",
    "https://%(project_id)99999999s",
    "https://%s",
    "https://%",
    "https://$(compute_host)s",
    "https://%(project_id.__class__)s",
    "https://" + "x" * 5000,
    None,
    7,
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_could_never_be_filled_in_is_refused(cloud, admin, service, url):
    check_error(post(cloud, admin, {"service_id": service, "interface": "public", "url": url}), 400)
    stored = cloud.ask("GET", f"/v3/endpoints?service_id={service}", token=admin).get_json()["endpoints"]
    assert len(stored) == 1
    check_error(cloud.ask("PATCH", f"/v3/endpoints/{stored[0]['id']}", token=admin, body={"endpoint": {"url": url}}), 400)


@pytest.mark.parametrize("url", ["https://a", "a+b.c-1:x", "https://$(tenant_id)s/%(user_id)s/100%%", "https://é/{x}"])
def test_other_urls_are_kept_as_they_are(cloud, admin, service, url):
    assert make(cloud, admin, service, url=url)["url"] == url


@pytest.mark.parametrize(
    "wrong",
    [
        {"service_id": "unknown"},
        {"service_id": ""},
        {"service_id": None},
        {"service_id": "x" * 65},
        {"region_id": "unknown"},
        {"region_id": ""},
        {"region": ""},
        {"region": " "},
        {"region": "x" * 256},
        {"interface": "private"},
        {"interface": None},
        {"enabled": "true"},
        {"enabled": None},
        {"name": 5},
        {"description": 5},
        {"x": "\0"},
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(cloud, admin, service, wrong):
    check_error(post(cloud, admin, {"service_id": service, "interface": "public", "url": "https://a", **wrong}), 400)
    (stored,) = cloud.ask("GET", f"/v3/endpoints?service_id={service}", token=admin).get_json()["endpoints"]
    check_error(cloud.ask("PATCH", f"/v3/endpoints/{stored['id']}", token=admin, body={"endpoint": wrong}), 400)
    assert cloud.ask("GET", f"/v3/endpoints/{stored['id']}", token=admin).get_json()["endpoint"] == stored
    assert regions(cloud, admin) == ["RegionOne"]


@pytest.mark.parametrize("missing", ["service_id", "interface", "url"])
def test_an_endpoint_needs_its_three_attributes(cloud, admin, service, missing):
    endpoint = {"service_id": service, "interface": "public", "url": "https://a"}
    del endpoint[missing]
    check_error(post(cloud, admin, endpoint), 400)
