"""`/krb` over the real listener: real tickets of two realms that trust each other, and what must not pass for one."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from requests_kerberos import REQUIRED, HTTPKerberosAuth

from tests.support.demo_world import DemoWorld
from tests.support.kdc import Client, Realm, trust
from tests.support.listener import TOKENS, Listener, Reply, proof_body, until

PATH = f"/krb{TOKENS}"


@dataclass
class Realms:
    """A realm of ours, one that it trusts, and the gateways that take tickets of the first: bindings offered or required."""

    directory: Path
    ours: Realm
    theirs: Realm
    gateway: Listener
    strict: Listener

    def ticket(self, name: str, realm: Realm | None = None, life: str | None = None) -> Path:
        realm = realm or self.ours
        cache = self.directory / f"{name.replace('/', '-')}-{realm.realm}-{time.monotonic_ns()}.cc"
        return realm.kinit(name, password=f"pw-of-{name}", ccache=cache, life=life)


@pytest.fixture(scope="module")
def realms(world: DemoWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realms]:
    directory = tmp_path_factory.mktemp("realms")
    with Realm(directory / "ours", "OURS.TEST") as ours, Realm(directory / "theirs", "THEIRS.TEST") as theirs:
        ours.add_principal("HTTP/localhost")
        for name in ("alice", "alice/admin", "nobody-here"):
            ours.add_principal(name, f"pw-of-{name}")
        theirs.add_principal("alice", "pw-of-alice")
        trust(ours, theirs)
        keytab = ours.keytab(directory / "http.keytab", "HTTP/localhost")
        sets = [
            f"kerberos.keytab={keytab}",
            'kerberos.realms={"OURS.TEST": "Default"}',
            f"kerberos.replay_cache={directory}/replay-cache",
        ]
        environ = {"KRB5_CONFIG": str(ours.krb5_conf)}
        with (
            world.serve(directory, *sets, environ=environ) as gateway,
            world.serve(directory, *sets, "kerberos.channel_bindings=required", environ=environ) as strict,
        ):
            yield Realms(directory, ours, theirs, gateway, strict)


@pytest.fixture
def as_ours(realms: Realms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5_CONFIG", str(realms.ours.krb5_conf))


def send(listener: Listener, authorization: str, on: Any = None) -> Reply:
    return listener.ask("POST", PATH, proof_body(), {"Authorization": authorization}, on=on)


def bindings(listener: Listener) -> bytes:
    """RFC 5929, section 4.1: the server's certificate as this client sees it."""
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("localhost", listener.port), ca_certs=str(listener.ca)))
    return b"tls-server-end-point:" + hashlib.sha256(der).digest()


def test_a_ticket_opens_and_the_gateway_proves_itself(realms: Realms, as_ours: None) -> None:
    exchange = Client(realms.ticket("alice"))
    reply = send(realms.gateway, exchange.header)
    assert reply.json()["token"]["user"]["name"] == "alice"
    assert exchange.finish(reply.headers["www-authenticate"])


def test_being_asked_for_a_ticket_is_no_failed_login(realms: Realms, as_ours: None) -> None:
    """An operator who watches for failures must not see one for each Kerberos login that succeeds."""
    asked = realms.gateway.ask("POST", PATH, proof_body())
    assert (asked.status, asked.headers["www-authenticate"]) == (401, "Negotiate")
    line = realms.gateway.line_of(asked)
    assert (line["outcome"], line["level"], line["methods"]) == ("challenge", "info", ["kerberos"])
    came = send(realms.gateway, Client(realms.ticket("alice")).header)
    assert realms.gateway.line_of(came)["outcome"] == "success"
    assert realms.gateway.line_of(send(realms.gateway, "Negotiate AAAA"))["outcome"] == "failure"


@pytest.mark.parametrize("name", ["alice/admin", "nobody-here"])
def test_another_principal_is_another_person(realms: Realms, as_ours: None, name: str) -> None:
    reply = send(realms.gateway, Client(realms.ticket(name)).header)
    assert reply.status == 401 and "x-subject-token" not in reply.headers
    line = realms.gateway.line_of(reply)
    assert line["outcome"] == "failure" and line["user_id"] is None


def test_a_trusted_realm_that_is_not_in_the_table_has_no_alice_of_ours(realms: Realms, monkeypatch: pytest.MonkeyPatch) -> None:
    """The KDCs trust each other and the ticket is good: but alice@THEIRS.TEST is nobody here."""
    monkeypatch.setenv("KRB5_CONFIG", str(realms.theirs.krb5_conf))
    exchange = Client(_with_cross_ticket(realms))
    reply = send(realms.gateway, exchange.header)
    assert reply.status == 401 and "x-subject-token" not in reply.headers
    assert realms.gateway.line_of(reply)["reason"] == "the principal is of a realm that is not in the table"


def _with_cross_ticket(realms: Realms) -> Path:
    """alice@THEIRS.TEST with a ticket for our service, got through the trust."""
    cache = realms.ticket("alice", realms.theirs)
    environ = {**os.environ, **realms.theirs.environ, "KRB5CCNAME": f"FILE:{cache}"}
    subprocess.run(["kvno", "HTTP/localhost@OURS.TEST"], env=environ, check=True, timeout=20, capture_output=True)
    listed = subprocess.run(["klist"], env=environ, check=True, timeout=20, capture_output=True, text=True).stdout
    assert "alice@THEIRS.TEST" in listed and "HTTP/localhost@OURS.TEST" in listed
    # The client library asks by host, and its own realm's table would look for the service at home.
    text = realms.theirs.krb5_conf.read_text()
    if "localhost = THEIRS.TEST" in text:
        realms.theirs.krb5_conf.write_text(text.replace("localhost = THEIRS.TEST", "localhost = OURS.TEST"))
    return cache


def test_a_replayed_ticket_is_refused_by_every_worker(realms: Realms, as_ours: None) -> None:
    kept = realms.gateway.one_connection_a_worker()
    first, second = kept.values()
    try:
        header = Client(realms.ticket("alice")).header
        assert send(realms.gateway, header, on=first).status == 201
        for connection in (second, first, second):
            reply = send(realms.gateway, header, on=connection)
            assert reply.status == 401 and "x-subject-token" not in reply.headers
            assert "replay" in realms.gateway.line_of(reply)["reason"].lower()
        assert send(realms.gateway, Client(realms.ticket("alice")).header, on=second).status == 201
    finally:
        for connection in kept.values():
            connection.close()


NTLM = base64.b64encode(b"NTLMSSP\0" + b"\1\0\0\0" + b"\0" * 28).decode()
GARBAGE = [
    "Negotiate",
    "Negotiate ",
    "Negotiate !!!",
    "Negotiate AAAA",
    "Negotiate " + "A" * 4096,
    "Negotiate YII=",
    "negotiate ====",
    "Basic YWxpY2U6YWxpY2U=",
    "Bearer abc",
    "Negotiate a b c",
    "Negotiate " + base64.b64encode(hashlib.sha512(b"seed").digest() * 14).decode(),
    "Negotiate " + base64.b64encode(b"\x60\x82\xff\xff" + b"\x06" * 500).decode(),
]


@pytest.mark.parametrize("header", GARBAGE)
def test_what_is_no_ticket_is_refused(realms: Realms, header: str) -> None:
    reply = send(realms.gateway, header)
    assert reply.status in (400, 401) and "x-subject-token" not in reply.headers
    assert reply.json()["error"]["code"] == reply.status


def test_a_broken_ticket_is_refused(realms: Realms, as_ours: None) -> None:
    good = Client(realms.ticket("alice")).token
    for broken in (good[:-1], good[:40], good + b"x" * 10, good[:200] + bytes([good[200] ^ 1]) + good[201:], good[1:]):
        reply = send(realms.gateway, "Negotiate " + base64.b64encode(broken).decode())
        # A trailing byte may be ignored by the library; whoever it lets in is still the ticket's owner.
        assert reply.status == 401 or reply.json()["token"]["user"]["name"] == "alice"
        assert reply.status == 401 or broken.startswith(good)


def test_ntlm_is_refused_with_clear_words(realms: Realms) -> None:
    reply = send(realms.gateway, f"Negotiate {NTLM}")
    assert reply.status == 401 and "NTLM" in reply.message and "kinit" in reply.message
    assert reply.headers["www-authenticate"] == "Negotiate"


def test_channel_bindings_are_checked_when_they_are_offered(realms: Realms, as_ours: None) -> None:
    right = bindings(realms.gateway)
    assert send(realms.gateway, Client(realms.ticket("alice"), bindings=right).header).status == 201
    assert send(realms.gateway, Client(realms.ticket("alice")).header).status == 201
    wrong = right[:-1] + bytes([right[-1] ^ 1])
    reply = send(realms.gateway, Client(realms.ticket("alice"), bindings=wrong).header)
    assert reply.status == 401 and "binding" in realms.gateway.line_of(reply)["reason"].lower()


def test_channel_bindings_may_be_required(realms: Realms, as_ours: None, monkeypatch: pytest.MonkeyPatch) -> None:
    right = bindings(realms.strict)
    assert send(realms.strict, Client(realms.ticket("alice"), bindings=right).header).status == 201
    reply = send(realms.strict, Client(realms.ticket("alice")).header)
    assert reply.status == 401 and "bindings are required" in realms.strict.line_of(reply)["reason"]
    assert send(realms.strict, Client(realms.ticket("alice"), bindings=b"tls-server-end-point:" + bytes(32)).header).status == 401
    # The stock client sends them by itself over TLS.
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{realms.ticket('alice')}")
    answers = {}
    for send_cbt in (True, False):
        auth = HTTPKerberosAuth(mutual_authentication=REQUIRED, send_cbt=send_cbt)
        answer = requests.post(realms.strict.url + PATH, json=proof_body(), auth=auth, verify=str(realms.strict.ca), timeout=10)
        answers[send_cbt] = answer.status_code
    assert answers == {True: 201, False: 401}


def test_curl_negotiates(realms: Realms, as_ours: None) -> None:
    environ = {**os.environ, "KRB5CCNAME": f"FILE:{realms.ticket('alice')}"}
    options = [
        "--silent",
        "--max-time",
        "15",
        "--cacert",
        str(realms.gateway.ca),
        "--negotiate",
        "-u",
        ":",
        "--write-out",
        "\n%{http_code}",
    ]
    sent = ["-H", "Content-Type: application/json", "--data", json.dumps(proof_body())]
    done = subprocess.run(
        ["curl", *options, *sent, realms.gateway.url + PATH], env=environ, capture_output=True, text=True, timeout=20, check=True
    )
    body, _, status = done.stdout.rpartition("\n")
    assert status == "201", done.stdout
    assert json.loads(body)["token"]["methods"] == ["kerberos"]


def test_a_token_ends_no_later_than_its_ticket(realms: Realms, as_ours: None) -> None:
    """A ticket of ten minutes, a token that would live an hour; no grace for clock skew is passed on."""
    before = time.time()
    exchange = Client(realms.ticket("alice", life="10m"))
    token = send(realms.gateway, exchange.header).json()["token"]
    ends = datetime.fromisoformat(token["expires_at"]).timestamp()
    assert before + 300 < ends <= time.time() + exchange.seconds_left
    other = send(realms.gateway, Client(realms.ticket("alice", life="2h")).header).json()["token"]
    assert datetime.fromisoformat(other["expires_at"]).timestamp() > before + 3500


def test_a_new_keytab_is_used_and_a_lost_one_is_told(realms: Realms, world: DemoWorld, as_ours: None, tmp_path: Path) -> None:
    keytab = tmp_path / "http.keytab"
    keytab.write_bytes((realms.directory / "http.keytab").read_bytes())
    sets = [f"kerberos.keytab={keytab}", 'kerberos.realms={"OURS.TEST": "Default"}']
    with world.serve(tmp_path, *sets, environ={"KRB5_CONFIG": str(realms.ours.krb5_conf)}) as gateway:
        header = Client(realms.ticket("alice")).header
        kept = keytab.read_bytes()
        keytab.unlink()
        reply = send(gateway, header)
        assert reply.status == 503 and str(keytab) not in reply.message
        health = until(lambda: (found := gateway.ask("GET", "/healthcheck").json())["detail"] and found, 10, "the health check")
        assert health["status"] == "ok" and "kerberos" in health["detail"]  # the other methods go on
        assert gateway.login("alice", world.user("alice")["password"]).status == 201
        keytab.write_bytes(kept)
        assert send(gateway, header).status == 201
