"""The server: binds the socket, forks the workers, keeps their number, and ends cleanly. gunicorn is embedded.

Nothing is read from the command line or from gunicorn's own variables, and no file or control socket is left behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import resource
import select
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from identity.errors import StartError
from identity.settings import Settings

from . import observe, tls, unix_socket
from .front import FrontWorker

Build = Callable[[], Any]
OnReady = Callable[[str, int, int], None]

_M_ARENA_MAX = -8  # malloc.h
_BACKLOG = 1024
_CONNECTIONS = 1000
_GRACE = 10
_BOOT = 30.0
_COUNTERS = re.compile(r"(?:counter|gauge|histogram|summary)(?:_[a-z]+)?")  # prometheus_client's names before `_PID.db`


def run(settings: Settings, listener: str, build: Build, on_ready: OnReady | None = None) -> None:
    """Serve until SIGTERM or SIGINT; ends with SystemExit. Raises StartError before anything is forked.

    `build` makes the application, once, in the master (the workers share its memory): a WSGI callable, or an object
    with one as `wsgi`; where it has a method `after_fork`, each worker calls that first. `on_ready(host, port, pid)`
    is called in the master once a request would be answered; with port 0 in the settings it tells the one taken.
    """
    try:
        observe.configure(settings.log)
    except OSError as error:
        raise StartError(
            f"log.file: cannot write {settings.log.file} ({error.strerror}): set a file that this user may write"
        ) from None
    contexts = tls.for_listener(settings, listener)
    sock = bind(settings, listener)
    _share_one_heap()
    with _metrics_directory(settings.server.metrics_dir):
        Keeper(Master(settings, listener, build, contexts, sock), on_ready).run()


def _share_one_heap() -> None:
    """Keep glibc from giving each thread a heap of its own: threads that hold the interpreter's lock gain nothing by it, and
    a worker with sixteen of them kept 15 MB more after the same load. Elsewhere than on glibc nothing happens.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def bind(settings: Settings, listener: str) -> socket.socket:
    """A listening socket. Raises StartError with one line that names the address and the cure."""
    section = "server" if listener == "api" else listener
    part: Any = getattr(settings, section)
    where = f"{section}.port"
    if part.host.startswith("unix:"):
        return unix_socket.bind(part, section, _BACKLOG)
    family = socket.AF_INET6 if ":" in part.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((part.host, part.port))
        sock.listen(_BACKLOG)
    except (OSError, UnicodeError) as error:
        sock.close()
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            cure = f"port {part.port} on {part.host} is taken: stop the program that uses it, or set {where} (0 takes a free one)"
        elif number == errno.EACCES:
            cure = f"port {part.port} on {part.host} may not be opened by this user: set {where} to 1024 or higher"
        else:
            where = where.replace("port", "host")
            cure = f"cannot listen on {part.host} port {part.port} ({error}): set {where} to an address of this machine"
        raise StartError(cure) from None
    return sock


@contextlib.contextmanager
def _metrics_directory(configured: str) -> Iterator[None]:
    """The workers' shared counters: a directory of the operator, or one that ends with us."""
    made = "" if configured else tempfile.mkdtemp(prefix="gatestone-metrics-")
    os.environ[observe.MULTIPROCESS] = configured or made
    owner = os.getpid()
    try:
        if configured:
            os.makedirs(configured, mode=0o700, exist_ok=True)
            _forget_dead(configured)
        yield
    finally:
        # A worker leaves through here too; it clears up only where the master was killed.
        if made and (os.getpid() == owner or os.getppid() != owner):
            shutil.rmtree(made, ignore_errors=True)


def _forget_dead(directory: str) -> None:
    """Remove counters of processes that ended before this start; the other listener may share the directory."""
    for name in os.listdir(directory):
        stem, _, pid = name.removesuffix(".db").rpartition("_")
        if name.endswith(".db") and _COUNTERS.fullmatch(stem) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(directory, name))


class JsonLog:
    """gunicorn's own messages as lines of ours. Access lines are written by the edge."""

    access_log_enabled = False

    def __init__(self, cfg: Any) -> None:
        self.cfg = cfg

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg

    def _line(self, level: str, text: str, args: tuple[Any, ...]) -> None:
        with contextlib.suppress(TypeError, ValueError):
            text = text % args if args else text
        getattr(observe.log(), level)("server", message=text.strip())

    def debug(self, text: str, *args: Any, **_extra: Any) -> None:
        self._line("debug", text, args)

    def info(self, text: str, *args: Any, **_extra: Any) -> None:
        self._line("debug", text, args)  # chatter about pids: of interest when debugging only

    def warning(self, text: str, *args: Any, **_extra: Any) -> None:
        self._line("warning", text, args)

    def error(self, text: str, *args: Any, **_extra: Any) -> None:
        self._line("error", text, args)

    critical = error

    def exception(self, text: str, *args: Any, **_extra: Any) -> None:
        with contextlib.suppress(TypeError, ValueError):
            text = text % args if args else text
        observe.log().exception("server", message=text)

    def access(self, *_args: Any) -> None:
        return None

    def reopen_files(self) -> None:
        observe.reopen()

    def close_on_exec(self) -> None:
        return None


class Master(BaseApplication):  # type: ignore[misc]
    """What gunicorn asks for its configuration and the application; carries our settings to the workers."""

    def __init__(self, settings: Settings, listener: str, build: Build, contexts: tls.Contexts | None, sock: socket.socket) -> None:
        self.settings = settings
        self.listener = listener
        self.contexts = contexts
        self.address = sock.getsockname()
        self._build = build
        # gunicorn takes the descriptor over; the same name at a reload tells it to keep the listener.
        self._bind = f"fd://{sock.detach()}"
        self.built: Any = None
        self.heard, self._say = os.pipe()
        os.set_blocking(self._say, False)
        super().__init__()

    def load_config(self) -> None:
        server = self.settings.server
        part: Any = server if self.listener == "api" else getattr(self.settings, self.listener)
        chosen: dict[str, Any] = {
            "bind": [self._bind],
            "workers": part.workers,
            "threads": server.threads,
            "worker_class": FrontWorker,
            "worker_connections": _places(),
            "preload_app": True,
            "keepalive": server.keepalive,
            "graceful_timeout": _GRACE,
            "timeout": 60,
            "limit_request_line": 8190,
            "limit_request_fields": 100,
            "limit_request_field_size": server.max_header_size,
            # Nobody may set the scheme or a variable by a header here: the edge alone decides whom to believe.
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "secure_scheme_headers": {},
            "header_map": "drop",
            "http_parser": "python",
            "control_socket_disable": True,
            "logger_class": JsonLog,
            "accesslog": None,
            "post_fork": _after_fork,
            "proc_name": f"gatestone-{self.listener}",
        }
        if self.contexts is not None:
            chosen["certfile"] = part.tls_cert
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        self.built = self._build()
        return getattr(self.built, "wsgi", self.built)

    def say_ready(self) -> None:
        """Called by a worker that answers from now on."""
        with contextlib.suppress(OSError):
            os.write(self._say, b"\0")


def _places() -> int:
    """Connections that a worker holds: some descriptors are left for the database, keys and logs."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(64, min(_CONNECTIONS, soft - 128)) if soft != resource.RLIM_INFINITY else _CONNECTIONS


def _after_fork(_keeper: Any, worker: Any) -> None:
    hook = getattr(worker.app.built, "after_fork", None)
    if hook is not None:
        hook()


class Keeper(Arbiter):  # type: ignore[misc]
    """gunicorn's master, which also tells when the first worker answers."""

    def __init__(self, master: Master, on_ready: OnReady | None) -> None:
        self._on_ready = on_ready
        super().__init__(master)

    def manage_workers(self) -> None:
        super().manage_workers()
        if self._on_ready is not None and self.WORKERS:
            call, self._on_ready = self._on_ready, None
            self._wait_for_worker()
            address = self.app.address
            host, port = (address[0], address[1]) if isinstance(address, tuple) else (str(address), 0)
            call(host, port, os.getpid())

    def spawn_workers(self) -> None:
        """All at once: gunicorn pauses between them."""
        for _ in range(self.num_workers - len(self.WORKERS)):
            self.spawn_worker()

    def _wait_for_worker(self) -> None:
        end = time.monotonic() + _BOOT
        while not select.select([self.app.heard], [], [], 0.05)[0]:
            self.reap_workers()  # ends the server if a worker cannot start
            if time.monotonic() > end:
                raise StartError("no worker answered in time: see the log for the reason")

    def handle_usr2(self) -> None:
        """gunicorn would start the command line anew; that is the service manager's business here."""
        self.log.warning("SIGUSR2 is not used")
