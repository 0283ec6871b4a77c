"""The database, its schema and the signing keys; the clock, for tokens live by it."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator

from ...errors import Problem, SettingsError, StartError
from ...settings import Settings
from ...store import facts, migrations
from ...store.engine import Store
from ...tokens.keys import master_key_findings
from ...tokens.sources import CREDENTIAL
from .. import opening
from .finding import Finding, failed, ok, warning

_SKEW = 2.0  # seconds that hosts may differ; Kerberos itself allows 300
_JUMP = 0.5
_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)


def database_and_keys(settings: Settings) -> Iterator[Finding]:
    file = facts.absent_file(settings.database)
    if file:  # to open it would make it
        yield failed("database", f"there is no file {file}", "gatestone bootstrap, or correct database.connection")
        return
    try:
        with opening.opened(settings) as store:
            yield from _database(settings, store)
    except (Problem, StartError) as error:
        reason = error.reason if isinstance(error, Problem) else str(error)
        yield failed("database", reason, "start the database, or correct database.connection")


def _database(settings: Settings, store: Store) -> Iterator[Finding]:
    revision = migrations.current(store)
    if revision != migrations.HEAD:
        wanted = f"the schema is at {revision or 'nothing'}, this version needs {migrations.HEAD}"
        yield failed("database", wanted, "gatestone db upgrade")
        return
    yield ok("database", f"{store.dialect} answers, its schema is current ({revision})")
    yield from _keys(settings, store)
    yield from _clock(store)


def _keys(settings: Settings, store: Store) -> Iterator[Finding]:
    for found in master_key_findings(settings.keys):
        yield (failed if found.severe else warning)("keys", found.text, found.cure)
    try:
        sources = opening.key_sources(settings, store)
        if CREDENTIAL not in sources:
            cure = "set keys.master_key_file (`gatestone keys master`) or credential.key_repository"
            yield warning("keys", "no key to seal secrets with: EC2, TOTP and other credentials answer 503", cure)
        for name, source in sources.items():
            findings = list(source.findings())
            for found in findings:
                yield (failed if found.severe else warning)("keys", found.text, found.cure)
            if not findings:
                listing = source.listing()
                yield ok("keys", f"{name}: {len(listing)} keys, {listing[0].position} seals")
    except SettingsError:
        return  # told by `master_key_findings` already
    except (Problem, StartError) as error:
        yield failed("keys", error.reason if isinstance(error, Problem) else str(error), "gatestone keys list")
    else:
        if not sources.keys() - {CREDENTIAL}:
            yield ok("keys", f"{settings.token.provider} tokens need none")


def _clock(store: Store) -> Iterator[Finding]:
    drift = time.time() - time.monotonic()
    before = time.time()
    theirs = facts.clock(store)
    ours = (before + time.time()) / 2
    if theirs is not None and abs(theirs - ours) > _SKEW:
        cure = "synchronise both hosts with NTP (chrony, systemd-timesyncd)"
        yield warning("clock", f"the database's clock differs by {theirs - ours:+.1f} s", cure)
    jump = time.time() - time.monotonic() - drift
    if abs(jump) > _JUMP:
        yield warning("clock", f"the clock was moved by {jump:+.1f} s while this looked on", "let NTP slew it rather than step it")
    state = _kernel_state()
    if state == _UNSYNCHRONISED:
        yield warning("clock", "the kernel does not hold the clock for synchronised", "start chrony or systemd-timesyncd")
    else:
        known = "synchronised" if state is not None else "whether it is synchronised cannot be told here"
        yield ok("clock", f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}; {known}")


def _kernel_state() -> int | None:
    """What adjtimex(2) returns when it changes nothing; None where it cannot be asked."""
    try:
        asked = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    timex = ctypes.create_string_buffer(512)  # larger than any struct timex; modes = 0 only reads
    state = int(asked(timex))
    return None if state < 0 else state
