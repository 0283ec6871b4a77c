"""The running site: every host's daemon, how an operator starts, rolls and upgrades them, and whether all is well."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import postgresql, releases, site
from .hosts import Network
from .processes import Daemon, WorldFault, command, until

_HAPROXY = "/usr/sbin/haproxy"
GATEWAYS = tuple(name for pool in site.POOLS.values() for name in pool)


class Machines:
    """All hosts with their daemons. `trees` tells which release each gateway runs."""

    def __init__(self, directory: Path, network: Network) -> None:
        self.directory, self.network = directory, network
        self.release = releases.present(directory)
        self.files = site.make(directory, self.release)
        self.password = secrets.token_urlsafe(18)
        self.primary = postgresql.Server(network["db01"], directory / "db01")
        self.standby = postgresql.Server(network["db02"], directory / "db02")
        self.trees: dict[str, Path] = dict.fromkeys(GATEWAYS, self.release)
        self.gateways = {name: self._gateway(name) for name in GATEWAYS}
        self.balancers = {name: self._balancer(name) for name in site.BALANCERS}

    def start(self) -> None:
        """From nothing to a site that serves."""
        postgresql.pair(self.primary, self.standby)
        self.operate("db", "upgrade")
        url = f"https://{site.NAME}/main/v3"
        urls = [word for kind in ("public", "internal", "admin") for word in (f"--bootstrap-{kind}-url", url)]
        self.operate("bootstrap", *urls, "--bootstrap-region-id", "RegionOne", OS_BOOTSTRAP_PASSWORD=self.password)
        for daemon in self.gateways.values():
            daemon.start()
        for daemon in self.balancers.values():
            daemon.start()
        self.wait_until_well()

    def stop(self) -> None:
        """End everything at once, the databases last; nothing of it is wanted any more."""
        for daemon in (*self.balancers.values(), *self.gateways.values()):
            daemon.kill()
        for server in (self.standby, self.primary):
            server.thaw()
            server.daemon.kill()

    def keep_logs(self, target: Path) -> None:
        """Copy what every daemon said to `target`, a file each."""
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for log in (*self.directory.glob("*/*.log"), *self.directory.glob("*.log")):
            name = log.name if log.parent == self.directory else f"{log.parent.name}-{log.name}"
            shutil.copyfile(log, target / name)

    def operate(self, *words: str, tree: Path | None = None, **environ: str) -> str:
        """An operator's `gatestone` command on the first gateway's host, with that release's code."""
        host = self.network[GATEWAYS[0]]
        configured = ["--config", str(self.files.path(host.name, "gatestone.toml"))]
        program = [sys.executable, "-P", "-m", "identity.manage", *words, *configured]
        return command(host, program, {"PYTHONPATH": str(tree or self.release), "HOME": str(self.directory), **environ})

    def wait_until_well(self, seconds: float = 40) -> None:
        """Until both load balancers count every back end in."""
        wanted = {pool: len(names) for pool, names in site.POOLS.items()}
        for name in site.BALANCERS:
            until(lambda name=name: self.up(name) == wanted, seconds, f"{name} to see every back end")  # type: ignore[misc]

    def up(self, balancer: str) -> dict[str, int]:
        """Pool to how many of its servers this load balancer counts as well."""
        self.balancers[balancer].check()
        for daemon in self.gateways.values():
            daemon.check()
        found: dict[str, int] = {}
        for row in self._rows(balancer):
            if row.get("pxname") in site.POOLS and row["svname"] in GATEWAYS and row["status"] in ("UP", "no check"):
                found[row["pxname"]] = found.get(row["pxname"], 0) + 1
        return found

    def _rows(self, balancer: str) -> list[dict[str, str]]:
        lines = self.ask(balancer, "show stat").splitlines()
        head = lines[0].lstrip("# ").split(",") if lines else []
        return [dict(zip(head, line.split(","), strict=False)) for line in lines[1:] if line]

    def ask(self, balancer: str, words: str) -> str:
        """A command on HAProxy's admin socket; "" where it does not answer."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(str(self.files.path(balancer, "admin.sock")))
            sock.sendall(words.encode() + b"\n")
            return b"".join(iter(lambda: sock.recv(65536), b"")).decode()
        return ""

    def roll(self, names: Sequence[str] = GATEWAYS, tree: Path | None = None) -> None:
        """Restart back ends one by one, each counted in again before the next; with another release's code if one is given."""
        for name in names:
            if tree is not None:
                self.trees[name] = tree
            with self._relieved(name):
                code = self.gateways[name].stop()
                if code:
                    raise WorldFault(f"{name} ended with {code}: {self.gateways[name].last_words()}")
                self.gateways[name] = self._gateway(name)
                self.gateways[name].start()
                self._wait_for_answer(name)
            self.wait_until_well()

    @contextlib.contextmanager
    def _relieved(self, name: str) -> Iterator[None]:
        """Take a back end out of service at both load balancers, and put it back at the end.

        Where it is its pool's only one they are told not to give it up instead: clients wait while it starts.
        """
        pool, members = next((pool, members) for pool, members in site.POOLS.items() if name in members)
        away, back = ("set server {} state drain", "set server {} state ready")
        if len(members) == 1:
            away, back = "disable health {}", "enable health {}"
        for balancer in site.BALANCERS:
            self.ask(balancer, away.format(f"{pool}/{name}"))
        if len(members) > 1:
            until(lambda: not any(self._busy(balancer, name) for balancer in site.BALANCERS), 30, f"{name} to have answered all")
        yield
        for balancer in site.BALANCERS:
            self.ask(balancer, back.format(f"{pool}/{name}"))

    def _busy(self, balancer: str, name: str) -> int:
        """Requests that it has in hand from this load balancer."""
        return sum(int(row["scur"] or 0) for row in self._rows(balancer) if row.get("svname") == name)

    def _wait_for_answer(self, name: str) -> None:
        """Its own word, in its log, that it listens."""
        log, mark = self.gateways[name].log, self.gateways[name].mark

        def told() -> bool:
            self.gateways[name].check()
            return b'"listening"' in log.read_bytes()[mark:]

        until(told, 40, f"{name} to listen")

    def _gateway(self, name: str) -> Daemon:
        listener = "x509" if name in site.POOLS["x509"] else "api"
        config = str(self.files.path(name, "gatestone.toml"))
        program = [sys.executable, "-P", "-m", "identity.manage", "serve", "--config", config, "--listener", listener]
        home = str(self.directory / name)
        environ = {"PYTHONPATH": str(self.trees[name]), "HOME": home, "TMPDIR": home}
        return Daemon(self.network[name], "gatestone", program, self.files.path(name, "gatestone.log"), environ)

    def _balancer(self, name: str) -> Daemon:
        config = str(self.files.path(name, "haproxy.cfg"))
        log = self.files.path(name, "haproxy.log")
        return Daemon(self.network[name], "haproxy", [_HAPROXY, "-W", "-db", "-f", config], log)


@contextlib.contextmanager
def running() -> Iterator[Machines]:
    """A world from start to end; whatever happens inside, nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix="gatestone-world-") as made:
        directory = Path(made)
        directory.chmod(0o711)  # PostgreSQL's user has a directory below
        with Network(site.ADDRESSES) as network:
            machines = Machines(directory, network)
            try:
                machines.start()
                yield machines
            finally:
                machines.stop()
