"""The rendered virtual hosts in a private Apache: nothing below /etc is read or changed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.listener import until
from tests.support.site_world import daemon

MODULES = Path("/usr/lib/apache2/modules")
USER = "www-data" if os.geteuid() == 0 else os.environ.get("USER", "nobody")  # Apache refuses to work as root
_NEEDED = (
    "mpm_event", "authz_core", "authn_core", "authz_user", "authz_host", "auth_gssapi", "ssl", "socache_shmcb", "headers",
    "setenvif", "remoteip", "reqtimeout", "proxy", "proxy_http",
)  # fmt: skip


@contextlib.contextmanager
def reachable_directory() -> Iterator[Path]:
    """A directory into which Apache's user can look, unlike the tests' own."""
    directory = Path(tempfile.mkdtemp(prefix="gatestone-apache-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def config(directory: Path, includes: list[Path], more: tuple[str, ...] = ()) -> Path:
    """A whole httpd.conf around virtual hosts. `more`: further modules; a full path for one that lies elsewhere."""
    run = directory / "apache"
    run.mkdir(exist_ok=True)
    lines = [
        f'ServerRoot "{run}"', f"DefaultRuntimeDir {run}", f"PidFile {run}/httpd.pid", f"Mutex file:{run} default",
        f"ErrorLog {run}/error.log", "LogLevel info", "ServerName localhost", "StartServers 1", "GracefulShutdownTimeout 3",
        *(f"LoadModule {_symbol(name)} {MODULES}/mod_{name}.so" for name in (*_NEEDED, *more)),
        *([f"User {USER}", f"Group {USER}"] if os.geteuid() == 0 else []),
        *(f"Include {file}" for file in includes),
    ]  # fmt: skip
    made = run / f"httpd-{len(list(run.iterdir()))}.conf"
    made.write_text("\n".join(lines) + "\n")
    return made


def _symbol(name: str) -> str:
    return "mod_shib" if name == "shib" else f"{name}_module"


def configtest(file: Path) -> str:
    """What `apachectl configtest` says (the same program with the same flag); fails unless it is content."""
    command = ["/usr/sbin/apache2", "-t", "-f", str(file)]
    environ = {**os.environ, "HOME": str(file.parent)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environ)
    assert done.returncode == 0 and "Syntax OK" in done.stderr, done.stderr
    return done.stderr


@contextlib.contextmanager
def serving(file: Path, places: list[tuple[str, int]], environ: Mapping[str, str]) -> Iterator[Path]:
    """Apache, once it listens on all `places`. Gives its error log."""
    said = configtest(file)
    assert "AH00558" not in said and "warn" not in said.lower(), said
    with daemon(["/usr/sbin/apache2", "-DFOREGROUND", "-f", str(file)], file.parent / "apache.out", environ) as process:
        until(lambda: all(_listens(place) for place in places) or process.poll() is not None, 15, "Apache")
        assert process.poll() is None, (file.parent / "apache.out").read_text() + (file.parent / "error.log").read_text()
        yield file.parent / "error.log"


def _listens(place: tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(place, 1):
        return True
    return False
