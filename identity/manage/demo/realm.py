"""A private MIT Kerberos realm in one directory, for the demo and for tests.

It needs no root and touches no file outside its directory: configuration, database, credential caches and the
replay cache all live there. The KDC is a child in the foreground that dies with the thread that started it.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ...errors import StartError

_PACKAGES = {"krb5kdc": "krb5-kdc", "kdb5_util": "krb5-kdc", "kadmin.local": "krb5-admin-server", "kinit": "krb5-user"}
_PR_SET_PDEATHSIG = 1  # prctl(2)
_PORT_TRIES = 5
_FORBIDDEN = frozenset('\n\r\0"')

_KRB5_CONF = """\
[libdefaults]
 default_realm = {realm}
 default_ccache_name = FILE:{dir}/default.cc
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
{realms}[domain_realm]
 {host} = {realm}
{domains}"""

_KDC_CONF = """\
[kdcdefaults]
 kdc_listen = ""
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 {realm} = {{
  database_name = {dir}/principal
  key_stash_file = {dir}/stash
  acl_file = {dir}/kadm5.acl
  max_life = 12h
  max_renewable_life = 7d
  supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  default_principal_flags = +preauth
 }}
[logging]
 kdc = FILE:{dir}/kdc.log
 default = FILE:{dir}/krb.log
"""


class Realm:
    """A realm whose principals are queued until `start`, then made in one go (one `kadmin.local` costs 20 ms).

    `host` is the name that services are asked by. Passwords go through standard input, never the command line,
    which every user of the machine can read. Every failure is a StartError of one line.
    """

    def __init__(self, directory: Path, realm: str = "GATESTONE.TEST", host: str = "localhost", *, port: int = 0) -> None:
        self.directory = Path(directory).resolve()
        self.realm = realm
        self.host = host
        self.port = port
        self.krb5_conf = self.directory / "krb5.conf"
        self._peers: list[Realm] = []
        self._queue: list[str] = []
        self._started = False
        self._kdc: subprocess.Popen[bytes] | None = None

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs in its environment to live in this realm, and to leave no file elsewhere."""
        here = self.directory
        return {
            "KRB5_CONFIG": str(self.krb5_conf),
            "KRB5_KDC_PROFILE": str(here / "kdc.conf"),
            "KRB5CCNAME": f"FILE:{here}/default.cc",
            "KRB5RCACHENAME": f"file2:{here}/replay",  # the default is a file in /var/tmp
            "KRB5_CLIENT_KTNAME": f"FILE:{here}/client.keytab",
        }

    def start(self) -> Realm:
        """Make the database and the principals, run the KDC, and return once it answers."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        asked = self.port
        for _ in range(1 if asked else _PORT_TRIES):
            self.port = asked or _free_port()
            self.configure()
            if not self._started:
                self._make_database()
            if self._run_kdc():
                return self
        cure = "choose another port" if asked else f"mend what krb5kdc tells: {self._last_words()}"
        raise StartError(f"the KDC of {self.realm} cannot listen on 127.0.0.1:{self.port}: {cure}")

    def stop(self) -> None:
        """End the KDC; may be called twice."""
        kdc, self._kdc = self._kdc, None
        if kdc is None:
            return
        kdc.terminate()
        try:
            kdc.wait(5)
        except subprocess.TimeoutExpired:
            kdc.kill()
            kdc.wait()

    def __enter__(self) -> Realm:
        return self if self._kdc else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def knows(self, other: Realm) -> None:
        """Tell clients of this realm where the other's KDC is (both must have been started)."""
        self._peers.append(other)
        self.configure()

    def add_principal(self, name: str, password: str | None = None) -> None:
        """Add a principal, with a random key where no password is given."""
        secret = "-randkey" if password is None else f"-pw {_quoted(password)}"
        self._administer(f"add_principal {secret} {_quoted(name)}")

    def keytab(self, path: Path, *principals: str) -> Path:
        """Write the present keys of these principals to a keytab that only we can read."""
        self._administer(*(f"ktadd -norandkey -k {_quoted(str(path))} {_quoted(name)}" for name in principals))
        return Path(path)

    def kinit(
        self, principal: str, *, keytab: Path | None = None, password: str | None = None, ccache: Path, life: str | None = None
    ) -> Path:
        """Get a ticket into `ccache`, by keytab or by password; `life` as kinit's -l has it."""
        command = ["kinit", "-c", str(ccache), *(("-l", life) if life else ())]
        if keytab is not None:
            command += ["-k", "-t", str(keytab)]
        self._run([*command, principal], "" if password is None else password + "\n")
        return Path(ccache)

    def configure(self) -> None:
        """Write krb5.conf and kdc.conf for the present port."""
        known = [self, *self._peers]
        realms = "".join(f" {one.realm} = {{\n  kdc = 127.0.0.1:{one.port}\n }}\n" for one in known)
        domains = "".join(f" {one.host} = {one.realm}\n" for one in self._peers if one.host != self.host)
        here = self.directory
        self.krb5_conf.write_text(_KRB5_CONF.format(realm=self.realm, dir=here, realms=realms, host=self.host, domains=domains))
        (here / "kdc.conf").write_text(_KDC_CONF.format(realm=self.realm, dir=here, port=self.port))

    def _make_database(self) -> None:
        master = secrets.token_urlsafe(24)
        self._run(["kdb5_util", "create", "-s", "-r", self.realm], f"{master}\n{master}\n")
        self._started = True
        queue, self._queue = self._queue, []
        self._administer(*queue)

    def _administer(self, *commands: str) -> None:
        if not self._started:
            self._queue += commands
            return
        if not commands:
            return
        told = self._run(["kadmin.local", "-r", self.realm], "\n".join(commands) + "\n")
        # kadmin.local ends with 0 whatever happens; it says "add_principal: reason while ...".
        failed = [line for line in told.splitlines() if " while " in line or "does not exist" in line]
        if failed:
            raise StartError(f"kadmin.local in {self.directory}: {failed[0]}")

    def _run(self, command: list[str], standard_input: str) -> str:
        full = [_find(command[0]), *command[1:]]
        done = subprocess.run(  # noqa: S603 (a fixed program, no shell)
            full, input=standard_input, capture_output=True, text=True, env=self._child_environ(), check=False, timeout=60
        )
        if done.returncode:
            told = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise StartError(f"{command[0]} failed in {self.directory}: {told[-1] if told else done.returncode}")
        return done.stderr

    def _run_kdc(self) -> bool:
        """Whether the KDC came up; False where its port was taken in between."""
        program = _find("krb5kdc")
        log = self.directory / "kdc.out"
        with log.open("wb") as output:
            kdc = subprocess.Popen(  # noqa: S603 (a fixed program, no shell)
                [program, "-n", "-P", str(self.directory / "kdc.pid")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._child_environ(),
                preexec_fn=_die_with_parent(),  # noqa: PLW1509 (one system call, loaded beforehand)
            )
        self._kdc = kdc
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if kdc.poll() is not None:
                self._kdc = None
                return False
            # It says so only once its own socket is bound: whoever answers on the port is not some other program.
            if b"starting" in log.read_bytes() and _answers(self.port):
                return True
            time.sleep(0.01)
        self.stop()
        raise StartError(f"the KDC of {self.realm} does not answer; mend what krb5kdc tells, or try again: {self._last_words()}")

    def _last_words(self) -> str:
        """What the KDC said last: its log may be gone by the time that somebody could look there."""
        for name in ("kdc.log", "kdc.out"):
            file = self.directory / name
            lines = file.read_text("utf-8", "replace").split("\n") if file.exists() else []
            said = [line.strip() for line in lines if line.strip()]
            if said:
                return said[-1][:300]
        return "nothing"

    def _child_environ(self) -> Mapping[str, str]:
        # LC_ALL: messages are read above.
        return {**os.environ, **self.environ, "LC_ALL": "C"}


def _quoted(word: str) -> str:
    if not _FORBIDDEN.isdisjoint(word):
        raise StartError("a principal, password or file name for the KDC holds a quote or a line break")
    return f'"{word}"'


def _find(program: str) -> str:
    # Debian keeps the daemons in /usr/sbin, which is not on a user's PATH.
    found = shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        package = _PACKAGES[program]
        raise StartError(f"{package} is not installed ({program} is missing): apt-get install {package}")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _die_with_parent() -> Callable[[], None]:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return arrange
