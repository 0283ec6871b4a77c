"""The rendered load balancer before the real edge of the gateway, which tells what it made of each request.

Client certificates end at the load balancer here (`certificates.mode = "terminate"`) and are handed on by RFC 9440.
"""

from __future__ import annotations

import base64
import re
import ssl
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import site_world
from tests.support.listener import until
from tests.support.pki import Authority, Issued
from tests.support.rawhttp import Answer, Served, Wire, serving
from tests.support.site_world import CLIENT_ADDRESS, LB, STRANGER, SiteFiles


@pytest.fixture(scope="module")
def people() -> Authority:
    return Authority("Client CA")


@pytest.fixture(scope="module")
def site(people: Authority, tmp_path_factory: pytest.TempPathFactory) -> SiteFiles:
    home = tmp_path_factory.mktemp("through")
    people.write(home, "people")
    revoked = people.issue_client("revoked")
    people.revoke(revoked.certificate)
    revoked.write(home, "revoked")
    (home / "people.crl").write_bytes(people.crl_pem())
    tables: dict[str, Any] = {
        "database": {"connection": "sqlite:///none.db"},
        "certificates": {
            "mode": "terminate",
            "client_ca": str(home / "people.crt"),
            "crl": str(home / "people.crl"),
            "rules": [{"issuer": "CN=Client CA", "subject": "CN={user}", "domain": "Default"}],
        },
        "limits": {"request_seconds": 1},
    }
    return site_world.make(home / "site", {"v3a": "v3", "x1": "x509"}, tables)


@pytest.fixture(scope="module")
def served(site: SiteFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Served]]:
    """The edge of both back ends with the very settings that are rendered for them, behind the load balancer."""
    with (
        serving(tmp_path_factory.mktemp("v3a"), chosen(site, "v3a"), "api") as api,
        serving(tmp_path_factory.mktemp("x1"), chosen(site, "x1"), "hop") as hop,
        site_world.haproxy(site, ready={"v3": 0, "x509": 1}),
    ):
        yield {"v3a": api, "x1": hop}


def chosen(site: SiteFiles, host: str) -> dict[str, dict[str, Any]]:
    found = tomllib.loads(site.path(host, "gatestone.toml").read_text())
    return {
        name: found[name] | {"workers": 1} if name != "x509" else found[name] for name in ("server", "hop", "x509") if name in found
    }


def wire(site: SiteFiles, cert: tuple[Path, Path] | None = None, source: str = CLIENT_ADDRESS) -> Wire:
    return Wire((LB, site.x509_port if cert else site.ports["lb01"]), site.context(cert), source=source)


def shown(issued: Issued) -> str:
    return f"Client-Cert: :{base64.b64encode(issued.der).decode()}:"


def count(served: Served, site: SiteFiles, reason: str) -> float:
    """The counter of one back end; its load balancers may look, and the host itself."""
    host = "v3a" if served.address[1] == site.ports["v3a"] else "x1"
    context = site.context((site.directory / "tls" / "lb01.crt", site.directory / "tls" / "lb01.key"))
    context.check_hostname = False
    with Wire(served.address, context, source=LB if host == "v3a" else "") as one:
        text = one.ask("GET", "/metrics").body.decode()
    found = re.search(rf'gatestone_edge_refusals_total{{reason="{reason}"}} (\S+)', text)
    return float(found[1]) if found else 0.0


# --- client certificates ------------------------------------------------------------------------------------------


def test_the_certificate_that_was_proven_arrives_and_no_other(
    site: SiteFiles, served: dict[str, Served], people: Authority, tmp_path: Path
) -> None:
    alice, bob = people.issue_client("alice"), people.issue_client("bob")
    cert = alice.write(tmp_path, "alice")
    chain = f"Client-Cert-Chain: :{base64.b64encode(bob.der).decode()}:"
    claims = (
        "X-SSL-Client-Cert: bob",
        "X-SSL-Client-Verify: 0",
        "Client_Cert: :AAAA:",
        "X-Remote-User: bob",
        "X-Forwarded-For: 192.0.2.1",
    )
    with wire(site, cert) as one:
        for lines in ((), (shown(bob),), (shown(bob), shown(bob)), (shown(bob), chain), (chain,), claims, ("Client-Cert: :AAAA:",)):
            seen = one.ask("GET", "/x509/v3/echo", *lines)
            assert seen.status == 200, (lines, seen.body)
            told = seen.json()
            assert (told["certificate"], told["address"], told["listener"]) == (alice.der.hex(), CLIENT_ADDRESS, "hop")
            assert b"bob" not in seen.body and "REMOTE_USER" not in told["environ"]
        for path in ("/v3/echo", "/main/v3/echo", "/krb/v3/echo", "/x509x/v3", "/"):
            assert one.ask("GET", path).status == 404, "this port is for certificates alone"


def test_on_the_other_port_a_certificate_is_nobodys(site: SiteFiles, served: dict[str, Served], people: Authority) -> None:
    with wire(site) as one:
        assert one.ask("GET", "/x509/v3/echo", shown(people.issue_client("alice"))).status == 404
        seen = one.ask("GET", "/v3/echo", shown(people.issue_client("alice"))).json()
        assert seen["certificate"] is None and seen["address"] == CLIENT_ADDRESS


def test_who_has_no_good_certificate_is_not_let_in(
    site: SiteFiles, served: dict[str, Served], people: Authority, tmp_path: Path
) -> None:
    """Refused in the handshake, counted, and logged with the address."""
    source = "127.0.20.90"
    wrong = Authority("Client CA").issue_client("alice").write(tmp_path, "wrong")
    revoked = (site.directory.parent / "revoked.crt", site.directory.parent / "revoked.key")
    for cert in (wrong, revoked):
        with pytest.raises((ssl.SSLError, OSError)), wire(site, cert, source) as one:
            one.ask("GET", "/x509/v3/echo")
    with pytest.raises((ssl.SSLError, OSError)), Wire((LB, site.x509_port), site.context(), source=source) as one:
        one.ask("GET", "/x509/v3/echo")
    log = site.path("lb01", "haproxy.log")
    until(lambda: log.read_text().count(f"{source}:") >= 3, 5, "three lines with the address")


def test_the_listener_behind_takes_nobody_but_the_load_balancer(
    site: SiteFiles, served: dict[str, Served], people: Authority, tmp_path: Path
) -> None:
    """No certificate, a person's, another host's of the same authority: none may say who a client is."""
    hop = served["x1"]
    before = count(hop, site, "handshake"), count(hop, site, "proxy_name")
    alice = people.issue_client("alice")
    other = (site.directory / "tls" / "v3a.crt", site.directory / "tls" / "v3a.key")
    for cert in (None, alice.write(tmp_path, "alice"), other):
        context = site.context(cert)
        context.check_hostname = False
        with pytest.raises((ssl.SSLError, OSError)), Wire(hop.address, context, source=STRANGER) as one:
            one.ask("GET", "/x509/v3/echo", shown(alice))
    refused = until(lambda: [line for line in hop.lines() if line["event"] == "refused" and line["address"] == STRANGER], 5)
    assert {line["reason"] for line in refused} <= {"handshake", "proxy_name"}
    assert count(hop, site, "handshake") + count(hop, site, "proxy_name") == sum(before) + 3


# --- past the load balancer ---------------------------------------------------------------------------------------


def test_who_goes_past_the_load_balancer_is_counted_and_logged(site: SiteFiles, served: dict[str, Served]) -> None:
    api = served["v3a"]
    before = count(api, site, "peer")
    context = site.context()
    context.check_hostname = False
    with pytest.raises((ssl.SSLError, OSError)):
        Wire(api.address, context, source=STRANGER)
    until(lambda: [line for line in api.lines() if line["event"] == "refused" and line["address"] == STRANGER], 5, "the line")
    assert count(api, site, "peer") == before + 1


def test_the_load_balancer_itself_names_nobody(site: SiteFiles, served: dict[str, Served]) -> None:
    """Straight from its address with everything that a client may claim: the gateway removes it a second time."""
    context = site.context()
    context.check_hostname = False
    claims = (
        "X-Remote-User: mallory",
        "Remote-User: mallory",
        "Client-Cert: :bWFsbG9yeQ==:",
        "X-SSL-Client-Cert: mallory",
        "Shib-Session-ID: mallory",
    )
    with Wire(served["v3a"].address, context, source=LB) as one:
        seen = one.ask("GET", "/krb/v3/echo", *claims, "X-Forwarded-For: 203.0.113.9")
    assert seen.status == 200 and b"mallory" not in seen.body
    assert seen.json()["address"] == "203.0.113.9", "its word on the client's address is taken"


# --- requests with two readings -----------------------------------------------------------------------------------

_INNER = b"GET /v3/smuggled HTTP/1.1\r\nHost: a\r\nX-Remote-User: mallory\r\n\r\n"
_CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(_INNER), _INNER)
SMUGGLING = {
    "length and chunks": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _INNER,
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n" % (5 + len(_INNER)) + _INNER,
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(_INNER) + _INNER,
    "two lengths in one line": b"Content-Length: 0, %d\r\n\r\n" % len(_INNER) + _INNER,
    "a length with a sign": b"Content-Length: +%d\r\n\r\n" % len(_INNER) + _INNER,
    "an empty length": b"Content-Length: \r\n\r\n" + _INNER,
    "an underscore": b"Content_Length: %d\r\n\r\n" % len(_INNER) + _INNER,
    "a blank before the colon": b"Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n" + _CHUNK,
    "a tab in the coding": b"Transfer-Encoding:\tchunked\r\nContent-Length: %d\r\n\r\n" % len(_INNER) + _INNER,
    "an unknown coding": b"Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n\r\n" % len(_INNER) + _INNER,
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n" + _CHUNK,
    "identity last": b"Transfer-Encoding: chunked, identity\r\n\r\n" + _CHUNK,
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + _CHUNK,
    "a folded line": b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 0\r\n\r\n" + _CHUNK,
    "a bare line feed": b"Content-Length: 0\nContent-Length: %d\r\n\r\n" % len(_INNER) + _INNER,
    "a carriage return in a name": b"Foo: x\rContent-Length: %d\r\n\r\n" % len(_INNER) + _INNER,
    "a NUL": b"Foo: x\0\r\nContent-Length: 0\r\n\r\n" + _INNER,
    "a chunk with a sign": b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + _INNER,
    "a chunk of many digits": b"Transfer-Encoding: chunked\r\n\r\n100000000000000000\r\n\r\n" + _INNER,
    "an extension with a line feed": b"Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n" + _INNER,
    "the other version": b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _INNER,
}
ONE_CLEAR_END = {"an underscore", "a NUL"}


@pytest.mark.parametrize("kind", SMUGGLING)
def test_one_request_stays_one(site: SiteFiles, served: dict[str, Served], kind: str) -> None:
    """Refused, or read alike by both; no header within a body is ever believed.

    Of a length and chunks HAProxy drops the length, as RFC 9112, section 6.1 allows, and closes the connection: the rest is
    nobody's request. What follows a request with one clear end is the client's next one, and loses its claims like any other.
    """
    version = b"HTTP/1.0" if kind == "the other version" else b"HTTP/1.1"
    with wire(site) as one:
        one.send(b"POST /v3/echo " + version + b"\r\nHost: a\r\n" + SMUGGLING[kind])
        first = answered(one)
        served_kinds = {"length and chunks", "chunks and length", "an underscore", "a folded line"}
        assert first is not None and (first.status == 200) == (kind in served_kinds), first
        assert first.status in (200, 400), first
        assert b"mallory" not in first.body or first.json()["body"].startswith("GET /v3/smuggled")
        if first.status == 200:
            assert "mallory" not in str(first.json()["environ"])
        second = answered(one)
        if second is not None and second.status == 200:
            assert kind in ONE_CLEAR_END
            told = second.json()
            assert told["environ"]["PATH_INFO"] == "/v3/smuggled" and b"mallory" not in second.body
            assert told["address"] == CLIENT_ADDRESS
        assert answered(one) is None
    # Nobody else's request is answered by what was left over.
    with wire(site, source="127.0.20.91") as other:
        assert other.ask("GET", "/v3/echo?mine").json()["environ"]["QUERY_STRING"] == "mine"


def answered(one: Wire) -> Answer | None:
    one.sock.settimeout(2)
    try:
        return one.answer()
    except (TimeoutError, ConnectionError, ssl.SSLError):
        return None


def test_a_long_header_has_its_answer(site: SiteFiles, served: dict[str, Served]) -> None:
    """Longer than the gateway takes, and not than the load balancer: the gateway's own 431 comes back, counted there."""
    before = count(served["v3a"], site, "head")
    with wire(site, source="127.0.20.92") as one:
        assert one.ask("GET", "/v3/echo", "X-Long: " + "a" * 70000).status == 431
    assert count(served["v3a"], site, "head") == before + 1
    line = [one for one in served["v3a"].lines() if one["event"] == "refused" and one["reason"] == "head"][-1]
    assert line["address"] == LB, "it was not read as far as to know the client"
    log = site.path("lb01", "haproxy.log")
    until(
        lambda: [one for one in log.read_text().splitlines() if "127.0.20.92:" in one and " 431 " in one], 5, "the client's address"
    )
