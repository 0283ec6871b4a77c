"""Every route of version 2.0 x every persona x whose thing it is.

What is expected is written down here by hand, as Keystone's version 2.0 had it: administrators alone, but for what is one's own;
and then the rule that version 3 has for the same thing, of which some want a token for a project or the system.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from keystone.common import policies

from identity.settings import OsloPolicy
from identity.web.route import PUBLIC, Route
from identity.web.v2.gate import ADMIN
from tests.support.gateway import check_error
from tests.support.old_api import BOTH
from tests.web.matrix.seed import FAR, NEAR, SELF, STORED, UNKNOWN
from tests.web.matrix.world import DELEGATED, PERSONAS
from tests.web.v2.old_world import ADMINS, BODIES, CONFINED, ELSEWHERE, EVERYONE, ROUTES, OldWorld, old_body

GUARDED: Final = [name for name, route in ROUTES.items() if route.policy != PUBLIC]
MEMBERS: Final = {"project member", "domain member"}  # SELF is theirs
FOR_A_DOMAIN: Final = {"domain member", "domain reader", "domain manager", "domain admin", "manager elsewhere", ELSEWHERE}
SCOPES: Final = {rule.name: rule.scope_types or ["domain"] for rule in policies.list_rules()}  # as the installed Keystone has them
PAIRS: Final = ("/v2.0/users/<user_id>/credentials/OS-EC2", "/v2.0/users/<user_id>/OS-KSADM/credentials")
REFUSAL: Final = "You are not authorized to perform the requested action"

# Allowed by the policy, and still answered otherwise, for what the thing itself is.
NATURAL: Final = {
    "GET /v2.0/tokens/revoked": (410,),
    "GET /v2.0/users/<user_id>/roles": (501,),
    "PUT /v2.0/users/<user_id>/roles/OS-KSADM/<role_id>": (501,),
    "DELETE /v2.0/users/<user_id>/roles/OS-KSADM/<role_id>": (501,),
    "PUT /v2.0/tenants/<tenant_id>/users/<user_id>/roles/OS-KSADM/<role_id>": (409,),
    "PATCH /v2.0/OS-KSCRUD/users/<user_id>": (401,),  # the present password is wrong
}
# Of another domain, so version 2.0 does not know them. (Services and endpoints are the whole cloud's.)
FOREIGN: Final = ("<tenant_id>", "<user_id>", "<token_id>", "<role_id>", "<role_ref_id>")


def allowed(name: str, place: str, persona: str) -> bool:
    """Whether the persona may, by version 2.0's own rules and by the scope that version 3's rule wants."""
    route = ROUTES[name]
    if persona == CONFINED:
        return False
    if route.path == "/v2.0/tenants" and route.method == "GET":
        return True  # one's own
    if route.path.startswith("/v2.0/tokens/<token_id>"):
        return place in (FAR, UNKNOWN) or _may_ask_of_token(route, place, persona)
    if route.path.startswith("/v2.0/OS-KSCRUD"):
        return place == SELF and persona == "project member"
    if "<credential_id>" in route.path and place in (FAR, UNKNOWN):
        return True  # it is not there, whoever asks
    if persona in FOR_A_DOMAIN and "domain" not in SCOPES.get(route.policy, ["domain"]):
        return False
    if route.path.startswith(PAIRS):
        own = (place == SELF and persona in MEMBERS) or (place == FAR and persona == "stranger")
        return own or persona in ADMINS or (route.method == "GET" and persona == "system reader")
    return persona in ADMINS or (persona == "service" and route.path == "/v2.0/tokens/revoked")


def _may_ask_of_token(route: Route, place: str, persona: str) -> bool:
    if persona in ADMINS or (place == SELF and persona in {*MEMBERS, DELEGATED}):
        return True
    if place == NEAR and persona in {"project reader", "system reader"}:  # it is their own user's
        return True
    if route.method == "GET" and persona == "service":
        return True
    return persona == "system reader" and route.method in ("GET", "HEAD")


def expected(name: str, place: str, persona: str) -> tuple[int, ...]:
    route = ROUTES[name]
    if not allowed(name, place, persona):
        return (401,) if persona == CONFINED else (403,)
    if place == UNKNOWN and "<" in route.path:
        return (404, *NATURAL.get(name, ()))
    if place == FAR and any(variable in route.path for variable in FOREIGN):
        return NATURAL[name] if NATURAL.get(name) == (501,) else (404,)
    return (route.status, *NATURAL.get(name, ()))


def places(route: Route) -> tuple[str, ...]:
    return (*STORED, UNKNOWN) if "<" in route.path else (SELF,)


@pytest.mark.parametrize("name", GUARDED)
def test_who_may(old_world: OldWorld, name: str):
    route, wrong = ROUTES[name], defaultdict(list)
    for place in places(route):
        ids = old_world.ids[place]
        for persona in EVERYONE:
            wanted = expected(name, place, persona)
            with old_world.as_it_was() as changed:
                answer = old_world.ask(route, ids, persona, old_body(route, ids))
            text = answer.get_data(as_text=True)
            right = answer.status_code in wanted and (answer.status_code < 400 or not changed[0] or name.startswith("PATCH"))
            if not right or (403 not in wanted and REFUSAL in text):
                wrong[f"{place}: {answer.status_code}, not {wanted}: {text[:140]}"].append(persona)
    assert not wrong, "\n".join(f"{what}: {', '.join(personas)}" for what, personas in wrong.items())


@pytest.mark.parametrize("name", GUARDED)
def test_without_a_token_nobody(old_world: OldWorld, name: str):
    route = ROUTES[name]
    for place in places(route):
        with old_world.as_it_was() as changed:
            answer = old_world.ask(route, old_world.ids[place], None, old_body(route, old_world.ids[place]))
        assert answer.status_code == 401 and not changed[0]
        if route.method != "HEAD":
            assert check_error(answer, 401)["message"] == "The request you have made requires authentication."


def test_every_guarded_route_asks_the_policy(old_world: OldWorld, tmp_path: Path):
    """Each on its own rule of version 3, and most on `admin_required` before it: either refusal is enough."""
    for number, rules in enumerate(({ROUTES[name].policy for name in GUARDED}, {ADMIN})):
        deny = tmp_path / f"policy-{number}.yaml"
        deny.write_text("".join(f'"{rule}": "!"\n' for rule in rules))
        strict = old_world.cloud.second(server=BOTH, oslo_policy=OsloPolicy(policy_file=str(deny)))
        try:
            for name in GUARDED:
                route, ids = ROUTES[name], old_world.ids[SELF]
                if number and not asks_for_an_administrator(route):
                    continue
                with old_world.as_it_was() as changed:
                    path, token = old_world.path(route, dict(ids)), old_world.tokens["project admin"]
                    answer = strict.ask(route.method, path, token=token, body=old_body(route, ids))
                assert (answer.status_code, changed) == (403, [False]), (name, rules)
                assert 403 in route.errors, "the declaration must say what the route may answer"
        finally:
            strict.close()


def asks_for_an_administrator(route: Route) -> bool:
    own = ("/v2.0/tokens/", "/v2.0/OS-KSCRUD", *PAIRS)
    return not route.path.startswith(own) and (route.method, route.path) != ("GET", "/v2.0/tenants")


@pytest.mark.parametrize("name", [name for name in GUARDED if name.startswith("GET ")])
def test_head_decides_as_get(old_world: OldWorld, name: str):
    route = ROUTES[name]
    if f"HEAD {route.path}" in ROUTES:
        return
    for place in (SELF, FAR):
        for persona in EVERYONE:
            full, head = (old_world.ask(route, old_world.ids[place], persona, None, method) for method in ("GET", "HEAD"))
            assert head.status_code == full.status_code and head.data == b"", (place, persona)


def unseen() -> Iterator[str]:
    """Where a refusal must not tell whether the id is anybody's: the tokens' routes know theirs by possession."""
    for name in GUARDED:
        path = ROUTES[name].path
        if "<" in path and "<token_id>" not in path and "<credential_id>" not in path:
            yield name


@pytest.mark.parametrize("name", list(unseen()))
def test_an_id_that_may_not_be_seen_is_like_one_that_does_not_exist(old_world: OldWorld, name: str):
    route = ROUTES[name]
    for persona in ("project member", "stranger", "project reader", "manager elsewhere", "unscoped"):
        told = set()
        for place in (NEAR, FAR, UNKNOWN):
            if not allowed(name, place, persona) and (place, persona) != (FAR, "stranger"):  # who knows about himself
                answer = old_world.ask(route, old_world.ids[place], persona, old_body(route, old_world.ids[place]))
                told.add((answer.status_code, answer.get_data()))
        assert len(told) <= 1, persona


def test_the_personas_differ_and_no_body_is_left_over():
    for name in GUARDED:
        met = {allowed(name, place, persona) for place in places(ROUTES[name]) for persona in EVERYONE}
        assert met == {True, False}, name
    assert set(BODIES) <= set(ROUTES)
    assert {ELSEWHERE, CONFINED} <= set(EVERYONE) - set(PERSONAS)
