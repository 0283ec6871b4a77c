"""`openstack domain | project | user | group | role ...`: the stock client manages accounts as it does anywhere."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.demo_world import DemoWorld
from tests.support.stock_client import Conversation, conversation

DOMAIN = "Nörd ☃"
IN = f"--domain '{DOMAIN}'"


@pytest.fixture(scope="module")
def domain(openstack: Conversation) -> Iterator[dict[str, Any]]:
    """A domain of this file's own; with it goes all that is made in it."""
    yield openstack.ask(f"domain create --description 'The north' '{DOMAIN}'")
    openstack.does(f"domain set --disable '{DOMAIN}'")
    openstack.does(f"domain delete '{DOMAIN}'")
    openstack.refuses(f"domain show '{DOMAIN}'", "No Domain found")


def test_domains(openstack: Conversation, domain: dict[str, Any]) -> None:
    assert (domain["name"], domain["description"], domain["enabled"], domain["options"]) == (DOMAIN, "The north", True, {})
    assert openstack.ask(f"domain create --or-show '{DOMAIN}'") == domain
    openstack.refuses(f"domain create '{DOMAIN}'", "409")
    assert openstack.column(f"domain list --name '{DOMAIN}'", "ID") == [domain["id"]]
    openstack.ask("domain create --disable west")
    assert not {"west"} & set(openstack.column("domain list --enabled"))
    openstack.does("domain set --enable --name 'far west' --description 'Further' west")
    shown = openstack.ask("domain show 'far west'")
    assert (shown["enabled"], shown["description"]) == (True, "Further")
    openstack.refuses("domain delete 'far west'", "403", "enabled")
    openstack.does("domain set --disable --immutable 'far west'")
    openstack.refuses("domain delete 'far west'", "403")
    openstack.does("domain set --no-immutable 'far west'")
    openstack.does("domain delete 'far west'")


def test_projects_with_properties_tags_and_a_tree(openstack: Conversation, domain: dict[str, Any]) -> None:
    top = openstack.ask(f"project create {IN} --description 'a b' --property cost=12 --property 'k=ä ö' --tag red --tag blue top")
    assert {**top, "tags": set(top["tags"])} == {
        "id": top["id"],
        "name": "top",
        "domain_id": domain["id"],
        "parent_id": domain["id"],
        "description": "a b",
        "enabled": True,
        "is_domain": False,
        "options": {},
        "tags": {"red", "blue"},
        "cost": "12",
        "k": "ä ö",
    }
    below = openstack.ask(f"project create {IN} --parent top --tag red 'ünter 1'")
    assert below["parent_id"] == top["id"]
    assert openstack.ask(f"project create {IN} --or-show top") == top
    openstack.ask(f"project create {IN} --disable off")
    family = openstack.ask(f"project show {IN} --parents --children top")
    assert (family["parents"], family["subtree"]) == ({domain["id"]: None}, {below["id"]: None})
    assert openstack.ask(f"project show {IN} --parents 'ünter 1'")["parents"] == {top["id"]: {domain["id"]: None}}

    def names(options: str) -> set[str]:
        return set(openstack.column(f"project list {IN} {options}"))

    assert names("") == {"top", "ünter 1", "off"} and names("--enabled") == {"top", "ünter 1"} and names("--disabled") == {"off"}
    assert names(f"--parent {top['id']}") == {"ünter 1"}
    assert names("--tags red") == names("--tags-any red,blue") == {"top", "ünter 1"} and names("--tags red,blue") == {"top"}
    assert names("--not-tags blue") == {"ünter 1", "off"} and names("--not-tags-any red,blue") == {"off"}
    assert openstack.column(f"project list {IN} --sort name:desc") == ["ünter 1", "top", "off"]
    assert {row["Name"]: row["Enabled"] for row in openstack.ask(f"project list {IN} --long")}["off"] is False
    openstack.refuses(f"project set {IN} --disable top", "403")  # what is below it is enabled
    openstack.refuses(f"project delete {IN} top", "403")
    openstack.does(f"project set {IN} --name peak --tag green --property cost=13 top")
    openstack.does(f"project set {IN} --remove-tag red --immutable peak")
    peak = openstack.ask(f"project show {IN} peak")
    assert (set(peak["tags"]), peak["cost"], peak["options"]) == ({"blue", "green"}, "13", {"immutable": True})
    openstack.refuses(f"project set {IN} --name top peak", "403")
    openstack.does(f"project set {IN} --no-immutable peak")
    openstack.does(f"project set {IN} --name top --clear-tags peak")
    assert openstack.ask(f"project show {IN} top")["tags"] == []
    openstack.does(f"project delete {IN} 'ünter 1' off top")
    assert names("") == set()


def test_users(openstack: Conversation, world: DemoWorld, domain: dict[str, Any]) -> None:
    password = secrets.token_urlsafe(16)
    world.secrets.add(password)
    project = openstack.ask(f"project create {IN} home")
    made = openstack.ask(
        f"user create {IN} --project home --project-domain '{DOMAIN}' --password '{password}' --email j@x.example"
        " --description 'Ein Mensch' --ignore-lockout-failure-attempts 'Jürgen'"
    )
    assert made["default_project_id"] == project["id"] and made["domain_id"] == domain["id"] and "password" not in made
    assert (made["email"], made["description"]) == ("j@x.example", "Ein Mensch")
    assert made["options"] == {"ignore_lockout_failure_attempts": True}
    assert openstack.ask(f"user show {IN} 'Jürgen'") == made
    openstack.refuses(f"user create {IN} --password '{password}' 'Jürgen'", "409")
    openstack.ask(
        f"user create {IN} --password '{password}' --disable --enable-multi-factor-auth --multi-factor-auth-rule password,totp ron"
    )
    assert openstack.ask(f"user show {IN} ron")["options"]["multi_factor_auth_rules"] == [["password", "totp"]]
    assert openstack.column(f"user list {IN}") == ["Jürgen", "ron"]
    assert openstack.column(f"user list {IN} --disabled") == ["ron"]
    openstack.does(f"user set {IN} --name jo --email k@x.example --description new --no-ignore-lockout-failure-attempts 'Jürgen'")
    rows = {row["Name"]: row for row in openstack.ask(f"user list {IN} --long")}
    assert (rows["jo"]["Email"], rows["jo"]["Description"], rows["jo"]["Project"]) == ("k@x.example", "new", project["id"])
    assert openstack.ask(f"user show {IN} jo")["options"] == {"ignore_lockout_failure_attempts": False}
    openstack.refuses("user show --domain Default jo", "No User found")
    openstack.does(f"user delete {IN} jo ron")
    openstack.does(f"project delete {IN} home")


def test_groups(openstack: Conversation, domain: dict[str, Any]) -> None:
    both = f"--group-domain '{DOMAIN}' --user-domain '{DOMAIN}'"
    for name in ("ann", "ben"):
        openstack.ask(f"user create {IN} --password {secrets.token_hex(8)} {name}")
    made = openstack.ask(f"group create {IN} --description 'x y' crew")
    assert (made["domain_id"], made["description"]) == (domain["id"], "x y")
    openstack.does(f"group add user {both} crew ann ben")
    assert "ann in group crew" in openstack.say(f"group contains user {both} crew ann")
    assert openstack.column(f"user list {IN} --group {made['id']}") == ["ann", "ben"]
    assert openstack.column(f"group list --user ann --user-domain '{DOMAIN}'") == ["crew"]
    openstack.does(f"group remove user {both} crew ben")
    assert "ben not in group crew" in openstack.say(f"group contains user {both} crew ben")
    openstack.does(f"group set {IN} --name 'the crew' --description z crew")
    assert [(row["Name"], row["Description"]) for row in openstack.ask(f"group list {IN} --long")] == [("the crew", "z")]
    openstack.does(f"group delete {IN} 'the crew'")
    openstack.does(f"user delete {IN} ann ben")


def test_roles_implied_and_of_a_domain(openstack: Conversation, domain: dict[str, Any]) -> None:
    made = openstack.ask("role create 'öbserver' --description 'sees all'")
    assert openstack.ask("role create --or-show 'öbserver'") == made and made["domain_id"] is None
    openstack.does("role set 'öbserver' --name observer")
    own = openstack.ask(f"role create {IN} special")
    assert openstack.column(f"role list {IN}") == ["special"] and "special" not in openstack.column("role list")
    openstack.does(f"role set {IN} --name 'very special' --description q special")
    assert openstack.ask(f"role show {IN} 'very special'")["id"] == own["id"]
    openstack.does("role set --immutable observer")
    openstack.refuses("role delete observer", "403")
    openstack.does("role set --no-immutable observer")
    openstack.ask("implied role create observer --implied-role reader")
    pairs = {(row["Prior Role Name"], row["Implied Role Name"]) for row in openstack.ask("implied role list")}
    assert {("admin", "manager"), ("manager", "member"), ("member", "reader"), ("observer", "reader")} <= pairs
    openstack.refuses("implied role create reader --implied-role admin", "403")  # that role may not be implied
    openstack.does("implied role delete observer --implied-role reader")
    openstack.does("role delete observer")
    openstack.does(f"role delete {IN} 'very special'")
    openstack.refuses("role show observer", "No Role found")


def test_role_assignments(openstack: Conversation, domain: dict[str, Any]) -> None:
    user, group = f"--user ann --user-domain '{DOMAIN}'", f"--group crew --group-domain '{DOMAIN}'"
    project = f"--project top --project-domain '{DOMAIN}'"
    openstack.ask(f"project create {IN} top")
    openstack.ask(f"project create {IN} --parent top leaf")
    openstack.ask(f"user create {IN} --password {secrets.token_hex(8)} ann")
    crew = openstack.ask(f"group create {IN} crew")
    openstack.does(f"group add user --group-domain '{DOMAIN}' --user-domain '{DOMAIN}' crew ann")
    given = [
        f"{user} {project} member",
        f"{group} {project} --inherited member",
        f"{user} {IN} reader",
        f"{user} --system all reader",
        f"{group} {IN} --inherited manager",
    ]
    for grant in given:
        openstack.does(f"role add {grant}")

    def rows(options: str) -> set[tuple[str, ...]]:
        found = openstack.ask(f"role assignment list --names {options}")
        shown = ("Role", "User", "Group", "Project", "Domain", "System", "Inherited")
        return {tuple(str(row[name]) for name in shown) for row in found}

    ann, top, leaf = f"ann@{DOMAIN}", f"top@{DOMAIN}", f"leaf@{DOMAIN}"
    mine = {
        ("member", ann, "", top, "", "", "False"),
        ("reader", ann, "", "", DOMAIN, "", "False"),
        ("reader", ann, "", "", "", "all", "False"),
    }
    assert rows(user) == mine
    assert rows(group) == {
        ("member", "", f"crew@{DOMAIN}", top, "", "", "True"),
        ("manager", "", f"crew@{DOMAIN}", "", DOMAIN, "", "True"),
    }
    effective = rows(f"{user} --effective {project}")
    # What is inherited from the project holds below it; from the domain, in every project of it.
    assert {row[0] for row in effective} == {"manager", "member", "reader"} and {row[3] for row in effective} == {top}
    below = rows(f"{user} --effective --project leaf --project-domain '{DOMAIN}'")
    assert {(row[0], row[3]) for row in below} == {(role, leaf) for role in ("manager", "member", "reader")}
    assert rows(f"{user} --system all") == {row for row in mine if row[5]}
    assert rows(f"--role reader {IN}") == {row for row in mine if row[4]}
    assert openstack.column(f"user list --project top {IN}") == ["ann"]
    assert set(openstack.column(f"project list --user ann {IN}")) == {"top", "leaf"}
    for grant in given:
        openstack.does(f"role remove {grant}")
    assert rows(user) == set()
    openstack.does(f"group delete {crew['id']}")
    openstack.does(f"user delete {IN} ann")


def test_what_a_user_does_alone(world: DemoWorld, tmp_path: Path, openstack: Conversation) -> None:
    """A session of one who is no administrator: own projects, own password, own things; the rest is refused."""
    password, chosen = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    world.secrets.update((password, chosen))
    made = openstack.ask(f"user create --password {password} olga")
    openstack.does("role add --user olga --project demo member")
    environ = {**world.environ("alice", "demo"), "OS_USERNAME": "olga", "OS_PASSWORD": password}
    with conversation(tmp_path / "olga", environ) as olga:
        assert olga.column("project list --my-projects") == ["demo"]
        assert olga.ask(f"user show {made['id']}")["name"] == "olga"
        assert {row["Type"] for row in olga.ask("catalog list")} >= {"identity"}
        assert olga.column(f"project list --user {made['id']}") == ["demo"]
        for denied in ("user list", "domain create mine", "project create mine", "user delete alice"):
            olga.refuses(denied)
        olga.does(f"user password set --original-password {password} --password {chosen}")
    assert world.api.login("olga", password, "demo").status == 401
    assert world.api.login("olga", chosen, "demo").status == 201
    openstack.does("user delete olga")
    assert world.api.login("olga", chosen, "demo").status == 401
