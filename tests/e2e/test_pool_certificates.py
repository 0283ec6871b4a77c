"""Client certificates that end at the load balancer (`certificates.mode = "terminate"`): real log-ins, judged twice."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support import site_world
from tests.support.demo_world import DemoWorld
from tests.support.listener import TOKENS, Reply, proof_body, until
from tests.support.site_world import SiteFiles, lines


@pytest.fixture(scope="module")
def site(world: DemoWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteFiles]:
    """The load balancer knows the revocation lists as they were; those of the gateway are read anew."""
    home = tmp_path_factory.mktemp("terminate")
    tables = site_world.over(world, certificates={"mode": "terminate"})
    tables["certificates"]["crl"] = str(home / "{name}.crl")
    lists = Path(site_world.over(world)["certificates"]["crl"]).read_bytes()
    for name in ("lb01", "x1"):
        (home / f"{name}.crl").write_bytes(lists)
    made = site_world.make(home / "site", {"v3a": "v3", "x1": "x509"}, tables)
    with contextlib.ExitStack() as stack:
        stack.enter_context(site_world.gateway(made, "x1", "hop"))
        stack.enter_context(site_world.haproxy(made, ready={"x509": 1}))
        yield made


def login(site: SiteFiles, cert: Any, headers: dict[str, str] | None = None, source: str = "127.0.20.7") -> Reply:
    return site.ask("POST", f"/x509{TOKENS}", proof_body("x509", "demo"), headers, port=site.x509_port, cert=cert, source=source)


def test_a_certificate_opens_and_the_client_is_known(site: SiteFiles, world: DemoWorld) -> None:
    reply = login(site, world.cert("alice"), source="127.0.20.9")
    assert reply.status == 201, reply.body
    assert reply.json()["token"]["user"]["name"] == "alice"
    wanted = reply.headers["x-openstack-request-id"]
    line = until(lambda: next((one for one in lines(site, "x1", "hop") if one.get("request_id") == wanted), None), 5)
    assert (line["address"], line["methods"], line["face"]) == ("127.0.20.9", ["x509"], "/x509")
    assert reply.headers["strict-transport-security"]


def test_somebody_elses_certificate_along_with_ones_own_is_not_heard(site: SiteFiles, world: DemoWorld) -> None:
    carol = x509.load_pem_x509_certificate(Path(world.cert("carol")[0]).read_bytes())
    shown = f":{base64.b64encode(carol.public_bytes(Encoding.DER)).decode()}:"
    for name in ("Client-Cert", "client-cert", "Client_Cert", "Client-Cert-Chain", "X-SSL-Client-Cert", "X-Client-Cert"):
        assert login(site, world.cert("alice"), {name: shown}).json()["token"]["user"]["name"] == "alice", name


def test_the_rate_of_log_ins_is_bounded_on_this_port_too(site: SiteFiles) -> None:
    text = site.path("lb01", "haproxy.cfg").read_text()
    assert text.partition("frontend x509")[2].count("track-sc0 src,ipmask(32,64) table token_rate") == 1


def test_a_certificate_revoked_since_is_refused_by_the_gateway(site: SiteFiles, world: DemoWorld) -> None:
    """HAProxy read its lists at its start; the gateway reads them anew, and does not take HAProxy's word."""
    authority = world.client_authority()
    mine = authority.issue_client("bob")
    pair = mine.write(site.directory, "bob-lost")
    body = proof_body("x509")
    asked: dict[str, Any] = {"port": site.x509_port, "cert": pair}
    assert site.ask("POST", f"/x509{TOKENS}", body, **asked).status == 201
    authority.revoke(mine.certificate)
    (site.directory.parent / "x1.crl").write_bytes(authority.crl_pem())
    until(lambda: site.ask("POST", f"/x509{TOKENS}", body, **asked).status == 401, 10, "the new list")
    assert login(site, world.cert("alice")).status == 201
