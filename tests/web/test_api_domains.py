"""Domains through the API."""

import pytest

from identity.store import grants
from tests.support.gateway import NOW, check_error, password_auth, project


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


def make(cloud, token, **domain):
    answer = cloud.ask("POST", "/v3/domains", token=token, body={"domain": domain})
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["domain"]


def test_a_domain_is_made_shown_changed_and_deleted(cloud, admin):
    made = make(cloud, admin, name=" north ", description="up there", colour="blue", tags=["b", "a"])
    assert made == {
        "id": made["id"],
        "name": "north",
        "description": "up there",
        "enabled": True,
        "colour": "blue",
        "tags": ["a", "b"],
        "options": {},
        "links": {"self": f"https://id.example.org/v3/domains/{made['id']}"},
    }
    url = f"/v3/domains/{made['id']}"
    assert cloud.ask("GET", url, token=admin).get_json()["domain"] == made
    check_error(cloud.ask("DELETE", url, token=admin), 403)
    off = {"enabled": False, "size": 7, "is_domain": False}
    changed = cloud.ask("PATCH", url, token=admin, body={"domain": off}).get_json()["domain"]
    assert changed == {**made, "enabled": False, "size": 7}
    assert cloud.ask("DELETE", url, token=admin).status_code == 204
    check_error(cloud.ask("GET", url, token=admin), 404)


def test_a_domain_is_a_project_and_the_other_way_round(cloud, admin):
    made = make(cloud, admin, name="north", colour="blue")
    shown = cloud.ask("GET", f"/v3/projects/{made['id']}", token=admin).get_json()["project"]
    assert (shown["is_domain"], shown["domain_id"], shown["parent_id"], shown["colour"]) == (True, None, None, "blue")
    body = {"project": {"name": "south", "is_domain": True, "domain_id": None}}
    other = cloud.ask("POST", "/v3/projects", token=admin, body=body).get_json()["project"]
    assert cloud.ask("GET", f"/v3/domains/{other['id']}", token=admin).get_json()["domain"]["name"] == "south"
    listed = cloud.ask("GET", "/v3/projects?is_domain=true&name__startswith=sou", token=admin).get_json()["projects"]
    assert listed == [other]
    cloud.ask("PATCH", f"/v3/projects/{other['id']}", token=admin, body={"project": {"enabled": False}})
    assert cloud.ask("DELETE", f"/v3/projects/{other['id']}", token=admin).status_code == 204
    check_error(cloud.ask("GET", "/v3/domains/web", token=admin), 404)


def test_a_description_of_null_is_an_empty_one(cloud, admin):
    """On purpose unlike Keystone: decision 0012."""
    for kind, more in (("domain", {"enabled": False}), ("project", {"domain_id": "default"}), ("group", {"domain_id": "default"})):
        body = {kind: {"name": "plain", "description": None, **more}}
        made = cloud.ask("POST", f"/v3/{kind}s", token=admin, body=body).get_json()[kind]
        assert made["description"] == ""
        url = f"/v3/{kind}s/{made['id']}"
        assert cloud.ask("GET", url, token=admin).get_json()[kind]["description"] == ""
        change = {kind: {"description": None, "name": "plainer"}}
        assert cloud.ask("PATCH", url, token=admin, body=change).get_json()[kind]["description"] == ""
    body = {"service": {"type": "plain", "description": None}}
    assert "description" not in cloud.ask("POST", "/v3/services", token=admin, body=body).get_json()["service"]


def test_the_list_is_filtered_and_paged(cloud, admin):
    make(cloud, admin, name="north", enabled=False)
    for query, expected in (
        ("", ["Default", "Other", "north"]),
        ("?name=north", ["north"]),
        ("?enabled=True", ["Default", "Other"]),
        ("?name__icontains=OTH", ["Other"]),
        ("?limit=1", ["Default"]),
        ("?limit=1&marker=default", ["Other"]),
        ("?sort_key=name&sort_dir=desc&limit=2", ["north", "Other"]),
    ):
        found = cloud.ask("GET", f"/v3/domains{query}", token=admin).get_json()["domains"]
        assert sorted(domain["name"] for domain in found) == sorted(expected), query


def test_who_is_scoped_to_a_domain_lists_that_one_alone(cloud):
    token = cloud.login("admin", {"domain": {"id": "default"}}).token
    found = cloud.ask("GET", "/v3/domains", token=token).get_json()["domains"]
    assert [domain["id"] for domain in found] == ["default"]
    member = cloud.login("member", project("web")).token
    check_error(cloud.ask("GET", "/v3/domains", token=member), 403)
    assert cloud.ask("GET", "/v3/domains/default", token=member).status_code == 200
    for id in ("other", "unknown"):
        check_error(cloud.ask("GET", f"/v3/domains/{id}", token=member), 403)


def test_only_an_administrator_writes(cloud):
    member = cloud.login("member", project("web")).token
    check_error(cloud.ask("POST", "/v3/domains", token=member, body={"domain": {"name": "x"}}), 403)
    for id in ("default", "other"):
        check_error(cloud.ask("PATCH", f"/v3/domains/{id}", token=member, body={"domain": {"name": "x"}}), 403)
        check_error(cloud.ask("DELETE", f"/v3/domains/{id}", token=member), 403)
    check_error(cloud.ask("DELETE", "/v3/domains/unknown", token=member), 403)
    check_error(cloud.ask("GET", "/v3/domains"), 401)


def test_a_domain_that_goes_takes_its_tokens_with_it(cloud, admin):
    guest = cloud.login("stranger", project("shop")).token
    cloud.do(grants.add, grants.Grant("user", "user-member", "project", "shop", "role-member"), NOW)
    visitor = cloud.login("member", project("shop")).token
    assert cloud.show(guest).status_code == cloud.show(visitor).status_code == 200
    assert cloud.ask("PATCH", "/v3/domains/other", token=admin, body={"domain": {"enabled": False}}).status_code == 200
    check_error(cloud.show(guest), 401)
    check_error(cloud.show(visitor), 401)
    assert cloud.ask("DELETE", "/v3/domains/other", token=admin).status_code == 204
    check_error(cloud.post(password_auth("stranger")), 401)
    assert cloud.ask("GET", "/v3/projects/shop", token=admin).status_code == 404


def test_an_immutable_domain_is_freed_in_a_change_of_its_own(cloud, admin):
    url = f"/v3/domains/{make(cloud, admin, name='north', options={'immutable': True}, enabled=False)['id']}"
    for body in ({"name": "x"}, {"name": "x", "options": {"immutable": False}}, {"options": {}}, {"options": {"immutable": True}}):
        check_error(cloud.ask("PATCH", url, token=admin, body={"domain": body}), 403)
    check_error(cloud.ask("DELETE", url, token=admin), 403)
    freed = cloud.ask("PATCH", url, token=admin, body={"domain": {"options": {"immutable": False}}}).get_json()["domain"]
    assert freed["options"] == {"immutable": False}
    assert cloud.ask("DELETE", url, token=admin).status_code == 204


def test_the_default_domain_stays(cloud, admin):
    system = cloud.login("admin", {"system": {"all": True}}).token
    cloud.do(grants.add, grants.Grant("user", "user-stranger", "project", "shop", "role-admin"), NOW)
    far = cloud.login("stranger", project("shop")).token
    assert cloud.ask("PATCH", "/v3/domains/default", token=system, body={"domain": {"enabled": False}}).status_code == 200
    check_error(cloud.ask("DELETE", "/v3/domains/default", token=far), 403)


def test_an_id_may_be_given_where_it_looks_like_one(cloud, admin):
    id = "0123456789abcdef0123456789abcdef"
    assert make(cloud, admin, name="north", explicit_domain_id=id)["id"] == id
    check_error(cloud.ask("POST", "/v3/domains", token=admin, body={"domain": {"name": "x", "explicit_domain_id": id}}), 409)
    check_error(cloud.ask("POST", "/v3/domains", token=admin, body={"domain": {"name": "north"}}), 409)


@pytest.mark.parametrize(
    "domain",
    [
        {},
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 65},
        {"name": None},
        {"name": "x", "enabled": "yes"},
        {"name": "x", "description": 1},
        {"name": "x", "options": {"unknown": True}},
        {"name": "x", "options": {"immutable": "true"}},
        {"name": "x", "tags": ["a,b"]},
        {"name": "x", "tags": ["a", "a"]},
        {"name": "x", "tags": [" "]},
        {"name": "x", "tags": ["a"] * 81},
        {"name": "x", "explicit_domain_id": "../etc"},
        {"name": "x", "explicit_domain_id": "system"},
        {"name": "FEDERATED"},
        {"name": "x\0"},
    ],
)
def test_a_domain_that_makes_no_sense_is_not_stored(cloud, admin, domain):
    check_error(cloud.ask("POST", "/v3/domains", token=admin, body={"domain": domain}), 400)
    assert len(cloud.ask("GET", "/v3/domains", token=admin).get_json()["domains"]) == 2
    check_error(cloud.ask("PATCH", "/v3/domains/other", token=admin, body={"domain": {**domain, "id": "elsewhere"}}), 400)
