"""Each way in through the stock clients: the program itself, keystoneauth1 and openstacksdk, on to the catalogue and back out."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openstack
import pytest
from keystoneauth1 import exceptions, loading
from keystoneauth1.extras.kerberos import Kerberos
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from tests.support.demo_world import DemoWorld
from tests.support.listener import DOMAIN, TOKENS, proof_body, within
from tests.support.stock_client import Client

TYPES = {"identity", "compute", "placement", "image", "network", "object-store", "block-storage"}
COMMANDS = ["token issue", "catalog list", "federation project list"]


def session(world: DemoWorld, auth: Any, cert: tuple[str, str] | None = None) -> Session:
    return Session(auth, verify=str(world.ca), cert=cert, timeout=10)


def scoped(project: str) -> dict[str, str]:
    return {"project_name": project, "project_domain_name": DOMAIN}


def plugin(name: str, **options: Any) -> Any:
    return loading.get_plugin_loader(name).load_from_options(**options)


def who(world: DemoWorld, token: str) -> Any:
    """What the service says of a token that a client holds."""
    world.secrets.add(token)
    reply = world.api.show(token, token)
    assert reply.status == 200, reply
    return reply.json()["token"]


def goes_by_the_catalogue(opened: Session) -> set[str]:
    """The names of the projects, asked for where the catalogue says."""
    answer = within(15, lambda: opened.get("/auth/projects", endpoint_filter={"service_type": "identity", "interface": "internal"}))
    assert "/main/v3/" in answer.url
    return {project["name"] for project in answer.json()["projects"]}


def test_the_program_itself_by_each_proof(world: DemoWorld, tmp_path: Path) -> None:
    """Token, catalogue and a call by it: stock Kerberos, mutually authenticated; certificates with and without the package."""
    alice, bob, carol = (world.user(name) for name in ("alice", "bob", "carol"))
    stock = {"OS_AUTH_TYPE": "v3kerberos", "OS_MUTUAL_AUTH": "required"}
    logins: list[tuple[dict[str, Any], dict[str, str]]] = [
        (
            alice,
            {
                "OS_AUTH_URL": f"{world.api.url}/main/v3",
                "OS_AUTH_TYPE": "password",
                "OS_USERNAME": "alice",
                "OS_PASSWORD": alice["password"],
                "OS_USER_DOMAIN_NAME": DOMAIN,
            },
        ),
        (bob, {"OS_AUTH_URL": f"{world.api.url}/krb/v3", **stock, **world.ticket("bob", tmp_path)}),
        (
            carol,
            {
                "OS_AUTH_URL": f"{world.x509.url}/x509/v3",
                "OS_AUTH_TYPE": "v3x509",
                "OS_CERT": carol["cert"],
                "OS_KEY": carol["key"],
            },
        ),
        (
            alice,
            {
                "OS_AUTH_URL": f"{world.x509.url}/x509/v3",
                "OS_AUTH_TYPE": "v3kerberos",
                "OS_CERT": alice["cert"],
                "OS_KEY": alice["key"],
            },
        ),
    ]
    for pair in (logins[:2], logins[2:]):
        running = [Client(tmp_path / f"home{n}", COMMANDS, _environ(world, *login)) for n, login in enumerate(pair)]
        for client, (user, _) in zip(running, pair, strict=True):
            issued, catalogue, projects = client.answers()
            seen = who(world, issued["id"])
            assert seen["user"]["name"] == user["user"] and seen["project"]["name"] == user["projects"][0]
            assert {service["Type"] for service in catalogue} == TYPES
            assert {project["Name"] for project in projects} == set(user["projects"])


def _environ(world: DemoWorld, user: Mapping[str, Any], login: Mapping[str, str]) -> dict[str, str]:
    scope = {"OS_PROJECT_NAME": user["projects"][0], "OS_PROJECT_DOMAIN_NAME": DOMAIN, "OS_REGION_NAME": "RegionOne"}
    return {"OS_CACERT": str(world.ca), **scope, **login}


@pytest.mark.parametrize("mutual", ["required", "optional", "disabled"])
def test_stock_kerberos_with_every_wish_for_mutual_authentication(
    world: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutual: str
) -> None:
    for name, value in world.ticket("alice", tmp_path).items():
        monkeypatch.setenv(name, value)
    opened = session(world, Kerberos(f"{world.api.url}/krb/v3", mutual_auth=mutual, **scoped("research")))
    seen = who(world, within(15, opened.get_token))
    assert seen["methods"] == ["kerberos"] and seen["user"]["name"] == "alice" and seen["project"]["name"] == "research"
    assert [role["name"] for role in seen["roles"]] == ["reader"]
    assert goes_by_the_catalogue(opened) == {"demo", "research"}


def test_stock_kerberos_without_a_ticket_says_what_to_do(world: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CONFIG", world.told["krb5_conf"])
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/none.cc")
    opened = session(world, Kerberos(f"{world.api.url}/krb/v3", mutual_auth="required"))
    with pytest.raises(exceptions.ClientException):
        within(15, opened.get_token)
    reply = world.api.ask("POST", f"/krb{TOKENS}", proof_body())
    assert (reply.status, reply.headers["www-authenticate"]) == (401, "Negotiate") and "kinit" in reply.message


@pytest.mark.parametrize("name", ["v3x509", "v3kerberos"])
def test_a_certificate_through_a_plugin(world: DemoWorld, name: str) -> None:
    opened = session(world, plugin(name, auth_url=f"{world.x509.url}/x509/v3", **scoped("demo")), world.cert("carol"))
    seen = who(world, within(15, opened.get_token))
    assert seen["methods"] == ["x509"] and seen["user"]["name"] == "carol" and seen["project"]["name"] == "demo"
    assert goes_by_the_catalogue(opened) == {"demo"}


@pytest.mark.parametrize("method", ["external", "x509", "kerberos", "mapped", None])
@pytest.mark.parametrize("face", ["krb", "x509"])
def test_the_prefix_decides_whatever_the_body_names(
    world: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, face: str, method: str | None
) -> None:
    body = proof_body(method) if method else {"auth": {"identity": {"methods": []}}}
    if face == "x509":
        reply = world.x509.ask("POST", f"/x509{TOKENS}", body, cert=world.cert("bob"))
    else:
        for name, value in world.ticket("bob", tmp_path).items():
            monkeypatch.setenv(name, value)
        from tests.support.kdc import Client as Exchange

        exchange = Exchange(tmp_path / "bob.cc")
        reply = world.api.ask("POST", f"/krb{TOKENS}", body, {"Authorization": exchange.header})
        assert exchange.finish(reply.headers["www-authenticate"])
    assert reply.status == 201, reply
    token = reply.json()["token"]
    assert token["user"]["name"] == "bob" and token["methods"] == [{"krb": "kerberos", "x509": "x509"}[face]]
    assert token["project"]["name"] == "research"  # the default one


def test_what_the_clients_ask_of_scopes(world: DemoWorld) -> None:
    alice = world.user("alice")
    proof = {"username": "alice", "password": alice["password"], "user_domain_name": DOMAIN}
    url = f"{world.api.url}/main/v3"
    unscoped = session(world, v3.Password(url, unscoped=True, **proof))
    token = within(15, unscoped.get_token)
    assert "project" not in who(world, token) and "catalog" not in who(world, token)
    rescoped = session(world, v3.Token(url, token, **scoped("research")))
    second = who(world, within(15, rescoped.get_token))
    first = who(world, token)
    assert second["project"]["name"] == "research" and set(second["methods"]) == {"password", "token"}
    assert second["audit_ids"][1:] == first["audit_ids"] and second["expires_at"] == first["expires_at"]
    for wrong in (scoped("admin"), {"domain_name": DOMAIN}, {"system_scope": "all"}):
        with pytest.raises(exceptions.Unauthorized):
            within(15, session(world, v3.Password(url, **proof, **wrong)).get_token)
    admin = world.told["admin"]
    proof = {"username": admin["user"], "password": admin["password"], "user_domain_name": DOMAIN}
    system = who(world, within(15, session(world, v3.Password(url, system_scope="all", **proof)).get_token))
    assert system["system"] == {"all": True}


def test_a_token_is_invalidated_by_the_client(world: DemoWorld) -> None:
    opened = session(world, plugin("v3x509", auth_url=f"{world.x509.url}/x509/v3", **scoped("demo")), world.cert("carol"))
    token = within(15, opened.get_token)
    who(world, token)
    admin = world.admin_token()
    assert world.api.revoke(token, token).status == 204
    assert world.api.show(admin, token).status == 404
    assert world.api.show(token, token).status == 401
    assert goes_by_the_catalogue(opened) == {"demo"}  # keystoneauth1 logs in anew on the 401
    assert opened.get_token() != token


@pytest.mark.parametrize("method", ["password", "x509", "kerberos"])
def test_openstacksdk_logs_in_and_finds_its_way(
    world: DemoWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    alice = world.user("alice")
    options: dict[str, Any]
    if method == "password":
        own = {"username": "alice", "password": alice["password"], "user_domain_name": DOMAIN}
        options = {"auth_type": "password", "auth": {"auth_url": f"{world.api.url}/main", **own, **scoped("demo")}}
    elif method == "x509":
        options = {"auth_type": "v3x509", "cert": alice["cert"], "key": alice["key"]}
        options["auth"] = {"auth_url": f"{world.x509.url}/x509/v3", **scoped("demo")}
    else:
        for name, value in world.ticket("alice", tmp_path).items():
            monkeypatch.setenv(name, value)
        options = {
            "auth_type": "v3kerberos",
            "auth": {"auth_url": f"{world.api.url}/krb/v3", "mutual_auth": "required", **scoped("demo")},
        }
    cloud = openstack.connect(cacert=str(world.ca), region_name="RegionOne", load_yaml_config=False, load_envvars=False, **options)
    try:
        token = within(20, cloud.authorize)
        assert who(world, token)["user"]["name"] == "alice"
        assert cloud.session.get_project_id() == who(world, token)["project"]["id"]
        assert cloud.endpoint_for("compute").endswith("/v2.1/" + cloud.session.get_project_id())
        answer = within(15, lambda: cloud.identity.get("/auth/projects"))
        assert {project["name"] for project in answer.json()["projects"]} == {"demo", "research"}
    finally:
        cloud.close()


def test_the_life_of_a_token_is_the_configured_one(world: DemoWorld) -> None:
    token = world.api.login("alice", world.user("alice")["password"], "demo").json()["token"]
    ends, starts = (datetime.datetime.fromisoformat(token[name]) for name in ("expires_at", "issued_at"))
    assert (ends - starts).total_seconds() == 3600
