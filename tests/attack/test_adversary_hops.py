"""What the rendered load balancer and Apache keep from clients at every door, also from those with a certificate or much IPv6."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.attack.test_through_the_load_balancer import chosen
from tests.support import apache, site_world
from tests.support.pki import Authority
from tests.support.rawhttp import Answer, Wire, serving
from tests.support.recorder import Recorder, running
from tests.support.site_world import ADDRESSES, CLIENT_ADDRESS, LB, SiteFiles

TOKENS_PER_SOURCE = 3


@dataclass
class Place:
    """HAProxy before a recorder, and before an Apache that takes certificates for an echo of the gateway's edge."""

    site: SiteFiles
    cert: tuple[Path, Path]
    recorder: Recorder

    def ask(self, source: str, method: str, target: str, *lines: str) -> Answer:
        """On the port for all, as if from any address: this load balancer hears the PROXY protocol for the test."""
        family = "TCP6 {0} ::1" if ":" in source else "TCP4 {0} 127.0.0.1"
        with Wire((LB, self.site.ports["lb01"])) as one:
            one.send(f"PROXY {family.format(source)} 40000 443\r\n")
            one.sock = self.site.context().wrap_socket(one.sock, server_hostname="localhost")
            return one.ask(method, target, *lines)

    def show(self, method: str, target: str) -> Answer:
        """On the port for certificates, with a good one."""
        with Wire((LB, self.site.x509_port), self.site.context(self.cert), source=CLIENT_ADDRESS) as one:
            return one.ask(method, target)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with apache.reachable_directory() as home:
        people = Authority("Client CA")
        people.write(home, "people")
        (home / "people.crl").write_bytes(people.crl_pem())
        tables: dict[str, Any] = {
            "database": {"connection": "sqlite:///none.db"},
            "tls": {"backends": False},
            "apache": {"x509": True, "user": apache.USER},
            "certificates": {
                "client_ca": str(home / "people.crt"),
                "crl": str(home / "people.crl"),
                "rules": [{"issuer": "CN=Client CA", "subject": "CN={user}", "domain": "Default"}],
            },
            "limits": {"tokens_per_source": TOKENS_PER_SOURCE, "tokens_period": 60},
        }
        site = site_world.make(home / "site", {"v3a": "v3", "x1": "x509"}, tables)
        balancer = site.path("lb01", "haproxy.cfg")
        text = balancer.read_text()
        assert text.count("site.pem alpn http/1.1\n") == 1
        balancer.write_text(text.replace("site.pem alpn http/1.1\n", "site.pem alpn http/1.1 accept-proxy\n"))
        config = apache.config(home, [site.path("x1", "apache.conf")])
        with (
            running(Recorder("v3", (ADDRESSES["v3a"], site.ports["v3a"]))) as recorder,
            serving(home, chosen(site, "x1"), "hop"),
            apache.serving(config, [(ADDRESSES["x1"], site.ports["x1"])], {}),
            site_world.haproxy(site, ready={"v3": 1, "x509": 1}),
        ):
            yield Place(site, people.issue_client("alice").write(home, "alice"), recorder)


# --- the port for certificates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/v3/echo",
        "//v3/echo",
        "/v3/auth/tokens",
        "/main/v3/auth/tokens",
        "/krb/v3/auth/tokens",
        "/main/x509/v3",
        "/x509x/v3",
        "/x509/../v3/auth/tokens",
        "/x509/%2e%2e/v3/auth/tokens",
        "/%78509/../v3/echo",
        "http://localhost/v3/echo",
        "/metrics",
        "/x509/metrics",
        "/x509/metrics/",
    ],
)
def test_who_has_a_certificate_gets_no_way_round_the_count_of_log_ins(place: Place, target: str) -> None:
    """Passwords and figures are not for this port, also where Apache stands on it: the load balancer cannot look inside."""
    for method in ("GET", "POST"):
        assert place.show(method, target).status in (400, 403, 404), method


@pytest.mark.parametrize("target", ["/x509", "/x509/", "/x509/v3/auth/tokens"])
def test_what_is_for_certificates_is_served_there(place: Place, target: str) -> None:
    answer = place.show("POST", target)
    assert answer.status == 200 and answer.json()["face"] == "X509"


# --- the port for all ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("face", ["", "/main", "/admin", "/krb", "/x509"])
def test_the_figures_are_at_no_door(place: Place, face: str) -> None:
    for method, end in (("GET", ""), ("GET", "/"), ("HEAD", "?x=1")):
        assert place.ask("192.0.2.50", method, f"{face}/metrics{end}").status == 404, end


def test_a_host_with_much_ipv6_is_one_source(place: Place) -> None:
    """64 bits of an address are its holder's to choose (RFC 6177): one that changes them is no other source."""
    path = "/main/v3/auth/tokens"
    sources = [f"2001:db8:0:1:{number:x}::{number:x}" for number in range(1, TOKENS_PER_SOURCE + 3)]
    answers = [place.ask(source, "POST", path).status for source in sources]
    assert answers == [200] * TOKENS_PER_SOURCE + [429] * 2
    assert place.ask("2001:db8:0:2::1", "POST", path).status == 200, "another network waits too"
    answers = [place.ask(f"192.0.2.{number}", "POST", path).status for number in range(1, TOKENS_PER_SOURCE + 3)]
    assert set(answers) == {200}, "of IPv4 every address is a source"


LOG_INS = [
    ("POST", "/v3/auth/tokens/"),
    ("POST", "/v3/auth/tokens?nocatalog"),
    ("POST", "/krb/v3/auth/tokens"),
    ("POST", "/admin/v2.0/tokens/"),
    ("POST", "/v3/users/u%20u/password/"),
    ("PATCH", "/admin/v2.0/OS-KSCRUD/users/u"),
    ("PATCH", "/v2.0/OS-KSCRUD/users/u/"),
]


@pytest.mark.parametrize(("number", "method", "target"), [(number, *one) for number, one in enumerate(LOG_INS)])
def test_no_spelling_of_a_log_in_goes_uncounted(place: Place, number: int, method: str, target: str) -> None:
    answers = [place.ask(f"198.51.100.{number}", method, target).status for _ in range(TOKENS_PER_SOURCE + 1)]
    assert answers[-1] == 429, answers
