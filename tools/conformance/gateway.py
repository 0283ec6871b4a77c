"""A gateway of our own for one run: set up with the operator's commands in a throw-away directory, on a free port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import http.client
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from identity.manage.config import to_toml
from identity.manage.demo.pki import write_private
from identity.manage.demo.processes import DIES_WITH_US, clean_environ, free_port

from .workspace import LAST_PASSWORDS, LOCKOUT_ATTEMPTS, LOCKOUT_SECONDS, REGION, ROOT, Target

GATESTONE = (sys.executable, "-P", "-m", "identity.manage")
_PATIENCE = 30.0  # seconds for a command, for the first answer, and for the end


class GatewayError(Exception):
    """The gateway could not be set up or did not start; the text is what it said."""


@contextlib.contextmanager
def running(directory: Path, *, postgresql: bool = False, face: str = "") -> Iterator[Target]:
    """It answers inside the block and is gone afterwards. `face`: entry point to test, "" for /v3, "/main" for /main/v3."""
    with contextlib.ExitStack() as stack:
        database = f"sqlite:///{directory / 'gatestone.db'}"
        if postgresql:
            from tests.support.postgres import Postgres  # noqa: PLC0415 (only where it is asked for)

            database = stack.enter_context(Postgres()).new_database()
        port, claim = free_port(0, 0, "")
        stack.enter_context(contextlib.closing(claim))
        target = Target(f"http://127.0.0.1:{port}{face}/v3", "admin", secrets.token_urlsafe(12))
        environ = _set_up(directory, database, port, target)
        stack.enter_context(_serving(directory, port, environ))
        yield target


def _set_up(directory: Path, database: str, port: int, target: Target) -> Mapping[str, str]:
    """Everything that docs/operating.md tells an operator to do before `serve`."""
    home = {"HOME": str(directory), "TMPDIR": str(directory), "PYTHONPATH": str(ROOT)}
    environ = clean_environ({**home, "OS_BOOTSTRAP_PASSWORD": target.password})
    write_private(directory / "master.key", _command(environ, "keys", "master").encode())
    config = directory / "gatestone.toml"
    write_private(config, to_toml(_configuration(directory, database, port)).encode())
    _command(environ, "db", "upgrade", "--config", str(config))
    urls = [word for name in ("public", "internal", "admin") for word in (f"--bootstrap-{name}-url", target.url)]
    _command(environ, "bootstrap", "--config", str(config), "--bootstrap-region-id", REGION, *urls)
    return clean_environ(home)


def _configuration(directory: Path, database: str, port: int) -> dict[str, dict[str, object]]:
    return {
        "server": {"port": port, "public_urls": [f"http://127.0.0.1:{port}"]},
        "database": {"connection": database},
        "keys": {"master_key_file": str(directory / "master.key")},
        # The suites make some thousand users; what a good hash costs is measured elsewhere.
        "identity": {"argon2_time_cost": 1, "argon2_memory_cost": 64},
        "security_compliance": {
            "lockout_failure_attempts": LOCKOUT_ATTEMPTS,
            "lockout_duration": LOCKOUT_SECONDS,
            "unique_last_password_count": LAST_PASSWORDS,
        },
        "log": {"file": str(directory / "gatestone.log")},
    }


def _command(environ: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(
        [*GATESTONE, *words], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=_PATIENCE * 4, check=False
    )
    if done.returncode:
        raise GatewayError(f"gatestone {' '.join(words[:2])}: {done.stderr.strip()}")
    return done.stdout


@contextlib.contextmanager
def _serving(directory: Path, port: int, environ: Mapping[str, str]) -> Iterator[None]:
    said = directory / "serve.log"
    with said.open("wb") as output:
        server = subprocess.Popen(
            [*DIES_WITH_US, *GATESTONE, "serve", "--config", str(directory / "gatestone.toml")],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            end = time.monotonic() + _PATIENCE
            while not _answers(port):
                if server.poll() is not None or time.monotonic() > end:
                    raise GatewayError(f"gatestone serve did not start: {said.read_text(errors='replace')[-2000:]}")
                time.sleep(0.02)
            yield
        finally:
            server.terminate()
            try:
                server.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v3")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
