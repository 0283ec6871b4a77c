"""Registered limits and limits through the API."""

from __future__ import annotations

import pytest

from identity.settings import UnifiedLimit
from tests.support.gateway import Cloud, check_error, project


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


def service(cloud: Cloud, token: str, kind: str = "compute") -> str:
    return cloud.ask("GET", f"/v3/services?type={kind}", token=token).get_json()["services"][0]["id"]


def register(cloud: Cloud, token: str, name: str = "cores", default: int = 10, status: int = 201, **more):
    wanted = {"service_id": service(cloud, token), "resource_name": name, "default_limit": default, **more}
    answer = cloud.ask("POST", "/v3/registered_limits", token=token, body={"registered_limits": [wanted]})
    assert answer.status_code == status, answer.get_json()
    return answer.get_json()["registered_limits"][0] if status == 201 else None


def limit(cloud: Cloud, token: str, value: int = 5, name: str = "cores", **more):
    return {"service_id": service(cloud, token), "resource_name": name, "resource_limit": value, **more}


def ask_limits(cloud: Cloud, token: str, *wanted):
    return cloud.ask("POST", "/v3/limits", token=token, body={"limits": list(wanted)})


def made(answer):
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["limits"]


def listed(cloud, token, path="/v3/limits"):
    answer = cloud.ask("GET", path, token=token)
    assert answer.status_code == 200, answer.get_json()
    return {member["id"] for member in answer.get_json()[path.partition("?")[0].rpartition("/")[2]]}


def test_a_registered_limit_is_made_shown_changed_and_deleted(cloud, admin):
    new = register(cloud, admin, region_id="RegionOne", description="so many")
    assert new == {
        "id": new["id"],
        "service_id": service(cloud, admin),
        "region_id": "RegionOne",
        "resource_name": "cores",
        "default_limit": 10,
        "description": "so many",
        "links": {"self": f"https://id.example.org/v3/registered_limits/{new['id']}"},
    }
    path = f"/v3/registered_limits/{new['id']}"
    assert cloud.ask("GET", path, token=admin).get_json()["registered_limit"] == new
    change = {"default_limit": 0, "region_id": None, "description": None}
    changed = cloud.ask("PATCH", path, token=admin, body={"registered_limit": change}).get_json()["registered_limit"]
    assert changed == {**new, **change}
    assert cloud.ask("GET", path, token=admin).get_json()["registered_limit"] == changed
    assert cloud.ask("DELETE", path, token=admin).status_code == 204
    for method, body in (("GET", None), ("PATCH", {"registered_limit": change}), ("DELETE", None)):
        check_error(cloud.ask(method, path, token=admin, body=body), 404)


def test_registered_limits_are_filtered_and_paged(cloud, admin):
    ids = {register(cloud, admin, name)["id"] for name in ("a", "b", "c")}
    there = register(cloud, admin, "a", region_id="RegionOne")["id"]
    path = "/v3/registered_limits"
    assert listed(cloud, admin, path) == ids | {there}
    assert listed(cloud, admin, f"{path}?region_id=RegionOne") == {there}
    assert listed(cloud, admin, f"{path}?resource_name__icontains=B") <= ids
    assert len(listed(cloud, admin, f"{path}?service_id={service(cloud, admin)}&limit=2")) == 2
    assert listed(cloud, admin, f"{path}?service_id=unknown") == set()


def test_there_is_one_registered_limit_of_a_resource(cloud, admin):
    first, second = register(cloud, admin), register(cloud, admin, region_id="RegionOne")
    register(cloud, admin, status=409)
    register(cloud, admin, status=409, region_id="RegionOne")
    wanted = {"service_id": service(cloud, admin), "resource_name": "ram", "default_limit": 1}
    check_error(cloud.ask("POST", "/v3/registered_limits", token=admin, body={"registered_limits": [wanted, wanted]}), 409)
    assert listed(cloud, admin, "/v3/registered_limits") == {first["id"], second["id"]}
    path = f"/v3/registered_limits/{second['id']}"
    check_error(cloud.ask("PATCH", path, token=admin, body={"registered_limit": {"region_id": None}}), 409)
    same = {"region_id": "RegionOne", "resource_name": "cores", "default_limit": 11}
    assert cloud.ask("PATCH", path, token=admin, body={"registered_limit": same}).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"service_id": "unknown"},
        {"service_id": None},
        {"service_id": "nul \0"},
        {"region_id": "unknown"},
        {"region_id": ""},
        {"resource_name": ""},
        {"resource_name": "n" * 256},
        {"default_limit": "10"},
        {"default_limit": True},
        {"default_limit": -2},
        {"default_limit": 2**31},
        {"description": 7},
        {"colour": "blue"},
    ],
)
def test_a_registered_limit_that_makes_no_sense_is_told_so(cloud, admin, wrong):
    good = {"service_id": service(cloud, admin), "resource_name": "ram", "default_limit": 1}
    body = {"registered_limits": [good, {**good, "resource_name": "disk", **wrong}]}
    check_error(cloud.ask("POST", "/v3/registered_limits", token=admin, body=body), 400)
    assert listed(cloud, admin, "/v3/registered_limits") == set()  # all or none
    path = f"/v3/registered_limits/{register(cloud, admin)['id']}"
    check_error(cloud.ask("PATCH", path, token=admin, body={"registered_limit": wrong}), 400)


@pytest.mark.parametrize("body", [{}, {"limits": {}}, {"limits": []}, {"limits": [1]}, {"registered_limits": []}, b"[", []])
def test_a_list_is_needed(cloud, admin, body):
    for path in ("/v3/limits", "/v3/registered_limits"):
        check_error(cloud.ask("POST", path, token=admin, body=body), 400)


def test_a_limit_is_made_shown_changed_and_deleted(cloud, admin):
    registered = register(cloud, admin)
    new = made(ask_limits(cloud, admin, limit(cloud, admin, project_id="web")))[0]
    assert new == {
        "id": new["id"],
        "project_id": "web",
        "domain_id": None,
        "service_id": service(cloud, admin),
        "region_id": None,
        "resource_name": "cores",
        "resource_limit": 5,
        "description": None,
        "links": {"self": f"https://id.example.org/v3/limits/{new['id']}"},
    }
    path, default = f"/v3/limits/{new['id']}", f"/v3/registered_limits/{registered['id']}"
    assert cloud.ask("GET", path, token=admin).get_json()["limit"] == new
    for change in ({"resource_limit": 0, "description": "few"}, {"description": None}, {}):
        new |= change
        assert cloud.ask("PATCH", path, token=admin, body={"limit": change}).get_json()["limit"] == new
    check_error(cloud.ask("DELETE", default, token=admin), 403)
    check_error(cloud.ask("PATCH", default, token=admin, body={"registered_limit": {"default_limit": 7}}), 403)
    assert cloud.ask("DELETE", path, token=admin).status_code == 204
    assert cloud.ask("DELETE", default, token=admin).status_code == 204
    for method, body in (("GET", None), ("PATCH", {"limit": {}}), ("DELETE", None)):
        check_error(cloud.ask(method, path, token=admin, body=body), 404)


def test_a_project_that_acts_as_a_domain_gets_a_domains_limit(cloud, admin):
    register(cloud, admin)
    new = made(ask_limits(cloud, admin, limit(cloud, admin, project_id="other")))[0]
    assert (new["project_id"], new["domain_id"]) == (None, "other")
    check_error(ask_limits(cloud, admin, limit(cloud, admin, domain_id="other")), 409)
    assert listed(cloud, admin, "/v3/limits?domain_id=other") == {new["id"]}


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"service_id": "unknown"}, 400),
        ({"region_id": "unknown"}, 400),
        ({"project_id": "unknown"}, 400),
        ({"project_id": "nul \0"}, 400),
        ({"project_id": None}, 400),
        ({"project_id": None, "domain_id": "unknown"}, 400),
        ({"project_id": None, "domain_id": "web"}, 400),
        ({"domain_id": "other"}, 400),
        ({"resource_limit": "5"}, 400),
        ({"resource_limit": -2}, 400),
        ({"resource_limit": 2**31}, 400),
        ({"colour": "blue"}, 400),
        ({"resource_name": "unregistered"}, 403),
        ({"region_id": "RegionOne"}, 403),
        ({"project_id": "web"}, 409),
    ],
)
def test_a_limit_that_cannot_be_is_told_so_and_nothing_is_stored(cloud, admin, wrong, status):
    register(cloud, admin)
    good = limit(cloud, admin, project_id="web")
    check_error(ask_limits(cloud, admin, good, {**good, "project_id": "idle", **wrong}), status)
    assert listed(cloud, admin) == set()


@pytest.mark.parametrize("wrong", [{"project_id": "idle"}, {"resource_limit": None}, {"resource_limit": 1.5}, {"description": 1}])
def test_of_a_limit_only_value_and_description_change(cloud, admin, wrong):
    register(cloud, admin)
    new = made(ask_limits(cloud, admin, limit(cloud, admin, project_id="web")))[0]
    check_error(cloud.ask("PATCH", f"/v3/limits/{new['id']}", token=admin, body={"limit": wrong}), 400)


def test_who_sees_which_limits(cloud, admin):
    register(cloud, admin)
    owners = ({"project_id": "web"}, {"project_id": "shop"}, {"domain_id": "default"}, {"domain_id": "other"})
    web, shop, default, other = (one["id"] for one in made(ask_limits(cloud, admin, *[limit(cloud, admin, **o) for o in owners])))
    everything = {web, shop, default, other}
    seen = (
        (("admin", project("admin")), everything),
        (("reader", {"system": {"all": True}}), everything),
        (("nova", project("service")), everything),
        (("member", {"domain": {"id": "default"}}), {web, default}),
        (("member", project("web")), {web}),
        (("stranger", project("shop")), {shop}),
        (("nobody",), set()),
    )
    for login, expected in seen:
        token = cloud.login(*login).token
        assert listed(cloud, token) == expected, login
        assert cloud.ask("GET", "/v3/limits/model", token=token).status_code == 200
    member = cloud.login("member", project("web")).token
    assert cloud.ask("GET", f"/v3/limits/{web}", token=member).status_code == 200
    for id in (shop, other, "unknown"):
        check_error(cloud.ask("GET", f"/v3/limits/{id}", token=member), 403)
    domain = cloud.login("member", {"domain": {"id": "default"}}).token
    for id, status in ((web, 200), (default, 200), (shop, 403), (other, 403)):
        assert cloud.ask("GET", f"/v3/limits/{id}", token=domain).status_code == status


def test_only_an_administrator_changes_limits(cloud, admin):
    registered = register(cloud, admin)["id"]
    id = made(ask_limits(cloud, admin, limit(cloud, admin, project_id="web")))[0]["id"]
    member = cloud.login("member", project("web")).token
    for known, path, key in ((id, "/v3/limits", "limit"), (registered, "/v3/registered_limits", "registered_limit")):
        check_error(cloud.ask("POST", path, token=member, body={f"{key}s": []}), 403)
        for one in (known, "unknown"):
            check_error(cloud.ask("PATCH", f"{path}/{one}", token=member, body={key: {}}), 403)
            check_error(cloud.ask("DELETE", f"{path}/{one}", token=member), 403)


def test_filters_and_pages_of_limits(cloud, admin):
    for name in ("cores", "ram"):
        register(cloud, admin, name)
    wanted = [limit(cloud, admin, name=name, project_id=id) for name in ("cores", "ram") for id in ("web", "idle")]
    ids = {one["id"]: one for one in made(ask_limits(cloud, admin, *wanted))}
    assert {ids[id]["resource_name"] for id in listed(cloud, admin, "/v3/limits?resource_name=ram")} == {"ram"}
    assert len(listed(cloud, admin, f"/v3/limits?project_id=web&service_id={service(cloud, admin)}")) == 2
    assert listed(cloud, admin, "/v3/limits?region_id=RegionOne") == set()
    url, seen = "/v3/limits?limit=3", []
    while url:
        answer = cloud.ask("GET", url, token=admin).get_json()
        seen += [one["id"] for one in answer["limits"]]
        url = (answer["links"]["next"] or "").removeprefix("https://id.example.org")
    assert seen == sorted(ids)


def test_limits_go_with_their_project_or_domain(cloud, admin):
    register(cloud, admin)
    made(ask_limits(cloud, admin, limit(cloud, admin, project_id="idle"), limit(cloud, admin, domain_id="other")))
    assert cloud.ask("DELETE", "/v3/projects/idle", token=admin).status_code == 204
    assert len(listed(cloud, admin)) == 1
    assert cloud.ask("PATCH", "/v3/domains/other", token=admin, body={"domain": {"enabled": False}}).status_code == 200
    assert cloud.ask("DELETE", "/v3/domains/other", token=admin).status_code == 204
    assert listed(cloud, admin) == set()


# The strict model of two levels


@pytest.fixture
def strict(make_cloud):
    return make_cloud(unified_limit=UnifiedLimit(enforcement_model="strict_two_level"))


@pytest.fixture
def root(strict):
    token = strict.login("admin", project("admin")).token
    register(strict, token, default=10)
    return token


def test_the_model_is_told(cloud, admin, make_cloud):
    shown = cloud.ask("GET", "/v3/limits/model", token=admin).get_json()["model"]
    assert shown["name"] == "flat" and shown["description"]
    check_error(cloud.ask("GET", "/v3/limits/model"), 401)


def test_a_projects_limit_stays_within_its_domains(strict, root):
    def asked(*wanted):
        return ask_limits(strict, root, *wanted)

    def of(value, **owner):
        return limit(strict, root, value, **owner)

    assert strict.ask("GET", "/v3/limits/model", token=root).get_json()["model"]["name"] == "strict_two_level"
    check_error(asked(of(11, project_id="web")), 403)  # the domain has the registered limit, 10
    web = made(asked(of(10, project_id="web")))[0]["id"]
    check_error(asked(of(9, domain_id="default")), 403)
    domain = made(asked(of(20, domain_id="default")))[0]["id"]
    for id, value, status in (
        (web, 20, 200),
        (web, 21, 403),
        (web, -1, 403),
        (domain, 19, 403),
        (domain, 0, 403),
        (domain, -1, 200),
        (web, 1000, 200),
        (web, -1, 200),
        (domain, 1000, 403),
    ):
        answer = strict.ask("PATCH", f"/v3/limits/{id}", token=root, body={"limit": {"resource_limit": value}})
        assert answer.status_code == status, (id == web, value, answer.get_json())
    assert strict.ask("GET", f"/v3/limits/{domain}", token=root).get_json()["limit"]["resource_limit"] == -1


def test_a_list_is_judged_as_a_whole(strict, root):
    pair = [limit(strict, root, 40, project_id="shop"), limit(strict, root, 50, domain_id="other")]
    assert len(made(ask_limits(strict, root, *pair))) == 2
    assert strict.ask("DELETE", "/v3/projects/shop", token=root).status_code == 204
    wrong = [limit(strict, root, 6, project_id="web"), limit(strict, root, 5, domain_id="default")]
    check_error(ask_limits(strict, root, *wrong), 403)
    assert len(listed(strict, root)) == 1


def test_an_older_limit_that_breaks_the_rule_stands_in_nobodys_way(cloud, admin):
    """Kept under the flat model, before the operator turned to the strict one."""
    register(cloud, admin)
    made(ask_limits(cloud, admin, limit(cloud, admin, 99, project_id="web")))
    second = cloud.second(unified_limit=UnifiedLimit(enforcement_model="strict_two_level"))
    made(ask_limits(second, admin, limit(second, admin, 5, project_id="idle")))
    check_error(ask_limits(second, admin, limit(second, admin, 50, domain_id="default")), 403)
    second.close()
