"""What the service tells about itself: OpenAPI, its page, and JSON-Home."""

from __future__ import annotations

import re

import pytest

from identity.web.declarations import declared
from identity.web.home import template
from identity.web.route import PUBLIC
from tests.support.gateway import BASE, Cloud

MEDIA_TYPE = "application/json-home"
ROOT = "https://docs.openstack.org/api/openstack-identity/3/"


@pytest.fixture(scope="module")
def document(shared_cloud: Cloud):
    answer = shared_cloud.ask("GET", "/v3/openapi.json")
    assert answer.status_code == 200 and answer.mimetype == "application/json"
    return answer.get_json()


def test_every_route_is_in_the_document_and_nothing_else(document):
    told = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert told == {(route.method, template(route.path)) for route in declared()}


def test_the_document_is_valid_openapi(document):
    from openapi_spec_validator import validate

    validate(document)


def test_the_document_says_who_may_and_with_what(document):
    operation = document["paths"]["/v3/regions/{region_id}"]["patch"]
    assert operation["x-policy"] == "identity:update_region"
    assert operation["security"] == [{"token": []}]
    assert {"400", "401", "403", "404", "503", "200"} <= set(operation["responses"])
    assert operation["requestBody"]["content"]["application/json"]["schema"]
    names = {parameter["name"] for parameter in document["paths"]["/v3/regions"]["get"]["parameters"]}
    assert names == {"parent_region_id", "sort_key", "sort_dir", "limit", "marker"}
    assert document["paths"]["/v3"]["get"]["security"] == []
    methods = document["components"]["schemas"]["AuthShape"]["properties"]["identity"]["properties"]
    assert {"password", "token"} <= set(methods["methods"]["items"]["enum"])
    assert "user" in str(methods["password"]) or "$ref" in methods["password"]


def test_operation_ids_are_unique(document):
    ids = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(ids) == len(set(ids))


def test_the_document_names_the_url_it_was_asked_on(shared_cloud: Cloud):
    for face in ("", "/main", "/krb"):
        assert shared_cloud.ask("GET", f"{face}/v3/openapi.json").get_json()["servers"] == [{"url": f"{BASE}{face}"}]


def test_the_page_shows_every_route_and_runs_nothing(shared_cloud: Cloud, document):
    answer = shared_cloud.ask("GET", "/v3/docs")
    page = answer.get_data(as_text=True)
    assert answer.mimetype == "text/html"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in page and not re.search(r"(src|href)=.https?:", page)
    for operations in document["paths"].values():
        for operation in operations.values():
            assert f'id="{operation["operationId"]}"' in page


@pytest.mark.parametrize(("path", "prefix"), [("/", "/v3"), ("/v3", "")])
def test_json_home_is_keystones_as_far_as_the_routes_are_served(shared_cloud: Cloud, path, prefix):
    answer = shared_cloud.ask("GET", path, headers={"Accept": MEDIA_TYPE})
    assert answer.status_code == 200 and answer.mimetype == MEDIA_TYPE
    ours = answer.get_json(force=True)["resources"]
    theirs = _keystones_home(path)
    assert ours.keys() <= theirs.keys()
    assert {name: theirs[name] for name in ours} == ours
    served = {template(route.path) for route in declared()}
    wanted = {
        name
        for name, shown in theirs.items()
        if "/v3" + (shown.get("href") or shown["href-template"]).removeprefix(prefix) in served
    }
    assert ours.keys() == wanted


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        (f"{MEDIA_TYPE};q=0.5, application/json", "application/json"),
        (f"application/json;q=0.5, {MEDIA_TYPE}", MEDIA_TYPE),
        (f"{MEDIA_TYPE};q=x", "application/json"),
        (f"{MEDIA_TYPE}," * 400, MEDIA_TYPE),
    ],
)
def test_the_form_of_discovery_is_the_one_preferred(shared_cloud: Cloud, accept, expected):
    assert shared_cloud.ask("GET", "/v3", headers={} if accept is None else {"Accept": accept}).mimetype == expected


def test_what_is_public_is_said_to_be(document):
    opened = {
        path for path, operations in document["paths"].items() for operation in operations.values() if operation["security"] == []
    }
    assert opened == {template(route.path) for route in declared() if route.policy == PUBLIC}


def _keystones_home(path: str):
    import keystone.conf
    from keystone.server.flask import application as theirs
    from werkzeug.test import Client

    keystone.conf.configure()
    keystone.conf.CONF([], project="keystone")
    return Client(theirs.application_factory()).get(path, headers={"Accept": MEDIA_TYPE}).get_json(force=True)["resources"]
