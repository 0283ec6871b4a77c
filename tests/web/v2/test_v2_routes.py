"""The routes of version 2.0: all that the API's own table has, at every door, in whatever spelling."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from identity.web.declarations import declared, served
from identity.web.home import template
from identity.web.route import PUBLIC
from tests.support.gateway import BASE, Cloud, check_error
from tests.support.old_api import OldCloud

ROUTES = {(route.method, route.path): route for route in declared("v2.0") if route.path.startswith("/v2.0")}
TABLE = Path(__file__).parent / "routes-v2.tsv"
# They log in by a signature with keys that are only kept so far, on version 3 as here.
NOT_YET = {("POST", "/v2.0/ec2tokens"), ("POST", "/v2.0/s3tokens")}
# The same URL with another name for the variable: here an id or a name are both taken.
BY_NAME = {"/v2.0/OS-KSADM/services/{service_name}": "{service_id}", "/v2.0/OS-KSADM/roles/{role_name}": "{role_id}"}
OURS = {("GET", "/v2.0/openapi.json")}
# Another route's variable may stand for the last word: GET /v2.0/tokens/revoked is about a token of that name for DELETE.
SHADOWED = {"/v2.0/tokens/revoked"}
DOORS = ("", "/main", "/admin")


def test_the_served_routes_are_the_apis():
    with TABLE.open() as lines:
        table = {(row["method"], row["path"]) for row in csv.DictReader(lines, delimiter="\t")}
    asked = {(method, path.rpartition("/")[0] + "/" + BY_NAME[path] if path in BY_NAME else path) for method, path in table}
    here = {(method, template(path)) for method, path in ROUTES}
    assert asked - here - {("GET", "/")} == NOT_YET
    assert here - asked == OURS


def test_the_two_versions_share_no_route_but_those_of_the_service():
    both = {(route.method, route.path) for route in declared("v3")} & {(route.method, route.path) for route in declared("v2.0")}
    assert both == {("GET", "/"), ("GET", "/healthcheck"), ("GET", "/metrics")}
    assert {route.path for route in served(["v2.0"]) if route.path.startswith("/v3")} == set()


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
def test_each_is_at_every_door(shared_old: OldCloud, path: str):
    """Without a token: a guarded route asks for one, and a public one answers; none is unknown. A slash at the end is nothing."""
    filled = template(path).replace("{", "x-").replace("}", "")
    for method in (known for known, place in ROUTES if place == path):
        public = ROUTES[method, path].policy == PUBLIC
        for face in DOORS:
            for spelled in (filled, f"{filled}/"):
                answer = shared_old.cloud.ask(method, face + spelled, body={} if method in ("POST", "PUT", "PATCH") else None)
                if public:
                    assert answer.status_code in (200, 400, 404, 410), (method, face + spelled)
                    assert answer.status_code != 404 or "extension" in answer.get_data(as_text=True)
                else:
                    assert answer.status_code == 401, (method, face + spelled)
                    assert answer.headers["WWW-Authenticate"] == f'Keystone uri="{BASE}{face}"'


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES} - SHADOWED))
def test_a_wrong_method_is_told_the_right_ones(shared_old: OldCloud, path: str):
    known = {method for method, place in ROUTES if place == path}
    known |= {"HEAD"} & {"HEAD" for method in known if method == "GET"}
    for method in sorted({"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "get"} - known):
        answer = shared_old.cloud.ask(method, template(path).replace("{", "").replace("}", ""))
        check_error(answer, 405)
        assert {name.strip() for name in answer.headers["Allow"].split(",")} == known | {"OPTIONS"}, method


@pytest.mark.parametrize("face", DOORS)
def test_discovery_leads_back_to_the_same_door(shared_old: OldCloud, face: str):
    for spelled in ("/v2.0", "/v2.0/"):
        version = shared_old.cloud.ask("GET", face + spelled).get_json()["version"]
        assert version["id"] == "v2.0" and version["links"][0] == {"rel": "self", "href": f"{BASE}{face}/v2.0/"}
    listed = shared_old.cloud.ask("GET", face or "/")
    assert listed.status_code == 300
    assert {each["id"].partition(".")[0]: each["links"][0]["href"] for each in listed.get_json()["versions"]["values"]} == {
        "v3": f"{BASE}{face}/v3/",
        "v2": f"{BASE}{face}/v2.0/",
    }


def test_a_pool_of_version_2_alone_knows_no_version_3(make_cloud):
    from dataclasses import replace

    from tests.support.old_api import BOTH

    pool: Cloud = make_cloud(server=replace(BOTH, apis=["v2.0"]))
    (version,) = pool.ask("GET", "/").get_json()["versions"]["values"]
    assert version["id"] == "v2.0"
    assert pool.ask("GET", "/").headers["Location"] == f"{BASE}/v2.0/"
    for method, path in (("GET", "/v3"), ("POST", "/v3/auth/tokens"), ("GET", "/v3/users"), ("GET", "/v3/openapi.json")):
        check_error(pool.ask(method, path, body={} if method == "POST" else None), 404)
    assert OldCloud(pool).token("member", "web")


@pytest.mark.parametrize("path", ["/v2", "/v2.1", "/V2.0", "/v2.0/v3", "/v2.0/users/x/y", "/v2.0/tokens/x/y", "/krb/v2.0x", "/v20"])
def test_an_unknown_path_is_a_404_and_never_a_challenge(shared_old: OldCloud, path: str):
    for face in DOORS:
        answer = shared_old.cloud.ask("GET", face + path)
        check_error(answer, 404)
        assert "WWW-Authenticate" not in answer.headers


def test_the_document_describes_what_is_served(shared_old: OldCloud):
    document = shared_old.get("/openapi.json")
    described = {(method.upper(), path) for path, about in document["paths"].items() for method in about}
    assert {(method, template(path)) for method, path in ROUTES} <= described
    asked = document["components"]["schemas"]["OldAuthShape"]["properties"]
    assert set(asked) == {"passwordCredentials", "token", "tenantName", "tenantId", "trust_id"}
    from openapi_spec_validator import validate

    validate(document)
