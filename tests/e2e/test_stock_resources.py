"""`openstack region | service | endpoint | limit | credential | trust ...`: all else that the stock client looks after."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.demo_world import DemoWorld
from tests.support.stock_client import Conversation, once


@pytest.fixture(scope="module")
def service(openstack: Conversation) -> Iterator[dict[str, Any]]:
    """A region with one below it, and a service."""
    openstack.ask("region create 'nörth' --description 'x y'")
    openstack.ask("region create --parent-region 'nörth' sub")
    yield openstack.ask("service create --name 'naming ⅳ' --description 'd e' --disable dns")
    openstack.does("service delete naming")
    openstack.does("region delete sub")
    openstack.does("region delete 'nörth'")
    openstack.refuses("region show sub", "No Region found")


def test_the_catalogue(openstack: Conversation, world: DemoWorld, service: dict[str, Any], tmp_path: Path) -> None:
    openstack.does("region set sub --description below")
    assert openstack.ask("region show sub") == {"region": "sub", "description": "below", "parent_region": "nörth"}
    assert openstack.column("region list --parent-region 'nörth'", "Region") == ["sub"]
    assert service["enabled"] is False
    openstack.does("service set 'naming ⅳ' --enable --name naming --description q")
    assert openstack.ask("service show naming") == {**service, "name": "naming", "description": "q", "enabled": True}
    assert {row["Name"]: row["Type"] for row in openstack.ask("service list --long")}["naming"] == "dns"
    public = openstack.ask("endpoint create --region sub naming public 'https://dns/$(project_id)s'")
    admin = openstack.ask("endpoint create --region sub naming admin https://dns/ --disable")
    assert (public["service_name"], public["region_id"], admin["enabled"]) == ("naming", "sub", False)
    openstack.does(f"endpoint set --enable --url https://dns.example/ --region 'nörth' --interface internal {admin['id']}")
    shown = openstack.ask(f"endpoint show {admin['id']}")
    assert (shown["url"], shown["interface"], shown["region"], shown["enabled"]) == (
        "https://dns.example/",
        "internal",
        "nörth",
        True,
    )
    assert set(openstack.column("endpoint list --service naming", "ID")) == {public["id"], admin["id"]}
    assert openstack.column("endpoint list --region sub --interface public", "ID") == [public["id"]]
    catalogue = once(tmp_path / "one", world.environ("admin", "admin"), "catalog", "list")  # a token shows what was there at log-in
    entry = next(row for row in catalogue if row["Name"] == "naming")
    project = openstack.ask("project show admin")["id"]
    assert {point["url"] for point in entry["Endpoints"]} == {f"https://dns/{project}", "https://dns.example/"}
    _chosen_endpoints(openstack, public, tmp_path)
    openstack.does(f"endpoint delete {public['id']} {admin['id']}")


def _chosen_endpoints(openstack: Conversation, endpoint: dict[str, Any], directory: Path) -> None:
    """Endpoints, and groups of them, that a project is associated with."""
    filters, others = directory / "filters.json", directory / "others.json"
    filters.write_text('{"interface": "internal"}')
    others.write_text('{"interface": "public", "region_id": "sub"}')
    openstack.ask("project create chooser")
    openstack.does(f"endpoint add project {endpoint['id']} chooser")
    assert openstack.column("endpoint list --project chooser", "ID") == [endpoint["id"]]
    assert openstack.column(f"endpoint list --endpoint {endpoint['id']}") == ["chooser"]
    openstack.does(f"endpoint remove project {endpoint['id']} chooser")
    openstack.ask(f"endpoint group create --description 'd e' 'eg ü' {filters}")
    openstack.does(f"endpoint group set --name eg --description q --filters {others} 'eg ü'")
    shown = openstack.ask("endpoint group show eg")
    assert (shown["filters"], shown["description"]) == ({"interface": "public", "region_id": "sub"}, "q")
    openstack.does("endpoint group add project eg chooser")
    assert openstack.column("endpoint group list --project chooser") == ["eg"]
    assert openstack.column("endpoint group list --endpointgroup eg") == ["chooser"]
    assert openstack.column("endpoint list --project chooser", "ID") == [endpoint["id"]]
    openstack.does("endpoint group remove project eg chooser")
    openstack.does("endpoint group delete eg")
    openstack.does("project delete chooser")


def test_limits(openstack: Conversation, service: dict[str, Any]) -> None:
    cores = openstack.ask(
        f"registered limit create --service {service['id']} --default-limit 10 --region sub --description 'x y' cores"
    )
    ram = openstack.ask(f"registered limit create --service {service['id']} --default-limit 512 ram")
    openstack.say(f"registered limit set --default-limit 20 --description z {cores['id']}")
    assert openstack.ask(f"registered limit show {cores['id']}") == {**cores, "default_limit": 20, "description": "z"}
    assert set(openstack.column(f"registered limit list --service {service['id']}", "Resource Name")) == {"cores", "ram"}
    assert openstack.column("registered limit list --region sub --resource-name cores", "ID") == [cores["id"]]
    project = openstack.ask("project create limited")
    created = f"limit create --project limited --service {service['id']} --region sub --resource-limit"
    limit = openstack.ask(f"{created} 5 cores")
    assert (limit["project_id"], limit["resource_limit"]) == (project["id"], 5)
    openstack.refuses(f"{created} 6 cores", "409")
    assert openstack.ask(f"limit set --resource-limit 6 --description z {limit['id']}")["resource_limit"] == 6
    assert openstack.ask(f"limit show {limit['id']}")["description"] == "z"
    assert openstack.column(f"limit list --project limited --service {service['id']}", "Resource Limit") == [6]
    openstack.refuses(f"registered limit delete {cores['id']}", "403")
    openstack.does("project delete limited")
    openstack.refuses(f"limit show {limit['id']}", "No Limit found")  # it went with its project
    openstack.does(f"registered limit delete {cores['id']} {ram['id']}")


def test_policies(openstack: Conversation, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('{"x": "ü"}', "utf-8")
    made = openstack.ask(f"policy create --type text/x {rules}")
    openstack.does(f"policy set --type text/y {made['id']}")
    assert openstack.ask(f"policy show {made['id']}") == {"id": made["id"], "rules": '{"x": "ü"}', "type": "text/y"}
    assert made["id"] in openstack.column("policy list --long", "ID")
    openstack.does(f"policy delete {made['id']}")
    openstack.refuses(f"policy show {made['id']}")


def test_credentials_of_every_kind(openstack: Conversation, world: DemoWorld) -> None:
    project = openstack.ask("project show demo")["id"]
    secret = secrets.token_urlsafe(20)
    world.secrets.add(secret)
    made = openstack.ask(f"credential create --type cert --project demo alice '{secret}'")
    assert (made["blob"], made["project_id"], made["type"]) == (secret, project, "cert")
    assert openstack.ask(f"credential show {made['id']}") == made
    assert openstack.column("credential list --user alice --type cert", "ID") == [made["id"]]
    openstack.refuses(f"credential set --user alice --type totp --data {secret} {made['id']}", "400")  # Keystone keeps types, too
    openstack.does(f"credential delete {made['id']}")
    pair = openstack.ask("ec2 credentials create --user alice --project demo")
    world.secrets.add(pair["secret"])
    assert pair["project_id"] == project and openstack.column("ec2 credentials list --user alice", "Access") == [pair["access"]]
    assert openstack.ask(f"ec2 credentials show --user alice {pair['access']}") == pair
    openstack.does(f"ec2 credentials delete --user alice {pair['access']}")
    openstack.refuses(f"ec2 credentials show --user alice {pair['access']}", "404")


def test_trusts(openstack: Conversation) -> None:
    words = "trust create --project admin --role reader --impersonate"
    made = openstack.ask(f"{words} --expiration 2040-01-01T00:00:00 admin alice")
    assert made["is_impersonation"] is True and [role["name"] for role in made["roles"]] == ["reader"]
    assert made["expires_at"] == "2040-01-01T00:00:00.000000Z"
    for options in ("", "--trustor admin", "--trustee alice", "--auth-user"):
        assert openstack.column(f"trust list {options}", "ID") == [made["id"]], options
    assert openstack.ask(f"trust show {made['id']}")["trustee_user_id"] == made["trustee_user_id"]
    openstack.refuses("trust create --project demo --role member admin alice", "404")  # not a role of the trustor's there
    openstack.does(f"trust delete {made['id']}")
    assert openstack.ask("trust list") == []


def test_application_credentials_log_in_and_are_bounded_by_their_rules(
    openstack: Conversation, world: DemoWorld, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps([{"service": "identity", "method": "GET", "path": "/v3/users"}]))
    made = openstack.ask(
        "application credential create --role reader --description 'x y' --expiration 2040-01-01T00:00:00"
        f" --access-rules {rules} 'ci ü'"
    )
    assert [role["name"] for role in made["Roles"]] == ["reader"] and made["Unrestricted"] is False
    world.secrets.add(made["Secret"])
    own = {
        "identity": {"methods": ["application_credential"], "application_credential": {"id": made["ID"], "secret": made["Secret"]}}
    }
    login = world.api.ask("POST", "/main/v3/auth/tokens", {"auth": own})
    assert login.status == 201
    assert [role["name"] for role in login.json()["token"]["roles"]] == ["reader"]
    assert openstack.column("application credential list") == ["ci ü"]
    assert openstack.ask("application credential show 'ci ü'")["Description"] == "x y"
    (rule,) = openstack.ask("access rule list")
    assert openstack.ask(f"access rule show {rule['ID']}")["Path"] == "/v3/users"
    openstack.refuses(f"access rule delete {rule['ID']}", "403")  # in use
    openstack.does("application credential delete 'ci ü'")
    assert world.api.ask("GET", "/main/v3/auth/catalog", headers={"X-Auth-Token": login.token}).status == 401
    openstack.does(f"access rule delete {rule['ID']}")
    assert openstack.ask("access rule list") == []


def test_oauth(openstack: Conversation, world: DemoWorld) -> None:
    """The three legs as the client takes them: it signs with HMAC-SHA1 what it asks."""
    made = openstack.ask("consumer create --description 'x y'")
    openstack.does(f"consumer set --description z {made['id']}")
    assert openstack.ask(f"consumer show {made['id']}") == {"id": made["id"], "description": "z"}
    assert made["id"] in openstack.column("consumer list", "ID")
    signed = f"--consumer-key {made['id']} --consumer-secret {made['secret']}"
    asked = openstack.ask(f"request token create {signed} --project admin --domain Default")
    verifier = openstack.ask(f"request token authorize --request-key {asked['key']} --role reader")["oauth_verifier"]
    given = openstack.ask(
        f"access token create {signed} --request-key {asked['key']} --request-secret {asked['secret']} --verifier {verifier}"
    )
    world.secrets.update((made["secret"], asked["secret"], given["secret"]))
    openstack.refuses(
        f"access token create {signed} --request-key {asked['key']} --request-secret {asked['secret']} --verifier {verifier}"
    )
    openstack.does(f"consumer delete {made['id']}")


def test_federation(openstack: Conversation, tmp_path: Path) -> None:
    rules = tmp_path / "mapping.json"
    rules.write_text('[{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "REMOTE_USER"}]}]')
    made = openstack.ask("identity provider create --remote-id https://r/1 --remote-id https://r/2 --authorization-ttl 30 partner")
    assert set(made["remote_ids"]) == {"https://r/1", "https://r/2"} and made["authorization_ttl"] == 30
    openstack.does("identity provider set --disable --remote-id https://r/3 --description z partner")
    shown = openstack.ask("identity provider show partner")
    assert (shown["enabled"], shown["remote_ids"], shown["description"]) == (False, ["https://r/3"], "z")
    assert openstack.column("identity provider list --id partner", "ID") == ["partner"]
    assert openstack.ask(f"mapping create --rules {rules} people")["rules"] == json.loads(rules.read_text())
    openstack.does(f"mapping set --rules {rules} people")
    assert openstack.column("mapping list", "ID") == ["people"]
    openstack.ask("federation protocol create --identity-provider partner --mapping people saml2")
    openstack.does("federation protocol set --identity-provider partner --mapping people saml2")
    assert openstack.ask("federation protocol show --identity-provider partner saml2")["mapping"] == "people"
    assert openstack.ask("federation protocol list --identity-provider partner") == [{"id": "saml2", "mapping": "people"}]
    openstack.does("federation protocol delete --identity-provider partner saml2")
    openstack.does("mapping delete people")
    openstack.does("identity provider delete partner")
    openstack.ask("service provider create --auth-url https://a/ --service-provider-url https://b/ --description 'x y' elsewhere")
    openstack.say("service provider set --disable --description z elsewhere")
    shown = openstack.ask("service provider show elsewhere")
    assert (shown["enabled"], shown["description"], shown["auth_url"]) == (False, "z", "https://a/")
    assert openstack.column("service provider list", "ID") == ["elsewhere"]
    openstack.does("service provider delete elsewhere")
    openstack.does(f"domain set --disable {made['domain_id']}")  # the one that was made for the identity provider
    openstack.does(f"domain delete {made['domain_id']}")


KINDS = """domain, project, user, group, role, service, endpoint, region, limit, registered limit, credential, trust,
    application credential, access rule, policy, consumer, identity provider, mapping, service provider"""


@pytest.mark.parametrize("kind", [kind.strip() for kind in KINDS.split(",")])
def test_what_is_not_there_is_told_in_words(openstack: Conversation, kind: str) -> None:
    openstack.refuses(f"{kind} show nothing", "nothing")
