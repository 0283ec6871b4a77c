"""openstacksdk and python-keystoneclient in one process: what Ansible, Terraform-like programs and Horizon's panels call."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
from keystoneauth1 import exceptions
from keystoneauth1.identity import v3
from keystoneauth1.session import Session
from keystoneclient.v3.client import Client
from openstack.connection import Connection

from tests.support.demo_world import DemoWorld
from tests.support.listener import DOMAIN, Listener

# The SDK warns of its own next major version.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::openstack.warnings.{name}") for name in ("RemovedInSDK50Warning", "RemovedInSDK60Warning")
]
NAME = "Sdk ünd ☃"


def session(world: DemoWorld, listener: Listener, **scope: str) -> Session:
    admin = world.told["admin"]
    wanted: dict[str, Any] = scope or {"project_name": admin["project"], "project_domain_name": DOMAIN}
    auth = v3.Password(
        f"{listener.url}/main/v3", username=admin["user"], password=admin["password"], user_domain_name=DOMAIN, **wanted
    )
    return Session(auth, verify=str(world.ca), timeout=20)


@pytest.fixture(scope="module")
def cloud(world: DemoWorld) -> Iterator[Connection]:
    with openstack.connection.Connection(session=session(world, world.api), identity_api_version="3") as made:
        yield made


@pytest.fixture(scope="module")
def domain(cloud: Connection) -> Iterator[Any]:
    made = cloud.create_domain(NAME, description="of this file")
    yield made
    cloud.update_domain(made.id, enabled=False)
    assert cloud.delete_domain(made.id)
    assert NAME not in {found.name for found in cloud.identity.domains()}


@pytest.fixture(scope="module")
def keystone(world: DemoWorld) -> Client:
    return Client(session=session(world, world.api), interface="public")


def test_accounts_by_the_sdks_cloud_layer(cloud: Connection, world: DemoWorld, domain: Any) -> None:
    """The calls that Ansible's modules make: look for it, make it if need be, change it, delete it."""
    password = secrets.token_urlsafe(16)
    world.secrets.add(password)
    assert cloud.get_project("shop", domain_id=domain.id) is None
    project = cloud.create_project("shop", domain.id, description="a b")
    assert cloud.get_project("shop", domain_id=domain.id).id == project.id
    assert cloud.update_project(project.id, description="new", domain_id=domain.id).description == "new"
    user = cloud.create_user(name="jörg", password=password, email="j@x.example", domain_id=domain.id, default_project=project.id)
    assert (user.email, user.default_project_id) == ("j@x.example", project.id)
    assert [found.id for found in cloud.search_users("jörg", domain_id=domain.id)] == [user.id]
    assert cloud.update_user(user.id, description="d", enabled=True).description == "d"
    group = cloud.create_group("crew", "x y", domain=domain.id)
    cloud.add_user_to_group(user.id, group.id)
    assert cloud.is_user_in_group(user.id, group.id)
    role = cloud.create_role("shopper")
    given: list[dict[str, str]] = [{"user": user.id, "project": project.id}, {"group": group.id, "domain": domain.id}]
    for where in [*given, {"user": user.id, "system": "all"}]:
        assert cloud.grant_role("shopper", **where) is True
        assert cloud.grant_role("shopper", **where) is False  # it is there
    rows = cloud.list_role_assignments(filters={"role": role.id})
    assert len(rows) == 3
    rows = cloud.list_role_assignments(filters={"user": user.id, "project": project.id})
    assert [row["role"]["id"] for row in rows] == [role.id]
    assert cloud.revoke_role("shopper", **given[0]) is True and cloud.revoke_role("shopper", **given[0]) is False
    cloud.remove_user_from_group(user.id, group.id)
    assert not cloud.is_user_in_group(user.id, group.id)
    for delete, id in ((cloud.delete_user, user.id), (cloud.delete_group, group.id), (cloud.delete_role, role.id)):
        assert delete(id) is True and delete(id) is False
    assert cloud.delete_project(project.id, domain_id=domain.id) is True
    assert cloud.list_role_assignments(filters={"role": role.id}) == []  # nothing is left of what was given


def test_the_catalogue_by_the_sdks_cloud_layer(cloud: Connection) -> None:
    service = cloud.create_service(name="naming", type="dns", description="x")
    points = cloud.create_endpoint("naming", public_url="https://dns/", internal_url="https://dns.example/", region="RegionOne")
    assert {point.interface for point in points} == {"public", "internal"}
    assert {point.id for point in cloud.search_endpoints(filters={"service_id": service.id})} == {point.id for point in points}
    assert cloud.update_service(service.id, description="new").description == "new"
    assert [found.id for found in cloud.search_services("naming")] == [service.id]
    assert cloud.delete_endpoint(points[0].id) is True and cloud.delete_endpoint(points[0].id) is False
    assert cloud.delete_service("naming") is True
    assert cloud.get_endpoint(points[1].id) is None  # it went with its service


def test_the_sdks_resources(cloud: Connection, domain: Any) -> None:
    """The proxy, a resource each: what the newer clients and modules use."""
    identity = cloud.identity
    project = identity.create_project(name="limited", domain_id=domain.id, tags=["red"])
    assert [found.id for found in identity.projects(tags="red", domain_id=domain.id)] == [project.id]
    assert identity.update_project(project, options={"immutable": True}).options == {"immutable": True}
    with pytest.raises(openstack.exceptions.ForbiddenException):
        identity.delete_project(project)
    identity.update_project(project, options={"immutable": None})
    user = identity.create_user(name="extra", domain_id=domain.id, password=secrets.token_urlsafe(12))
    member = identity.find_role("member")
    assert member is not None
    identity.assign_project_role_to_user(project, user, member)
    assert identity.validate_user_has_project_role(project, user, member)
    assert [row.role["id"] for row in identity.role_assignments(user_id=user.id, scope_project_id=project.id)] == [member.id]
    assert [found.id for found in identity.user_projects(user)] == [project.id]
    identity.unassign_project_role_from_user(project, user, member)
    credential = identity.create_credential(type="cert", blob="one", user_id=user.id, project_id=project.id)
    assert identity.update_credential(credential, blob="two").blob == "two"
    assert [found.id for found in identity.credentials(user_id=user.id)] == [credential.id]
    service = identity.create_service(type="dns", name="naming2")
    identity.create_registered_limit(service_id=service.id, resource_name="zones", default_limit=5)
    limit = identity.create_limit(service_id=service.id, resource_name="zones", resource_limit=3, project_id=project.id)
    assert identity.update_limit(limit, resource_limit=4).resource_limit == 4
    identity.delete_limit(limit)
    for registered in identity.registered_limits(service_id=service.id):
        identity.delete_registered_limit(registered)
    identity.delete_service(service)
    identity.delete_user(user)
    identity.delete_project(project)
    assert list(identity.credentials(user_id=user.id)) == []  # gone with the user


def test_pages_are_walked_by_the_sdk(world: DemoWorld, cloud: Connection, domain: Any, tmp_path: Path) -> None:
    """By the reader's choice of `limit`, and where the operator allows short answers only."""
    names = [f"page-{number:02}" for number in range(11)]
    for name in names:
        cloud.identity.create_user(name=name, domain_id=domain.id)
    seen = [user.name for user in cloud.identity.users(domain_id=domain.id, limit=2)]
    assert seen == names
    assert [user.name for user in cloud.identity.users(domain_id=domain.id, limit=3, max_items=5)] == names[:5]
    with world.serve(tmp_path, "server.list_limit=3") as short:
        own = session(world, short)
        assert [
            user["name"] for user in _users(own, f"{short.url}/main/v3/users?domain_id={domain.id}&sort_key=name&sort_dir=desc")
        ] == names[::-1]
        raw = own.get(f"{short.url}/main/v3/users?domain_id={domain.id}").json()
        assert len(raw["users"]) == 3 and raw["truncated"] is True
        override = {"identity_endpoint_override": f"{short.url}/main/v3"}
        with openstack.connection.Connection(session=own, identity_api_version="3", **override) as bounded:
            assert [user.name for user in bounded.identity.users(domain_id=domain.id)] == names
    for user in cloud.identity.users(domain_id=domain.id):
        cloud.identity.delete_user(user)


def _users(asking: Session, url: str | None) -> Iterator[dict[str, Any]]:
    """All users, page by page as `links` leads."""
    while url:
        page = asking.get(url).json()
        yield from page["users"]
        url = page["links"]["next"]


def test_what_horizons_panels_ask(keystone: Client, world: DemoWorld, domain: Any) -> None:
    """python-keystoneclient's managers as the identity panels use them: every list, its filters, and the forms behind."""
    password = secrets.token_urlsafe(16)
    world.secrets.add(password)
    project = keystone.projects.create("panel", domain.id, description="a b", enabled=True, note="kept")
    user = keystone.users.create(
        "panel user", domain=domain.id, default_project=project, password=password, email="p@x.example", description="d"
    )
    group = keystone.groups.create("panel group", domain=domain.id, description="g")
    member = keystone.roles.list(name="member")[0]
    assert keystone.projects.get(project.id).note == "kept"
    assert [found.id for found in keystone.projects.list(domain=domain.id, name="panel", enabled=True)] == [project.id]
    assert [found.id for found in keystone.users.list(domain=domain.id)] == [user.id]
    assert keystone.users.list(domain=domain.id, enabled=False) == []
    keystone.roles.grant(member, user=user, project=project)
    keystone.roles.grant(member, group=group, project=project)
    keystone.roles.grant(member, user=user, domain=domain.id)
    keystone.roles.grant(member, user=user, project=project, os_inherit_extension_inherited=True)
    keystone.users.add_to_group(user, group)
    assert keystone.users.check_in_group(user, group)
    assert [found.id for found in keystone.users.list(group=group)] == [user.id]
    assert [found.id for found in keystone.groups.list(user=user)] == [group.id]
    assert [found.id for found in keystone.projects.list(user=user)] == [project.id]
    assert [found.id for found in keystone.roles.list(user=user, project=project)] == [member.id]
    named = keystone.role_assignments.list(project=project, include_names=True)
    assert len(named) == 3
    who = {row.user["name"] for row in named if hasattr(row, "user")} | {
        row.group["name"] for row in named if hasattr(row, "group")
    }
    assert who == {"panel user", "panel group"} and {row.scope["project"]["domain"]["name"] for row in named} == {NAME}
    effective = keystone.role_assignments.list(user=user, project=project, effective=True)
    assert {row.role["id"] for row in effective} >= {member.id}
    assert keystone.role_assignments.list(domain=domain.id, include_names=True)[0].user["name"] == "panel user"
    keystone.projects.update(project, name="panel 2", enabled=True)
    keystone.users.update(user, name="panel user 2", email="q@x.example", enabled=False)
    assert keystone.users.get(user.id).enabled is False
    keystone.groups.update(group, name="panel group 2", description="new")
    for where in ({"user": user, "project": project}, {"group": group, "project": project}, {"user": user, "domain": domain.id}):
        keystone.roles.revoke(member, **where)
    assert len(keystone.role_assignments.list(user=user)) == 1
    keystone.users.remove_from_group(user, group)
    for delete, thing in ((keystone.users.delete, user), (keystone.groups.delete, group), (keystone.projects.delete, project)):
        delete(thing)
        with pytest.raises(exceptions.NotFound):
            delete(thing)


def test_every_manager_of_keystoneclient_lists(keystone: Client, world: DemoWorld) -> None:
    """The lists behind all managers answer, and what they hold can be shown by id."""
    lists = (keystone.domains, keystone.projects, keystone.users, keystone.groups, keystone.roles, keystone.services)
    for shown in (*lists, keystone.endpoints, keystone.regions):
        listed = shown.list()
        assert shown is keystone.groups or shown.get(listed[0].id).id == listed[0].id
    empty = (keystone.policies, keystone.limits, keystone.registered_limits, keystone.endpoint_groups, keystone.trusts)
    federation = keystone.federation
    outside = (federation.identity_providers, federation.service_providers, federation.mappings, keystone.oauth1.consumers)
    for shown in (*empty, *outside, keystone.credentials, keystone.access_rules, keystone.application_credentials):
        assert isinstance(shown.list(), list)
    assert {rule.prior_role["name"] for rule in keystone.inference_rules.list_inference_roles()} >= {"admin", "manager", "member"}
    assert "admin" in {found.name for found in federation.projects.list()}
    assert keystone.auth.projects()[0].name == "admin" and keystone.auth.domains() == []
    assert keystone.tokens.validate(keystone.session.get_token()).username == "admin"


def test_a_domains_configuration_and_a_password_of_ones_own(keystone: Client, world: DemoWorld, domain: Any) -> None:
    config = {"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://x.example", "user_tree_dn": "cn=x"}}
    keystone.domain_configs.create(domain.id, config)
    assert keystone.domain_configs.get(domain.id).to_dict() == config
    keystone.domain_configs.update(domain.id, {"ldap": {"url": "ldap://y.example"}})
    assert keystone.domain_configs.get(domain.id).ldap["url"] == "ldap://y.example"
    keystone.domain_configs.delete(domain.id)
    with pytest.raises(exceptions.NotFound):
        keystone.domain_configs.get(domain.id)
    old, new = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    world.secrets.update((old, new))
    user = keystone.users.create("own password", domain=domain.id, password=old)
    auth = v3.Password(f"{world.api.url}/main/v3", user_id=user.id, password=old, unscoped=True)
    own = Client(session=Session(auth, verify=str(world.ca), timeout=20), endpoint_override=f"{world.api.url}/main/v3")
    own.users.update_password(old, new)
    assert world.api.ask("POST", "/main/v3/auth/tokens", _by_id(user.id, old)).status == 401
    assert world.api.ask("POST", "/main/v3/auth/tokens", _by_id(user.id, new)).status == 201
    keystone.users.delete(user)


def _by_id(id: str, password: str) -> dict[str, Any]:
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": id, "password": password}}}}}
