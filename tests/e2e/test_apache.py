"""Apache before the gateway, behind the load balancer: real tickets, real certificates, and nobody who only says so."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support import apache, site_world
from tests.support.demo_world import DemoWorld
from tests.support.kdc import Client, Realm
from tests.support.listener import TOKENS, Reply, password_body, proof_body, until
from tests.support.pki import Authority
from tests.support.site_world import ADDRESSES, LB, STRANGER, SiteFiles, lines

MEMBERS = {"v3a": "v3", "x1": "x509"}
PATH = f"/krb{TOKENS}"


@dataclass
class Place:
    """A whole chain: HAProxy, Apache, two gateways on Unix sockets."""

    site: SiteFiles
    realm: Realm
    error_log: Path

    def ticket(self, name: str) -> Path:
        cache = self.realm.directory / f"{name.replace('/', '-')}.cc"
        return self.realm.kinit(name, password=f"pw-of-{name}", ccache=cache)

    def ask(self, path: str, *, headers: dict[str, str] | None = None, **where: Any) -> Reply:
        return self.site.ask("POST", path, proof_body("external", "demo"), headers, **where)


@pytest.fixture(scope="module")
def place(world: DemoWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    realm_home = tmp_path_factory.mktemp("realm")
    with apache.reachable_directory() as home, Realm(realm_home / "ours", "OURS.TEST") as realm:
        realm.add_principal("HTTP/localhost")
        for name in ("alice", "alice/admin", "nobody-here"):
            realm.add_principal(name, f"pw-of-{name}")
        keytab = home / "http.keytab"
        shutil.copy(realm.keytab(realm_home / "http.keytab", "HTTP/localhost"), keytab)
        shutil.copy(realm.krb5_conf, home / "krb5.conf")
        replay = home / "replay"
        replay.mkdir()
        if os.geteuid() == 0:
            for path in (keytab, replay):
                shutil.chown(path, apache.USER, apache.USER)
        tables = site_world.over(
            world,
            apache={"v3": True, "x509": True, "user": apache.USER},
            kerberos={"where": "apache", "keytab": str(keytab), "realms": {"OURS.TEST": "Default"}},
        )
        site = site_world.make(home / "site", MEMBERS, tables)
        environ = {"KRB5_CONFIG": str(home / "krb5.conf"), "KRB5RCACHENAME": f"file2:{replay}/cache"}
        config = apache.config(home, [site.path(name, "apache.conf") for name in MEMBERS])
        places = [(ADDRESSES[name], site.ports[name]) for name in MEMBERS]
        with (
            site_world.gateway(site, "v3a", "api"),
            site_world.gateway(site, "x1", "hop"),
            apache.serving(config, places, environ) as error_log,
            site_world.haproxy(site, ready={"v3": 1, "x509": 1}),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setenv("KRB5_CONFIG", str(realm.krb5_conf))
            yield Place(site, realm, error_log)


def line_of(place: Place, reply: Reply, host: str = "v3a", listener: str = "api") -> dict[str, Any]:
    wanted = reply.headers["x-openstack-request-id"]
    found = lambda: next((one for one in lines(place.site, host, listener) if one.get("request_id") == wanted), None)  # noqa: E731
    return until(found, 5, "the log line")


# --- the way through ----------------------------------------------------------------------------------------------


def test_a_password_passes_and_the_client_is_known(place: Place, world: DemoWorld) -> None:
    body = password_body("alice", world.user("alice")["password"], "demo")
    reply = place.site.ask("POST", f"/main{TOKENS}", body, source="127.0.20.8")
    assert reply.status == 201
    assert line_of(place, reply)["address"] == "127.0.20.8"
    links = place.site.ask("GET", "/v3").json()["version"]["links"]
    assert links[0]["href"] == f"https://localhost:{place.site.ports['lb01']}/v3/"


def test_a_ticket_opens_and_the_service_proves_itself(place: Place) -> None:
    exchange = Client(place.ticket("alice"))
    reply = place.ask(PATH, headers={"Authorization": exchange.header}, source="127.0.20.9")
    assert reply.status == 201, reply.body
    assert reply.json()["token"]["user"]["name"] == "alice"
    assert exchange.finish(reply.headers["www-authenticate"]), "a client that requires mutual authentication would fail"
    assert line_of(place, reply)["address"] == "127.0.20.9"


def test_only_a_login_is_challenged(place: Place) -> None:
    asked = place.ask(PATH)
    assert (asked.status, asked.headers["www-authenticate"]) == (401, "Negotiate")
    for path in ("/krb", "/krb/v3", "/krb/", "/krb/v3/"):
        shown = place.site.ask("GET", path)
        assert shown.status in (200, 300) and "www-authenticate" not in shown.headers, path


@pytest.mark.parametrize("name", ["alice/admin", "nobody-here"])
def test_another_principal_is_another_person(place: Place, name: str) -> None:
    reply = place.ask(PATH, headers={"Authorization": Client(place.ticket(name)).header})
    assert reply.status in (401, 403) and "x-subject-token" not in reply.headers


def test_a_ticket_counts_once(place: Place) -> None:
    header = {"Authorization": Client(place.ticket("alice")).header}
    assert place.ask(PATH, headers=header).status == 201
    assert place.ask(PATH, headers=header).status == 401


@pytest.mark.parametrize("end", ["/", "%20", ";x", "/x", "%2f", "//", "/.", "x"])
def test_no_other_spelling_logs_in(place: Place, end: str) -> None:
    """With a header that names a user, and without a ticket."""
    reply = place.ask(PATH + end, headers={"X-Remote-User": "alice"})
    assert reply.status in (400, 401, 404, 405) and "x-subject-token" not in reply.headers


# --- what cannot be imitated --------------------------------------------------------------------------------------

NAMES = [
    "X-Remote-User",
    "X_Remote_User",
    "x-remote-user",
    "Remote-User",
    "REMOTE_USER",
    "X-REMOTE-USER",
    "X-Forwarded-User",
    "GSS-Name",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("host", ["lb01", "v3a"])
def test_a_user_that_a_client_names_is_nobody(place: Place, name: str, host: str) -> None:
    """Through the load balancer; and straight to Apache from the load balancer's own address, as if it had let it pass."""
    where = {} if host == "lb01" else {"host": "v3a", "source": LB, "checked": False}
    assert ask_raw(place, PATH, {name: "alice"}, **where).status == 401
    for face in ("", "/main", "/admin"):
        reply = ask_raw(place, f"{face}{TOKENS}", {name: "alice"}, **where)
        assert reply.status == 401 and "x-subject-token" not in reply.headers
    reply = ask_raw(place, PATH, {name: "bob", "Authorization": Client(place.ticket("alice")).header}, **where)
    assert reply.status == 201 and reply.json()["token"]["user"]["name"] == "alice"


def ask_raw(place: Place, path: str, headers: dict[str, str], *, checked: bool = True, **where: Any) -> Reply:
    """`checked`: by the site's name, which Apache's own certificate does not have."""
    return place.site.ask("POST", path, proof_body("external", "demo"), headers, checked=checked, **where)


def test_who_goes_past_the_load_balancer_gets_nothing(place: Place) -> None:
    headers = {"Authorization": Client(place.ticket("alice")).header, "X-Remote-User": "alice"}
    for path in (PATH, f"/main{TOKENS}", "/v3"):
        assert ask_raw(place, path, headers, host="v3a", source=STRANGER, checked=False).status in (401, 403)
    assert f"client {STRANGER}" in until(place.error_log.read_text, 5)


@pytest.mark.parametrize(("host", "file"), [("v3a", "api.sock"), ("x1", "hop.sock")])
def test_another_process_of_the_machine_is_not_heard(place: Place, host: str, file: str) -> None:
    """Not even of root: the kernel says whose process it is. (Where Apache runs as we do, its mode is what there is.)"""
    path = place.site.path(host, file)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    if os.geteuid() != 0:
        return
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(5)
        raw.connect(str(path))
        with contextlib.suppress(ConnectionError):
            raw.sendall(b"GET /v3 HTTP/1.1\r\nHost: a\r\nX-Remote-User: alice\r\n\r\n")
            assert raw.recv(100) == b""
    listener = "api" if host == "v3a" else "hop"
    refused = until(lambda: [one for one in lines(place.site, host, listener) if one.get("reason") == "peer"], 5)
    assert refused[-1]["address"] == "unix:uid=0"


# --- certificates -------------------------------------------------------------------------------------------------


def test_a_certificate_opens_and_the_client_is_known(place: Place, world: DemoWorld) -> None:
    where: dict[str, Any] = {"port": place.site.x509_port, "cert": world.cert("alice"), "source": "127.0.20.10"}
    reply = place.site.ask("POST", f"/x509{TOKENS}", proof_body("x509", "demo"), **where)
    assert reply.status == 201, reply.body
    assert reply.json()["token"]["user"]["name"] == "alice"
    assert line_of(place, reply, "x1", "hop")["address"] == "127.0.20.10"


def test_a_certificate_that_is_only_shown_is_not_the_one(place: Place, world: DemoWorld) -> None:
    """bob proves his own and sends alice's along; each name that a header for it has somewhere."""
    alice = x509.load_pem_x509_certificate(Path(world.cert("alice")[0]).read_bytes())
    shown = f":{base64.b64encode(alice.public_bytes(Encoding.DER)).decode()}:"
    where: dict[str, Any] = {"port": place.site.x509_port, "cert": world.cert("bob")}
    for name in (
        "Client-Cert",
        "client-cert",
        "Client_Cert",
        "CLIENT-CERT",
        "X-SSL-Client-Cert",
        "X-Client-Cert",
        "SSL_CLIENT_CERT",
    ):
        reply = place.site.ask("POST", f"/x509{TOKENS}", proof_body("x509"), {name: shown, "X-Remote-User": "alice"}, **where)
        assert reply.status == 201 and reply.json()["token"]["user"]["name"] == "bob", name
    main = place.site.ask("POST", f"/x509{TOKENS}", proof_body("x509"), {"Client-Cert": shown})
    assert main.status == 404, "the other port knows nothing of certificates"


def test_who_has_no_good_certificate_is_not_let_in(place: Place, world: DemoWorld) -> None:
    wrong = Authority("Gatestone Demo Clients").issue_client("alice").write(place.site.directory, "wrong")
    for cert in (None, wrong, (world.told["revoked"]["cert"], world.told["revoked"]["key"])):
        with pytest.raises(OSError):
            place.site.ask("POST", f"/x509{TOKENS}", proof_body("x509"), port=place.site.x509_port, cert=cert, source="127.0.20.71")
    told = place.error_log.read_text()
    assert told.count("Certificate Verification: Error") == 2 and "Error (23): certificate revoked" in told, told[-2000:]
    log = place.site.path("lb01", "haproxy.log")
    until(lambda: log.read_text().count("127.0.20.71:") == 3, 5, "the client's address")


def test_a_stranger_who_speaks_the_proxy_protocol_gets_nothing(place: Place, world: DemoWorld) -> None:
    """With a good certificate, and as if from the load balancer: Apache looks at who really connected."""
    header = struct.pack("!12sBBH4s4sHH", b"\r\n\r\n\0\r\nQUIT\n", 0x21, 0x11, 12, socket.inet_aton(LB), bytes(4), 40000, 8443)
    context = place.site.context(world.cert("alice"))
    raw = socket.create_connection((ADDRESSES["x1"], place.site.ports["x1"]), 10, (STRANGER, 0))
    raw.sendall(header)
    with context.wrap_socket(raw, server_hostname="localhost") as wire:
        wire.sendall(b"GET /x509/v3 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert wire.recv(65536).startswith(b"HTTP/1.1 403 ")


# --- the federation modules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["shib", "mellon"])
def test_the_federation_locations_are_understood(tmp_path: Path, module: str) -> None:
    """Syntax alone: no identity provider is asked here."""
    site_files = {"shib_config": "/etc/shibboleth/shibboleth2.xml"}
    if module == "mellon":
        issued = Authority("SP").issue_server(["localhost"]).write(tmp_path, "sp")
        (tmp_path / "sp.xml").write_text(METADATA.format(role="SPSSODescriptor", name="sp"))
        (tmp_path / "idp.xml").write_text(METADATA.format(role="IDPSSODescriptor", name="idp"))
        site_files = {
            "sp_cert": str(issued[0]),
            "sp_key": str(issued[1]),
            "sp_metadata": f"{tmp_path}/sp.xml",
            "idp_metadata": f"{tmp_path}/idp.xml",
        }
    tables: dict[str, Any] = {
        "database": {"connection": "sqlite:///none.db"},
        "apache": {"v3": True, "user": apache.USER},
        "federation": {"module": module, **site_files},
    }
    site = site_world.make(tmp_path / "site", {"v3a": "v3"}, tables)
    text = site.path("v3a", "apache.conf").read_text()
    assert "/v3/OS-FEDERATION/identity_providers/sso/protocols/saml2/auth" in text
    more = ("shib",) if module == "shib" else ("auth_mellon",)
    apache.configtest(apache.config(tmp_path, [site.path("v3a", "apache.conf")], more))


METADATA = """<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://{name}.example/">
<{role} protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"></{role}></EntityDescriptor>
"""
