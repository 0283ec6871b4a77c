"""Every attempt to log in is exactly one line that nobody can forge and that holds no secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity import errors
from identity.settings import Log, SecurityCompliance, Server
from identity.store import users
from identity.wsgi import observe
from identity.wsgi.observe import LogSink
from tests.support import places
from tests.support.gateway import ADDRESS, NOW, Cloud, body_of, password_auth, password_of, project, token_auth

SECRET = "s3cr3t-Sesame-0417"
FIELDS = {
    "time",
    "level",
    "event",
    "outcome",
    "methods",
    "face",
    "user_id",
    "user_name",
    "scope",
    "address",
    "reason",
    "request_id",
    "audit_id",
    "pid",
}


class Journal:
    """The real log, in a file of this test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read = 0

    def logins(self) -> list[dict[str, Any]]:
        """The lines about log-ins since the last time."""
        raw = self.path.read_bytes()[self.read :]
        self.read += len(raw)
        assert raw.isascii() and all(32 <= byte < 127 or byte == 10 for byte in raw)
        assert not raw or raw.endswith(b"\n")
        lines = [json.loads(line) for line in raw.decode().split("\n") if line]
        return [line for line in lines if line["event"] == "login"]

    def one(self) -> dict[str, Any]:
        (line,) = self.logins()
        assert set(line) == FIELDS
        assert line["address"] == ADDRESS
        return line


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    root = logging.getLogger()
    handlers, level, lines, old = root.handlers[:], root.level, observe._lines, observe._level
    observe.configure(Log(file=str(tmp_path / "service.log")))
    yield Journal(tmp_path / "service.log")
    root.handlers[:] = handlers
    root.setLevel(level)
    observe._lines, observe._level = lines, old
    observe.log.cache_clear()


@pytest.fixture
def logged(make_cloud, journal: Journal) -> Cloud:
    return make_cloud(sink=LogSink())


def test_a_good_login(logged: Cloud, journal: Journal):
    for face, scope, told in (
        ("", None, "unscoped"),
        ("/main", project("web"), "project web"),
        ("/admin", {"domain": {"id": "default"}}, "domain default"),
    ):
        made = logged.login("member", scope, face=face)
        line = journal.one()
        assert (line["outcome"], line["level"], line["reason"]) == ("success", "info", None)
        assert (line["user_id"], line["user_name"], line["methods"], line["face"]) == ("user-member", "member", ["password"], face)
        assert line["scope"] == told
        assert line["audit_id"] == made.shown["audit_ids"][0]
        assert line["request_id"] == made.answer.headers["X-Openstack-Request-Id"]
    logged.login("admin", {"system": {"all": True}})
    assert journal.one()["scope"] == "system"


# Body, and what the line must say: who, how, and a word of the reason.
BAD: dict[str, tuple[Any, str | None, list[str], str]] = {
    "wrong password": (password_auth("member", SECRET), "member", ["password"], "wrong password"),
    "unknown user": (password_auth("who", SECRET), "who", ["password"], "no such user"),
    "disabled user": (password_auth("homed"), "homed", ["password"], "disabled"),
    "disabled domain": (password_auth("stranger"), "stranger", ["password"], "disabled"),
    "locked": (password_auth("nova"), "nova", ["password"], "locked"),
    "no password": (password_auth("member", ""), "member", ["password"], "password"),
    "long password": (password_auth("member", SECRET * 300), "member", ["password"], "longer"),
    "scope": (password_auth("member", scope=project("idle")), "member", ["password"], "role"),
    "no such project": (
        password_auth("member", scope={"project": {"name": "x", "domain": {"id": "default"}}}),
        "member",
        ["password"],
        "project",
    ),
    "token": (token_auth(SECRET), None, ["token"], "token"),
    "two users": (
        body_of(
            {
                "methods": ["password", "token"],
                "password": {"user": {"id": "user-member", "password": password_of("member")}},
                "token": {"id": SECRET},
            }
        ),
        "user-member",
        ["password", "token"],
        "token",
    ),
    "name without a domain": (
        body_of({"methods": ["password"], "password": {"user": {"name": "member", "password": SECRET}}}),
        "member",
        ["password"],
        "domain",
    ),
    "unsupported method": (
        body_of({"methods": ["totp"], "totp": {"user": {"passcode": SECRET}}}),
        None,
        ["unknown"],
        "unsupported",
    ),
    "secret as a method": (body_of({"methods": [SECRET, "password"], SECRET: {}}), None, ["unknown", "password"], "unsupported"),
    "proof of another face": (body_of({"methods": ["kerberos"], "kerberos": {}}), None, ["kerberos"], "unsupported"),
    "missing payload": (body_of({"methods": ["password"]}), None, ["password"], "password"),
    "payload of another type": (
        body_of({"methods": ["password"], "password": {"user": {"password": [SECRET]}}}),
        None,
        ["password"],
        "wrong type",
    ),
    "no methods": (body_of({"methods": []}), None, [], "methods"),
    "methods of another type": (body_of({"methods": SECRET}), None, [], "Expected"),
    "bad scope": (password_auth("member", scope={}), None, [], "scope"),
    "trust": (password_auth("member", scope={"OS-TRUST:trust": {"id": "x"}}), None, [], "trust"),
    "empty": (b"", None, [], "empty"),
    "no JSON": (b"{" + SECRET.encode(), None, [], "JSON"),
    "deep": (b'{"x":' + b"[" * 100_000, None, [], "JSON"),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_one(make_cloud, journal: Journal, why: str):
    logged = make_cloud(sink=LogSink(), security_compliance=SecurityCompliance(lockout_failure_attempts=1))
    logged.do(users.set_enabled, "user-homed", False, NOW)
    logged.do(places.set_enabled, "other", False, NOW)
    if why == "locked":
        logged.post(password_auth("nova", "wrong"))
        journal.logins()
    body, who, how, reason = BAD[why]
    answer = logged.post(body, face="/main")
    assert answer.status_code in (400, 401, 404)
    line = journal.one()
    assert (line["outcome"], line["level"], line["face"]) == ("failure", "warning", "/main")
    assert line["user_name"] == who
    assert line["methods"] == how
    assert reason in line["reason"]
    assert line["request_id"] == answer.headers["X-Openstack-Request-Id"]
    assert line["audit_id"] is None
    assert SECRET not in json.dumps(line)


def test_on_the_face_of_another_proof(logged: Cloud, journal: Journal):
    logged.post(password_auth("member", SECRET), face="/krb")
    line = journal.one()
    assert (line["face"], line["methods"], line["outcome"]) == ("/krb", ["password"], "failure")


def test_a_wrong_content_type(logged: Cloud, journal: Journal):
    logged.post(password_auth("member", SECRET), content_type="text/plain")
    assert "Content-Type" in journal.one()["reason"]


def test_whom_a_proxy_vouched_for_is_told_though_nobody_knows_that_user(make_cloud, journal: Journal):
    logged = make_cloud(sink=LogSink(), server=Server(public_urls=["https://id.example.org"], trusted_hops=[ADDRESS]))
    logged.post(body_of({"methods": ["external"], "external": {}}), headers={"X-Remote-User": "ghost"})
    line = journal.one()
    assert (line["user_name"], line["outcome"]) == ("ghost", "failure")


def test_an_attempt_that_a_part_of_ours_spoiled(logged: Cloud, journal: Journal, monkeypatch: pytest.MonkeyPatch):
    passwords = logged.gateway.plugins["password"]._credentials
    for problem, status, reason in (
        (errors.Unavailable(reason="the database is away"), 503, "the database is away"),
        (RuntimeError(SECRET), 500, "unexpected RuntimeError"),
    ):

        def fail(*_: Any, problem: Exception = problem) -> None:
            raise problem

        monkeypatch.setattr(passwords, "verify", fail)
        assert logged.post(password_auth("member", SECRET)).status_code == status
        assert journal.one()["reason"] == reason
        assert SECRET not in journal.path.read_text()


def test_asking_about_tokens_is_no_login(logged: Cloud, journal: Journal):
    token = logged.login("member").token
    journal.logins()
    for method in ("GET", "HEAD", "DELETE"):
        logged.show(token, method=method)
    logged.show("rubbish")
    assert journal.logins() == []


FORGERIES = [
    'x\n{"event": "login", "outcome": "success", "user_name": "admin"}',
    "x\r\n2026-01-01 INFO login success",
    "x\x00\x1b[2J\x1b]0;title\x07\x08\x7f",
    "x\u2028y\u2029z\x85",
    'x", "outcome": "success',
    "\\u000a",
    "\u202egnp.exe",
    "\ufeff\U0001f511",
]


@pytest.mark.parametrize("name", FORGERIES)
def test_a_name_cannot_forge_a_line(logged: Cloud, journal: Journal, name: str):
    logged.post(password_auth(name, SECRET))
    line = journal.one()
    assert line["outcome"] == "failure"
    assert line["user_name"] == name


def test_a_stored_name_cannot_either(logged: Cloud, journal: Journal):
    for place, name in enumerate(FORGERIES):
        if "\x00" in name:
            continue
        hashed = logged.hash(SECRET)
        logged.do(users.create, id=f"user-{place}", name=name, domain_id="default", now=NOW, hash=hashed)
        logged.issue(password_auth(name, SECRET))
        line = journal.one()
        assert (line["outcome"], line["user_name"], line["user_id"]) == ("success", name, f"user-{place}")


def test_a_header_cannot_forge_a_line(logged: Cloud, journal: Journal):
    fields = {"X-Forwarded-For": "6.6.6.6", "X-Openstack-Request-Id": "req-forged", "User-Agent": "x y"}
    answer = logged.post(password_auth("member", SECRET), headers=fields)
    line = journal.one()
    assert line["request_id"] == answer.headers["X-Openstack-Request-Id"] != "req-forged"
    assert line["address"] == ADDRESS


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=60), methods=st.lists(st.text(max_size=10) | st.just("password"), max_size=4))
def test_any_attempt_is_one_line(logged: Cloud, journal: Journal, name: str, methods: list[str]):
    user = {"name": name, "domain": {"id": "default"}, "password": SECRET}
    logged.post(body_of({"methods": methods, "password": {"user": user}}))
    assert SECRET not in json.dumps(journal.one())


def test_tokens_and_passwords_are_nowhere_in_the_log(logged: Cloud, journal: Journal):
    made = logged.login("member")
    again = logged.rescope(made.token, project("web"))
    logged.show(again.token, method="DELETE")
    logged.post(token_auth(again.token))
    logged.post(password_auth(made.token, made.token))  # a token typed in as a name
    text = journal.path.read_text()
    for secret in (made.token, again.token, password_of("member")):
        assert secret not in text
    assert len(journal.logins()) == 4
