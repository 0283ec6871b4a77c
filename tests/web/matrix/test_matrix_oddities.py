"""On every route, wherever a client can write something: a clear answer, never a 500, and no trace of what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from identity.model.listing import COMPARATORS
from identity.web.declarations import declared
from identity.web.route import Route
from tests.support.gateway import check_error
from tests.web.matrix.bodies import body_of
from tests.web.matrix.odd import HOLE, JSONS, TEXTS, members, with_hole
from tests.web.matrix.oracle import VARIABLE
from tests.web.matrix.seed import SELF
from tests.web.matrix.world import World

ROUTES = {f"{route.method} {route.path}": route for route in declared()}
WITH_VARIABLES = [name for name, route in ROUTES.items() if "<" in route.path]
READS = [name for name, route in ROUTES.items() if route.method == "GET"]
WITH_BODY = [name for name, route in ROUTES.items() if route.body is not None]
# A wrong password is counted, whatever else is wrong.
COUNTS = {"POST /v3/auth/tokens", "POST /v3/users/<user_id>/password"}
# Decided before the body is read: an administrator makes none for others.
BEFORE = {"POST /v3/users/<user_id>/application_credentials": (403,)}
PAGING = ("sort_key", "sort_dir", "limit", "marker")


def judged(route: Route, answer: TestResponse, changed: list[bool]) -> str:
    """What is wrong with the answer, or nothing."""
    allowed = {route.status, *route.errors, 200, 400, 401, 403, 404, 413, 414, 431}
    if answer.status_code not in allowed or answer.status_code >= 500:
        return f"{answer.status_code} {answer.get_data(as_text=True)[:200]}"
    if answer.status_code >= 400:
        if route.method != "HEAD":
            check_error(answer, answer.status_code)
        if changed[0] and f"{route.method} {route.path}" not in COUNTS:
            return f"{answer.status_code}, and something was written"
    return ""


def ask(world: World, route: Route, path: str, body: Any) -> str:
    """One request of an administrator; what was written must be readable again."""
    token = world.tokens["project admin"]
    with world.as_it_was() as changed:
        answer = world.cloud.ask(route.method, path, token=token, subject=token, body=body)
        if answer.status_code in (200, 201) and route.method != "GET" and f"GET {route.path}" in ROUTES:
            again = world.cloud.ask("GET", path, token=token)
            if again.status_code >= 400:
                return f"stored, and then {again.status_code} {again.get_data(as_text=True)[:200]}"
    return judged(route, answer, changed)


@pytest.mark.parametrize("name", WITH_VARIABLES)
def test_in_the_path(world: World, name: str):
    route, ids = ROUTES[name], world.ids[SELF]
    body = body_of(route.method, route.path, route.body is not None, ids)
    wrong = {}
    for variable in VARIABLE.findall(route.path):
        for kind, text in TEXTS.items():
            odd = {**ids, variable: text, **({"access": text} if variable == "credential_id" else {})}
            found = ask(world, route, world.path(route, odd), body)
            if found:
                wrong[variable, kind] = found
    assert not wrong


@pytest.mark.parametrize("name", READS)
def test_in_the_query(world: World, name: str):
    route, ids = ROUTES[name], world.ids[SELF]
    path, wrong = world.path(route, ids), {}
    first = [f"{filter}__{how}" for filter in (route.filters or ())[:1] for how in COMPARATORS]
    for parameter in ("unknown", *(route.filters or ()), *first, *route.query, *(PAGING if route.filters is not None else ())):
        for kind, text in TEXTS.items():
            found = ask(world, route, f"{path}?{parameter}={text}", None)
            if found:
                wrong[parameter, kind] = found
    for query in ("?" + "&".join("a=b" for _ in range(200)), "?%00", "?=", "?&&&", "?limit=1&limit=2", "?[]=1", "?" + "x" * 3000):
        found = ask(world, route, path + query, None)
        if found:
            wrong[query[:20], ""] = found
    assert not wrong


@pytest.mark.parametrize("name", WITH_BODY)
def test_in_the_body(world: World, name: str):
    route, ids = ROUTES[name], world.ids[SELF]
    plain = body_of(route.method, route.path, True, ids)
    path, wrong = world.path(route, ids), {}
    ways = {way: None for way in members(route.body)}
    outer = next(iter(plain))
    ways |= {(outer, "unknown"): None, (outer, "id"): None, (): None, ("unknown",): None}
    for way in ways:
        text = json.dumps(with_hole(plain, way))
        for odd in JSONS:
            found = ask(world, route, path, text.replace(f'"{HOLE}"', odd).encode())
            if found:
                wrong[".".join(way), odd[:40]] = found
    assert not wrong


@pytest.mark.parametrize("name", WITH_BODY)
def test_what_is_no_json(world: World, name: str):
    route, ids = ROUTES[name], world.ids[SELF]
    path = world.path(route, ids)
    token = world.tokens["project admin"]
    for body in (b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 20000, b"\xef\xbb\xbf{}", b'"x"', b"null", b"a=b"):
        with world.as_it_was() as changed:
            answer = world.cloud.ask(route.method, path, token=token, body=body)
        assert answer.status_code in (400, 413, *BEFORE.get(name, ())) and changed == [False], body[:20]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = world.cloud.ask(route.method, path, token=token, body=b"{}", content_type=kind)
        check_error(answer, 400, 415, *BEFORE.get(name, ()))
