"""Services, endpoints and EC2 key pairs on version 2.0, each looked at on version 3; and the catalogue of a pool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from identity.settings import Catalog
from tests.support.gateway import check_error
from tests.support.old_api import BOTH, OldCloud

SERVICE, PAIR = "OS-KSADM:service", "OS-KSEC2:ec2Credentials"
URLS = {"publicurl": "https://a.example/%(tenant_id)s", "internalurl": "https://b.example", "adminurl": "https://c.example"}


@pytest.fixture
def admin(old: OldCloud) -> str:
    return old.admin()


def new(old: OldCloud, token: str, path: str) -> Any:
    """The same on version 3."""
    answer = old.cloud.ask("GET", f"/v3{path}", token=token)
    return answer.get_json() if answer.status_code == 200 else answer.status_code


def test_a_services_life(old: OldCloud, admin: str):
    made = old.post("/OS-KSADM/services", admin, {SERVICE: {"type": "dns", "name": "naming", "description": "d", "colour": "red"}})
    service = made[SERVICE]
    id = service["id"]
    assert service == {"id": id, "type": "dns", "name": "naming", "description": "d", "enabled": True, "colour": "red"}
    assert new(old, admin, f"/services/{id}")["service"]["colour"] == "red"
    assert old.get(f"/OS-KSADM/services/{id}", admin) == made == old.get("/OS-KSADM/services/naming", admin)
    assert service in old.get("/OS-KSADM/services", admin)["OS-KSADM:services"]
    old.post("/OS-KSADM/services", admin, {SERVICE: {"type": "dns2", "name": "naming"}})
    check_error(old.ask("GET", "/OS-KSADM/services/naming", admin), 404)  # which of the two is not said
    assert old.ask("DELETE", f"/OS-KSADM/services/{id}", admin).status_code == 204
    assert new(old, admin, f"/services/{id}") == 404
    check_error(old.ask("DELETE", f"/OS-KSADM/services/{id}", admin), 404)


def test_a_service_with_limits_stays(old: OldCloud, admin: str):
    id = old.post("/OS-KSADM/services", admin, {SERVICE: {"type": "limited"}})[SERVICE]["id"]
    limit = {"registered_limits": [{"service_id": id, "resource_name": "cores", "default_limit": 3}]}
    assert old.cloud.ask("POST", "/v3/registered_limits", token=admin, body=limit).status_code == 201
    check_error(old.ask("DELETE", f"/OS-KSADM/services/{id}", admin), 403)


def test_an_endpoint_with_three_urls_is_three_on_version_3(old: OldCloud, admin: str):
    id = old.post("/OS-KSADM/services", admin, {SERVICE: {"type": "dns"}})[SERVICE]["id"]
    made = old.post("/endpoints", admin, {"endpoint": {"service_id": id, "region": "Far", **URLS, "note": "kept"}})["endpoint"]
    assert made == {"id": made["id"], "service_id": id, "region": "Far", **URLS, "enabled": True, "note": "kept"}
    found = new(old, admin, f"/endpoints?service_id={id}")["endpoints"]
    assert {f"{one['interface']}url": one["url"] for one in found} == URLS
    assert {one["region_id"] for one in found} == {"Far"}
    assert new(old, admin, "/regions/Far")["region"]["id"] == "Far"
    assert made in old.get("/endpoints", admin)["endpoints"]
    token = old.access("member", "web")
    (shown,) = [one for one in token["serviceCatalog"] if one["type"] == "dns"]
    assert shown["endpoints"][0]["publicURL"] == "https://a.example/web" and shown["endpoints"][0]["adminURL"] == URLS["adminurl"]
    assert old.ask("DELETE", f"/endpoints/{made['id']}", admin).status_code == 204
    assert new(old, admin, f"/endpoints?service_id={id}")["endpoints"] == []


def test_an_endpoint_of_version_3_stands_alone(old: OldCloud, admin: str):
    id = old.post("/OS-KSADM/services", admin, {SERVICE: {"type": "dns"}})[SERVICE]["id"]
    body = {"endpoint": {"service_id": id, "interface": "internal", "url": "https://x.example", "region_id": "RegionOne"}}
    made = old.cloud.ask("POST", "/v3/endpoints", token=admin, body=body).get_json()["endpoint"]["id"]
    (shown,) = [one for one in old.get("/endpoints", admin)["endpoints"] if one["id"] == made]
    assert (shown["publicurl"], shown["internalurl"], shown["adminurl"]) == (None, "https://x.example", None)
    assert old.ask("DELETE", f"/endpoints/{made}", admin).status_code == 204


def test_pages_of_endpoints_come_to_an_end(old: OldCloud, admin: str):
    id = old.post("/OS-KSADM/services", admin, {SERVICE: {"type": "dns"}})[SERVICE]["id"]
    for _ in range(3):
        old.post("/endpoints", admin, {"endpoint": {"service_id": id, **URLS}})
    path, seen = "/endpoints?limit=2", set()
    for _ in range(20):
        found = old.get(path, admin)
        seen |= {url for one in found["endpoints"] for url in ([one["publicurl"], one["internalurl"], one["adminurl"]]) if url}
        if not found["endpoints_links"]:
            break
        path = found["endpoints_links"][0]["href"].partition("/v2.0")[2]
    assert not found["endpoints_links"] and set(URLS.values()) <= seen


@pytest.mark.parametrize(
    "wanted",
    [
        {"service_id": None},
        {"service_id": "nowhere"},
        {"publicurl": None},
        {"publicurl": "not a url"},
        {"publicurl": "https://x/%(password)s"},
        {"publicurl": "https://x/%s"},
        {"publicurl": "https://x\n"},
        {"adminurl": "javascript"},
        {"adminurl": "https://x/%(port)s"},
        {"enabled": "yes"},
        {"region": ["x"]},
    ],
)
def test_endpoints_that_cannot_be(old: OldCloud, admin: str, wanted: dict[str, Any]):
    id = old.post("/OS-KSADM/services", admin, {SERVICE: {"type": "dns"}})[SERVICE]["id"]
    before = new(old, admin, "/endpoints")
    body = {"endpoint": {"service_id": id, **URLS, "region": "Never", **wanted}}
    check_error(old.ask("POST", "/endpoints", admin, body), 400)
    assert new(old, admin, "/endpoints") == before
    assert new(old, admin, "/regions/Never") == 404


def test_each_pool_has_its_own_catalogue(old: OldCloud, admin: str, tmp_path: Path):
    """Of the same token: the identity service of each pool leads to the pool's own version, be it from SQL or from a file."""
    template = tmp_path / "catalog.templates"
    template.write_text(
        "catalog.RegionOne.identity.name = keystone\ncatalog.RegionOne.identity.publicURL = https://old.example/main/v2.0\n"
    )
    token = old.token("member", "web")
    urls = {}
    for name, settings in (("sql", Catalog(identity_version="v2.0")), ("file", Catalog("templated", str(template)))):
        pool = OldCloud(old.cloud.second(server=BOTH, catalog=settings))
        (identity,) = [one for one in pool.get(f"/tokens/{token}", admin)["access"]["serviceCatalog"] if one["type"] == "identity"]
        urls[name] = identity["endpoints"][0]["publicURL"]
        pool.cloud.close()
    assert urls == {"sql": "https://id.example.org/main/v2.0", "file": "https://old.example/main/v2.0"}
    catalog = old.cloud.show(admin, token).get_json()["token"]["catalog"]
    (identity,) = [one for one in catalog if one["type"] == "identity"]
    assert identity["endpoints"][0]["url"] == "https://id.example.org/main/v3"


def test_ec2_key_pairs(old: OldCloud):
    token = old.token("member", "web")
    path = "/users/user-member/credentials/OS-EC2"
    made = old.post(path, token, {"tenant_id": "web"})["credential"]
    assert (made["user_id"], made["tenant_id"], made["trust_id"]) == ("user-member", "web", None)
    assert old.get(f"{path}/{made['access']}", token)["credential"] == made
    assert old.get(path, token)["credentials"] == [made]
    there = new(old, token, f"/users/user-member/credentials/OS-EC2/{made['access']}")["credential"]
    assert (there["access"], there["secret"]) == (made["access"], made["secret"])
    for name, tenant in (("reader", "web"), ("nova", "service")):
        other = old.token(name, tenant)
        for method, where in (("GET", path), ("GET", f"{path}/{made['access']}"), ("DELETE", f"{path}/{made['access']}")):
            check_error(old.ask(method, where, other), 403)
        check_error(old.ask("GET", f"/users/user-{name}/credentials/OS-EC2/{made['access']}", other), 404)  # by one's own path
        check_error(old.ask("POST", path, other, {"tenant_id": "web"}), 403)
    for tenant_id in ("shop", "default", "nowhere"):
        check_error(old.ask("POST", path, token, {"tenant_id": tenant_id}), 404)
    assert old.ask("DELETE", f"{path}/{made['access']}", token).status_code == 204
    assert new(old, token, f"/users/user-member/credentials/OS-EC2/{made['access']}") == 404


def test_the_same_pairs_by_the_documented_extension(old: OldCloud):
    token = old.token("member", "web")
    path = "/users/user-member/OS-KSADM/credentials"
    assert old.get(path, token)["credentials"] == []
    check_error(old.ask("GET", f"{path}/{PAIR}", token), 404)
    answer = old.ask("POST", path, token, {PAIR: {"tenantId": "web", "access": "mine", "secret": "hush"}})
    assert answer.status_code == 201
    assert answer.get_json()[PAIR] == {"userId": "user-member", "tenantId": "web", "access": "mine", "secret": "hush"}
    assert old.get(f"{path}/{PAIR}", token) == answer.get_json()
    assert old.get(path, token)["credentials"] == old.get(f"{path}/{PAIR}/ec2", token)["credentials"] == [answer.get_json()]
    check_error(old.ask("GET", f"{path}/{PAIR}/cert", token), 404)
    check_error(old.ask("POST", path, token, {PAIR: {"tenantId": "web", "access": "mine"}}), 409)
    replaced = old.post(f"{path}/{PAIR}", token, {PAIR: {"tenantId": "web"}})[PAIR]
    assert [one["access"] for one in old.get("/users/user-member/credentials/OS-EC2", token)["credentials"]] == [replaced["access"]]
    assert old.ask("DELETE", f"{path}/{PAIR}", token).status_code == 204
    assert old.get(path, token)["credentials"] == []
    check_error(old.ask("DELETE", f"{path}/{PAIR}", token), 404)
    check_error(old.ask("GET", path, old.token("reader", "web")), 403)


def test_no_secret_is_drawn_from_what_was_handed_on(old: OldCloud):
    """Nor a password changed: an application credential's token is worth less than its user."""
    member = old.new_token("member", "web")
    path = "/v3/users/user-member/application_credentials"
    made = old.cloud.ask("POST", path, token=member, body={"application_credential": {"name": "job", "unrestricted": True}})
    proof = {name: made.get_json()["application_credential"][name] for name in ("id", "secret")}
    identity = {"methods": ["application_credential"], "application_credential": proof}
    token = old.cloud.issue({"auth": {"identity": identity}}).token
    pairs, kept = "/users/user-member/credentials/OS-EC2", "/users/user-member/OS-KSADM/credentials"
    for method, where, body in (
        ("GET", pairs, None),
        ("POST", pairs, {"tenant_id": "web"}),
        ("GET", kept, None),
        ("POST", kept, {PAIR: {"tenantId": "web"}}),
        ("GET", f"{kept}/{PAIR}", None),
        ("DELETE", f"{kept}/{PAIR}", None),
        ("PATCH", "/OS-KSCRUD/users/user-member", {"user": {"password": "new", "original_password": "correct-member-horse"}}),
        ("POST", "/tokens", {"auth": {"token": {"id": token}, "tenantId": "web"}}),
    ):
        check_error(old.ask(method, where, token, body), 403)


def test_extensions(shared_old: OldCloud):
    listed = shared_old.get("/extensions")["extensions"]["values"]
    assert [one["alias"] for one in listed] == ["OS-KSADM", "OS-KSCRUD", "OS-EC2", "OS-KSEC2"]
    for one in listed:
        assert shared_old.get(f"/extensions/{one['alias']}")["extension"] == one
    check_error(shared_old.ask("GET", "/extensions/OS-TRUST"), 404)
