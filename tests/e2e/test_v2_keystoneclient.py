"""python-keystoneclient's v2_0 client, which is still in the installed release, beside its v3 client in the same process."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from keystoneauth1 import exceptions
from keystoneauth1.identity import v2, v3
from keystoneauth1.session import Session
from keystoneclient.v2_0.client import Client as OldClient
from keystoneclient.v3.client import Client

from tests.support.demo_world import DemoWorld
from tests.support.listener import DOMAIN, Listener
from tests.support.old_pool import old_pool

# Version 2.0 of its client says of itself that it is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def pool(world: DemoWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    with old_pool(world, tmp_path_factory.mktemp("old-pool")) as listener:
        yield listener


def old_client(world: DemoWorld, pool: Listener, name: str, password: str, tenant: str | None, **options: Any) -> OldClient:
    """By default it asks the admin endpoint of its catalogue, as it always did."""
    auth = v2.Password(f"{pool.url}/main/v2.0", username=name, password=password, tenant_name=tenant)
    return OldClient(session=Session(auth, verify=str(world.ca), timeout=20), **options)


@pytest.fixture(scope="module")
def old(world: DemoWorld, pool: Listener) -> OldClient:
    admin = world.told["admin"]
    return old_client(world, pool, admin["user"], admin["password"], admin["project"])


@pytest.fixture(scope="module")
def new(world: DemoWorld) -> Client:
    admin = world.told["admin"]
    place = {"project_name": admin["project"], "project_domain_name": DOMAIN, "user_domain_name": DOMAIN}
    auth = v3.Password(f"{world.api.url}/main/v3", username=admin["user"], password=admin["password"], **place)
    return Client(session=Session(auth, verify=str(world.ca), timeout=20), interface="public")


def test_tokens_of_either_version(world: DemoWorld, old: OldClient, new: Client) -> None:
    alice = world.user("alice")
    mine = old.tokens.authenticate(username="alice", password=alice["password"], tenant_name="demo")
    world.secrets.add(mine.id)
    assert old.tokens.validate(mine.id).tenant["name"] == "demo"
    assert old.tokens.validate_access_info(mine.id).username == "alice"
    assert new.tokens.validate(mine.id).project_name == "demo"
    other = world.token("alice", "demo")
    assert old.tokens.validate_access_info(other).project_id == new.tokens.validate(other).project_id == mine.tenant["id"]
    research = old.tokens.validate(world.token("bob", "research")).tenant["id"]
    rescoped = old.tokens.authenticate(token=world.token("bob"), tenant_id=research)
    world.secrets.add(rescoped.id)
    assert rescoped.tenant["name"] == "research"
    old.tokens.delete(mine.id)
    new.tokens.revoke_token(other)
    for token in (mine.id, other):
        with pytest.raises(exceptions.NotFound):
            old.tokens.validate(token)
        with pytest.raises(exceptions.NotFound):
            new.tokens.validate(token)
    with pytest.raises(exceptions.Gone):
        old.tokens.get_revoked()


def test_tenants_and_their_users(world: DemoWorld, pool: Listener, old: OldClient, new: Client) -> None:
    made = old.tenants.create("yard", description="a b", enabled=True)
    assert (new.projects.get(made.id).name, new.projects.get(made.id).domain_id) == ("yard", "default")
    changed = old.tenants.update(made.id, tenant_name="court", description="c", enabled=True)
    assert (changed.name, changed.description, old.tenants.get(made.id).name) == ("court", "c", "court")
    assert {one.id for one in old.tenants.list()} == {one.id for one in new.projects.list(domain="default")}
    first = old.tenants.list(limit=1)
    assert len(first) == 1 and old.tenants.list(limit=1, marker=first[0].id)[0].id != first[0].id
    member = next(one for one in old.roles.list() if one.name == "member")
    alice = next(one for one in old.users.list() if one.name == "alice")
    old.tenants.add_user(made.id, alice.id, member.id)
    assert [one.name for one in old.tenants.list_users(made.id)] == ["alice"]
    assert [one.id for one in old.users.list(tenant_id=made.id)] == [alice.id]
    assert {one.name for one in old.roles.roles_for_user(alice.id, made.id)} == {"member", "reader"}
    assert [one.id for one in new.roles.list(user=alice.id, project=made.id)] == [member.id]
    mine = old_client(world, pool, "alice", world.user("alice")["password"], "demo", interface="public")
    assert {one.name for one in mine.tenants.list()} >= {"demo", "court"}
    old.tenants.remove_user(made.id, alice.id, member.id)
    assert old.tenants.list_users(made.id) == []
    old.tenants.delete(made.id)
    with pytest.raises(exceptions.NotFound):
        new.projects.get(made.id)


def test_users_and_their_passwords(world: DemoWorld, pool: Listener, old: OldClient, new: Client) -> None:
    first, second, third = (secrets.token_urlsafe(16) for _ in range(3))
    world.secrets.update((first, second, third))
    demo = next(one for one in old.tenants.list() if one.name == "demo")
    made = old.users.create("ancestor", password=first, email="a@x.example", tenant_id=demo.id, enabled=True)
    assert (new.users.get(made.id).email, new.users.get(made.id).default_project_id) == ("a@x.example", demo.id)
    assert old.users.get(made.id).username == "ancestor"
    assert old.users.update(made.id, email="b@x.example", name="forefather").name == "forefather"
    old.users.update_password(made.id, second)
    with pytest.raises(exceptions.Unauthorized):
        old_client(world, pool, "forefather", first, "demo").users.list()
    own = old_client(world, pool, "forefather", second, "demo", interface="public")
    before = own.session.get_token()
    own.user_id = own.session.get_user_id()
    after = own.users.update_own_password(second, third).token["id"]
    world.secrets.update((before, after))
    with pytest.raises(exceptions.NotFound):
        old.tokens.validate(before)
    assert new.tokens.validate(after).project_name == "demo"  # the token in the answer is for the same tenant
    old.users.update_enabled(made.id, False)
    assert new.users.get(made.id).enabled is False
    with pytest.raises(exceptions.NotFound):
        new.tokens.validate(after)
    old.users.update_enabled(made.id, True)
    admin = next(one for one in old.tenants.list() if one.name == "admin")
    old.users.update_tenant(made.id, admin.id)
    assert new.users.get(made.id).default_project_id == admin.id
    old.users.delete(made.id)
    with pytest.raises(exceptions.NotFound):
        new.users.get(made.id)


def test_roles_services_and_endpoints(old: OldClient, new: Client) -> None:
    role = old.roles.create("relict")
    assert old.roles.get(role.id).name == new.roles.get(role.id).name == "relict"
    old.roles.delete(role.id)
    service = old.services.create("vault", "archive", "x y")
    assert old.services.get(service.id).type == new.services.get(service.id).type == "archive"
    assert service.id in {one.id for one in old.services.list()}
    point = old.endpoints.create("RegionOne", service.id, "https://a.example", "https://b.example", "https://c.example")
    assert {one.interface for one in new.endpoints.list(service=service.id)} == {"public", "admin", "internal"}
    assert point.id in {one.id for one in old.endpoints.list()}
    old.endpoints.delete(point.id)
    old.services.delete(service.id)
    assert new.endpoints.list(service=service.id) == []


def test_extensions_certificates_and_ec2(world: DemoWorld, old: OldClient, new: Client) -> None:
    assert {one.alias for one in old.extensions.list()} >= {"OS-KSADM", "OS-KSCRUD", "OS-EC2", "OS-KSEC2"}
    for ask in (old.certificates.get_ca_certificate, old.certificates.get_signing_certificate):
        with pytest.raises(exceptions.Gone):
            ask()
    bob = next(one for one in old.users.list() if one.name == "bob")
    research = next(one for one in old.tenants.list() if one.name == "research")
    made = old.ec2.create(bob.id, research.id)
    world.secrets.add(made.secret)
    assert old.ec2.get(bob.id, made.access).secret == new.ec2.get(bob.id, made.access).secret == made.secret
    assert [one.access for one in old.ec2.list(bob.id)] == [one.access for one in new.ec2.list(bob.id)] == [made.access]
    old.ec2.delete(bob.id, made.access)
    assert old.ec2.list(bob.id) == []


def test_a_member_is_refused_what_is_the_administrators(world: DemoWorld, pool: Listener, old: OldClient) -> None:
    alice = old_client(world, pool, "alice", world.user("alice")["password"], "demo")
    bob = next(one for one in old.users.list() if one.name == "bob")
    for ask in (
        alice.tenants.list,
        alice.users.list,
        alice.roles.list,
        alice.services.list,
        alice.endpoints.list,
        lambda: alice.users.get(bob.id),
        lambda: alice.users.update_password(bob.id, "x"),
        lambda: alice.users.delete(bob.id),
        lambda: alice.ec2.list(bob.id),
        lambda: alice.roles.create("mine"),
    ):
        with pytest.raises(exceptions.Forbidden):
            ask()
