"""The OpenAPI document holds for whatever it allows: schemathesis makes the requests and judges the answers.

GATESTONE_EXAMPLES=N makes N requests of each operation; each is sent by an administrator and by a member.
"""

from __future__ import annotations

import os
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks

from identity.web.declarations import declared
from identity.web.home import template
from tests.web.matrix.seed import FAR, NEAR, SELF
from tests.web.matrix.world import World

EXAMPLES: Final = int(os.environ.get("GATESTONE_EXAMPLES", "8"))
OPERATIONS: Final = [(route.method, template(route.path)) for route in declared()]
CHECKS: Final = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# A wrong password is counted against the account, whatever else is wrong.
COUNTS: Final = {"/v3/auth/tokens", "/v3/users/{user_id}/password"}
PLAIN: Final = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session")
def schema(world: World):
    return schemathesis.openapi.from_wsgi("/v3/openapi.json", world.cloud.gateway.wsgi)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_answers_are_as_documented(world: World, schema: Any, method: str, path: str):
    operation = schema[path][method]
    statuses: list[int] = []

    @PLAIN
    @given(case=operation.as_strategy(), place=st.sampled_from([SELF, SELF, FAR, NEAR, None]))
    def hold(case: Any, place: str | None) -> None:
        if place is not None:
            real(case, world.ids[place])
        for persona in ("project admin", "project member"):
            token = world.tokens[persona]
            headers = {"Host": "id.example.org", "X-Auth-Token": token}
            if path == "/v3/auth/tokens":
                headers["X-Subject-Token"] = world.tokens["stranger"] if place else "rubbish"
            with world.as_it_was() as changed:
                answer = case.call(headers=headers)
            case.validate_response(answer, checks=CHECKS)
            assert answer.status_code < 400 or path in COUNTS or not changed[0], "refused, and yet something was written"
            statuses.append(answer.status_code)

    hold()
    assert len(statuses) >= 2


def real(case: Any, ids: dict[str, str]) -> None:
    """Ids of things that are there, wherever an id is asked for: in the path, the query and the body."""
    if "/OS-EC2/" in case.path:
        ids = {**ids, "credential_id": ids["access"]}
    for name in case.path_parameters or {}:
        case.path_parameters[name] = ids[name]
    if case.query:
        case.query = {name: ids.get(name, value) for name, value in case.query.items()}
    if isinstance(case.body, dict):
        case.body = filled(case.body, ids)


def filled(value: Any, ids: dict[str, str]) -> Any:
    """The same body with stored ids under the names of ids."""
    if isinstance(value, dict):
        return {name: ids[name] if name in ids and isinstance(each, str) else filled(each, ids) for name, each in value.items()}
    return [filled(each, ids) for each in value] if isinstance(value, list) else value
