"""A token of an application credential costs no more queries than any other."""

from __future__ import annotations

import json

from tests.perf.measured import COUNTER, Asked

RULES = [{"service": "compute", "path": f"/v2.1/servers/{number}", "method": "GET"} for number in range(20)]


def confined(asked: Asked) -> tuple[str, str]:
    """A service's token, and one that came of an application credential with access rules."""
    owner = asked.fresh_token()
    user_id = json.loads(asked.validate(owner, owner).body)["token"]["user"]["id"]
    wanted = {"application_credential": {"name": owner[-40:], "access_rules": RULES}}
    made = asked.ask("POST", f"/v3/users/{user_id}/application_credentials", wanted, X_AUTH_TOKEN=owner)
    assert made.status == 201, made.body
    shown = json.loads(made.body)["application_credential"]
    secret = {"id": shown["id"], "secret": shown["secret"]}
    answer = asked.ask(
        "POST",
        "/v3/auth/tokens",
        {"auth": {"identity": {"methods": ["application_credential"], "application_credential": secret}}},
    )
    assert answer.status == 201, answer.body
    return owner, answer.token


def test_one_query_cold_and_none_warm(asked: Asked) -> None:
    caller, token = confined(asked)
    ask = {"X_AUTH_TOKEN": caller, "X_SUBJECT_TOKEN": token, "OPENSTACK_IDENTITY_ACCESS_RULES": "1.0"}
    cold, warm = asked.ask("GET", "/v3/auth/tokens", **ask), asked.ask("GET", "/v3/auth/tokens", **ask)
    assert cold.status == warm.status == 200, cold.body
    assert len(cold.beyond_counter) == 1, cold.statements
    assert warm.statements == [COUNTER]
    assert len(warm.frames) <= 13, warm.frames  # one more: whether the service heeds access rules
