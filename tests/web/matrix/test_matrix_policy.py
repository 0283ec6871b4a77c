"""Every declared route x every persona x whose thing it is, against Keystone's own rules."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from identity.settings import OsloPolicy
from identity.web.declarations import declared
from identity.web.route import PUBLIC, Route
from tests.support.gateway import check_error
from tests.web.matrix.bodies import BODIES, body_of
from tests.web.matrix.oracle import DOMAIN_ROLES, VARIABLE, Oracle, rules_by_operation
from tests.web.matrix.seed import FAR, SELF, STORED, UNKNOWN
from tests.web.matrix.world import DELEGATED, PERSONAS, World, told

ROUTES = {f"{route.method} {route.path}": route for route in declared()}
GUARDED = [name for name, route in ROUTES.items() if route.policy != PUBLIC]
EVERYONE = (*PERSONAS, DELEGATED)
REFUSAL = "You are not authorized to perform the requested action"

# Allowed by the policy, and still answered otherwise, for what the thing itself is.
NATURAL = {
    "DELETE /v3/domains/<domain_id>": 403,  # it is enabled
    "GET /v3/auth/catalog": 403,  # the token is for no project
    "GET /v3/domains/config/<group>/default": 403,  # no such group of options
    "GET /v3/domains/config/<group>/<option>/default": 403,
    "PUT /v3/OS-OAUTH1/authorize/<request_token_id>": 401,  # the caller has not these roles there
    "PUT /v3/domains/<domain_id>/config": 200,  # there was one already
    "PUT /v3/system/users/<user_id>/roles/<role_id>": 400,  # a role of a domain
    "PUT /v3/system/groups/<group_id>/roles/<role_id>": 400,
    "PUT /v3/roles/<prior_role_id>/implies/<implied_role_id>": 409,
    "PUT /v3/regions/<region_id>": 409,  # these are there already; at UNKNOWN they are made
    "PUT /v3/OS-FEDERATION/identity_providers/<idp_id>": 409,
    "PUT /v3/OS-FEDERATION/identity_providers/<idp_id>/protocols/<protocol_id>": 409,
    "PUT /v3/OS-FEDERATION/mappings/<mapping_id>": 409,
    "PUT /v3/OS-FEDERATION/service_providers/<service_provider_id>": 409,
    "PUT /v3/OS-EP-FILTER/projects/<project_id>/endpoints/<endpoint_id>": 409,
    "PUT /v3/OS-EP-FILTER/endpoint_groups/<endpoint_group_id>/projects/<project_id>": 409,
}

# Who may not see the thing is told 404 for an id that is nobody's, and 403 for a thing. The field's own suite asks for both
# statuses (keystone_tempest_plugin, tests/rbac/v3/test_{domain,group,role,ec2_credential}.py).
TELLS_BY_SUITE = {
    "PATCH /v3/domains/<domain_id>",
    "DELETE /v3/groups/<group_id>",
    "GET /v3/roles/<role_id>",
    "PATCH /v3/roles/<role_id>",
    "DELETE /v3/roles/<role_id>",
    "GET /v3/users/<user_id>/credentials/OS-EC2/<credential_id>",
    "DELETE /v3/users/<user_id>/credentials/OS-EC2/<credential_id>",
}
# And so it is with trusts: who takes back one that is gone must learn that it is gone (Keystone's bug 1840288).
TELLS = TELLS_BY_SUITE | {name for name, route in ROUTES.items() if "<trust_id>" in route.path}


def places_of(route: Route) -> tuple[str, ...]:
    """Without a variable and without a body there is one thing to ask for only."""
    return (*STORED, UNKNOWN) if "<" in route.path or (route.method, route.path) in BODIES else (SELF,)


@pytest.mark.parametrize("name", ROUTES)
def test_who_may(world: World, oracle: Oracle, name: str):
    route = ROUTES[name]
    wrong = defaultdict(list)
    for place in places_of(route):
        ids = world.ids[place]
        body = body_of(route.method, route.path, route.body is not None, ids)
        for persona in EVERYONE:
            allowed = oracle.allows(route, ids, persona)
            with world.as_it_was() as changed:
                answer = world.ask(route, ids, persona, body)
            right = is_allowed(route, place, answer) if allowed else is_refused(name, place, answer) and not changed[0]
            if not right:
                what = f"{place}, {'may' if allowed else 'may not'}: {answer.status_code} {answer.get_data(as_text=True)[:160]}"
                wrong[what].append(persona)
    assert not wrong, "\n".join(f"{what}: {', '.join(personas)}" for what, personas in wrong.items())


def is_allowed(route: Route, place: str, answer: TestResponse) -> bool:
    status = answer.status_code
    if REFUSAL in answer.get_data(as_text=True) or status >= 500:
        return False
    natural = (NATURAL.get(f"{route.method} {route.path}"), *((400, 404) if place == UNKNOWN else ()))
    return status == route.status or status in natural or route.policy == PUBLIC


def is_refused(name: str, place: str, answer: TestResponse) -> bool:
    return answer.status_code == (404 if place == UNKNOWN and name in TELLS else 403)


@pytest.mark.parametrize("name", GUARDED)
def test_without_a_token_nobody(world: World, name: str):
    """Whatever the id: nothing is looked up for who has not said who he is."""
    route = ROUTES[name]
    for place in places_of(route):
        body = body_of(route.method, route.path, route.body is not None, world.ids[place])
        with world.as_it_was() as changed:
            answer = world.ask(route, world.ids[place], None, body)
        assert answer.status_code == 401 and not changed[0]
        if route.method != "HEAD":
            assert check_error(answer, 401)["message"] == "The request you have made requires authentication."


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if route.method == "GET" and route.policy != PUBLIC])
def test_head_decides_as_get(world: World, name: str):
    """Where HEAD has no route of its own."""
    route = ROUTES[name]
    if f"HEAD {route.path}" in ROUTES:
        return
    for place in (SELF, FAR):
        for persona in EVERYONE:
            full, head = (world.ask(route, world.ids[place], persona, None, method) for method in ("GET", "HEAD"))
            assert head.status_code == full.status_code and head.data == b"", (place, persona)


def test_each_route_is_decided_by_keystones_rule_for_it():
    known = rules_by_operation()
    served = {f"{route.method} {VARIABLE.sub('{}', route.path)}": route for route in ROUTES.values()}
    told = {name: known.get(tuple(name.split(" ", 1)), {PUBLIC}) for name in served}
    wrong = [(name, served[name].policy, told[name]) for name in served if served[name].policy not in told[name]]
    assert wrong == [("GET /v3/auth/tokens/OS-PKI/revoked", PUBLIC, {"identity:revocation_list"})]  # a tombstone: refused to all


def test_the_personas_differ_and_every_rule_is_met_from_both_sides(world: World, oracle: Oracle):
    """No persona is idle, and no route is open to, or shut for, all of them, but for those that say so."""
    seen: dict[str, set[bool]] = defaultdict(set)
    for name in GUARDED:
        for place in places_of(ROUTES[name]):
            seen[name] |= {oracle.allows(ROUTES[name], world.ids[place], persona) for persona in EVERYONE}
    assert [name for name, met in seen.items() if met == {False}] == []
    one_sided = {ROUTES[name].policy for name, met in seen.items() if met == {True}}
    assert one_sided == {
        "identity:get_auth_catalog",
        "identity:get_auth_domains",
        "identity:get_auth_projects",
        "identity:get_auth_system",
        "identity:get_limit_model",
        "identity:get_region",
        "identity:get_registered_limit",
        "identity:list_credentials",  # everybody's own
        "identity:list_limits",
        "identity:list_regions",
        "identity:list_registered_limits",
    }


def test_every_guarded_route_asks_the_policy(world: World, tmp_path: Path):
    """A handler that forgot to ask would serve every token holder: under a policy that denies all, none answers."""
    deny = tmp_path / "policy.yaml"
    deny.write_text("".join(f'"{rule}": "!"\n' for rule in {ROUTES[name].policy for name in GUARDED} | set(DOMAIN_ROLES.values())))
    strict = world.cloud.second(oslo_policy=OsloPolicy(policy_file=str(deny)))
    try:
        for name in GUARDED:
            route, ids = ROUTES[name], world.ids[SELF]
            body = body_of(route.method, route.path, route.body is not None, ids)
            with world.as_it_was() as changed:
                token = world.tokens["project admin"]
                answer = strict.ask(route.method, world.path(route, ids), token=token, subject=token, body=body)
            assert (answer.status_code, changed) == (403, [False]), name
            assert 403 in route.errors, "the declaration must say what the route may answer"
    finally:
        strict.close()


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if route.method == "GET" and "<" in route.path])
def test_a_trailing_slash_changes_nothing(world: World, name: str):
    path = world.path(ROUTES[name], world.ids[SELF])
    bare, slashed = (world.cloud.ask("GET", asked, token=world.tokens["system admin"]) for asked in (path, f"{path}/"))
    assert told(slashed) == told(bare)


def test_a_write_is_noticed_and_undone(world: World):
    """Or the tests that nothing was written would prove nothing."""
    token = world.tokens["project admin"]
    for expected in ([True], [True]):
        with world.as_it_was() as changed:
            made = world.cloud.ask("POST", "/v3/regions", token=token, body={"region": {"id": "fleeting"}})
            assert made.status_code == 201
        assert changed == expected
        assert world.cloud.ask("GET", "/v3/regions/fleeting", token=token).status_code == 404
    with world.as_it_was() as changed:
        world.cloud.ask("GET", "/v3/regions", token=token)
    assert changed == [False]
