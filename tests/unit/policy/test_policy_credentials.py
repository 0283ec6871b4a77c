"""What the enforcer is told of a caller, and the routes that are held against the rules."""

import pytest

from identity.errors import StartError
from identity.model.subject import Domain, Project, Role, Subject, User
from identity.model.token import Claims
from identity.policy.credentials import Credentials, credentials
from identity.policy.enforcer import Enforcer
from identity.policy.registry import PUBLIC, verify

HOME = Domain("d1", "Home")
USER = User("u1", "alice", HOME)
CLAIMS = Claims("u1", ("password",), 0, 1, ("a1",))
ROLES = (Role("r1", "member"), Role("r2", "reader"))


def test_of_a_project():
    project = Project("p1", "alpha", Domain("d2", "Away"))
    got = credentials(CLAIMS, Subject(USER, project=project, roles=ROLES))
    assert isinstance(got, Credentials)
    token = got.pop("token")
    assert got == {
        "user_id": "u1",
        "user_domain_id": "d1",
        "roles": ["member", "reader"],
        "is_admin_project": True,
        "project_id": "p1",
        "project_domain_id": "d2",
    }
    assert token["project"] == {"id": "p1", "name": "alpha", "domain": {"id": "d2", "name": "Away"}}
    assert token["roles"][1] == {"id": "r2", "name": "reader"}


def test_of_a_domain_the_system_and_nothing():
    domain = credentials(CLAIMS, Subject(USER, domain=HOME, roles=ROLES))
    system = credentials(CLAIMS, Subject(USER, system=True, roles=ROLES))
    unscoped = credentials(CLAIMS, Subject(USER))
    scope = {"project_id", "domain_id", "system_scope"}
    assert {name: domain[name] for name in scope & set(domain)} == {"domain_id": "d1"}
    assert {name: system[name] for name in scope & set(system)} == {"system_scope": "all"}
    assert scope & set(unscoped) == set()
    assert domain["token"]["domain"] == {"id": "d1", "name": "Home"}
    assert system["token"]["system"] == {"all": True}


def test_what_is_not_there_is_absent():
    assert None not in credentials(CLAIMS, Subject(USER)).values()


def test_of_a_federated_login_and_a_trust():
    claims = Claims("u1", ("mapped",), 0, 1, ("a1",), group_ids=("g1", "g2"), trust_id="t1")
    got = credentials(claims, Subject(USER))
    assert (got["group_ids"], got["trust_id"]) == (["g1", "g2"], "t1")


def test_routes_with_a_rule_pass():
    verify([("GET /", PUBLIC), ("GET /v3/auth/tokens", "identity:validate_token")], Enforcer().names())


def test_every_route_without_a_rule_is_told():
    with pytest.raises(StartError) as caught:
        verify([("GET /a", ""), ("GET /b", PUBLIC), ("GET /c", "identity:validate_tokens")], Enforcer().names())
    assert "GET /a declares no policy" in str(caught.value)
    assert "GET /c declares `identity:validate_tokens`, which is not a rule; did you mean `identity:validate_token`?" in str(
        caught.value
    )
    assert "GET /b" not in str(caught.value)
