"""No header makes a user, an address or a scheme, unless a configured hop sent it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.settings import Server, Settings
from identity.wsgi.edge import Edge
from tests.support.rawhttp import Served, Wire, ask, serving

CLAIMS = [
    "REMOTE_USER", "Remote-User", "X-Remote-User", "X_Remote_User", "x-remote-user", "X-REMOTE-GROUPS", "Remote-Addr", "AUTH_TYPE",
    "Auth-Type", "SSL_CLIENT_CERT", "Ssl-Client-S-Dn", "SSL_CLIENT_VERIFY", "X-SSL-Client-Cert", "X_SSL_CLIENT_DN",
    "X-Ssl-Client-Verify", "Client-Cert", "Client_Cert", "Client-Cert-Chain", "X-Client-Cert", "X-Client-DN", "MELLON_NAME_ID",
    "Mellon-Email", "Shib-Identity-Provider", "Shib_Session_ID", "SHIB-Handler", "OIDC_CLAIM_sub", "OIDC-iss", "OIDC_access_token",
    "X-Forwarded-For", "X-Forwarded-User", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "GSS_NAME", "KRB5CCNAME",
    "Krb5-Principal", "X-Auth-Request-User", "Proxy", "X-Real-IP", "X-Original-URL", "X-Rewrite-URL", "HTTP_REMOTE_USER",
    "Http-X-Remote-User", "X-Amzn-Oidc-Identity",
]  # fmt: skip


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("edge"), {"server": {"workers": 1}}) as served:
        yield served


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_in_any_spelling_never_arrives(gateway: Served, name: str) -> None:
    with Wire(gateway.address) as wire:
        for spelling in {name, name.upper(), name.lower(), name.replace("_", "-"), name.replace("-", "_")}:
            answer = wire.ask("GET", "/v3/echo", f"{spelling}: mallory-1.2.3.4")
            assert answer.status == 200
            assert b"mallory" not in answer.body, f"{spelling} arrived"
            assert answer.json()["address"] == "127.0.0.1"


def test_what_clients_may_send_does_arrive(gateway: Served) -> None:
    lines = ("X-Auth-Token: t", "X-Subject-Token: s", "Accept: a/b", "X-Service-Token: v", "OpenStack-Identity-Access-Rules: 1")
    seen = ask(gateway.address, "GET", "/v3/echo", *lines)
    environ = seen.json()["environ"]
    assert (environ["HTTP_X_AUTH_TOKEN"], environ["HTTP_X_SUBJECT_TOKEN"], environ["HTTP_ACCEPT"]) == ("t", "s", "a/b")
    assert (environ["HTTP_X_SERVICE_TOKEN"], environ["HTTP_OPENSTACK_IDENTITY_ACCESS_RULES"]) == ("v", "1")


@pytest.mark.parametrize(
    "lines",
    [
        ("X-Auth-Token: a", "X-Auth-Token: b"),
        ("X-Auth-Token: a", "x-auth-token: a"),
        ("X-Subject-Token: a", "X-Subject-Token: b"),
        ("Authorization: Negotiate YQ==", "Authorization: Basic YQ=="),
        ("Content-Length: 1", "Content-Length: 2"),
        ("Content-Length: 1", "Content-Length: 1"),
        ("Content-Length: 1, 1",),
        ("Content-Length: +1",),
        ("Content-Length: -1",),
        ("Content-Length: 0x1",),
        ("Content-Length: 1", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip",),
        ("Transfer-Encoding: chunked, gzip",),
        ("Host: other",),
        ("Content-Type: application/json", "Content-Type: text/plain"),
        ("X-Auth-Token: a,b",),
        ("X-Auth-Token : a",),
        (" X-Auth-Token: a",),
        ("X-Auth-Token: a\x00b",),
        ("X-Auth-Token: a", " folded"),
        ("no colon here",),
        (": no name",),
        ("X-Remote-User: a", "X-Remote-User: b"),
    ],
)
def test_repeated_or_malformed_headers_are_refused_in_the_error_form(gateway: Served, lines: tuple[str, ...]) -> None:
    answer = ask(gateway.address, "POST", "/v3/echo", *lines)
    assert answer.status == 400
    assert answer.get("Content-Type") == "application/json"
    error = answer.json()["error"]
    assert error["code"] == 400 and error["title"] == "Bad Request" and error["message"]
    assert re.fullmatch(r"req-[0-9a-f-]{36}", answer.get("X-Openstack-Request-Id") or "")


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@host", "a,b", "[::1", "evil\\host", "h:port", "a" * 300, "h:123456"])
def test_a_malformed_host_is_refused(gateway: Served, host: str) -> None:
    assert ask(gateway.address, "GET", "/v3", host=host).status == 400


def test_a_missing_host_is_refused_but_not_for_http_1_0(gateway: Served) -> None:
    assert ask(gateway.address, "GET", "/v3", host=None).status == 400
    with Wire(gateway.address) as wire:
        assert wire.send("GET /v3 HTTP/1.0\r\n\r\n").answer().status == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET /v3\r\n\r\n", 400),
        (b"GET /v3 HTTP/9.9\r\nHost: a\r\n\r\n", 400),
        (b"get /v3 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"G\x00T /v3 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /v3 HTTP/1.1\nHost: a\n\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /v3 HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 70000 + b"\r\n\r\n", 431),
        (b"GET /v3 HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(200)) + b"\r\n", 431),
        (b"GET /v3 HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 200000, 431),
        (b"GET /v3 HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417),
        (b"POST /v3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /v3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n", 400),
        (b"POST /v3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST /v3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 400, 400),
        (b"POST /v3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", 400),
        (b"POST /v3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: magic\r\n\r\n", 501),
        (b"CONNECT evil:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_gets_the_error_form_too(gateway: Served, data: bytes, status: int) -> None:
    with Wire(gateway.address) as wire:
        answer = wire.send(data).answer()
        assert answer.status == status
        assert answer.get("Content-Type") == "application/json"
        assert answer.json()["error"]["code"] == status
        assert b"<html" not in answer.body


def test_no_refusal_repeats_a_secret(gateway: Served) -> None:
    answer = ask(gateway.address, "GET", "/v3", "X-Auth-Token: s3cr3t-s3cr3t\x01", "Broken s3cr3t-s3cr3t")
    assert answer.status == 400 and b"s3cr3t" not in answer.body
    assert "s3cr3t" not in gateway.log.read_text()


def test_a_request_smuggled_behind_a_refused_one_is_never_answered(gateway: Served) -> None:
    with Wire(gateway.address) as wire:
        wire.send("POST /v3/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        wire.send("GET /v3/big?7 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert wire.answer().status == 400
        assert wire.ended()


def test_pipelined_requests_are_answered_in_order(gateway: Served) -> None:
    with Wire(gateway.address) as wire:
        first = "POST /v3/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        wire.send(first + "".join(f"GET /v3/big?{size} HTTP/1.1\r\nHost: a\r\n\r\n" for size in (5, 2)))
        assert wire.answer().json()["body"] == "abc"
        assert wire.answer().body == b"xxxxx"
        assert wire.answer().body == b"xx"


def test_own_request_ids_are_believed_only_in_their_form(gateway: Served) -> None:
    mine = "req-0f1e2d3c-4b5a-4978-8897-a6b5c4d3e2f1"
    good = ask(gateway.address, "GET", "/v3/echo", f"X-Openstack-Request-Id: {mine}")
    assert good.json()["environ"]["gatestone.global_request_id"] == mine
    assert good.get("X-Openstack-Request-Id") not in (None, mine)
    bad = ask(gateway.address, "GET", "/v3/echo", "X-Openstack-Request-Id: req-1 forged")
    assert "gatestone.global_request_id" not in bad.json()["environ"]


# --- trusted hops ---------------------------------------------------------------------------------------------------


def call(server: Server, environ: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The edge alone, with the environ a server would make."""
    seen: dict[str, Any] = {}
    status = ""

    def app(found: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(found)
        start_response("200 OK", [])
        return [b""]

    def start(given: str, _fields: Any, _exc: Any = None) -> None:
        nonlocal status
        status = given

    base = {"REQUEST_METHOD": "GET", "PATH_INFO": "/v3", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "a", "REMOTE_ADDR": "10.1.2.3"}
    Edge(app, replace(Settings(), server=server))({**base, **environ}, start)
    return status, seen


HOP = Server(trusted_hops=["10.1.0.0/16", "::1"])


@pytest.mark.parametrize("address", ["10.1.2.3", "::1", "::ffff:10.1.9.9"])
def test_a_trusted_hop_names_the_user_and_the_client(address: str) -> None:
    way = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 192.0.2.7, 10.1.9.9", "HTTP_X_FORWARDED_PROTO": "https"}
    status, seen = call(HOP, {"REMOTE_ADDR": address, "HTTP_X_REMOTE_USER": "alice", **way})
    assert status == "200 OK"
    assert seen["REMOTE_USER"] == "alice"
    assert seen["gatestone.peer"].address == "192.0.2.7"
    assert seen["wsgi.url_scheme"] == "https"


@pytest.mark.parametrize("address", ["10.2.2.3", "", "::2", "rubbish", "10.1.2.3.4"])
def test_anyone_else_names_nobody(address: str) -> None:
    status, seen = call(
        HOP, {"REMOTE_ADDR": address, "HTTP_X_REMOTE_USER": "alice", "REMOTE_USER": "alice", "HTTP_X_FORWARDED_FOR": "1.1.1.1"}
    )
    assert status == "200 OK"
    assert not {"REMOTE_USER", "HTTP_X_REMOTE_USER", "HTTP_X_FORWARDED_FOR"} & set(seen)
    assert seen["gatestone.peer"].address == address


def test_a_socket_is_a_hop_only_where_it_is_configured() -> None:
    named = {"REMOTE_ADDR": "", "HTTP_X_REMOTE_USER": "alice"}
    assert call(replace(HOP, trusted_hops=["unix"]), named)[1]["REMOTE_USER"] == "alice"
    assert "REMOTE_USER" not in call(replace(HOP, trusted_hops=["unix"]), {**named, "REMOTE_ADDR": "10.1.2.3"})[1]


@pytest.mark.parametrize("user", ["", "  ", "a\nb", "a\x00b", "\x7f"])
def test_an_unusable_user_of_a_hop_is_refused(user: str) -> None:
    assert call(HOP, {"HTTP_X_REMOTE_USER": user})[0].startswith("400")


def test_a_hop_that_names_nobody_cannot_pass_on_an_older_user() -> None:
    assert "REMOTE_USER" not in call(HOP, {"REMOTE_USER": "mallory", "AUTH_TYPE": "Negotiate"})[1]


@pytest.mark.parametrize("name", CLAIMS)
def test_a_hop_passes_on_no_other_claim(name: str) -> None:
    """It names a user in the one header of its own; whatever else it forwards came from its client, or is not asked for."""
    for spelled in {name.upper().replace("-", "_"), "HTTP_" + name.upper().replace("-", "_"), "HTTP_HTTP_" + name.upper()}:
        if spelled in ("HTTP_X_REMOTE_USER", "REMOTE_ADDR"):
            continue
        status, seen = call(HOP, {spelled: "mallory", "HTTP_X_REMOTE_USER": "alice"})
        assert status == "200 OK"
        assert [key for key, value in seen.items() if value == "mallory"] == []
        assert seen["REMOTE_USER"] == "alice" and "HTTP_X_REMOTE_USER" not in seen


def test_what_a_hop_forwards_is_read_and_then_removed() -> None:
    way = {
        "HTTP_X_FORWARDED_FOR": "192.0.2.7",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_HOST": "evil",
        "HTTP_FORWARDED": "for=evil",
    }
    _, seen = call(HOP, way)
    assert seen["gatestone.peer"].address == "192.0.2.7" and seen["wsgi.url_scheme"] == "https"
    assert not set(way) & set(seen)


def test_the_certificate_listener_trusts_no_hop() -> None:
    status, seen = call(HOP, {"HTTP_X_REMOTE_USER": "alice", "gatestone.listener": "x509", "PATH_INFO": "/x509/v3"})
    assert status == "200 OK" and "REMOTE_USER" not in seen


def test_a_header_of_the_operators_choice_is_removed_as_well() -> None:
    server = Server(remote_user_header="X-Who-It-Is", trusted_hops=["10.9.9.9"])
    assert "HTTP_X_WHO_IT_IS" not in call(server, {"HTTP_X_WHO_IT_IS": "alice"})[1]
    _, seen = call(server, {"HTTP_X_WHO_IT_IS": "alice", "REMOTE_ADDR": "10.9.9.9"})
    assert seen["REMOTE_USER"] == "alice" and "HTTP_X_WHO_IT_IS" not in seen


def test_two_user_headers_of_a_hop_are_refused(tmp_path: Path) -> None:
    with serving(tmp_path, {"server": {"workers": 1, "trusted_hops": ["127.0.0.0/8"]}}) as served:
        good = ask(served.address, "GET", "/v3/echo", "X-Remote-User: alice")
        assert good.json()["environ"]["REMOTE_USER"] == "alice"
        assert ask(served.address, "GET", "/v3/echo", "X-Remote-User: alice", "X-Remote-User: bob").status == 400
        assert "REMOTE_USER" not in ask(served.address, "GET", "/v3/echo", "X_Remote_User: alice").json()["environ"]


_WORD = st.sampled_from(
    [
        "remote",
        "user",
        "ssl",
        "client",
        "cert",
        "x",
        "http",
        "forwarded",
        "shib",
        "oidc",
        "mellon",
        "gss",
        "krb5",
        "auth",
        "type",
        "name",
    ]
)
_NAME = st.lists(_WORD, min_size=1, max_size=4).flatmap(
    lambda words: st.sampled_from(["-", "_"]).map(lambda dash: dash.join(words))
)


@given(name=_NAME, upper=st.booleans())
def test_no_made_up_claim_leaves_an_identity(name: str, upper: bool) -> None:
    spelled = "HTTP_" + (name.upper() if upper else name)
    status, seen = call(Server(), {spelled: "mallory"})
    assert status == "200 OK"
    flat = spelled.upper().replace("-", "_").removeprefix("HTTP_")
    starts = (
        "REMOTE_USER",
        "X_REMOTE",
        "SSL",
        "X_SSL",
        "CLIENT_CERT",
        "FORWARDED",
        "X_FORWARDED",
        "SHIB",
        "OIDC",
        "MELLON",
        "GSS",
        "KRB5",
        "AUTH_TYPE",
    )
    if flat.startswith(starts) or flat.startswith(tuple(f"HTTP_{start}" for start in starts)):
        assert spelled not in seen
    assert "REMOTE_USER" not in seen
