"""Every read of the API: a fixed number of queries whatever there is to read, nothing cut, and every page in its place.

Generated from the declared routes, so that a new one is held to it from its first day.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from identity.web.declarations import declared
from identity.web.route import Route
from tests.perf import abundance
from tests.support import gateway
from tests.support.cost import Cost
from tests.support.gateway import BASE, Cloud, project

FEW, MANY = 2, 20
MOST_QUERIES = 6  # beside the change counter's, which is not SQLAlchemy's
PAGE, LONG_PAGE = 7, 97  # the long one where there are hundreds
REFUSED = {"/v3/OS-SIMPLE-CERT/certificates", "/v3/OS-SIMPLE-CERT/ca", "/v3/auth/tokens/OS-PKI/revoked"}  # whatever is stored
READS = [route for route in declared() if route.method == "GET" and route.path not in REFUSED]
LISTS = [route for route in READS if route.filters is not None]
# What a list is asked beside its plain self: other statements.
FURTHER = {
    "/v3/role_assignments": (
        "effective",
        "include_names",
        "effective&include_names",
        "user.id=user-admin&effective",
        "group.id=group-0",
        "scope.project.id=admin&effective&include_names",
        "scope.project.id=admin&include_subtree&include_names",
        "scope.domain.id=other&effective",
        "role.id=role-0&effective",
    ),
    "/v3/projects": ("tags=below", "not-tags=tag-0", "is_domain=true", "parent_id=admin", "domain_id=default"),
    "/v3/projects/<project_id>": ("parents_as_list&subtree_as_list&include_limits", "parents_as_ids&subtree_as_ids"),
    "/v3/users": ("domain_id=default", "name__contains=user", "idp_id=idp-0", "sort_key=domain_id&sort_dir=desc"),
    "/v3/groups": ("domain_id=default",),
    "/v3/endpoints": ("service_id=service-0",),
}


@dataclass
class World:
    cloud: Cloud
    token: str
    ids: dict[str, str]

    def path(self, route: Route) -> str:
        ids = {**self.ids, "credential_id": self.ids["access"]} if "/OS-EC2/" in route.path else self.ids
        path = route.path
        for name, id in ids.items():
            path = path.replace(f"<{name}>", id)
        assert "<" not in path, f"{path}: tests/perf/abundance.py has no such thing yet"
        return path

    def read(self, path: str) -> tuple[Any, int]:
        """The answer's JSON (None where it has none), and how many statements it took once all is warm."""
        cost = Cost(self.cloud.store)
        for _ in range(2):
            with cost.counted():
                answer = self.cloud.ask("GET", path, token=self.token, subject=self.token)
        assert answer.status_code in (200, 204, 300), (path, answer.status_code, answer.get_data(as_text=True))
        return answer.get_json(silent=True), len(cost.statements)


@pytest.fixture(scope="module")
def make_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], World]]:
    template = gateway.make_template(tmp_path_factory.mktemp("template"))
    made: list[World] = []

    def make(many: int) -> World:
        cloud = gateway.fresh(template, Path(tmp_path_factory.mktemp(f"many{many}")))
        with cloud.store.begin() as tx:
            abundance.fill(tx, many)
        token = cloud.login("admin", project(abundance.PROJECT)).token
        made.append(World(cloud, token, {**abundance.FOCUS, **abundance.credentials(cloud, token, many)}))
        return made[-1]

    yield make
    for world in made:
        world.cloud.close()


@pytest.fixture(scope="module")
def small(make_world: Callable[[int], World]) -> World:
    return make_world(FEW)


@pytest.fixture(scope="module")
def large(make_world: Callable[[int], World]) -> World:
    return make_world(MANY)


def questions(routes: list[Route]) -> list[Any]:
    """(route, query) of each route as it is, and with what it may be asked besides."""
    return [
        pytest.param(route, query, id=f"{route.path}?{query}" if query else route.path)
        for route in routes
        for query in ("", *FURTHER.get(route.path, ()))
    ]


def entries(body: Any) -> list[str]:
    """The members of a list's answer, as text that can be compared."""
    found = [value for name, value in body.items() if name not in ("links", "next", "truncated")]
    assert len(found) == 1 and isinstance(found[0], list), body.keys()
    return [json.dumps(entry, sort_keys=True) for entry in found[0]]


@pytest.mark.parametrize(("route", "query"), questions(READS))
def test_ten_times_the_things_take_no_more_queries(small: World, large: World, route: Route, query: str) -> None:
    _, few = small.read(f"{small.path(route)}?{query}")
    _, many = large.read(f"{large.path(route)}?{query}")
    assert few == many <= MOST_QUERIES


@pytest.mark.parametrize(("route", "query"), questions(LISTS))
def test_a_list_is_whole_and_its_pages_are_the_list(large: World, route: Route, query: str) -> None:
    first = f"{large.path(route)}?{query}"
    body, cost = large.read(first)
    whole = entries(body)
    assert len(whole) >= MANY, "too few to tell"
    assert "truncated" not in body and body["links"]["next"] is None
    met: list[str] = []
    limit = PAGE if len(whole) < 20 * PAGE else LONG_PAGE
    link: str | None = f"{first}&limit={limit}"
    for _ in range(len(whole)):
        if link is None:
            break
        body, spent = large.read(link.removeprefix(BASE))
        page = entries(body)
        assert len(page) <= limit and spent <= cost + 2  # the marker's place, and how far a page of effective assignments reaches
        assert bool(body.get("truncated")) == (body["links"]["next"] is not None)
        met += page
        link = body["links"]["next"]
    assert link is None
    assert len(set(met)) == len(met) and sorted(met) == sorted(whole)


def test_what_a_list_shows_grows_with_the_store(small: World, large: World) -> None:
    """Else the comparison of queries would say nothing."""
    for route in LISTS:
        assert len(entries(large.read(large.path(route))[0])) > len(entries(small.read(small.path(route))[0])), route.path
