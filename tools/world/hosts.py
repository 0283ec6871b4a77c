"""Hosts as network namespaces on one switch. They have no names, so two runs never meet, and none is left behind.

A namespace is held by an open descriptor of this process, and by the programs in it. When those are gone, however they ended, the
kernel removes it with its links; nothing is ever made in the machine's own network.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass

_NEW_NET = 0x40000000  # CLONE_NEWNET, sched.h
_MISSING = (
    "network namespaces cannot be made here ({why}). The world of several machines needs them: run it as root on Linux with the "
    "package iproute2; in a container with the capabilities SYS_ADMIN and NET_ADMIN."
)


class NoNamespaces(RuntimeError):
    """This machine cannot run the world; the message says what it needs."""


@dataclass(frozen=True)
class Host:
    """One machine: its only address, and the descriptor of its namespace."""

    name: str
    address: str
    namespace: int

    @property
    def path(self) -> str:
        """Where other processes of this user find the namespace while we live."""
        return f"/proc/{os.getpid()}/fd/{self.namespace}"

    def within(self, command: list[str]) -> list[str]:
        """The command line that runs `command` on this host."""
        return ["nsenter", f"--net={self.path}", *command]

    def enter(self) -> None:
        """Move the calling thread to this host, for the rest of its life."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(self.namespace, _NEW_NET):
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace of {self.name}")


class Network:
    """All hosts of `addresses` (name to address), each with `lo` and `eth0` up. Use it as a context manager."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._addresses = dict(addresses)
        self._switch: Host | None = None
        self.hosts: dict[str, Host] = {}

    def __enter__(self) -> Network:
        try:
            self._switch = Host("switch", "", _namespace())
            self._ip(self._switch, "link add name br0 type bridge", "link set br0 up")
            for name, address in self._addresses.items():
                self._plug(name, address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for host in (*self.hosts.values(), *([self._switch] if self._switch else [])):
            os.close(host.namespace)
        self.hosts, self._switch = {}, None

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def cut(self, name: str) -> None:
        """Pull the host's cable: nothing reaches it, and nobody is told."""
        self._cable(name, "down")

    def mend(self, name: str) -> None:
        """Put the cable back."""
        self._cable(name, "up")

    def _plug(self, name: str, address: str) -> None:
        assert self._switch is not None
        host = self.hosts[name] = Host(name, address, _namespace())
        port = f"to-{name}"  # an interface's name: 15 characters
        self._ip(self._switch, f"link add name {port} type veth peer name eth0 netns {host.path}", f"link set {port} master br0 up")
        self._ip(host, "link set lo up", f"address add {address}/24 dev eth0", "link set eth0 up")

    def _cable(self, name: str, state: str) -> None:
        assert self._switch is not None
        self._ip(self._switch, f"link set to-{name} {state}")

    @staticmethod
    def _ip(host: Host, *commands: str) -> None:
        try:
            done = subprocess.run(
                host.within(["ip", "-batch", "-"]),
                input="\n".join(commands) + "\n",
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
            )
        except FileNotFoundError as error:
            raise NoNamespaces(_MISSING.format(why=f"no program {error.filename}")) from None
        if done.returncode:
            raise NoNamespaces(_MISSING.format(why=(done.stderr or "ip failed").strip().splitlines()[0]))


def _namespace() -> int:
    """A new network namespace: a thread goes there, tells where it is, and ends."""
    made: list[int | OSError] = []

    def go() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_NEW_NET):
            made.append(OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())))
        else:
            made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    found = made[0]
    if isinstance(found, OSError):
        raise NoNamespaces(_MISSING.format(why=found.strerror))
    return found
