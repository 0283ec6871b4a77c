"""Log lines that cannot be forged, hold no secret, and are one for every login; counters that stay bounded."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity.model.event import LoginEvent
from identity.settings import Log
from identity.wsgi import observe
from identity.wsgi.observe import LogSink, Metrics


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    root = logging.getLogger()
    handlers, level, lines, old = root.handlers[:], root.level, observe._lines, observe._level
    path = tmp_path / "service.log"
    observe.configure(Log(file=str(path)))
    yield path
    root.handlers[:] = handlers
    root.setLevel(level)
    observe._lines, observe._level = lines, old
    observe.log.cache_clear()


def event(**given: object) -> LoginEvent:
    base = {"outcome": "failure", "methods": ("password",), "face": "/main", "address": "192.0.2.1", "request_id": "req-1"}
    return LoginEvent(**{**base, **given})  # type: ignore[arg-type]


def lines(path: Path) -> list[dict[str, object]]:
    raw = path.read_bytes()
    assert raw.isascii() and all(32 <= byte < 127 or byte == 10 for byte in raw)
    return [json.loads(line) for line in raw.decode().split("\n") if line]


def test_every_login_is_one_line_with_all_that_is_asked_later(file: Path) -> None:
    sink = LogSink(telemetry=Metrics())
    sink.login(event(user_name="alice", reason="wrong password"))
    sink.login(event(outcome="success", methods=("kerberos",), face="/krb", user_id="u1", scope="project:p1", audit_id="a1"))
    bad, good = lines(file)
    assert (bad["event"], bad["level"], bad["outcome"], bad["user_name"], bad["reason"]) == (
        "login",
        "warning",
        "failure",
        "alice",
        "wrong password",
    )
    assert (bad["address"], bad["face"], bad["request_id"], bad["methods"]) == ("192.0.2.1", "/main", "req-1", ["password"])
    assert (good["level"], good["user_id"], good["scope"], good["audit_id"], good["methods"]) == (
        "info",
        "u1",
        "project:p1",
        "a1",
        ["kerberos"],
    )


@pytest.mark.parametrize(
    "name",
    ['a\n{"event": "login", "outcome": "success"}', "a\r\nb", "a\x00b\x1b[2J\x7f\x85", "\ud800", "\u2028\u2029", "\u202eevil"],
)
def test_no_name_makes_a_second_line(file: Path, name: str) -> None:
    LogSink(telemetry=Metrics()).login(event(user_name=name, reason=name))
    (line,) = lines(file)
    assert line["user_name"] == name and line["outcome"] == "failure"


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.text(alphabet=st.characters(exclude_categories=())), key=st.text(max_size=10))
def test_any_text_is_one_line(file: Path, name: str, key: str) -> None:
    before = len(lines(file)) if file.exists() else 0
    observe.log().info("text", value=name, nested={key: [name, {key: name}]})
    assert len(lines(file)) == before + 1


def test_secrets_are_masked_by_name_and_by_look(file: Path) -> None:
    fernet = "gAAAAAB" + "x" * 60
    jws = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    observe.log().info(
        "test",
        password="s3cr3t",
        x_auth_token="s3cr3t",
        Authorization="s3cr3t",
        nested={"adminPass": "s3cr3t", "client_secret": ["s3cr3t"]},
        text=f"token {fernet} and {jws}, Authorization: Negotiate YIIs3cr3tAAAA",
        url="postgresql+psycopg://user:s3cr3t@host/db",
        plain="kept",
    )
    logging.getLogger("library").error("failed for %s at sqlite://u:s3cr3t@h", fernet)
    text = file.read_text()
    assert "s3cr3t" not in text and "gAAAA" not in text and "eyJ" not in text
    first, second = lines(file)
    assert first["plain"] == "kept" and first["password"] == "***"
    assert (second["logger"], second["level"]) == ("library", "error")


def test_an_exception_is_part_of_its_line(file: Path) -> None:
    token = "".join(["gAA", "AAAB", "x" * 60])  # the traceback quotes the source line, which must not look like one
    try:
        raise ValueError(token)
    except ValueError:
        observe.log().exception("failed")
    (line,) = lines(file)
    assert "ValueError" in str(line["exception"]) and "gAAAA" not in str(line["exception"])


def test_a_log_that_cannot_be_written_fails_no_login() -> None:
    broken = observe.Lines("/dev/full")
    broken.msg("a line")


def test_endless_values_are_cut(file: Path) -> None:
    observe.log().info("long", value="a" * 100_000, many=list(range(10_000)))
    assert file.stat().st_size < 5000


def test_made_up_methods_make_no_counters() -> None:
    telemetry = Metrics()
    sink = LogSink(["password", "token"], telemetry)
    for number in range(50):
        sink.login(event(methods=(f"made-up-{number}",)))
        sink.login(event(methods=("password",) * number))
        telemetry.requests[f"BREW{number}", "400"].inc()
    sink.login(event(outcome="success", methods=("token", "password")))
    body = telemetry.body()[0].decode()
    found = [line for line in body.splitlines() if line.startswith("gatestone_logins_total")]
    assert sorted(found) == [
        'gatestone_logins_total{method="other",outcome="failure"} 51.0',
        'gatestone_logins_total{method="password",outcome="failure"} 49.0',
        'gatestone_logins_total{method="password+token",outcome="success"} 1.0',
    ]
    assert 'gatestone_requests_total{method="other",status="400"} 50.0' in body
    assert len(telemetry.requests) == 1


def test_the_counters_have_their_names() -> None:
    telemetry = Metrics()
    telemetry.validations("valid")()
    telemetry.position(42)
    telemetry.refused("path")
    body, kind = telemetry.body()
    assert kind.startswith("text/plain")
    for wanted in (
        'gatestone_validations_total{outcome="valid"} 1.0',
        "gatestone_change_log_position 42.0",
        "gatestone_request_seconds_bucket",
    ):
        assert wanted in body.decode()


def test_counting_a_validation_runs_no_code_of_ours() -> None:
    """The hot path may make twelve calls of our own (tests/perf)."""
    telemetry = Metrics()
    count, again = telemetry.validations("valid"), telemetry.validations("valid")
    files: list[str] = []
    sys.setprofile(lambda frame, what, _arg: files.append(frame.f_code.co_filename) if what == "call" else None)
    try:
        count()
        again()
    finally:
        sys.setprofile(None)
    assert files and not [file for file in files if file == observe.__file__]
    assert 'gatestone_validations_total{outcome="valid"} 2.0' in telemetry.body()[0].decode()
