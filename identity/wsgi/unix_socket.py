"""A listening Unix socket: its mode and group from its first moment, and nothing deleted but what a dead server left behind."""

from __future__ import annotations

import errno
import grp
import os
import re
import socket
import stat
from typing import Final

from identity.errors import StartError
from identity.settings import X509, Hop, Server

_PRIVATE: Final = 0o177  # nobody but us, until mode and group are set


def bind(part: Server | X509 | Hop, section: str, backlog: int) -> socket.socket:
    """Bind and listen on `part.host` without its "unix:". Raises StartError with one line that names the cure."""
    path = part.host.removeprefix("unix:")
    mode = 0o600 if isinstance(part, X509) else read_mode(part.unix_mode, section)
    group = -1 if isinstance(part, X509) else _group(part.unix_group, section)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(_PRIVATE)  # the process has one thread yet
    try:
        if os.path.lexists(path):
            _remove_stale(path, section)
        sock.bind(path)
        if group >= 0:
            os.chown(path, -1, group)
        os.chmod(path, mode)
        sock.listen(backlog)
    except StartError:
        sock.close()
        raise
    except OSError as error:
        sock.close()
        reason = error.strerror or error
        raise StartError(
            f"cannot listen on socket {path} ({reason}): set {section}.host to a path that this user may write, "
            f"and {section}.unix_group to a group of this user"
        ) from None
    finally:
        os.umask(before)
    return sock


def read_mode(text: str, section: str) -> int:
    """An octal mode. Raises StartError."""
    if re.fullmatch(r"0?[0-7]{3}", text):
        return int(text, 8)
    raise StartError(f"{section}.unix_mode: {text!r} is no mode; write e.g. 0660")


def _group(name: str, section: str) -> int:
    if not name:
        return -1
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise StartError(f"{section}.unix_group: there is no group {name} here: correct the name, or write its number") from None


def _remove_stale(path: str, section: str) -> None:
    """Delete a socket that a killed server left behind, and nothing else. Raises StartError."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise StartError(f"{path} exists and is no socket: move it away, or set {section}.host to another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # where the backlog is full the kernel would let us wait for a place in it
        found = probe.connect_ex(path)
    if found != errno.ECONNREFUSED:  # only this says that nobody listens
        raise StartError(f"socket {path} is in use: stop the program that serves it, or set {section}.host to another path")
    os.unlink(path)
