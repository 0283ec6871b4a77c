"""What a refused caller can learn from the answer: nothing, also not whether the id is somebody's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from identity.web.declarations import declared
from identity.web.route import PUBLIC, Route
from tests.web.matrix.bodies import body_of
from tests.web.matrix.oracle import VARIABLE, Oracle
from tests.web.matrix.seed import FAR, NEAR, SELF, UNKNOWN
from tests.web.matrix.test_matrix_policy import EVERYONE, TELLS
from tests.web.matrix.world import World, told

ROUTES = {f"{route.method} {route.path}": route for route in declared() if route.policy != PUBLIC and "<" in route.path}

# An application credential of somebody else, asked for under one's own URL, is 403, one of nobody 404: the field's own suite asks
# for the first (keystone_tempest_plugin, tests/rbac/v3/test_application_credential.py), who deleted one's own for the second.
TELLS_UNDER_ONES_OWN = {
    f"{method} /v3/users/<user_id>/application_credentials/<application_credential_id>" for method in ("GET", "HEAD", "DELETE")
}


def pairs(route: Route, ids: dict[str, dict[str, str]]) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Everything foreign against everything unknown; then each variable by itself, the others being one's own."""
    yield "all", ids[FAR], ids[UNKNOWN]
    names = VARIABLE.findall(route.path)
    for name in names if len(names) > 1 else ():
        if name not in ("group", "option", "value"):  # words, not things that are somebody's
            for place in (FAR, NEAR):
                yield f"{name} {place}", {**ids[SELF], name: ids[place][name]}, {**ids[SELF], name: ids[UNKNOWN][name]}


@pytest.mark.parametrize("name", sorted(ROUTES.keys() - TELLS - TELLS_UNDER_ONES_OWN))
def test_an_id_that_may_not_be_seen_is_like_one_that_does_not_exist(world: World, oracle: Oracle, name: str):
    route = ROUTES[name]
    wrong: defaultdict[str, list[str]] = defaultdict(list)
    for what, there, nowhere in pairs(route, world.ids):
        for persona in EVERYONE:
            if oracle.allows(route, there, persona):
                continue
            with world.as_it_was() as changed:
                answers = [told(world.ask(route, ids, persona, body(route, ids))) for ids in (there, nowhere)]
            if changed[0] or answers[0] != answers[1]:
                wrong[f"{what}: {answers}"].append(persona)
    assert not wrong, "\n".join(f"{what}: {', '.join(personas)}" for what, personas in wrong.items())


def body(route: Route, ids: dict[str, str]) -> Any:
    return body_of(route.method, route.path, route.body is not None, ids)


def test_the_routes_that_tell_are_few():
    assert len(TELLS) <= 11
