"""Tags of projects through the API."""

import pytest

from tests.support.gateway import check_error, project

TAGS = "/v3/projects/web/tags"


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


def test_tags_are_set_added_asked_for_and_taken(cloud, admin):
    put = cloud.ask("PUT", TAGS, token=admin, body={"tags": ["red", " blue "]})
    assert put.get_json() == {"tags": ["blue", "red"], "links": {"self": f"https://id.example.org{TAGS}"}}
    added = cloud.ask("PUT", f"{TAGS}/dark green", token=admin)
    assert (added.status_code, added.get_data()) == (201, b"")
    assert added.headers["Location"] == f"https://id.example.org{TAGS}/dark%20green"
    assert cloud.ask("PUT", f"{TAGS}/red", token=admin).status_code == 201
    assert cloud.ask("GET", TAGS, token=admin).get_json()["tags"] == ["blue", "dark green", "red"]
    for method in ("GET", "HEAD", "DELETE"):
        assert cloud.ask(method, f"{TAGS}/red", token=admin).status_code == 204
    for method in ("GET", "HEAD", "DELETE"):
        assert cloud.ask(method, f"{TAGS}/red", token=admin).status_code == 404
    assert cloud.ask("GET", "/v3/projects/web", token=admin).get_json()["project"]["tags"] == ["blue", "dark green"]
    assert cloud.ask("DELETE", TAGS, token=admin).status_code == 204
    assert cloud.ask("GET", TAGS, token=admin).get_json()["tags"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"tags": None},
        {"tags": "red"},
        {"tags": [1]},
        {"tags": [""]},
        {"tags": ["  "]},
        {"tags": ["a,b"]},
        {"tags": ["a/b"]},
        {"tags": ["a", "a "]},
        {"tags": ["x" * 256]},
        {"tags": ["nul\0"]},
        {"tags": [str(number) for number in range(81)]},
        b"\xff",
        b"",
    ],
)
def test_tags_that_make_no_sense_are_not_stored(cloud, admin, body):
    check_error(cloud.ask("PUT", TAGS, token=admin, body=body), 400)
    assert cloud.ask("GET", TAGS, token=admin).get_json()["tags"] == []


def test_one_tag_that_makes_no_sense_is_not_stored(cloud, admin):
    for tag in ("a,b", "x" * 256, "%20"):
        check_error(cloud.ask("PUT", f"{TAGS}/{tag}", token=admin), 400)
    assert cloud.ask("PUT", TAGS, token=admin, body={"tags": [str(number) for number in range(80)]}).status_code == 200
    check_error(cloud.ask("PUT", f"{TAGS}/more", token=admin), 400)
    assert cloud.ask("PUT", f"{TAGS}/79", token=admin).status_code == 201


def test_who_may_see_and_who_may_write(cloud, admin):
    member = cloud.login("member", project("web")).token
    assert cloud.ask("PUT", f"{TAGS}/red", token=admin).status_code == 201
    assert cloud.ask("GET", TAGS, token=member).get_json()["tags"] == ["red"]
    assert cloud.ask("GET", f"{TAGS}/red", token=member).status_code == 204
    for method, path, body in (
        ("PUT", TAGS, {"tags": []}),
        ("DELETE", TAGS, None),
        ("PUT", f"{TAGS}/x", None),
        ("DELETE", f"{TAGS}/red", None),
        ("GET", "/v3/projects/shop/tags", None),
        ("GET", "/v3/projects/unknown/tags", None),
    ):
        check_error(cloud.ask(method, path, token=member, body=body), 403)
    for method, path in (("GET", ""), ("DELETE", ""), ("PUT", "/x"), ("GET", "/x"), ("DELETE", "/x")):
        check_error(cloud.ask(method, f"/v3/projects/unknown/tags{path}", token=admin), 404)


def test_tags_of_an_immutable_project_stay(cloud, admin):
    cloud.ask("PUT", f"{TAGS}/red", token=admin)
    cloud.ask("PATCH", "/v3/projects/web", token=admin, body={"project": {"options": {"immutable": True}}})
    for method, path, body in (("PUT", "", {"tags": []}), ("DELETE", "", None), ("PUT", "/x", None), ("DELETE", "/red", None)):
        check_error(cloud.ask(method, f"{TAGS}{path}", token=admin, body=body), 403)
    assert cloud.ask("GET", TAGS, token=admin).get_json()["tags"] == ["red"]
