"""What it costs to show a token. Calls and statements are counted, so no machine is too slow for these tests."""

import dataclasses
import json
import time
from pathlib import Path

import pytest

from identity.store import epoch
from identity.store.engine import COUNTER, Store
from tests.perf.measured import CHEAP, Asked
from tools.bench.cloud import SERVICES, Cloud, make

WARM, COLD = 12, 30
COLD_CALLER = 36  # one new token that is caller and subject at once: its policy values are made, and the policy is asked
OTHERS = 10_000


def test_a_warm_validation_is_twelve_calls_and_the_counter_read(asked: Asked) -> None:
    caller, subject = asked.warm()
    for _ in range(3):
        answer = asked.validate(caller, subject)
        assert len(answer.frames) <= WARM, answer.frames
        assert answer.statements == [COUNTER]


def test_a_warm_check_costs_no_more(asked: Asked) -> None:
    caller, subject = asked.warm()
    asked.validate(caller, subject, "HEAD")
    answer = asked.validate(caller, subject, "HEAD")
    assert len(answer.frames) <= WARM, answer.frames
    assert answer.statements == [COUNTER]


def test_the_answer_that_is_measured_is_whole(asked: Asked) -> None:
    token = json.loads(asked.validate(*asked.warm()).body)["token"]
    assert len(token["catalog"]) == SERVICES
    assert sum(len(service["endpoints"]) for service in token["catalog"]) == 3 * SERVICES
    assert token["roles"] and token["project"] and token["user"]


def test_a_new_subject_costs_one_query(asked: Asked) -> None:
    caller, _ = asked.warm()
    for _ in range(3):
        answer = asked.validate(caller, asked.fresh_token())
        assert len(answer.frames) <= COLD, answer.frames
        assert answer.statements[0] == COUNTER
        assert len(answer.statements) == 2, answer.statements


def test_a_new_caller_that_asks_about_itself_costs_one_query(asked: Asked) -> None:
    asked.warm()
    token = asked.fresh_token()
    answer = asked.validate(token, token)
    assert len(answer.frames) <= COLD_CALLER, answer.frames
    assert len(answer.statements) == 2, answer.statements


def test_a_token_that_nobody_sealed_costs_no_query(asked: Asked) -> None:
    caller, subject = asked.warm()
    broken = subject[:-8] + "AAAAAAAA"
    for _ in range(2):
        answer = asked.ask("GET", "/v3/auth/tokens", X_AUTH_TOKEN=caller, X_SUBJECT_TOKEN=broken)
        assert answer.status == 404
        assert answer.statements == [COUNTER]


@pytest.mark.parametrize(
    ("provider", "cold", "queries"),
    [
        pytest.param("jws", COLD + 6, 1, id="jws"),
        pytest.param("uuid", COLD + 9, 2, id="uuid"),  # its claims are a row of their own
    ],
)
def test_other_spellings(tmp_path: Path, provider: str, cold: int, queries: int) -> None:
    cloud = make(tmp_path / "cloud", (*CHEAP, f"token.provider={provider}"))
    asked = Asked(cloud)
    caller, subject = asked.warm()
    warm = asked.validate(caller, subject)
    assert len(warm.frames) <= WARM, warm.frames
    assert warm.statements == [COUNTER]
    answer = asked.validate(caller, asked.fresh_token())
    assert len(answer.frames) <= cold, answer.frames
    assert len(answer.beyond_counter) == queries, answer.queries
    asked.gateway.store.close()


def revoke_others(store: Store, count: int) -> None:
    """Ends of tokens, users' passwords and grants that have nothing to do with ours."""
    kinds = ("audit", "chain", "user", "grant")
    with store.begin() as tx:
        epoch.record(tx, time.time(), [(kinds[n % 4], f"{n:032x}", True) for n in range(count)])


def test_ten_thousand_other_revocations_change_nothing(tmp_path: Path) -> None:
    cloud = make(tmp_path / "cloud", CHEAP)
    asked = Asked(cloud)
    caller, subject = asked.warm()
    old = asked.fresh_token()  # older than all of the changes: its answer has to find that none of them means it
    warm, cold = asked.validate(caller, subject), asked.validate(caller, asked.fresh_token())
    steps = vm_steps(asked, cold.statements[1])
    revoke_others(asked.gateway.store, OTHERS)
    asked.validate(caller, caller)  # this worker's feed has caught up
    asked.validate(caller, subject)
    again, later = asked.validate(caller, subject), asked.validate(caller, old)
    assert (again.frames, again.statements) == (warm.frames, warm.statements)
    assert sorted(later.frames) == sorted(cold.frames)
    assert len(later.statements) == 2
    assert vm_steps(asked, later.statements[1]) <= steps * 1.1
    asked.gateway.store.close()


def vm_steps(asked: Asked, statement: str) -> int:
    """How many instructions SQLite's machine ran for it."""
    pooled = asked.gateway.store.engine.raw_connection()
    connection = pooled.dbapi_connection
    assert connection is not None
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(step, 1)
    connection.execute(statement).fetchall()
    connection.set_progress_handler(None, 0)
    pooled.close()
    assert steps > 100
    return steps


def test_the_statement_for_a_token_reads_by_indexes_only(asked: Asked) -> None:
    caller, _ = asked.warm()
    statement = asked.validate(caller, asked.fresh_token()).statements[1]
    plan = asked.plan(statement)
    for table in (
        "u",
        "p",
        "c",
        "g",
        "m",
        "r",
        "i",
        "w",
    ):  # users, projects, changes, grants and groups, membership, roles, passwords
        assert any(line.startswith(f"SEARCH {table} USING") for line in plan), (table, plan)
    # Small sets made within the statement may be walked; and the log's oldest row is its first, so that one is no walk: were
    # it one, the test above would see it.
    walked = {"a", "t", "k", "h", "l", "hit", "n", "CONSTANT", "c"}
    assert plan.count("SCAN c") <= 1, plan
    scanned = {line.split()[1] for line in plan if line.startswith("SCAN") and "(subquery" not in line}
    assert scanned <= walked, plan


def test_staleness_allowed_saves_the_read_and_no_more(cloud: Cloud) -> None:
    relaxed = dataclasses.replace(cloud.settings, token=dataclasses.replace(cloud.settings.token, max_staleness=30.0))
    asked = Asked(cloud, relaxed)
    caller, subject = asked.warm()
    assert asked.validate(caller, subject).statements == []
    asked.gateway.store.close()
