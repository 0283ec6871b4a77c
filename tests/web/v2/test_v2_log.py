"""Version 2.0 has tokens in its URLs. None of them, of whatever spelling and on whatever path, is in a line of the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from identity.settings import Log, Token
from identity.wsgi import observe
from identity.wsgi.observe import LogSink
from tests.support.gateway import Cloud
from tests.support.old_api import BOTH, OldCloud


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The real log with a line a request, in a file of this test."""
    root = logging.getLogger()
    handlers, level, lines, old = root.handlers[:], root.level, observe._lines, observe._level
    observe.configure(Log(level="debug", file=str(tmp_path / "service.log")))
    monkeypatch.setattr(observe.metrics(), "debug", True)  # asked once a process, when the first gateway is made
    yield tmp_path / "service.log"
    root.handlers[:] = handlers
    root.setLevel(level)
    observe._lines, observe._level = lines, old
    observe.log.cache_clear()


# {} is the token. Most of these are no routes: what a client of old has mistyped holds a token all the same.
PATHS = (
    *("/v2.0/tokens/{}", "/v2.0/tokens/{}/", "/v2.0/tokens/{}/endpoints", "/v2.0/tokens/{}/x", "/v2.0/tokens/x/{}"),
    *("/main/v2.0/tokens/{}", "/admin/v2.0/tokens/{}?belongsTo=web", "/v3/auth/tokens/{}", "/V2.0/TOKENS/{}", "/tokens/{}"),
    *(
        "/v2.0/tokens%2F{}",
        "/v2.0/tokens/a%0A{}",
        "/v2.0//tokens/{}",
        "/v2.0/tokens//{}",
        "/x/../v2.0/tokens/{}",
        "/v2.0/%74okens/{}",
    ),
)


@pytest.mark.parametrize("provider", ["fernet", "jws", "uuid"])
def test_no_token_of_a_path_is_logged(journal: Path, make_cloud: Callable[..., Cloud], provider: str):
    old = OldCloud(make_cloud(server=BOTH, token=Token(provider=provider)))
    token, admin = old.token("member", "web"), old.admin()
    asked = 0
    for path in PATHS:
        for method in ("GET", "HEAD", "DELETE", "POST", "BREW"):
            if (method, path) != ("DELETE", "/v2.0/tokens/{}"):  # the others are to be about a good one
                old.cloud.ask(method, path.format(token), token=admin, body={} if method == "POST" else None)
                asked += 1
    written = journal.read_text("ascii")
    assert token not in written and token[10:50] not in written
    lines = [json.loads(line) for line in written.splitlines()]
    told = [line["path"] for line in lines if line["event"] == "request"]
    assert len(told) >= asked // 2 and "/v2.0/tokens/***" in told and "/main/v2.0/tokens/***" in told


@pytest.mark.parametrize("query", ["?belongsTo={}", "?{}", "?token={}"])
def test_no_query_is_logged(journal: Path, make_cloud: Callable[..., Cloud], query: str):
    old = OldCloud(make_cloud(server=BOTH))
    token = old.token("member", "web")
    old.ask("GET", f"/tenants{query.format(token)}", token)
    assert token not in journal.read_text("ascii")


def test_no_secret_of_a_body_is_logged(journal: Path, make_cloud: Callable[..., Cloud]):
    old = OldCloud(make_cloud(sink=LogSink(), server=BOTH))
    admin, member, secret = old.admin(), old.token("member", "web"), "s3cr3t-Sesame-0417"
    pair = {"OS-KSEC2:ec2Credentials": {"tenantId": "web", "access": "a", "secret": secret}}
    for method, path, token, body in (
        ("POST", "/tokens", None, {"auth": {"passwordCredentials": {"username": "member", "password": secret}}}),
        ("POST", "/tokens", None, {"auth": {"passwordCredentials": {"username": 5, "password": secret}}}),
        ("POST", "/tokens", None, {"auth": {"token": {"id": secret}}}),
        ("POST", "/users", admin, {"user": {"name": "x", "OS-KSADM:password": secret}}),
        ("PUT", "/users/user-member/OS-KSADM/password", admin, {"user": {"password": secret}}),
        ("PUT", "/users/user-member", admin, {"user": {"password": [secret]}}),
        ("PATCH", "/OS-KSCRUD/users/user-member", member, {"user": {"password": secret, "original_password": secret}}),
        ("POST", "/users/user-member/OS-KSADM/credentials", admin, pair),
    ):
        answer = old.ask(method, path, token, body)
        assert answer.status_code < 500
        if "credentials" not in path:
            assert secret not in answer.get_data(as_text=True)
    written = journal.read_text("ascii")
    assert secret not in written and '"login"' in written
