"""The rendered load balancer alone, before back ends that tell word for word what reached them."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attack.test_edge_headers import CLAIMS
from tests.support import site_world
from tests.support.listener import until
from tests.support.rawhttp import Answer, Wire
from tests.support.recorder import Greeted, Recorder, running
from tests.support.site_world import CLIENT_ADDRESS, LB, SiteFiles

TOKENS_PER_SOURCE = 8
EXEMPT = "127.0.20.50"


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SiteFiles, Recorder, Greeted]]:
    """Two load balancers that know each other, and one recorder for each pool; the third back end is a plain gateway's place."""
    tables: dict[str, Any] = {
        "database": {"connection": "sqlite:///none.db"},
        "tls": {"backends": False},
        "certificates": {"rules": [{"issuer": "CN=Users", "subject": "CN={user}", "domain": "Default"}]},
        "limits": {
            "tokens_per_source": TOKENS_PER_SOURCE, "tokens_period": 2, "connections_per_source": 20, "request_seconds": 1,
            "exempt": [EXEMPT],
        },
    }  # fmt: skip
    home = tmp_path_factory.mktemp("balancer") / "site"
    made = site_world.make(home, {"v3a": "v3", "v2a": "v2", "x1": "x509"}, tables, balancers=("lb01", "lb02"))
    with (
        running(Recorder("v3", ("127.0.20.31", made.ports["v3a"]))) as v3,
        running(Recorder("v2", ("127.0.20.41", made.ports["v2a"]))),
        running(Greeted((site_world.ADDRESSES["x1"], made.ports["x1"]))) as certificates,
        site_world.haproxy(made, "lb01", {"v3": 1, "v2": 1, "x509": 1}),
        site_world.haproxy(made, "lb02", {"v3": 1, "v2": 1}),
    ):
        yield made, v3, certificates


@pytest.fixture(scope="module")
def site(pools: tuple[SiteFiles, Recorder, Greeted]) -> SiteFiles:
    return pools[0]


def wire(site: SiteFiles, host: str = "lb01", source: str = CLIENT_ADDRESS) -> Wire:
    return Wire((site_world.ADDRESSES[host], site.ports[host]), site.context(), source=source)


def get(site: SiteFiles, target: str, *lines: str, method: str = "GET", **where: Any) -> Answer:
    with wire(site, **where) as one:
        return one.ask(method, target, *lines)


def words(text: str) -> list[str]:
    return text.split()


# --- which pool ---------------------------------------------------------------------------------------------------

V2_PATHS = words("/main/v2.0 /admin/v2.0/tenants /main/v2.0/tokens/abc /main/v2 /main/v2/ /v2.0 /admin/v2.0/users?a=/v3")
V3_PATHS = words("""
    / /v3 /main /main/v3/auth/tokens /admin/v3/users /krb/v3 /krb/v2.0 /MAIN/v2.0 /main/V2.0 /maine/v2.0 /v3/main/v2.0
    /main/v3?x=/main/v2.0 /main/v /admin /v3/users/a%20b
""")


@pytest.mark.parametrize(
    ("path", "pool"), [(one, "v2") for one in V2_PATHS] + [(one, "v3") for one in V3_PATHS if one != "/healthcheck"]
)
def test_each_api_has_its_pool(site: SiteFiles, path: str, pool: str) -> None:
    for method in ("GET", "DELETE", "POST"):
        seen = get(site, path, method=method, source=EXEMPT).json()
        assert (seen["pool"], seen["line"]) == (pool, f"{method} {path} HTTP/1.1")


def readings(path: str) -> set[str]:
    """Everything that some reader behind might take this path for."""
    found, latest = {path}, {path}
    for _ in range(4):
        latest = {change(one) for one in latest for change in _CHANGES} - found
        found |= latest
    return found


_CHANGES = (
    unquote,
    lambda path: path.replace("\\", "/"),
    lambda path: re.sub(r";[^/]*", "", path),
    lambda path: re.sub(r"/{2,}", "/", path),
    lambda path: re.sub(r"/\.(?=/|\Z)", "", path) or "/",
    lambda path: re.sub(r"(?:/[^/]*)?/\.\.(?=/|\Z)", "", path, count=1) or "/",
    lambda path: path.partition("#")[0],
    lambda path: re.sub(r"\Ahttps?://[^/]*", "", path) or "/",
)


def place(path: str) -> str:
    """Where a path belongs, if it means what it says."""
    if re.match(r"/x509(/|\Z)|/metrics\Z", path):
        return "hidden"
    return "v2" if path.startswith(("/main/v2", "/admin/v2", "/v2")) else "v3"


def check(site: SiteFiles, on: Wire, target: str) -> Wire:
    """Refused, or where every reading of it belongs. Gives the connection to go on with."""
    try:
        answer = on.ask("GET", target)
    except OSError:
        on.sock.close()
        return wire(site, source=EXEMPT)
    if answer.status == 200:
        wanted = {place(one) for one in readings(target.partition("?")[0])}
        assert wanted == {answer.json()["pool"]}, f"{target!r} came to {answer.json()['pool']}"
    else:
        assert answer.status in (400, 404, 405), (target, answer.status)
        # What is no request line at all is answered by HAProxy's parser, in words of its own.
        assert answer.body.startswith((b'{"error":{"code":', b"<html>"))
    if (answer.get("Connection") or "").lower() == "close":
        on.sock.close()
        return wire(site, source=EXEMPT)
    return on


TRICKS = words(r"""
    //main/v2.0 /main//v2.0 /main/%76%32 /main/v%32.0 /x/../main/v2.0 /main/./v2.0 /main/v3/../v2.0 /%6dain/v2.0 /main%2fv2.0
    /main%2Fv2.0 /main%5cv2.0 /main\v2.0 /main;x/v2.0 /main/;/v2.0 /main/v3/%2e%2e/v2.0 /.%2e/x509/v3 /main/v3/..;/v2.0
    /main%252fv2.0 /main/%2576%2532 //x509/v3 /./x509/v3 /x%3509/v3 /x509 /x509/v3 /x509?a /%78509/v3 /main/../x509/v3 /metrics
    //metrics /metrics/ /metric%73 /./metrics /main/v2.0#/v3 /#/x509 /main/%c0%af /main/v2.0/.. /v2.0/../v3 /main/%u0076
    https://localhost/main/v2.0 http://x/x509 localhost:443 main/v2.0 ? # /main/v% /main/%7 /v3/%00/x /x509%20 /x509;a
    /x509%3b /.. /v3/. *
""")


def test_no_spelling_leads_astray(site: SiteFiles) -> None:
    on = wire(site, source=EXEMPT)
    for target in [*TRICKS, "/\t/v3"]:
        on = check(site, on, target)
    on.sock.close()


_SEGMENTS = st.sampled_from(["", *words(r"""
    main admin v2.0 v2 v3 x509 krb metrics tokens .. . %76%32 v%32.0 %2e%2e %2f ..;x=1 x;y %5c %252e %c0%ae main%2fv2.0 MAIN
    %6dain x5%309 a%20b %C3%A9 %25 %3b %23 %3f ... v2.0\..
""")])  # fmt: skip
_BETWEEN = st.sampled_from(["/", "/", "/", "//", "/./", "%2f", "\\", "/;/", "/../", "/%2e/"])
_ENDS = st.sampled_from(["", "", "/", "?a=/main/v2.0", "#/main/v2.0", "?", "%00", "//", "/..", "/%2e%2e", ";"])


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.tuples(_BETWEEN, _SEGMENTS), min_size=1, max_size=6), _ENDS)
def test_no_made_up_spelling_leads_astray(kept: list[Wire], site: SiteFiles, parts: list[tuple[str, str]], end: str) -> None:
    target = "".join(between + segment for between, segment in parts) + end
    kept[0] = check(site, kept[0], target)


@pytest.fixture(scope="module")
def kept(site: SiteFiles) -> Iterator[list[Wire]]:
    box = [wire(site, source=EXEMPT)]
    yield box
    box[0].sock.close()


def test_another_version_of_the_protocol_is_not_spoken(site: SiteFiles) -> None:
    with wire(site) as one:
        assert one.sock.selected_alpn_protocol() is None
        assert one.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0").answer().status in (400, 405)
    assert get(site, "/v3", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk").status == 200


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK"])
def test_methods_of_proxies_are_refused(site: SiteFiles, method: str) -> None:
    target = "localhost:443" if method == "CONNECT" else "/v3"
    assert get(site, target, method=method).status in (400, 405)


# --- what a client claims -----------------------------------------------------------------------------------------


def test_no_claim_of_a_client_is_passed_on(site: SiteFiles) -> None:
    """At this hop alone: the back end here believes everything."""
    twins = [(name, name.upper(), name.lower(), name.replace("_", "-"), name.replace("-", "_")) for name in CLAIMS]
    names = {spelling for several in twins for spelling in several}
    with wire(site) as one:
        for name in sorted(names):
            answer = one.ask("GET", "/v3", f"{name}: mallory-1.2.3.4")
            assert answer.status == 200, name
            assert b"mallory" not in answer.body, f"{name} went through"
            told = {key.lower(): value for key, value in answer.json()["headers"]}
            assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == (CLIENT_ADDRESS, "https")


def test_several_claims_in_one_request_go_too(site: SiteFiles) -> None:
    lines = ["X-Remote-User: mallory", "x-remote-user: mallory", "X_Remote_User: mallory", *["X-Forwarded-For: mallory"] * 2]
    lines += ["Connection: close, X-Forwarded-Proto, X-Forwarded-For"]  # hop-by-hop names must not take ours away
    answer = get(site, "/v3", *lines)
    assert answer.status == 200 and b"mallory" not in answer.body
    told = {key.lower(): value for key, value in answer.json()["headers"]}
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == (CLIENT_ADDRESS, "https")


def test_what_clients_may_send_is_passed_on(site: SiteFiles) -> None:
    lines = (
        "X-Auth-Token: t",
        "X-Subject-Token: s",
        "Authorization: Negotiate YQ==",
        "X-Service-Token: v",
        "OpenStack-Identity-Access-Rules: 1",
    )
    told = {key.lower(): value for key, value in get(site, "/v3", *lines).json()["headers"]}
    assert (told["x-auth-token"], told["x-subject-token"], told["authorization"]) == ("t", "s", "Negotiate YQ==")
    assert (told["x-service-token"], told["openstack-identity-access-rules"]) == ("v", "1")


# --- limits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "path"),
    enumerate(["/main/v3/auth/tokens", "/main/v2.0/tokens", "/v3/ec2tokens", "/v3/users/u/password"], 60),
)
def test_a_source_that_logs_in_too_often_must_wait(site: SiteFiles, number: int, path: str) -> None:
    source = f"127.0.20.{number}"
    answers = [get(site, path, "Content-Length: 0", method="POST", source=source) for _ in range(TOKENS_PER_SOURCE + 3)]
    assert [one.status for one in answers] == [200] * TOKENS_PER_SOURCE + [429] * 3
    refused = answers[-1]
    assert refused.json()["error"]["code"] == 429 and refused.get("Retry-After") == "2"
    assert refused.get("Strict-Transport-Security")
    assert get(site, path, source=source).status == 200, "reading is no log-in"
    assert get(site, "/v3/regions", method="POST", source=source).status == 200, "a write is no log-in"
    assert get(site, path, method="POST", source="127.0.20.69").status == 200, "another source waits too"
    until(lambda: get(site, path, method="POST", source=source, host="lb02").status == 429, 2, "the other load balancer knows")


def test_who_has_waited_is_heard_again(site: SiteFiles) -> None:
    source, wait = "127.0.20.65", 2
    while get(site, "/v3/auth/tokens", method="POST", source=source).status == 200:
        continue
    refused = time.monotonic()
    until(lambda: time.monotonic() > refused + wait + 0.5, 5, "as long as it was told")  # asking meanwhile would count
    assert get(site, "/v3/auth/tokens", method="POST", source=source).status == 200


def test_both_apis_share_one_count(site: SiteFiles) -> None:
    paths = ["/main/v3/auth/tokens", "/main/v2.0/tokens"] * TOKENS_PER_SOURCE
    answers = [get(site, path, method="POST", source="127.0.20.64").status for path in paths]
    assert answers == [200] * TOKENS_PER_SOURCE + [429] * TOKENS_PER_SOURCE


def test_an_exempt_source_does_not_wait(site: SiteFiles) -> None:
    answers = {get(site, "/main/v3/auth/tokens", method="POST", source=EXEMPT).status for _ in range(3 * TOKENS_PER_SOURCE)}
    assert answers == {200}


def test_a_source_holds_so_many_connections_and_no_more(site: SiteFiles) -> None:
    """Half-open ones: nothing is ever sent on them. Another source is served meanwhile."""
    source = "127.0.20.70"
    address = (LB, site.ports["lb01"])
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(22):
            with contextlib.suppress(ConnectionError):  # it may be refused as early as this
                held.append(stack.enter_context(socket.create_connection(address, 5, (source, 0))))
        until(lambda: sum(not _is_closed(one) for one in held) == 20, 5, "two of them to be closed")
        assert get(site, "/v3").status == 200
    until(lambda: _answers(site, source), 5, "the places to be free again")


def _is_closed(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def _answers(site: SiteFiles, source: str) -> bool:
    try:
        return get(site, "/v3", source=source).status == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    "part",
    [
        b"GET /v3 HTTP/1.1\r\nHost: a\r\nX-",
        b"POST /v3 HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
        b"POST /v3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_a_request_that_does_not_end_reaches_nobody(pools: tuple[SiteFiles, Recorder, Greeted], part: bytes) -> None:
    site, v3, _certificates = pools
    with wire(site) as one:
        before, began = len(v3.seen), time.monotonic()
        assert one.send(part).answer().status == 408
        assert time.monotonic() - began < 4
        assert len(v3.seen) == before


def test_too_much_is_too_much(site: SiteFiles) -> None:
    assert get(site, "/v3", "Content-Length: 200000", method="POST").status == 413
    with wire(site) as one:
        assert one.ask("GET", "/v3", "X-Long: " + "a" * 100000).status in (400, 431)
    assert get(site, "/v3", "Authorization: Negotiate " + "a" * 64000).status == 200, "a ticket with many groups"


def test_a_handshake_is_passed_on_with_the_clients_address(pools: tuple[SiteFiles, Recorder, Greeted]) -> None:
    site, _v3, certificates = pools
    with pytest.raises(OSError):
        Wire((LB, site.x509_port), site.context(), source=CLIENT_ADDRESS)
    began = until(lambda: certificates.seen, 5)[-1]
    assert (began[12:13], began[16:20]) == (b"\x21", socket.inet_aton(CLIENT_ADDRESS))


@pytest.mark.parametrize(
    "data", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01", b"GET /x509/v3 HTTP/1.1\r\nHost: a\r\n\r\n", b"PROXY TCP4 127.0.0.1"]
)
def test_what_does_not_become_a_handshake_is_ended(pools: tuple[SiteFiles, Recorder, Greeted], data: bytes) -> None:
    """Half-open, half a hello, plain HTTP: on the port for certificates none reaches the host behind, and none stays."""
    site, _v3, certificates = pools
    before = len(certificates.seen)
    with Wire((LB, site.x509_port), source=CLIENT_ADDRESS) as one:
        assert one.send(data).ended(within=4)
    assert len(certificates.seen) == before


@pytest.mark.parametrize(
    "data", [b"PROXY TCP4 192.0.2.9 10.0.0.1 40000 443\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12)]
)
def test_a_client_that_speaks_the_proxy_protocol_is_not_understood(site: SiteFiles, data: bytes) -> None:
    with Wire((LB, site.ports["lb01"]), source=CLIENT_ADDRESS) as one:
        one.send(data)
        assert one.ended()
    with wire(site) as one:
        one.send(data + b"GET /v3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        with contextlib.suppress(OSError):
            assert one.answer().status == 400


# --- what it tells ------------------------------------------------------------------------------------------------


def test_refusals_are_counted_and_logged_with_the_address_and_without_tokens(site: SiteFiles) -> None:
    source = "127.0.20.80"
    before = denied(site)
    assert get(site, "/main/v2.0/tokens/secret-token-1//x", source=source).status == 400
    assert get(site, "/main/v2.0/tokens/secret-token-2", source=source).status == 200
    assert get(site, "/main/v2.0/tokens/secret-token-3", "Content-Length: 200000", method="PUT", source=source).status == 413
    assert denied(site) == before + 2
    log = site.path("lb01", "haproxy.log")
    lines = until(lambda: [line for line in log.read_text().splitlines() if source in line and " 413 " in line], 5, "the line")
    assert "/main/v2.0" in lines[0]
    assert "secret-token" not in log.read_text()


def denied(site: SiteFiles) -> int:
    return int(re.findall(r'haproxy_frontend_requests_denied_total\{proxy="identity"\} (\d+)', site_world.metrics(site))[0])


def test_what_is_learnt_of_a_source_is_shown_to_the_operator(site: SiteFiles) -> None:
    text = site_world.metrics(site)
    assert 'haproxy_backend_active_servers{proxy="v2"} 1' in text
    told = site_world.command(site, "show peers")
    assert re.search(r"id=lb02.*last_status=ESTA", told), told


def test_errors_of_its_own_are_in_the_form_of_the_api(site: SiteFiles) -> None:
    answer = get(site, "/v3//users")
    assert answer.get("Content-Type") == "application/json" and answer.get("Strict-Transport-Security")
    assert set(json.loads(answer.body)["error"]) == {"code", "message", "title"}
