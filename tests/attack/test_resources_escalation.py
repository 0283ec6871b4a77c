"""Who manages a domain, or holds a credential with a share of a user's rights, gets no further with it."""

from __future__ import annotations

from typing import Any

import pytest

from identity.store import grants, groups, roles
from tests.support.gateway import NOW, Cloud, body_of, check_error, project

METHOD = "application_credential"
ACTORS = ("users/user-lost", "groups/crew")
HOME = "/v3/users/user-member/application_credentials"
MAKE = {"service": "identity", "path": HOME, "method": "POST"}
LOOK = {"service": "identity", "path": "/v3/users/user-member", "method": "GET"}


def admin(cloud: Cloud) -> str:
    return cloud.login("admin", scope={"system": {"all": True}}).token


def manager(cloud: Cloud) -> str:
    """A token of somebody who manages the domain default, and is nothing elsewhere."""
    cloud.do(grants.add, grants.Grant("user", "user-nobody", "domain", "default", "role-manager"), NOW)
    return cloud.login("nobody", scope={"domain": {"id": "default"}}).token


@pytest.mark.parametrize("name", ["manager", "member", "reader"])
def test_a_manager_gives_no_role_of_another_domain(cloud: Cloud, name: str) -> None:
    """By its name it could be given; what it implies there was never meant for this domain."""
    cloud.do(groups.create, id="crew", name="crew", domain_id="default")
    cloud.do(roles.create, id="foreign", name=name, domain_id="other", now=NOW)
    cloud.do(roles.imply, "foreign", "role-service", NOW)
    token, root = manager(cloud), admin(cloud)
    for actor in ACTORS:
        for path in (
            f"/v3/domains/default/{actor}/roles/foreign",
            f"/v3/OS-INHERIT/domains/default/{actor}/roles/foreign/inherited_to_projects",
            f"/v3/projects/web/{actor}/roles/foreign",
            f"/v3/OS-INHERIT/projects/web/{actor}/roles/foreign/inherited_to_projects",
        ):
            check_error(cloud.ask("PUT", path, token=token), 403)
            expected = 403 if "projects/web" in path else 204  # as in Keystone
            assert cloud.ask("PUT", path, token=root).status_code == expected, path


def test_a_manager_gives_the_own_domains_role_of_such_a_name(cloud: Cloud) -> None:
    cloud.do(roles.create, id="local", name="member", domain_id="default", now=NOW)
    token = manager(cloud)
    for place in ("domains/default", "projects/web"):
        assert cloud.ask("PUT", f"/v3/{place}/users/user-lost/roles/local", token=token).status_code == 204


def test_no_spelling_of_admin_is_implied(cloud: Cloud) -> None:
    """A policy's `role:admin` is met by each of them."""
    root = admin(cloud)
    cloud.do(roles.create, id="clerk", name="clerk", now=NOW)
    for name in ("ADMIN", "Admin", "aDMIN"):
        cloud.do(roles.create, id=name, name=name, now=NOW)
        check_error(cloud.ask("PUT", f"/v3/roles/clerk/implies/{name}", token=root), 403)


@pytest.mark.parametrize("who", [manager, admin])
@pytest.mark.parametrize(
    ("path", "one", "change"),
    [
        ("users/user-lost", "user", {"domain_id": "other"}),
        ("groups/crew", "group", {"domain_id": "other"}),
        ("projects/web", "project", {"domain_id": "other"}),
        ("projects/web", "project", {"parent_id": "shop"}),
        ("projects/web", "project", {"is_domain": True}),
        ("projects/web", "project", {"is_domain": True, "domain_id": None, "parent_id": None}),
        ("users/user-lost", "user", {"id": "user-admin"}),
    ],
)
def test_nothing_moves_to_another_domain(cloud: Cloud, who: Any, path: str, one: str, change: dict[str, Any]) -> None:
    cloud.do(groups.create, id="crew", name="crew", domain_id="default")
    root = admin(cloud)
    before = cloud.ask("GET", f"/v3/{path}", token=root).get_json()
    check_error(cloud.ask("PATCH", f"/v3/{path}", token=who(cloud), body={one: {**change, "description": "moved"}}), 400, 403)
    assert cloud.ask("GET", f"/v3/{path}", token=root).get_json() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("users", b'{"user": {"name": "n", "domain_id": "default", "domain_id": "other"}}'),
        ("users", b'{"user": {"name": "n", "domain_id": "default"}, "user": {"name": "n", "domain_id": "other"}}'),
        ("users", b'{"user": {"name": "n", "domain_id": "default\\n"}}'),
        ("users", b'{"user": {"name": "n", "domain\\u005fid": "other"}}'),
        ("users", b'{"user": {"name": "n", "domain": {"id": "default"}}}'),
        ("groups", b'{"group": {"name": "n", "domain_id": "default", "domain_id": "other"}}'),
        ("groups", b'{"group": {"name": "n", "target.group.domain_id": "default"}}'),
        ("projects", b'{"project": {"name": "n", "domain_id": "default", "parent_id": "shop"}}'),
        ("projects", b'{"project": {"name": "n", "domain_id": "default", "parent_id": "other"}}'),
        ("projects", b'{"project": {"name": "n", "domain_id": "default", "is_domain": true}}'),
        ("projects", b'{"project": {"name": "n", "domain_id": "web", "parent_id": "shop"}}'),
        ("projects", b'{"project": {"name": "n", "parent_id": "shop"}}'),
        ("roles", b'{"role": {"name": "n", "domain_id": "default"}}'),
        ("roles", b'{"role": {"name": "n"}}'),
        ("domains", b'{"domain": {"name": "n"}}'),
    ],
)
def test_a_manager_makes_nothing_outside_of_the_own_domain(cloud: Cloud, path: str, body: bytes) -> None:
    """However the body says it, the domain that is decided on is the one in which the thing would be."""
    root = admin(cloud)
    before = cloud.ask("GET", f"/v3/{path}", token=root).get_json()
    check_error(cloud.ask("POST", f"/v3/{path}", token=manager(cloud), body=body), 400, 403)
    assert cloud.ask("GET", f"/v3/{path}", token=root).get_json() == before


def test_the_last_of_two_is_the_one_that_is_decided_on_and_stored(cloud: Cloud) -> None:
    body = b'{"user": {"name": "n", "domain_id": "other", "domain_id": "default"}}'
    answer = cloud.ask("POST", "/v3/users", token=manager(cloud), body=body)
    assert (answer.status_code, answer.get_json()["user"]["domain_id"]) == (201, "default")


def confined(cloud: Cloud, token: str, *rules: dict[str, str], name: str = "mine", unrestricted: bool = False) -> str:
    """A token of a new application credential of the member's."""
    wanted = {"name": name, "unrestricted": unrestricted, "access_rules": list(rules)}
    made = cloud.ask("POST", HOME, token=token, body={METHOD: wanted}).get_json()[METHOD]
    return cloud.issue(body_of({"methods": [METHOD], METHOD: {"id": made["id"], "secret": made["secret"]}})).token


def test_access_rules_are_not_shed_by_making_another_credential(cloud: Cloud) -> None:
    member = cloud.login("member", project("web")).token
    token = confined(cloud, member, MAKE, LOOK, unrestricted=True)

    def make(name: str, *rules: dict[str, str]) -> Any:
        return cloud.ask("POST", HOME, token=token, body={METHOD: {"name": name, "access_rules": list(rules)}})

    wide = {**LOOK, "path": "/v3/**"}
    for rules in ((), (wide,), (LOOK, wide), ({**LOOK, "service": "compute"},), ({**LOOK, "method": "PATCH"},)):
        check_error(make("wider", *rules), 403)
    without = cloud.ask("POST", HOME, token=token, body={METHOD: {"name": "wider"}})
    check_error(without, 403)
    assert [made["name"] for made in cloud.ask("GET", HOME, token=member).get_json()["application_credentials"]] == ["mine"]
    same = make("the same again", LOOK)
    assert same.status_code == 201
    assert [rule["path"] for rule in same.get_json()[METHOD]["access_rules"]] == [LOOK["path"]]
    assert cloud.ask("POST", HOME, token=member, body={METHOD: {"name": "free"}}).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v3/users/user-member/"),
        ("GET", "/v3/users/user-member/."),
        ("GET", "/v3/users/user-member/../user-member/projects"),
        ("GET", "/v3/users/user-member/projects"),
        ("GET", "/v3/users/user-member%2Fprojects"),
        ("GET", "/v3/users/user-member%3F/projects"),
        ("GET", "/v3/users/user-member;/projects"),
        ("GET", "/v3//users/user-member"),
        ("GET", "/v3/users/%75ser-member"),
        ("GET", "/v3/users/USER-MEMBER"),
        ("GET", "/V3/users/user-member"),
        ("GET", "/v3/users/user-member\u200b"),
        ("GET", "/main/v3/users/user-member/projects"),
        ("GET", "/main/main/v3/users/user-member"),
        ("GET", "/v3/users/user-reader?/v3/users/user-member"),
        ("HEAD", "/v3/users/user-member"),
        ("get", "/v3/users/user-member"),
        ("PATCH", "/v3/users/user-member"),
        ("GET", "/v3/users"),
        ("GET", "/v3/auth/projects"),
        ("GET", "/v3/auth/catalog"),
    ],
)
def test_access_rules_reach_no_other_request(shared_cloud: Cloud, member: str, method: str, path: str) -> None:
    answer = shared_cloud.ask(method, path, token=member, headers={"X-HTTP-Method-Override": "GET", "X-Original-URL": LOOK["path"]})
    assert answer.status_code in (400, 401, 404, 405), (answer.status_code, answer.get_data(as_text=True))
    assert shared_cloud.ask("GET", LOOK["path"], token=member).status_code == 200


@pytest.fixture(scope="module")
def member(shared_cloud: Cloud) -> str:
    """A token that may look at its own user, and do nothing else."""
    return confined(shared_cloud, shared_cloud.login("member", project("web")).token, LOOK)


def test_an_access_key_that_another_has_is_not_taken_over(cloud: Cloud) -> None:
    """Its id is made of the key, which a client may choose."""
    mine, theirs = (cloud.login(name, project("web")).token for name in ("member", "reader"))
    blob = '{"access": "the-same-key", "secret": "of the first"}'
    credential = {"type": "ec2", "blob": blob, "user_id": "user-member", "project_id": "web"}
    made = cloud.ask("POST", "/v3/credentials", token=mine, body={"credential": credential})
    assert made.status_code == 201
    copy = {**credential, "user_id": "user-reader", "blob": blob.replace("first", "second")}
    for kind in ("ec2", "EC2", "Ec2"):
        check_error(cloud.ask("POST", "/v3/credentials", token=theirs, body={"credential": {**copy, "type": kind}}), 409)
    shown = cloud.ask("GET", f"/v3/credentials/{made.get_json()['credential']['id']}", token=mine)
    assert shown.get_json() == made.get_json()
