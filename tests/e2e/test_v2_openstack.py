"""The stock `openstack` of today with OS_IDENTITY_API_VERSION=2, each thing looked at by its twin of version 3, too.

The installed client (10.5) still has version 2.0's commands for tokens, the catalogue, projects, users, roles, services, endpoints,
EC2 key pairs and extensions. `user role list`, which older ones had, is gone: `role assignment list` asks the same. There never was
a command for one's own password or OS-KSEC2; test_v2_keystoneclient.py and tests/web/v2 have those.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.support.demo_world import DemoWorld
from tests.support.listener import Listener, password_body
from tests.support.old_pool import environ, old_pool
from tests.support.stock_client import Conversation, conversation, once


@pytest.fixture(scope="module")
def pool(world: DemoWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    with old_pool(world, tmp_path_factory.mktemp("old-pool")) as listener:
        yield listener


@pytest.fixture(scope="module")
def old(world: DemoWorld, pool: Listener, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    """The administrator on version 2.0; `openstack` is the same person on version 3."""
    with conversation(tmp_path_factory.mktemp("old-client"), environ(world, pool, "admin", "admin")) as client:
        yield client


def test_a_token_and_its_end(world: DemoWorld, pool: Listener, old: Conversation) -> None:
    shown = old.ask("token issue")
    assert set(shown) == {"id", "expires", "project_id", "user_id"}
    token = shown["id"]
    pool.secrets.add(token)
    world.secrets.add(token)
    assert world.api.show(token, token).json()["token"]["user"]["id"] == shown["user_id"]
    old.does(f"token revoke {token}")
    assert world.api.show(token, token).status == 401


def test_a_users_own_token_in_a_process_of_its_own(
    world: DemoWorld, pool: Listener, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As people type it."""
    shown = once(tmp_path_factory.mktemp("alice"), environ(world, pool, "alice", "demo"), "token", "issue")
    assert world.api.show(shown["id"], shown["id"]).json()["token"]["project"]["name"] == "demo"


def test_the_catalogue_of_the_pool(pool: Listener, old: Conversation, openstack: Conversation) -> None:
    """Each pool has its own: the same command leads to version 2.0 here and to version 3 there."""
    assert {row["Type"] for row in old.ask("catalog list")} == {"identity", "compute"}
    (shown,) = old.ask("catalog show identity")["endpoints"]
    assert shown["publicURL"] == f"{pool.url}/main/v2.0" and shown["adminURL"] == f"{pool.url}/admin/v2.0"
    assert all(point["url"].endswith("/v3") for point in openstack.ask("catalog show identity")["endpoints"])


def test_projects(old: Conversation, openstack: Conversation) -> None:
    made = old.ask("project create --description 'a b' --property cost=12 elder")
    assert (made["name"], made["description"], made["enabled"], made["cost"]) == ("elder", "a b", True, "12")
    assert old.ask("project create --or-show elder")["id"] == made["id"]
    shown = openstack.ask("project show elder")
    assert (shown["id"], shown["domain_id"], shown["description"]) == (made["id"], "default", "a b")
    old.does("project set --name older --description new --property cost=13 elder")
    old.does("project set --disable older")
    assert openstack.ask("project show older") == {**shown, "name": "older", "description": "new", "cost": "13", "enabled": False}
    assert {row["Name"]: row["Enabled"] for row in old.ask("project list --long")}["older"] is False
    old.does("project unset --property cost older")
    old.does("project delete older")
    old.refuses("project show older", "older")
    assert "older" not in openstack.column("project list")
    assert set(old.column("project list")) == set(openstack.column("project list --domain default"))


def test_projects_of_other_domains_are_not_there(old: Conversation, openstack: Conversation) -> None:
    domain = openstack.ask("domain create elsewhere")
    project = openstack.ask("project create --domain elsewhere hidden")
    user = openstack.ask(f"user create --domain elsewhere --password '{secrets.token_urlsafe(16)}' stowaway")
    try:
        assert "hidden" not in old.column("project list") and "stowaway" not in old.column("user list")
        for line in (f"project show {project['id']}", "project show hidden", f"user show {user['id']}", "user show stowaway"):
            old.refuses(line)
        old.refuses(f"project delete {project['id']}", project["id"])
        old.refuses(f"user delete {user['id']}", user["id"])
        old.refuses(f"project show {domain['id']}")
    finally:
        openstack.does("domain set --disable elsewhere")
        openstack.does("domain delete elsewhere")


def test_users(world: DemoWorld, old: Conversation, openstack: Conversation) -> None:
    first, second = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    world.secrets.update((first, second))
    made = old.ask(f"user create --project demo --password '{first}' --email o@x.example oldster")
    assert (made["name"], made["email"], made["enabled"]) == ("oldster", "o@x.example", True)
    assert "password" not in made
    assert old.ask(f"user create --or-show --password '{first}' oldster")["id"] == made["id"]
    shown = openstack.ask("user show oldster")
    assert (shown["id"], shown["email"], shown["domain_id"]) == (made["id"], "o@x.example", "default")
    assert world.api.ask("POST", "/main/v3/auth/tokens", password_body("oldster", first, "demo")).status == 201
    assert "oldster" in old.column("user list") and "oldster" in old.column("user list --project demo")
    old.does(f"user set --password '{second}' --email p@x.example oldster")
    assert world.api.ask("POST", "/main/v3/auth/tokens", password_body("oldster", first)).status == 401
    assert world.api.ask("POST", "/main/v3/auth/tokens", password_body("oldster", second)).status == 201
    old.does("user set --name veteran --disable oldster")
    assert (openstack.ask("user show veteran")["enabled"], old.ask("user show veteran")["enabled"]) == (False, False)
    assert world.api.ask("POST", "/main/v3/auth/tokens", password_body("veteran", second)).status == 401
    old.does("user set --enable --project admin veteran")
    assert openstack.ask("user show veteran")["default_project_id"] == old.ask("project show admin")["id"]
    old.does("user delete veteran")
    assert "veteran" not in openstack.column("user list")


def test_roles(old: Conversation, openstack: Conversation) -> None:
    role = old.ask("role create ancient")
    assert openstack.ask("role show ancient")["id"] == role["id"] == old.ask("role show ancient")["id"]
    given = old.ask("role add --user alice --project research ancient")
    assert given["name"] == "ancient"
    both = "--user alice --project research --names"
    assert "ancient" in old.column(f"role assignment list {both}", "Role")
    assert openstack.column(f"role assignment list --role ancient {both}", "Project") == ["research@Default"]
    old.refuses("role add --user alice --project research ancient", "409")
    old.does("role remove --user alice --project research ancient")
    assert openstack.ask("role assignment list --role ancient") == []
    old.refuses("role remove --user alice --project research ancient", "404")
    assert set(old.column("role list")) == set(openstack.column("role list"))
    old.does("role delete ancient")
    assert "ancient" not in openstack.column("role list")


def test_services_and_endpoints(old: Conversation, openstack: Conversation) -> None:
    """What is one endpoint with three URLs here is three endpoints there."""
    service = old.ask("service create --name relic --description 'x y' museum")
    assert openstack.ask("service show relic")["id"] == service["id"]
    assert old.ask("service show museum")["name"] == "relic" and "relic" in old.column("service list")
    urls = "--publicurl https://a.example/ --internalurl https://b.example/ --adminurl https://c.example/"
    made = old.ask(f"endpoint create --region RegionOne {urls} relic")
    assert (made["publicurl"], made["internalurl"], made["adminurl"]) == (
        "https://a.example/",
        "https://b.example/",
        "https://c.example/",
    )
    assert old.ask(f"endpoint show {made['id']}")["service_id"] == service["id"]
    assert made["id"] in old.column("endpoint list --long", "ID")
    rows = {row["Interface"]: row["URL"] for row in openstack.ask("endpoint list --service relic")}
    assert rows == {"public": "https://a.example/", "internal": "https://b.example/", "admin": "https://c.example/"}
    old.does(f"endpoint delete {made['id']}")
    assert openstack.ask("endpoint list --service relic") == []
    old.does("service delete relic")
    assert "relic" not in openstack.column("service list")


def test_ec2_key_pairs(world: DemoWorld, old: Conversation, openstack: Conversation) -> None:
    made = old.ask("ec2 credentials create")
    world.secrets.add(made["secret"])
    assert old.ask(f"ec2 credentials show {made['access']}")["secret"] == made["secret"]
    assert old.column("ec2 credentials list", "Access") == openstack.column("ec2 credentials list", "Access") == [made["access"]]
    assert openstack.ask(f"ec2 credentials show {made['access']}")["secret"] == made["secret"]
    old.does(f"ec2 credentials delete {made['access']}")
    assert old.ask("ec2 credentials list") == openstack.ask("ec2 credentials list") == []


def test_extensions(old: Conversation) -> None:
    assert {row["Alias"] for row in old.ask("extension list --identity")} >= {"OS-KSADM", "OS-KSCRUD", "OS-EC2", "OS-KSEC2"}


def test_a_member_administrates_nothing(world: DemoWorld, pool: Listener, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the client prints is the server's refusal; its own project and catalogue are the member's to see."""
    with conversation(tmp_path_factory.mktemp("alice"), environ(world, pool, "alice", "demo")) as alice:
        assert alice.column("catalog list", "Type")
        for line in (
            *("project list", "project show demo", "project create mine", "project delete demo", "user list", "user show bob"),
            *("role list", "role create mine", "role add --user alice --project demo admin", "service list", "service create mine"),
            *("endpoint list", "user set --password x bob", "user delete bob", "role remove --user bob --project research member"),
        ):
            alice.refuses(line)
        made = alice.ask("ec2 credentials create")
        world.secrets.add(made["secret"])
        alice.does(f"ec2 credentials delete {made['access']}")
    assert world.token("bob", "research")
