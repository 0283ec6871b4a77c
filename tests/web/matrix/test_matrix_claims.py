"""Whose a thing is, the store says: neither the body nor the query can claim it for the caller."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from identity.web.declarations import declared
from identity.web.route import PUBLIC
from tests.web.matrix.bodies import body_of
from tests.web.matrix.oracle import Oracle
from tests.web.matrix.seed import FAR, NEAR, SELF
from tests.web.matrix.test_matrix_policy import EVERYONE
from tests.web.matrix.world import World

WRITES = {
    f"{route.method} {route.path}": route
    for route in declared()
    if route.method in ("POST", "PUT", "PATCH", "DELETE") and "<" in route.path and route.policy != PUBLIC
}


def claims(world: World, persona: str) -> dict[str, Any]:
    """The names that targets have, filled with what is the caller's own."""
    shown = world.claims[persona]
    home = shown.get("project", {}).get("domain", shown["user"]["domain"])["id"]
    mine = {
        "domain_id": home,
        "user_id": shown["user"]["id"],
        "project_id": shown.get("project", {}).get("id", "web"),
        "trustor_user_id": shown["user"]["id"],
        "trustee_user_id": shown["user"]["id"],
        "id": world.ids[SELF]["user_id"],
    }
    kinds = ("user", "group", "project", "domain", "role", "credential", "trust", "limit", "token")
    nested = {kind: {**mine, "domain": {"id": home}} for kind in kinds}
    return {**mine, "target": nested, **{f"target.{kind}.{name}": value for kind in kinds for name, value in mine.items()}}


def claiming(body: Any, mine: dict[str, Any]) -> dict[str, Any]:
    """The body with the claims at its top and in the thing it describes."""
    told = dict(body or {})
    for name, value in told.items():
        if isinstance(value, dict):
            told[name] = {**value, **mine}
    return {**mine, **told}


@pytest.mark.parametrize("name", WRITES)
def test_a_claim_of_ownership_changes_nothing(world: World, oracle: Oracle, name: str):
    route = WRITES[name]
    wrong = []
    for place in (FAR, NEAR):
        ids = world.ids[place]
        plain = body_of(route.method, route.path, route.body is not None, ids)
        for persona in EVERYONE:
            if oracle.allows(route, ids, persona):
                continue
            mine = claims(world, persona)
            simple = {name: value for name, value in mine.items() if isinstance(value, str)}
            path, subject = world.path(route, ids), None
            for query, body in ((urlencode(simple), plain), ("", claiming(plain, mine))):
                with world.as_it_was() as changed:
                    asked = f"{path}?{query}" if query else path
                    answer = world.cloud.ask(route.method, asked, token=world.tokens[persona], subject=subject, body=body)
                if answer.status_code != 403 or changed[0]:
                    wrong.append((place, persona, bool(query), answer.status_code, answer.get_data(as_text=True)[:160]))
    assert not wrong, "\n".join(map(str, wrong))
