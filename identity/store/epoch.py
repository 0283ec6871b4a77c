"""The change log: what may have altered a token's validity or content, in the order of commits."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from ..model.revocation import RESUMED, Change, tag
from .tables import change, change_counter

# The row lock that this UPDATE takes is held until the transaction ends, so a later number is never visible before an earlier one.
RAISE = update(change_counter).values(seq=change_counter.c.seq + bindparam("count")).returning(change_counter.c.seq)
APPEND = insert(change)
CURRENT = select(change_counter.c.seq)
SINCE = (
    select(change.c.seq, change.c.tag, change.c.at, change.c.revokes)
    .where(change.c.seq > bindparam("seq"))
    .order_by(change.c.seq)
    .limit(bindparam("limit"))
)
LIFT = update(change_counter).values(seq=bindparam("least")).where(change_counter.c.seq < bindparam("least"))
OLDEST = select(func.coalesce(select(func.min(change.c.seq)).scalar_subquery(), CURRENT.scalar_subquery() + 1))
# Goes by the first young row, not by each row's time: clocks of several hosts must not tear holes into the log.
PRUNE = delete(change).where(
    change.c.seq
    < func.coalesce(
        select(func.min(change.c.seq)).where(change.c.at >= bindparam("before")).scalar_subquery(), CURRENT.scalar_subquery()
    )
)


def record(tx: Connection, clock_now: float, changes: Iterable[tuple[str, str, bool]]) -> int:
    """Write (kind, id, revokes) rows under successive numbers; gives the last one.

    Call it last in a transaction: it makes other writers wait until this one has ended.
    """
    rows = [{"tag": tag(kind, id), "at": clock_now, "revokes": revokes} for kind, id, revokes in changes]
    if not rows:
        return current(tx)
    last = int(tx.execute(RAISE, {"count": len(rows)}).scalar_one())
    first = last - len(rows) + 1
    tx.execute(APPEND, [{"seq": first + place, **row} for place, row in enumerate(rows)])
    return last


def current(db: Connection) -> int:
    """The number of the last change that is committed."""
    return int(db.execute(CURRENT).scalar_one())


def since(db: Connection, seq: int, limit: int = 10000) -> list[Change]:
    """The changes after `seq`, oldest first, at most `limit`."""
    return [_change(*row) for row in db.execute(SINCE, {"seq": seq, "limit": limit})]


def at(db: Connection, seq: int) -> Change | None:
    """The change of that number, as this database has it."""
    found = since(db, seq - 1, 1)
    return found[0] if found and found[0].seq == seq else None


def resume(tx: Connection, reached: int, at: float, young: float, limit: int = 1000) -> int:
    """Go on above `reached`, a number that a database gave out which knew more than this one; gives the last number.

    Every change to come is then newer than every token. Those that this database has had meanwhile (since `young`, in seconds)
    are written once more: there are tokens with higher numbers that are older than they. The last row marks the place.
    """
    newest = current(tx)
    known = [one for one in since(tx, newest - limit, limit) if one.at >= young and one.kind != RESUMED]
    late = {(one.kind, one.id, one.revokes): one for one in known}
    tx.execute(LIFT, {"least": reached})
    for one in late.values():
        record(tx, one.at, [(one.kind, one.id, one.revokes)])
    return record(tx, at, [(RESUMED, str(newest), False)])


def oldest(db: Connection) -> int:
    """The lowest number that the log still holds, or would hold next. Who has read less than the one before it has a gap."""
    return int(db.execute(OLDEST).scalar_one())


def prune(tx: Connection, before: float) -> int:
    """Drop changes older than every token (`before` in seconds); gives how many. The newest row and the counter stay: a token
    that is older than the oldest row left may have been revoked by one that is gone, and is refused for that.
    """
    return int(tx.execute(PRUNE, {"before": before}).rowcount)


def _change(seq: int, name: str, at: float, revokes: bool) -> Change:
    kind, _, id = name.partition(":")
    return Change(seq=seq, kind=kind, id=id, at=at, revokes=revokes)
