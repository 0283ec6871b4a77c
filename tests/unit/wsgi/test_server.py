"""Start, end, and what happens in between to the processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from identity.errors import StartError
from identity.settings import X509, Log, Server, Settings
from identity.wsgi import server, tls
from tests.support.pki import Authority
from tests.support.rawhttp import Wire, ask, serving


def wait_until(condition: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


def test_it_answers_within_a_second_and_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, {"server": {"workers": 2}}) as served:
        assert served.seconds < 1.0
        assert ask(served.address, "GET", "/v3/echo").status == 200
        family = [served.pid, *(child.pid for child in psutil.Process(served.pid).children(recursive=True))]
        assert len(family) == 3
        assert served.stop() == 0
    assert not [pid for pid in family if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
    assert [str(found) for found in (tmp_path / "place").rglob("*")] == []


def test_a_request_in_flight_is_answered_at_the_end(tmp_path: Path) -> None:
    with serving(tmp_path, {"server": {"workers": 1}}) as served, Wire(served.address) as wire:
        wire.send("GET /v3/slow?0.6 HTTP/1.1\r\nHost: a\r\n\r\n")
        with Wire(served.address) as other:  # the first has been taken by the time that this is answered
            assert other.ask("GET", "/v3/echo").status == 200
        os.kill(served.pid, signal.SIGTERM)
        answer = wire.answer()
        assert answer.status == 200
        assert wire.ended()
        assert served.stop() == 0


def test_idle_connections_do_not_hold_up_the_end(tmp_path: Path) -> None:
    with serving(tmp_path, {"server": {"workers": 1, "keepalive": 60}}) as served, Wire(served.address) as wire:
        assert wire.ask("GET", "/v3/echo").status == 200
        began = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - began < 3.0


def test_a_killed_worker_is_replaced_and_after_fork_ran_in_each(tmp_path: Path) -> None:
    with serving(tmp_path, {"server": {"workers": 2}}) as served:
        master = psutil.Process(served.pid)
        victim = ask(served.address, "GET", "/v3/echo").json()
        assert victim["forked"] == victim["pid"]
        began = time.monotonic()
        os.kill(victim["pid"], signal.SIGKILL)
        wait_until(
            lambda: (
                len([one for one in master.children() if one.status() != psutil.STATUS_ZOMBIE and one.pid != victim["pid"]]) == 2
            )
        )
        assert time.monotonic() - began < 1.0
        seen = set()
        for _ in range(20):
            answer = ask(served.address, "GET", "/v3/echo").json()
            assert answer["forked"] == answer["pid"]
            seen.add(answer["pid"])
        assert victim["pid"] not in seen


def test_workers_end_when_the_master_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path, {"server": {"workers": 2}}) as served:
        children = psutil.Process(served.pid).children()
        os.kill(served.pid, signal.SIGKILL)
        served.process.wait(5)
        wait_until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in children))
        assert list((tmp_path / "place").iterdir()) == []


def test_hup_replaces_the_workers_and_usr1_opens_the_log_again(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    with serving(tmp_path, {"server": {"workers": 1}, "log": {"file": str(log), "level": "debug"}}) as served:
        old = ask(served.address, "GET", "/v3/echo?secret=1").json()["pid"]
        wait_until(lambda: '"event": "request"' in log.read_text())
        assert "secret" not in log.read_text()
        os.kill(served.pid, signal.SIGHUP)
        wait_until(lambda: ask(served.address, "GET", "/v3/echo").json()["pid"] != old)
        log.rename(tmp_path / "service.log.1")
        os.kill(served.pid, signal.SIGUSR1)
        wait_until(lambda: ask(served.address, "GET", "/v3/echo").status == 200 and log.exists() and '"request"' in log.read_text())


def test_metrics_are_those_of_all_workers(tmp_path: Path) -> None:
    shared = tmp_path / "metrics"
    shared.mkdir()
    (shared / "counter_999999999.db").write_bytes(b"left over")
    with serving(tmp_path, {"server": {"workers": 2, "metrics_dir": str(shared)}}) as served:
        pids = {ask(served.address, "GET", "/v3/echo").json()["pid"] for _ in range(30)}
        ask(served.address, "BREW", "/v3/echo")
        ask(served.address, "GET", "/v3//echo")
        body = ask(served.address, "GET", "/metrics").body.decode()
        assert 'gatestone_requests_total{method="GET",status="200"} 30.0' in body, pids
        assert 'gatestone_requests_total{method="other",status="200"} 1.0' in body
        assert 'gatestone_edge_refusals_total{reason="path"} 1.0' in body
        assert "gatestone_request_seconds_count 32.0" in body
    assert not (shared / "counter_999999999.db").exists()
    assert list(shared.iterdir()), "the operator's directory stays"


def test_a_unix_socket_is_served_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    for _ in range(2):
        with serving(tmp_path, {"server": {"workers": 1, "host": f"unix:{path}", "trusted_hops": ["unix"]}}) as served:
            seen = ask(str(path), "GET", "/v3/echo", "X-Remote-User: alice").json()
            assert seen["address"] == "" and seen["environ"]["REMOTE_USER"] == "alice"
            if _ == 0:
                os.kill(served.pid, signal.SIGTERM)
                served.process.wait(10)
                stale = socket.socket(socket.AF_UNIX)  # one that a killed server left must not stop the next start
                stale.bind(str(path))
                stale.close()
    assert not path.exists()


def start_error(settings: Settings, listener: str = "api") -> str:
    with pytest.raises(StartError) as caught:
        tls.for_listener(settings, listener)
        server.bind(settings, listener).close()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = start_error(Settings(server=Server(port=port)))
    assert str(port) in message and "taken" in message and "server.port" in message


@pytest.mark.parametrize("kind", ["file", "link to a file", "link to a dead socket", "directory"])
def test_what_is_no_socket_is_never_deleted_for_one(tmp_path: Path, kind: str) -> None:
    path, beside = tmp_path / "place", tmp_path / "beside"
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(beside)
        if kind == "link to a file":
            beside.write_text("precious")
        else:
            with socket.socket(socket.AF_UNIX) as dead:
                dead.bind(str(beside))
    before = sorted((found.name, found.lstat().st_ino) for found in tmp_path.iterdir())
    message = start_error(Settings(server=Server(host=f"unix:{path}")))
    assert str(path) in message and "no socket" in message and "server.host" in message
    assert sorted((found.name, found.lstat().st_ino) for found in tmp_path.iterdir()) == before


@pytest.mark.parametrize("crowded", [False, True])
def test_a_socket_on_which_somebody_answers_is_left_alone(tmp_path: Path, crowded: bool) -> None:
    path = tmp_path / "s.sock"
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(socket.socket(socket.AF_UNIX))
        served.bind(str(path))
        served.listen(0)
        if crowded:  # nobody accepts, and the backlog is full
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(str(path))
        message = start_error(Settings(server=Server(host=f"unix:{path}")))
        assert str(path) in message and "in use" in message
        assert path.is_socket()


def test_an_address_of_another_machine_is_one_clear_line() -> None:
    assert "server.host" in start_error(Settings(server=Server(host="192.0.2.1", port=0)))
    assert "server.host" in start_error(Settings(server=Server(host="no such host", port=0)))


def test_missing_or_wrong_tls_files_are_one_clear_line(tmp_path: Path) -> None:
    one, two = Authority("A"), Authority("B")
    cert, _ = one.issue_server(["localhost"]).write(tmp_path, "one")
    _, other_key = two.issue_server(["localhost"]).write(tmp_path, "two")
    gone = str(tmp_path / "gone.pem")
    assert gone in start_error(Settings(server=Server(tls_cert=gone)))
    assert str(other_key) in start_error(Settings(server=Server(tls_cert=str(cert), tls_key=str(other_key))))
    assert "x509.client_ca" in start_error(Settings(x509=X509(tls_cert=str(cert))), "x509")
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    files = {"tls_cert": str(cert), "tls_key": str(tmp_path / "one.key"), "client_ca": str(cert), "crl": str(rubbish)}
    assert str(rubbish) in start_error(Settings(x509=X509(**files)), "x509")


def test_an_unwritable_log_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"log\.file"):
        server.run(Settings(log=Log(file=str(tmp_path / "no" / "such" / "dir.log"))), "api", lambda: None)
