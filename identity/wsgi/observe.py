"""What the service tells about its work: log lines, one line a login, counters for Prometheus.

Lines are JSON in ASCII, so no line break, control character or lone surrogate in a name can forge or break one
(CWE-117). Secrets are kept out by the name of the field and by the look of the value.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, MutableMapping
from typing import IO, Any, Final

import structlog

from identity.model.event import LoginEvent
from identity.settings import Log

MULTIPROCESS: Final = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus_client when it is imported

_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECRET_NAME = re.compile(
    r"pass(?:word|wd|phrase)?$|secret|token$|authorization|cookie|(?:private|master)_key|signature$", re.IGNORECASE
)
# Fernet, JWT and Negotiate tokens, and the password of a URL.
_SECRET_VALUE = re.compile(
    r"gAAAA[\w-]{20,}={0,2}|eyJ[\w-]{10,}\.[\w-]+\.[\w-]+|(?<=Negotiate )[A-Za-z0-9+/=]{8,}|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"
)
_MASK: Final = "***"
# Version 2.0 has tokens of every spelling in its paths (/v2.0/tokens/<token>), also where nobody serves them.
_TOKEN_IN_PATH = re.compile(r"(?<=/tokens/).+", re.IGNORECASE | re.DOTALL)
_LONGEST: Final = 2048


def _clean(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        # Cut before the search: its time grows with the square of a hostile name, and a body holds 112 kB of one.
        masked = _SECRET_VALUE.sub(_MASK, value[: 2 * _LONGEST])
        return masked if len(masked) <= _LONGEST else masked[:_LONGEST] + "..."
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth > 3:
        return "..."
    if isinstance(value, Mapping):
        return {str(key): _MASK if _SECRET_NAME.search(str(key)) else _clean(found, depth + 1) for key, found in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(found, depth + 1) for found in list(value)[:50]]
    return _clean(repr(value), depth + 1)


def _hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in list(event):
        event[key] = _MASK if _SECRET_NAME.search(key) and event[key] else _clean(event[key])
    return event


def _stamp(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    now = time.time()
    event["time"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    event["level"] = "error" if method == "exception" else method
    event["pid"] = os.getpid()
    return event


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    head = {name: event.pop(name) for name in ("time", "level", "event") if name in event}
    return json.dumps({**head, **event}, ensure_ascii=True, allow_nan=False, default=repr)


class Lines:
    """Writes whole lines with one system call each, so that lines of several processes never mix."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._out: IO[bytes] | None = open(file, "ab", buffering=0) if file else None  # noqa: SIM115 (kept open)

    def msg(self, line: str) -> None:
        data = line.encode("ascii") + b"\n"
        try:
            if self._out is None:
                sys.stderr.buffer.write(data)
                sys.stderr.buffer.flush()
            else:
                self._out.write(data)
        except (OSError, ValueError, AttributeError):
            return  # a full disk or a closed pipe must not fail a login

    debug = info = warning = error = critical = exception = log = msg

    def reopen(self) -> None:
        """Open the file again, after logrotate has moved it."""
        if self._file:
            with self._lock:
                old, self._out = self._out, open(self._file, "ab", buffering=0)  # noqa: SIM115
                if old is not None:
                    old.close()


class _Bridge(logging.Handler):
    """Lines of libraries that use the standard `logging` leave in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = record.levelname.lower() if record.levelname.lower() in _LEVELS else "error"
            line = {"logger": record.name}
            if record.exc_info and record.exc_info[0] is not None:
                line["exception"] = f"{record.exc_info[0].__name__}: {record.exc_info[1]}"
            getattr(log(), level)(record.getMessage(), **line)
        except Exception:  # a log line must never raise
            self.handleError(record)


_PROCESSORS: Final = (structlog.processors.format_exc_info, _stamp, _hide_secrets, _render)
_lines = Lines("")
_level = _LEVELS["info"]


def configure(settings: Log) -> None:
    """Set up our log and the standard logging, once a process. Raises OSError if the file cannot be opened."""
    global _lines, _level  # noqa: PLW0603 (one log a process, as for logging itself)
    _level = _LEVELS[settings.level]
    _lines = Lines(settings.file)
    log.cache_clear()
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(max(_level, logging.WARNING))


@functools.cache
def log() -> Any:
    """The process's structured logger: `log().info("event", name=value)`."""
    wrapper = structlog.make_filtering_bound_logger(_level)
    return structlog.wrap_logger(_lines, processors=list(_PROCESSORS), wrapper_class=wrapper).bind()


def reopen() -> None:
    """Open the log file again."""
    _lines.reopen()


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class RequestCounters(dict[tuple[str, str], Any]):
    """(method, status) to its counter; a known one is found without a call of ours. Both are bounded."""

    def __init__(self, counter: Any) -> None:
        super().__init__()
        self._counter = counter

    def __missing__(self, key: tuple[str, str]) -> Any:
        method, status = key
        if method not in _METHODS:
            return self["other", status] if method != "other" else self._bind(key)
        return self._bind(key)

    def _bind(self, key: tuple[str, str]) -> Any:
        bound = self[key] = self._counter.labels(*key)
        return bound


class Metrics:
    """Counters in the form that Prometheus reads; values of all workers are summed where a directory is shared."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: PLC0415 (chooses its mode on import)

        self.registry = own = CollectorRegistry()
        self._logins = Counter("gatestone_logins_total", "Log-ins by method and outcome.", ["method", "outcome"], registry=own)
        self._validations = Counter("gatestone_validations_total", "Tokens looked at, by outcome.", ["outcome"], registry=own)
        self._refusals = Counter("gatestone_edge_refusals_total", "Requests refused at the edge.", ["reason"], registry=own)
        requests = Counter("gatestone_requests_total", "Requests by HTTP method and status.", ["method", "status"], registry=own)
        self.requests = RequestCounters(requests)
        self.latency = Histogram("gatestone_request_seconds", "Time to answer a request.", buckets=_BUCKETS, registry=own)
        self._position = Gauge(
            "gatestone_change_log_position", "Last change that a worker has applied.", multiprocess_mode="max", registry=own
        )
        self._lag: Any = None
        self.debug = _level <= _LEVELS["debug"]

    def refused(self, reason: str) -> None:
        """Count one request that never reached the application. `reason` is one of our own words."""
        self._refusals.labels(reason).inc()

    def login(self, method: str, outcome: str) -> None:
        self._logins.labels(method, outcome).inc()

    def validations(self, outcome: str) -> Callable[[], None]:
        """Counts one token that was looked at, when called: the library's own function, so that the hot path keeps its length.

        `outcome` is one of our own words, e.g. "valid"; ask for it once, at start.
        """
        bound: Callable[[], None] = self._validations.labels(outcome).inc
        return bound

    def position(self, seq: int) -> None:
        self._position.set(seq)

    def trails(self, seconds: float) -> None:
        """How old the newest change may be that a cell's replica lacks. The figure is there in cells only."""
        if self._lag is None:
            from prometheus_client import Gauge  # noqa: PLC0415 (as above)

            told = "Seconds by which the replica trails, or for which it has heard of no primary."
            self._lag = Gauge("gatestone_replica_lag_seconds", told, multiprocess_mode="mostrecent", registry=self.registry)
        self._lag.set(round(seconds, 3))

    def body(self) -> tuple[bytes, str]:
        """What `/metrics` answers, and its content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest  # noqa: PLC0415

        registry = self.registry
        if os.environ.get(MULTIPROCESS):
            from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST


def access_line(environ: Mapping[str, Any], status: str, seconds: float, request_id: str) -> None:
    """One line a request, at debug level; never the query or a header, which may hold secrets."""
    peer = environ.get("gatestone.peer")
    log().debug(
        "request",
        method=environ["REQUEST_METHOD"],
        path=_TOKEN_IN_PATH.sub(_MASK, f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"),
        status=int(status),
        ms=round(seconds * 1000, 2),
        address=peer.address if peer is not None else environ.get("REMOTE_ADDR", ""),
        request_id=request_id,
        global_request_id=environ.get("gatestone.global_request_id"),
    )


@functools.cache
def metrics() -> Metrics:
    """The process's metrics: one set, for prometheus_client keeps one file a process."""
    return Metrics()


def metrics_body() -> tuple[bytes, str]:
    """What `/metrics` answers, and its content type."""
    return metrics().body()


class LogSink:
    """An `EventSink`: one line a login, good or bad, and a counter by method and outcome."""

    def __init__(self, methods: Collection[str] = (), telemetry: Metrics | None = None) -> None:
        self._methods = frozenset(methods) or frozenset({"password", "token", "external", "kerberos", "x509", "mapped"})
        self._metrics = telemetry or metrics()

    def login(self, event: LoginEvent) -> None:
        outcome = event.outcome if event.outcome in ("success", "challenge") else "failure"
        # A client may send any names: only known ones become labels, each once, or it could fill the memory.
        known = bool(event.methods) and self._methods.issuperset(event.methods)
        self._metrics.login("+".join(sorted(set(event.methods))) if known else "other", outcome)
        write = log().warning if outcome == "failure" else log().info
        write(
            "login",
            outcome=event.outcome,
            methods=list(event.methods[:10]),
            face=event.face,
            user_id=event.user_id,
            user_name=event.user_name,
            scope=event.scope,
            address=event.address,
            reason=event.reason,
            request_id=event.request_id,
            audit_id=event.audit_id,
        )
