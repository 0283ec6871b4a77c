"""Every read of version 2.0: a fixed number of queries whatever there is to read, and pages that come to the list's end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from identity.web.declarations import declared
from identity.web.route import Route
from tests.perf import abundance
from tests.perf.test_list_budget import FEW, MANY, MOST_QUERIES, World
from tests.support import gateway
from tests.support.gateway import BASE, project
from tests.support.old_api import BOTH

REFUSED = {"/v2.0/tokens/revoked", "/v2.0/certificates/ca", "/v2.0/certificates/signing", "/v2.0/users/<user_id>/roles"}
READS = [
    (face, route)
    for route in declared("v2.0")
    if route.method == "GET" and route.path.startswith("/v2.0") and route.path not in REFUSED
    for face in (("", "/admin") if route.path == "/v2.0/tenants" else ("",))
]
LISTS = [(face, route) for face, route in READS if route.filters is not None]


@pytest.fixture(scope="module")
def make_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], World]]:
    template = gateway.make_template(tmp_path_factory.mktemp("template"))
    made: list[World] = []

    def make(many: int) -> World:
        cloud = gateway.fresh(template, Path(tmp_path_factory.mktemp(f"many{many}")), server=BOTH)
        with cloud.store.begin() as tx:
            abundance.fill(tx, many)
        token = cloud.login("admin", project(abundance.PROJECT)).token
        ids = {**abundance.FOCUS, **abundance.credentials(cloud, token, many)}
        ids |= {"tenant_id": abundance.PROJECT, "token_id": token, "type": "ec2", "extension_alias": "OS-KSADM"}
        made.append(World(cloud, token, ids))
        return made[-1]

    yield make
    for world in made:
        world.cloud.close()


@pytest.fixture(scope="module")
def worlds(make_world: Callable[[int], World]) -> tuple[World, World]:
    return make_world(FEW), make_world(MANY)


def named(reads: list[tuple[str, Route]]) -> list[Any]:
    return [pytest.param(face, route, id=face + route.path) for face, route in reads]


def members(body: Any) -> list[str]:
    (found,) = [value for name, value in body.items() if not name.endswith("_links")]
    return [json.dumps(each, sort_keys=True) for each in found]


@pytest.mark.parametrize(("face", "route"), named(READS))
def test_ten_times_the_things_take_no_more_queries(worlds: tuple[World, World], face: str, route: Route) -> None:
    costs = [world.read(face + world.path(route))[1] for world in worlds]
    assert costs[0] == costs[1] <= MOST_QUERIES


@pytest.mark.parametrize(("face", "route"), named(LISTS))
def test_the_pages_of_a_list_are_the_list(worlds: tuple[World, World], face: str, route: Route) -> None:
    large = worlds[1]
    path = face + large.path(route)
    body, cost = large.read(path)
    whole, met = members(body), []
    link: str | None = f"{path}?limit=3"
    for _ in range(len(whole) + 1):
        if link is None:
            break
        body, spent = large.read(link.removeprefix(BASE))
        assert spent <= cost + 2
        met += members(body)
        (links,) = [value for name, value in body.items() if name.endswith("_links")]
        link = links[0]["href"] if links else None
    assert link is None and sorted(met) == sorted(whole)


def test_what_a_list_shows_grows_with_the_store(worlds: tuple[World, World]) -> None:
    """Else the comparison of queries would say nothing."""
    for face, route in LISTS:
        few, many = (len(members(world.read(face + world.path(route))[0])) for world in worlds)
        assert many > few, face + route.path
