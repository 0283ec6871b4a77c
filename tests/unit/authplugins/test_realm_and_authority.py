"""The private realm and the authority that the demo and these tests stand on."""

from __future__ import annotations

import datetime
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from identity.errors import StartError
from tests.support.kdc import Realm
from tests.support.pki import Authority

ROOT = Path(__file__).parents[3]


def await_(condition: Callable[[], bool], seconds: float = 10) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "waited too long"
        threading.Event().wait(0.02)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_principals_before_and_after_the_start_get_tickets(tmp_path: Path) -> None:
    directory = tmp_path / "with a blank"
    realm = Realm(directory)
    realm.add_principal("alice", "pa ss'wörd\\1")
    realm.add_principal("bob")
    realm.keytab(directory / "bob.keytab", "bob")
    with realm:
        realm.kinit("alice", password="pa ss'wörd\\1", ccache=directory / "alice.cc")
        realm.kinit("bob", keytab=directory / "bob.keytab", ccache=directory / "bob.cc")
        realm.add_principal("carol", "late")
        realm.kinit("carol", password="late", ccache=directory / "carol.cc")
        realm.keytab(directory / "alice.keytab", "alice")  # the password stays good
        realm.kinit("alice", password="pa ss'wörd\\1", ccache=directory / "again.cc")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for secret in ("bob.keytab", "alice.cc", "stash", "principal"):
        assert stat.S_IMODE((directory / secret).stat().st_mode) == 0o600


def test_what_fails_is_told_in_one_line_without_the_password(tmp_path: Path) -> None:
    with Realm(tmp_path) as realm:
        realm.add_principal("alice", "right")
        for act in (
            lambda: realm.kinit("alice", password="s3cret", ccache=tmp_path / "cc"),
            lambda: realm.add_principal("alice", "s3cret"),
            lambda: realm.keytab(tmp_path / "x.keytab", "nobody"),
            lambda: realm.add_principal('a"', "s3cret"),
            lambda: realm.add_principal("a", "s3cret\nquit"),
        ):
            with pytest.raises(StartError) as caught:
                act()
            assert "\n" not in str(caught.value)
            assert "s3cret" not in str(caught.value)


def test_no_password_stands_in_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    real = subprocess.run

    def noted(command: list[str], **options: object) -> object:
        seen.append(command)
        return real(command, **options)

    monkeypatch.setattr(subprocess, "run", noted)
    realm = Realm(tmp_path)
    realm.add_principal("alice", "s3cret")
    with realm:
        realm.kinit("alice", password="s3cret", ccache=tmp_path / "cc")
    assert len(seen) == 3  # all the principals of a start in one kadmin.local
    assert "s3cret" not in str(seen)


def test_a_missing_daemon_is_told_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(StartError, match=r"krb5-kdc is not installed.*apt-get install krb5-kdc"):
        Realm(tmp_path).start()


def test_a_port_that_was_asked_for_and_is_taken_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StartError, match="choose another port"):
            Realm(tmp_path, port=taken.getsockname()[1]).start()


def test_a_free_port_that_is_taken_in_between_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from identity.manage.demo import realm as module

    free = module._free_port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = iter([taken.getsockname()[1]])
        monkeypatch.setattr(module, "_free_port", lambda: next(ports, None) or free())
        with Realm(tmp_path) as realm:
            assert realm.port != taken.getsockname()[1]
            realm.add_principal("alice", "x")
            realm.kinit("alice", password="x", ccache=tmp_path / "cc")


def test_the_kdc_ends_with_stop_and_may_start_again(tmp_path: Path) -> None:
    realm = Realm(tmp_path)
    realm.add_principal("alice", "x")
    realm.start()
    port = realm.port
    realm.stop()
    realm.stop()
    assert not answers(port)
    with realm.start():
        realm.kinit("alice", password="x", ccache=tmp_path / "cc")


def test_the_kdc_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import sys, signal; from pathlib import Path; from identity.manage.demo.realm import Realm\n"
        "realm = Realm(Path(sys.argv[1])).start(); print(realm.port, flush=True); signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:
        port = int(parent.stdout.readline())
        assert answers(port)
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
    await_(lambda: not answers(port))


def handshake(authority: Authority, crl: bytes, tmp_path: Path, client: ssl.SSLContext) -> str:
    """One mutual TLS handshake under X509_STRICT with revocation lists; returns the name that was verified."""
    server_files = authority.issue_server(["localhost", "127.0.0.1"]).write(tmp_path, "server")
    (tmp_path / "crl.pem").write_bytes(crl)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*server_files)
    server.load_verify_locations(cadata=authority.bundle_pem.decode())
    server.load_verify_locations(tmp_path / "crl.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    for context in (server, client):
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    server.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    back, front = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = server.wrap_bio(front, back, server_side=True)
    there = client.wrap_bio(back, front, server_hostname="localhost")
    pending = {here, there}
    for _ in range(20):
        for side in list(pending):
            try:
                side.do_handshake()
                pending.discard(side)
            except ssl.SSLWantReadError:
                continue
        if not pending:
            return dict(part[0] for part in here.getpeercert()["subject"])["commonName"]
    raise AssertionError("the handshake did not end")


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_openssl_takes_the_chain_strictly_and_refuses_what_is_revoked(tmp_path: Path, depth: int) -> None:
    lists: list[Authority] = [Authority("Root CA")]
    for number in range(depth):
        lists.append(lists[-1].issue_intermediate(f"CA {number}"))
    authority = lists[-1]
    alice = authority.issue_client("alice")
    certificate, key = alice.write(tmp_path, "alice")
    assert stat.S_IMODE(key.stat().st_mode) == stat.S_IMODE(certificate.stat().st_mode) == 0o600
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=lists[0].bundle_pem.decode())
    client.load_cert_chain(certificate, key)
    assert handshake(authority, b"".join(one.crl_pem() for one in lists), tmp_path, client) == "alice"
    authority.revoke(alice.certificate)
    with pytest.raises(ssl.SSLCertVerificationError, match="revoked"):
        handshake(authority, b"".join(one.crl_pem() for one in lists), tmp_path, client)


def test_private_files_never_follow_a_link_and_lose_a_wider_mode(tmp_path: Path) -> None:
    authority = Authority("CA")
    (tmp_path / "ca.key").write_text("old")
    (tmp_path / "ca.key").chmod(0o666)
    _, key = authority.write(tmp_path, "ca")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    (tmp_path / "link.crt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        authority.write(tmp_path, "link")
    assert not (tmp_path / "elsewhere").exists()


def test_life_can_be_given() -> None:
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    end = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
    for issued in (
        Authority("CA").issue_server(["x"], not_before=start, not_after=end),
        Authority("CA").issue_client("x", not_before=start, not_after=end),
    ):
        assert (issued.certificate.not_valid_before_utc, issued.certificate.not_valid_after_utc) == (start, end)
