"""`gatestone demo` as a newcomer meets it: real KDC, real certificates, real listeners, the stock client."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "identity.manage", "demo"]
ANY_PORTS = ["--port", "0", "--x509-port", "0"]


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
    return found


def start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*DEMO, "--dir", str(directory), *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def document(process: subprocess.Popen[str], directory: Path) -> dict[str, Any]:
    """demo.json, once it is there."""
    target = directory / "demo.json"
    until(lambda: target.exists() or process.poll() is not None)
    assert process.poll() is None, process.communicate()[0]
    return json.loads(target.read_text())


def processes_about(directory: Path) -> list[str]:
    """Command lines of all that was started for a directory: its name is in their arguments or environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command, environ = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in command + environ:
            found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


def nothing_is_left(directory: Path) -> None:
    until(lambda: not processes_about(directory), 20)
    until(lambda: not directory.exists(), 20)


def replay_caches() -> dict[str, float]:
    return {path.name: path.stat().st_mtime for path in Path("/var/tmp").glob("krb5*")}


def children_of(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:  # a kernel without that file
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _parent(entry) == pid]


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1


def masters(directory: Path) -> list[int]:
    """The master process of each listener of a demo."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if b"serve" in command and str(directory / "gatestone.toml").encode() in command and _parent(entry) not in found:
            found.append(int(entry.name))
    return [pid for pid in found if _parent(Path(f"/proc/{pid}")) not in found]


def test_the_tour_succeeds_though_workers_are_killed(tmp_path: Path) -> None:
    """The whole of `--check`: each method with and without the client package, every door, and nothing left behind."""
    home, caches = tmp_path / "demo", replay_caches()
    demo = start(home, *ANY_PORTS, "--check", "--since", str(time.time() - 1000), "--set", "token.expiration=900")
    told = document(demo, home)
    both = until(lambda: len(found := masters(home)) == 2 and found)
    assert told["pid"] in both
    killed = 0
    while demo.poll() is None:
        for master in both:
            workers = children_of(master)
            if workers:
                os.kill(workers[killed % len(workers)], signal.SIGKILL)
                killed += 1
        try:
            demo.wait(2.5)
        except subprocess.TimeoutExpired:
            continue
    output = demo.communicate()[0]
    assert demo.returncode == 0, output
    assert killed >= 4, output
    whole = re.search(r"Every line worked\. ([0-9.]+) s in all, ([0-9.]+) s with the set-up\.", output)
    assert whole, output
    assert 1000 < float(whole[2]) - float(whole[1]) < 1010
    for method, client in (
        ("password", "the URL only"),
        ("kerberos", "the URL only"),
        ("x509", "the URL only"),
        ("kerberos", "v3kerberos"),
        ("x509", "v3kerberos"),
    ):
        assert re.search(rf"{method} +{client} +(alice|bob|carol) +(demo|research) .* \d+ \d+ \d+ +ok", output), output
    assert output.count(" held") == 6
    nothing_is_left(home)
    assert replay_caches() == caches


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any], subprocess.Popen[str]]]:
    home = tmp_path_factory.mktemp("served") / "demo"
    demo = start(home, *ANY_PORTS, "--no-tour")
    try:
        yield home, document(demo, home), demo
    finally:
        demo.send_signal(signal.SIGINT)
        output = demo.communicate(timeout=60)[0]
        assert demo.returncode == 0, output
        nothing_is_left(home)


def test_demo_json_opens_every_door_it_names(served: tuple[Path, dict[str, Any], subprocess.Popen[str]]) -> None:
    home, told, _ = served
    assert (home / "demo.json").stat().st_mode & 0o777 == 0o600
    os.kill(told["pid"], 0)
    assert Path(told["log"]).parent == home
    user = told["users"][0]
    context = ssl.create_default_context(cafile=told["ca"])
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": user["user"], "domain": {"name": "Default"}, "password": user["password"]}},
            }
        }
    }
    asked = urllib.request.Request(
        f"{told['api_url']}/main/v3/auth/tokens", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, context=context, timeout=10) as answer:
        assert answer.status == 201
    context.load_cert_chain(user["cert"], user["key"])
    asked = urllib.request.Request(
        f"{told['x509_url']}/x509/v3/auth/tokens",
        b'{"auth": {"identity": {"methods": ["external"], "external": {}}}}',
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, context=context, timeout=10) as answer:
        assert json.loads(answer.read())["token"]["user"]["name"] == user["user"]
    ticket = {**os.environ, "KRB5_CONFIG": told["krb5_conf"], "KRB5CCNAME": f"FILE:{home}/test.cc"}
    subprocess.run(["kinit", "-k", "-t", user["keytab"], user["principal"]], env=ticket, check=True, timeout=20)


@pytest.mark.parametrize("method", ["password", "kerberos", "x509"])
def test_the_openrc_file_serves_the_stock_client(served: tuple[Path, dict[str, Any], subprocess.Popen[str]], method: str) -> None:
    home = served[0]
    script = f". {home}/openrc-{method}.sh && openstack token issue -f value -c expires"
    done = subprocess.run(
        ["bash", "-ec", script],
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "OS_TOKEN": "stale"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"\d{4}-", done.stdout)


def test_the_clouds_yaml_serves_the_stock_client(served: tuple[Path, dict[str, Any], subprocess.Popen[str]]) -> None:
    home = served[0]
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OS_CLIENT_CONFIG_FILE": str(home / "clouds.yaml"),
        "OS_CLOUD": "gatestone-x509",
    }
    client = Path(sys.executable).parent / "openstack"
    done = subprocess.run(
        [str(client), "token", "issue", "-f", "value", "-c", "expires"],
        check=False,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_the_doctor_finds_the_demo_well(served: tuple[Path, dict[str, Any], subprocess.Popen[str]]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "identity.manage", "doctor", "--json", "--config", str(served[0] / "gatestone.toml")],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    findings = json.loads(done.stdout)
    assert done.returncode == 0, findings
    assert {finding["topic"] for finding in findings} == {
        "settings",
        "database",
        "keys",
        "clock",
        "keytab",
        "certificates",
        "names",
        "ports",
    }


def test_make_run_counts_the_set_up_in() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # the tests' own make talks too
    command = ["make", "--no-print-directory", "-n", "run", "ARGS=--check"]
    recipe = subprocess.run(command, check=True, cwd=ROOT, env=environ, capture_output=True, text=True).stdout
    begun, _, rest = recipe.partition(";")
    assert begun.startswith("begun=$(date +%s")
    assert re.search(r"tools/setup\.sh run && .*gatestone demo --since \$begun --check", rest)


def test_a_second_demo_lives_beside_the_first(served: tuple[Path, dict[str, Any], subprocess.Popen[str]], tmp_path: Path) -> None:
    home = tmp_path / "second"
    second = start(home, "--no-tour")
    told = document(second, home)
    assert told["api_url"] != served[1]["api_url"]
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0
    nothing_is_left(home)
    assert served[2].poll() is None


@pytest.mark.parametrize("late", [False, True])
def test_a_killed_demo_leaves_nothing(tmp_path: Path, late: bool) -> None:
    """SIGKILL at the start, and while it serves: nobody can clean up in that process any more."""
    home = tmp_path / "demo"
    demo = start(home, *ANY_PORTS, "--no-tour")
    if late:
        document(demo, home)
    else:
        until(home.exists)
    demo.kill()
    demo.communicate(timeout=30)
    nothing_is_left(home)


def test_ctrl_c_during_the_tour_ends_it_all(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    demo = start(home, *ANY_PORTS)
    document(demo, home)
    until(lambda: any("openstack" in command for command in processes_about(home)))
    demo.send_signal(signal.SIGINT)
    output = demo.communicate(timeout=30)[0]
    assert demo.returncode == 130, output
    nothing_is_left(home)


def test_without_a_directory_a_temporary_one_goes(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    demo = subprocess.Popen(
        [*DEMO, *ANY_PORTS, "--no-tour"], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    until(lambda: list(tmp_path.glob("*/demo.json")) or demo.poll() is not None)
    demo.send_signal(signal.SIGINT)
    assert "Ctrl-C ends the demo" in demo.communicate(timeout=30)[0]
    assert demo.returncode == 0
    assert list(tmp_path.iterdir()) == []


def fails_in_one_line(*arguments: str, code: int = 1) -> str:
    done = subprocess.run([*DEMO, *arguments], check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("Error: ")]) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert f"port {port} is taken" in fails_in_one_line("--dir", str(tmp_path / "d"), "--port", port)
        assert "--x509-port" in fails_in_one_line("--dir", str(tmp_path / "d"), "--x509-port", port, "--port", "0")
    assert not (tmp_path / "d").exists()


def test_a_directory_in_use_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    assert "is not empty" in fails_in_one_line("--dir", str(tmp_path), *ANY_PORTS)
    assert (tmp_path / "precious").exists()


def test_a_missing_daemon_is_one_clear_line(tmp_path: Path) -> None:
    """As on a machine without krb5: no program is found anywhere."""
    code = (
        "import sys, identity.manage.demo.realm as realm; realm.shutil.which = lambda *a, **k: None\n"
        "from identity.manage import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "demo", "--dir", str(tmp_path / "d"), *ANY_PORTS],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "krb5-kdc is not installed" in done.stderr
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("arguments", [["--check", "--no-tour"], ["--set", "server.port=1"], ["--port", "70000"]])
def test_what_makes_no_sense_is_a_usage_error(arguments: list[str]) -> None:
    fails_in_one_line(*arguments, code=2)


def test_a_wrong_setting_is_told_and_nothing_stays(tmp_path: Path) -> None:
    assert "token.expiration must be a whole number" in fails_in_one_line(
        "--dir", str(tmp_path / "d"), *ANY_PORTS, "--set", "token.expiration=soon"
    )
    assert not (tmp_path / "d").exists()


def test_a_listener_that_cannot_start_says_why(tmp_path: Path) -> None:
    told = fails_in_one_line("--dir", str(tmp_path / "d"), *ANY_PORTS, "--set", "server.tls_cert=/nowhere.pem")
    assert "/nowhere.pem" in told
    assert not (tmp_path / "d").exists()
