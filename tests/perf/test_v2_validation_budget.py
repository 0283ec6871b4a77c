"""What it costs a pool of version 2.0 to show a token: what it costs on version 3, and no more."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

import pytest

from tests.perf.measured import COUNTER, Answer, Asked
from tests.perf.test_validation_budget import COLD, COLD_CALLER, WARM
from tools.bench.cloud import PASSWORD, PROJECT, SERVICES, USER, Cloud

BELONGS = 3  # more calls: the query is read, and each value compared
TOLD = 4  # more calls, once a token: whether version 2.0 has words for it


@pytest.fixture
def old(cloud: Cloud) -> Iterator[Asked]:
    server = dataclasses.replace(cloud.settings.server, apis=["v2.0"])
    found = Asked(cloud, dataclasses.replace(cloud.settings, server=server))
    yield found
    found.gateway.store.close()


def login(old: Asked) -> str:
    proof = {"passwordCredentials": {"username": USER, "password": PASSWORD}, "tenantName": PROJECT}
    answer = old.ask("POST", "/main/v2.0/tokens", {"auth": proof})
    assert answer.status == 200, answer.body
    return str(json.loads(answer.body)["access"]["token"]["id"])


def validate(old: Asked, caller: str, subject: str, method: str = "GET", query: str = "") -> Answer:
    answer = old.ask(method, f"/main/v2.0/tokens/{subject}{query}", X_AUTH_TOKEN=caller)
    assert answer.status == 200, answer.body
    return answer


def warm(old: Asked) -> tuple[str, str]:
    caller, subject = login(old), login(old)
    for method in ("GET", "HEAD"):
        validate(old, caller, subject, method)
    return caller, subject


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_warm_validation_is_twelve_calls_and_the_counter_read(old: Asked, method: str) -> None:
    caller, subject = warm(old)
    for _ in range(3):
        answer = validate(old, caller, subject, method)
        assert len(answer.frames) <= WARM, answer.frames
        assert answer.statements == [COUNTER]


def test_whom_it_belongs_to_costs_no_query(old: Asked) -> None:
    caller, subject = warm(old)
    tenant = json.loads(validate(old, caller, subject).body)["access"]["token"]["tenant"]["id"]
    answer = validate(old, caller, subject, query=f"?belongsTo={tenant}")
    assert len(answer.frames) <= WARM + BELONGS, answer.frames
    assert answer.statements == [COUNTER]


def test_the_answer_that_is_measured_is_whole(old: Asked) -> None:
    access = json.loads(validate(old, *warm(old)).body)["access"]
    assert len(access["serviceCatalog"]) == SERVICES
    assert all(len(service["endpoints"]) == 1 and "publicURL" in service["endpoints"][0] for service in access["serviceCatalog"])
    assert access["user"]["roles"] and access["token"]["tenant"]


def test_a_new_subject_costs_one_query(old: Asked) -> None:
    caller, _ = warm(old)
    for _ in range(3):
        answer = validate(old, caller, login(old))
        assert len(answer.frames) <= COLD + TOLD, answer.frames
        assert answer.statements[0] == COUNTER and len(answer.statements) == 2, answer.statements


def test_a_new_caller_that_asks_about_itself_costs_one_query(old: Asked) -> None:
    warm(old)
    token = login(old)
    answer = validate(old, token, token)
    assert len(answer.frames) <= COLD_CALLER + TOLD, answer.frames
    assert len(answer.statements) == 2, answer.statements


def test_a_token_that_nobody_sealed_costs_no_query(old: Asked) -> None:
    caller, subject = warm(old)
    for _ in range(2):
        answer = old.ask("GET", f"/main/v2.0/tokens/{subject[:-8]}AAAAAAAA", X_AUTH_TOKEN=caller)
        assert answer.status == 404
        assert answer.statements == [COUNTER]
