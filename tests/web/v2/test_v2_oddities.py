"""On every route of version 2.0, wherever a client can write something: a clear answer, never a 500, and no trace of a refusal."""

from __future__ import annotations

import json
import os
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from werkzeug.test import TestResponse

from identity.web.home import template
from identity.web.route import Route
from tests.support.gateway import check_error
from tests.web.matrix.odd import HOLE, JSONS, TEXTS, members, with_hole
from tests.web.matrix.oracle import VARIABLE
from tests.web.matrix.seed import FAR, NEAR, SELF
from tests.web.v2.old_world import BODIES, ROUTES, OldWorld, old_body

EXAMPLES: Final = int(os.environ.get("GATESTONE_EXAMPLES", "2"))
# Routes that share a handler take the same path and body.
WITH_VARIABLES: Final = list({route.handler: name for name, route in ROUTES.items() if "<" in route.path}.values())
WITH_BODY: Final = list({(route.handler, route.body): name for name, route in ROUTES.items() if route.body is not None}.values())
# A wrong password is counted, whatever else is wrong.
COUNTS: Final = {"POST /v2.0/tokens", "PATCH /v2.0/OS-KSCRUD/users/<user_id>"}
CHECKS: Final = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
PLAIN: Final = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def judged(name: str, route: Route, answer: TestResponse, changed: list[bool]) -> str:
    """What is wrong with the answer, or nothing."""
    allowed = {route.status, *(set(route.errors) - {500, 503}), 200, 400, 401, 403, 404, 413, 414, 431}
    if answer.status_code not in allowed:
        return f"{answer.status_code} {answer.get_data(as_text=True)[:200]}"
    if answer.status_code >= 400:
        if route.method != "HEAD":
            check_error(answer, answer.status_code)
        if changed[0] and name not in COUNTS:
            return f"{answer.status_code}, and something was written"
    return ""


def ask(world: OldWorld, name: str, path: str, body: Any, persona: str = "project admin") -> str:
    """One request; what was written must be readable again."""
    route, token = ROUTES[name], world.tokens[persona]
    with world.as_it_was() as changed:
        answer = world.old.ask(route.method, path, token=token, body=body)
        if answer.status_code in (200, 201) and route.method != "GET" and f"GET {route.path}" in ROUTES:
            again = world.reader.ask("GET", path, token=token)
            if again.status_code >= 400:
                return f"stored, and then {again.status_code} {again.get_data(as_text=True)[:200]}"
    return judged(name, route, answer, changed)


def who(name: str) -> str:
    """An administrator, but where one's own is changed."""
    return "project member" if "OS-KSCRUD" in name else "project admin"


@pytest.mark.parametrize("name", WITH_VARIABLES)
def test_in_the_path(old_world: OldWorld, name: str):
    route, wrong = ROUTES[name], {}
    ids = old_world.ids[SELF]
    for variable in VARIABLE.findall(route.path):
        for kind, text in TEXTS.items():
            odd = {**ids, variable: text, **({"access": text} if variable == "credential_id" else {})}
            found = ask(old_world, name, old_world.path(route, odd), old_body(route, ids), who(name))
            if found:
                wrong[variable, kind] = found
    assert not wrong


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if route.filters is not None or route.query])
def test_in_the_query(old_world: OldWorld, name: str):
    route, wrong = ROUTES[name], {}
    paging = ("limit", "marker", "sort_key", "sort_dir") if route.filters is not None else ()
    for face in ("", "/admin") if route.path == "/v2.0/tenants" else ("",):
        path = face + old_world.path(route, old_world.ids[SELF])
        for parameter in ("unknown", *(route.filters or ()), *route.query, *paging):
            for kind, text in TEXTS.items():
                found = ask(old_world, name, f"{path}?{parameter}={text}", None)
                if found:
                    wrong[face, parameter, kind] = found
        for query in ("?" + "&".join("a=b" for _ in range(200)), "?%00", "?=", "?limit=1&limit=2", "?[]=1", "?" + "x" * 3000):
            found = ask(old_world, name, path + query, None)
            if found:
                wrong[face, query[:20], ""] = found
    assert not wrong


@pytest.mark.parametrize("name", WITH_BODY)
def test_in_the_body(old_world: OldWorld, name: str):
    route, ids = ROUTES[name], old_world.ids[SELF]
    plain, path, wrong = old_body(route, ids), old_world.path(route, ids), {}
    outer = next(iter(plain))
    ways = {way: None for way in members(route.body)} | {(outer, "unknown"): None, (outer, "id"): None, (): None}
    for number, way in enumerate(ways):
        text = json.dumps(with_hole(plain, way))
        for odd in JSONS[number % 2 :: 2]:  # each of them meets every other member; version 3's matrix has the whole product
            found = ask(old_world, name, path, text.replace(f'"{HOLE}"', odd).encode(), who(name))
            if found:
                wrong[".".join(way), odd[:40]] = found
    assert not wrong


@pytest.mark.parametrize("name", BODIES)
def test_what_is_no_json(old_world: OldWorld, name: str):
    route, path, token = ROUTES[name], old_world.path(ROUTES[name], old_world.ids[SELF]), old_world.tokens[who(name)]
    for body in (
        b"",
        b"{",
        b"\xff",
        b'{"a": NaN}',
        b"[" * 20000,
        b"\xef\xbb\xbf{}",
        b'"x"',
        b"null",
        b"a=b",
        b'{"' + b"x" * 200_000,
    ):
        with old_world.as_it_was() as changed:
            answer = old_world.old.ask(route.method, path, token=token, body=body)
        assert answer.status_code in (400, 413) and (changed == [False] or name in COUNTS), body[:20]
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = old_world.old.ask(route.method, path, token=token, body=b"{}", content_type=kind)
        check_error(answer, 400, 415)


@pytest.fixture(scope="session")
def schema(old_world: OldWorld) -> Any:
    return schemathesis.openapi.from_wsgi("/v2.0/openapi.json", old_world.old.gateway.wsgi)


@pytest.mark.parametrize("name", ROUTES)
def test_the_answers_are_as_documented(old_world: OldWorld, schema: Any, name: str):
    """The OpenAPI document holds for whatever it allows. GATESTONE_EXAMPLES=N makes N requests of each, by two persons."""
    method, path = name.split(" ", 1)
    operation, statuses = schema[template(path)][method], []

    @PLAIN
    @given(case=operation.as_strategy(), place=st.sampled_from([SELF, SELF, FAR, NEAR, None]))
    def hold(case: Any, place: str | None) -> None:
        if place is not None:
            real(case, old_world.ids[place])
        for persona in ("project admin", "project member"):
            with old_world.as_it_was() as changed:
                answer = case.call(headers={"Host": "id.example.org", "X-Auth-Token": old_world.tokens[persona]})
            # Roles without a tenant say 501: the one thing that is in the API and was never done.
            case.validate_response(answer, checks=CHECKS[1:] if 501 in ROUTES[name].errors else CHECKS)
            assert answer.status_code < 500 or answer.status_code in ROUTES[name].errors
            assert answer.status_code < 400 or name in COUNTS or not changed[0], "refused, and yet something was written"
            statuses.append(answer.status_code)

    hold()
    assert len(statuses) >= 2


def real(case: Any, ids: dict[str, str]) -> None:
    """Ids of things that are there, wherever one is asked for."""
    if "/OS-EC2/" in case.path:
        ids = {**ids, "credential_id": ids["access"]}
    for name in case.path_parameters or {}:
        case.path_parameters[name] = ids[name]
    named = {"tenantId": ids["tenant_id"], "tenant_id": ids["tenant_id"], "roleId": ids["role_id"], "service_id": ids["service_id"]}
    bodies = case.body.values() if isinstance(case.body, dict) else ()
    for inner in (case.body, *bodies):
        if isinstance(inner, dict):
            inner.update({name: named[name] for name in inner.keys() & named.keys()})
