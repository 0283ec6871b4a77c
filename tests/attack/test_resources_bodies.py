"""What a body may say beside what it is asked: nothing of ours is overwritten, no secret is kept or shown, nothing takes long."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from identity.web.declarations import declared
from tests.support.gateway import Cloud, check_error, project

CLAIMED = {"id": "claimed", "links": {"self": "https://evil.example", "next": "https://evil.example"}}
FURTHER = {
    "created_at": 0,
    "deleted_at": "x",
    "hash": "x",
    "extra": {"enabled": False},
    "roles_links": {},
    "is_admin": True,
    "colour": "blue",
}
NEW: dict[str, tuple[str, dict[str, Any]]] = {
    "users": ("user", {"name": "n", "password": "a-long-enough-secret"}),
    "groups": ("group", {"name": "n"}),
    "projects": ("project", {"name": "n"}),
    "domains": ("domain", {"name": "n"}),
    "roles": ("role", {"name": "n"}),
    "services": ("service", {"type": "t", "name": "n"}),
    "regions": ("region", {"description": "n"}),
    "policies": ("policy", {"type": "t", "blob": "n"}),
    "credentials": ("credential", {"type": "cert", "blob": "n", "user_id": "user-lost"}),
    "OS-OAUTH1/consumers": ("consumer", {"description": "n"}),
}
SECRETS = ("p4ssword-of-a-user", "p4ssword-of-a-directory", "s3cret-of-a-program", "bl0b-of-a-key-pair", "original-p4ssword")


def admin(cloud: Cloud) -> str:
    return cloud.login("admin", scope={"system": {"all": True}}).token


@pytest.mark.parametrize("path", NEW)
def test_further_attributes_overwrite_nothing_of_ours(cloud: Cloud, path: str) -> None:
    one, body = NEW[path]
    root = admin(cloud)
    plain = cloud.ask("POST", f"/v3/{path}", token=root, body={one: {**body, **({"name": "plain"} if "name" in body else {})}})
    made = cloud.ask("POST", f"/v3/{path}", token=root, body={one: {**body, **FURTHER, **CLAIMED}})
    if path == "regions":  # whose ids clients choose
        assert made.get_json()[one]["id"] == "claimed"
    else:
        assert made.get_json()[one]["id"] != "claimed"
    id = made.get_json()[one]["id"]
    own = {name: value for name, value in plain.get_json()[one].items() if name not in ("id", "name", "links", "secret")}
    shown = cloud.ask("GET", f"/v3/{path}/{id}", token=root).get_json()[one]
    listed = [
        found for found in cloud.ask("GET", f"/v3/{path}", token=root).get_json()[path.rpartition("/")[2]] if found["id"] == id
    ]
    for found in (shown, *listed):
        assert "evil" not in json.dumps(found) and found["links"]["self"].endswith(f"/v3/{path}/{id}")
        assert {name: found[name] for name in own} == own
    assert len(listed) == 1
    check_error(cloud.ask("PATCH", f"/v3/{path}/{id}", token=root, body={one: {"id": "other"}}), 400, 403)


@pytest.fixture
def secrets(cloud: Cloud) -> Cloud:
    """A cloud that was told each of the secrets, by the way that is for it, or by mistake."""
    root = admin(cloud)
    password, directory, program, pair, original = SECRETS

    def put(method: str, path: str, body: Any, token: str = root) -> None:
        answer = cloud.ask(method, f"/v3/{path}", token=token, body=body)
        assert answer.status_code in (200, 201), (path, answer.get_data(as_text=True))

    put("POST", "users", {"user": {"name": "keeper", "password": password, "original_password": original}})
    put("PATCH", "users/user-lost", {"user": {"password": password, "original_password": original}})
    put("PUT", "domains/default/config", {"config": {"ldap": {"url": "ldap://%(password)s@d.example", "password": directory}}})
    put("PATCH", "domains/default/config/ldap/password", {"config": {"password": directory}})
    member = cloud.login("member", project("web")).token
    put("POST", "users/user-member/application_credentials", {"application_credential": {"name": "n", "secret": program}}, member)
    blob = json.dumps({"access": "known", "secret": pair})
    put("POST", "credentials", {"credential": {"type": "ec2", "blob": blob, "user_id": "user-member", "project_id": "web"}}, member)
    return cloud


def test_no_secret_is_shown_again(secrets: Cloud) -> None:
    """By no route that needs no more than these ids, and not to an administrator: but for a key pair, which is for reading."""
    root, asked = admin(secrets), 0
    ids = {"user_id": "user-member", "domain_id": "default", "project_id": "web", "group": "ldap", "option": "password"}
    for route in declared():
        path = route.path
        for name, id in ids.items():
            path = path.replace(f"<{name}>", id)
        if route.method != "GET" or "<" in path or not path.startswith("/v3"):
            continue
        text = secrets.ask("GET", path, token=root, subject=root).get_data(as_text=True)
        shown = [secret for secret in SECRETS if secret in text]
        assert shown == ([SECRETS[3]] if path.rpartition("/")[2] in ("credentials", "OS-EC2") else []), path
        asked += 1
    assert asked > 50


def test_no_secret_stands_in_the_database_as_it_was_sent(secrets: Cloud) -> None:
    file = Path(secrets.settings.database.connection.removeprefix("sqlite:///"))
    kept = b"".join(part.read_bytes() for part in file.parent.glob(f"{file.name}*"))
    assert b"keeper" in kept and b"ldap://%(password)s" in kept
    assert [secret for secret in SECRETS if secret.encode() in kept] == []


@pytest.mark.parametrize(
    "body",
    [
        {"user": {"name": "n", **{f"x{n}": n for n in range(7000)}}},
        {"user": {"name": "n", "x": [[[]] * 20] * 1000}},
        {"user": {"name": "n", "options": {"multi_factor_auth_rules": [["password", f"m{n}"] for n in range(4000)]}}},
        {
            "user": {
                "name": "n",
                "federated": [{"idp_id": f"i{n}", "protocols": [{"protocol_id": "p", "unique_id": "u"}]} for n in range(1500)],
            }
        },
        {"user": {"name": "n", "description": "\u202e" * 30000}},
    ],
    ids=["wide", "deep and wide", "rules", "links", "text"],
)
def test_the_largest_bodies_are_answered_soon(shared_cloud: Cloud, body: Any) -> None:
    sent = json.dumps(body, ensure_ascii=False).encode()
    assert 40_000 < len(sent) <= shared_cloud.settings.server.max_request_body_size
    token = admin(shared_cloud)
    began = time.perf_counter()
    answer = shared_cloud.ask("POST", "/v3/users", token=token, body=sent)
    assert time.perf_counter() - began < 3
    assert answer.status_code in (201, 400, 409)
