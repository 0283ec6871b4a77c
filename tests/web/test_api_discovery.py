"""Discovery: never challenged, never redirected, with the prefix it was asked on and only our own hosts."""

from __future__ import annotations

import pytest

from tests.support.gateway import BASE, OTHER_BASE, Cloud, check_error

FACES = ("", "/main", "/admin", "/krb")
HOSTILE = [
    "evil.example.org",
    "id.example.org.evil.example",
    "id.example.org:81",
    "[::1]",
    "localhost",
    "id.example.net",
    "ID.EXAMPLE.ORG",
]


def links(answer) -> list[str]:
    body = answer.get_json()
    versions = body["versions"]["values"] if "versions" in body else [body["version"]]
    return [link["href"] for version in versions for link in version["links"]]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_list_of_versions(shared_cloud: Cloud, face: str, method: str):
    for path in (face or "/", f"{face}/"):
        answer = shared_cloud.ask(method, path)
        assert answer.status_code == 300
        assert answer.headers["Location"] == f"{BASE}{face}/v3/"
        assert answer.mimetype == "application/json"
        if method == "GET":
            (version,) = answer.get_json()["versions"]["values"]
            assert version == {
                "id": "v3.14",
                "status": "stable",
                "updated": "2020-04-07T00:00:00Z",
                "links": [{"rel": "self", "href": f"{BASE}{face}/v3/"}],
                "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
            }


@pytest.mark.parametrize("face", FACES)
def test_one_version(shared_cloud: Cloud, face: str):
    listed = shared_cloud.ask("GET", face or "/").get_json()["versions"]["values"][0]
    for path in (f"{face}/v3", f"{face}/v3/"):
        answer = shared_cloud.ask("GET", path)
        assert answer.status_code == 200
        assert answer.get_json() == {"version": listed}
        assert "Location" not in answer.headers


def test_the_versions_are_as_keystone_names_them(shared_cloud: Cloud):
    from keystone.api import discovery  # what Keystone itself tells

    theirs = discovery._get_versions_list("https://id.example.org/v3/")["v3"]
    assert shared_cloud.ask("GET", "/v3").get_json()["version"] == theirs


@pytest.mark.parametrize("token", [None, "rubbish"])
@pytest.mark.parametrize(
    "path", ["/", "/v3", "/v3/", "/nowhere", "/krbx", "/KRB/v3", "/x509", "/x509/v3", "/v2.0", "/identity/v3", "/main/krb/v3"]
)
@pytest.mark.parametrize("face", FACES)
def test_nothing_that_a_client_discovers_by_asks_for_a_proof(shared_cloud: Cloud, face: str, path: str, token: str | None):
    answer = shared_cloud.ask("GET", face + path, token=token, headers={"Authorization": "Negotiate AAAA"})
    assert answer.status_code in (200, 300, 404)
    assert "WWW-Authenticate" not in answer.headers
    if answer.status_code == 404:
        check_error(answer, 404)
        assert "Location" not in answer.headers


@pytest.mark.parametrize("host", HOSTILE)
@pytest.mark.parametrize("path", ["/", "/krb/v3", "/v3/auth/projects"])
def test_a_host_that_is_not_ours_is_never_echoed(shared_cloud: Cloud, path: str, host: str):
    token = shared_cloud.login("member").token
    answer = shared_cloud.ask(
        "GET", path, token=token, headers={"Host": host, "X-Forwarded-Host": host, "Forwarded": f"host={host}"}
    )
    assert answer.status_code in (200, 300)
    said = answer.get_data(as_text=True) + answer.headers.get("Location", "")
    assert BASE in said
    if host not in BASE:
        assert host not in said.replace(BASE, "")


def test_a_host_that_is_ours_is_kept(shared_cloud: Cloud):
    answer = shared_cloud.ask("GET", "/main/v3", headers={"Host": "ID.example.net:5443"})
    assert links(answer) == [f"{OTHER_BASE}/main/v3/"]
    refused = shared_cloud.ask("GET", "/main/v3/auth/projects", headers={"Host": "id.example.net:5443"})
    assert refused.headers["WWW-Authenticate"] == f'Keystone uri="{OTHER_BASE}/main"'


@pytest.mark.parametrize("host", ["a b", 'x"y', "x/y", "x@y", "x#y", "x\ty", "é.example", "", "x" * 300, "id.example.org:99999999"])
def test_a_malformed_host_is_refused(shared_cloud: Cloud, host: str):
    answer = shared_cloud.client.open("/v3", headers={}, environ_overrides={"HTTP_HOST": host})
    check_error(answer, 400)


@pytest.mark.parametrize("path", ["//", "/v3//", "//v3", "/krb//v3/auth/tokens", "/./v3", "/main/../v3", "/v3/auth/tokens//"])
def test_no_spelling_of_a_path_is_answered_by_a_redirect(shared_cloud: Cloud, path: str):
    for method in ("GET", "POST"):
        answer = shared_cloud.client.open(
            method=method, environ_overrides={"PATH_INFO": path, "RAW_URI": path, "HTTP_HOST": "id.example.org"}
        )
        check_error(answer, 400, 404)
