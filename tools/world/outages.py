"""Faults of the database: it stands still, it restarts, it dies and its standby takes over."""

from __future__ import annotations

import shutil
import time

from . import site
from .processes import until
from .stage import Fault, Stage
from .tally import Sample

_STILL = 10.0  # seconds
_ANSWER = 5.0  # seconds within which whoever asks meanwhile is told


def hung(stage: Stage) -> None:
    """Every process of PostgreSQL is stopped, and let go again."""
    machines = stage.machines
    pids = {name: daemon.family() for name, daemon in machines.gateways.items()}
    sessions = machines.primary.sessions()
    with stage.fault("database hung for 10 s") as fault:
        machines.primary.freeze()
        still = time.monotonic()
        try:
            stage.hold(_STILL)
        finally:
            moved = time.monotonic()
            machines.primary.thaw()
        fault.harm()
    _told_in_time(stage, fault, still, moved)
    fault.expect(fault.recovery_s <= 5, f"normal again {fault.recovery_s:.2f} s after it went on; 5 s are allowed")
    for name, daemon in machines.gateways.items():
        fault.expect(daemon.family() == pids[name], f"processes of {name} were replaced")
    _no_leak(stage, fault, sessions)


def restarted(stage: Stage) -> None:
    """As `pg_ctl restart -m fast`."""
    machines = stage.machines
    sessions = machines.primary.sessions()
    with stage.fault("database restarted") as fault:
        machines.primary.restart()
        until(machines.primary.has_standby, 20, "the standby to be in step")
    _only_refused(fault, stage)
    _no_leak(stage, fault, sessions)


def failed_over(stage: Stage, away: float = 1.0) -> None:
    """The primary dies; after `away` seconds the operator promotes the standby. Nobody tells the gateways."""
    with stage.fault("database failed over") as fault:
        _fail_over(stage, away)
    fault.notes.append(f"promoted after {away:.0f} s")
    _only_refused(fault, stage)
    fault.expect(fault.recovery_s <= away + 10, f"recovered {fault.recovery_s:.2f} s after the primary died")


def rebuilt(stage: Stage) -> None:
    """Make the dead primary's host the standby of the new one, as an operator does next; nobody notices."""
    machines = stage.machines
    with stage.fault("standby rebuilt") as fault:
        shutil.rmtree(machines.standby.data)
        machines.standby.copy(machines.primary)
        machines.standby.start()
        machines.primary.wait_for_standby()
    stage.spared(fault)


def failed_over_with_staleness(stage: Stage, staleness: float = 5.0, away: float = 3.0) -> None:
    """The same where the operator allows validations from memory for some seconds; the setting is rolled out first."""
    machines, tally = stage.machines, stage.load.tally
    machines.files.settings["token"] = {"max_staleness": staleness}
    machines.files.render()
    tally.staleness = staleness
    with stage.fault(f"staleness of {staleness:.0f} s rolled out") as step:
        machines.roll()
    stage.spared(step)
    with stage.fault("database failed over, staleness allowed") as fault:
        died = time.monotonic()
        _fail_over(stage, away)
    checked = _asked(stage, died + 0.2, died + away)
    cached = sum(one.what == "validate" and one.status == 200 for one in checked)
    written = sum(one.what in ("create", "grant", "revoke") and not one.failed for one in checked)
    fault.notes.append(f"{cached} validations answered from memory in {away:.0f} s without a database")
    fault.expect(cached > 0, "no validation was answered from memory")
    fault.expect(written == 0, f"{written} writes were acknowledged without a database")
    _only_refused(fault, stage)


def _fail_over(stage: Stage, away: float) -> None:
    machines = stage.machines
    machines.primary.daemon.kill()
    stage.hold(away)
    machines.standby.promote()
    machines.primary, machines.standby = machines.standby, machines.primary


def _asked(stage: Stage, begin: float, end: float) -> list[Sample]:
    """Requests that were asked and answered in that time."""
    return [one for one in stage.load.tally.between(begin, end) if one.began >= begin and one.ended <= end]


def _told_in_time(stage: Stage, fault: Fault, still: float, moved: float) -> None:
    """Of what was asked while nobody could look: 503 for each, within five seconds; no answer that would be a guess."""
    asked = [one for one in stage.load.tally.between(still, moved) if one.began >= still]
    answered = [one for one in asked if one.ended < moved]
    guessed = [one for one in answered if one.status not in (0, 503)]
    fault.expect(bool(answered), "nobody asked while it stood still")
    fault.expect(not guessed, f"{len(guessed)} answers without the database, such as {guessed[:1]}")
    fault.expect(not [one for one in answered if one.status == 0], "a request got no answer while it stood still")
    slowest = max((one.ended - one.began for one in asked), default=0.0)
    fault.notes.append(f"{len(answered)} answered 503 meanwhile, the slowest after {slowest:.1f} s")
    fault.expect(slowest <= _ANSWER + 0.3, f"an answer took {slowest:.2f} s; {_ANSWER:.0f} s are allowed")


def _only_refused(fault: Fault, stage: Stage) -> None:
    """Whatever was not served was refused with 503: no connection was dropped, and nothing else was said."""
    during = stage.load.tally.between(fault.begun, fault.ended)
    others = sorted({one.status for one in during if one.lost and one.status != 503})
    fault.expect(not others, f"failed with {others}, not 503")


def _no_leak(stage: Stage, fault: Fault, before: int) -> None:
    """No transaction is left open, and there are about as many connections as before: a client may have brought one up."""
    primary = stage.machines.primary
    bound = before + 2 * stage.clients() + len(site.POOLS)
    until(lambda: primary.stuck() == 0, 10, "transactions that were cut short to be rolled back")
    after = primary.sessions()
    fault.notes.append(f"connections: {before} before, {after} after")
    fault.expect(after <= bound, f"{after} connections to the database after it, {before} before")
