"""Who has which role on what: one list of all grants, as they are stored or as they come out, in one query (two for a page)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Boolean, Connection, Integer, String, TextClause, bindparam, text

from ..errors import BadRequest
from ..model.assignment import Assignment, AssignmentNames, AssignmentQuery, Named
from . import assignment_sql
from .assignment_sql import KEY
from .text import findable

SORTABLE: Final = {
    "user.id": "actor_id",
    "group.id": "actor_id",
    "role.id": "role_id",
    "scope.project.id": "target_id",
    "scope.domain.id": "target_id",
}
NAMED: Final = re.compile(r":(\w+)")
TYPES: Final = {"inherited": Boolean, "limit": Integer, "most": Integer}


@dataclass(frozen=True, slots=True)
class FoundAssignments:
    """`next_after`: there are more, behind these leading values; empty at the end of the list."""

    entries: Sequence[Assignment]
    next_after: tuple[str | bool, ...] = ()


def listed(db: Connection, wanted: AssignmentQuery) -> FoundAssignments:
    """The assignments that are wanted. Raises `BadRequest` for a sort key or a place in the list that cannot be."""
    if not _possible(wanted):
        return FoundAssignments(())
    values: dict[str, Any] = {
        "role": wanted.role_id,
        "actor": wanted.user_id if wanted.user_id is not None else wanted.group_id,
        "project": wanted.project_id,
        "domain": wanted.domain_id,
        "inside": wanted.inside,
        "limit": None if wanted.limit is None else wanted.limit + 1,
    }
    last = _last_user(db, wanted)
    if last is not None:
        values |= {"first": wanted.after[1] if wanted.after else "", "last": last}
    order, after = _order(wanted, values)
    if wanted.effective:
        statement = assignment_sql.effective(wanted, order, after, bounded=last is not None)
    else:
        statement = assignment_sql.stored(wanted, order, after)
    entries = [_entry(row, wanted.names) for row in db.execute(*_bound(statement, values))]
    if wanted.limit is not None and len(entries) > wanted.limit:
        end = entries[wanted.limit - 1]
        return FoundAssignments(entries[: wanted.limit], tuple(getattr(end, name) for name in KEY))
    return FoundAssignments(entries, () if last is None else ("user", last))


def _possible(wanted: AssignmentQuery) -> bool:
    """Whether there can be any: values that no row has, and scopes that the domain asked for is not."""
    if not findable(wanted.role_id, wanted.user_id, wanted.group_id, wanted.project_id, wanted.domain_id):
        return False
    if wanted.inside is not None and (wanted.system or wanted.domain_id not in (None, wanted.inside)):
        return False
    return not (wanted.effective and (wanted.group_id is not None or (wanted.domain_id is not None and wanted.inherited)))


def _last_user(db: Connection, wanted: AssignmentQuery) -> str | None:
    """Up to whom a page of everybody's effective assignments reaches: else each page would cost as much as the whole list."""
    everybody = not (wanted.user_id or wanted.project_id or wanted.domain_id or wanted.system or wanted.inside)
    if not wanted.effective or wanted.limit is None or wanted.sort or not everybody:
        return None
    values = {"role": wanted.role_id, "behind": wanted.after[1] if wanted.after else "", "most": wanted.limit + 1}
    found = db.execute(*_bound(assignment_sql.last_user(wanted), values)).scalar()
    return None if found is None else str(found)


def _order(wanted: AssignmentQuery, values: dict[str, Any]) -> tuple[str, str]:
    """ORDER BY, with {} for the table, and the condition for what lies behind `after`, whose values go to `values`."""
    keys = []
    for sort in wanted.sort:
        if sort.name not in SORTABLE:
            raise BadRequest(f"This list cannot be sorted by {sort.name[:64]!r}, but by {', '.join(SORTABLE)}.")
        keys.append((SORTABLE[sort.name], sort.descending))
    falling = bool(keys) and keys[-1][1]
    # What is not a column of a grant is the same in all grants as they are stored.
    columns = KEY if wanted.effective else KEY[:6]
    keys += [(name, falling) for name in columns if name not in dict(keys)]
    order = ", ".join(f"{{0}}.{name}{' DESC' if descending else ''}" for name, descending in keys)
    if not wanted.after:
        return order, ""
    known = dict(zip(KEY, wanted.after, strict=False))
    if len(known) < len(KEY) and wanted.sort:
        raise BadRequest("The marker belongs to a list in another order.")
    keys = [(name, descending) for name, descending in keys if name in known]
    values |= {f"after_{name}": known[name] for name, _ in keys}
    return order, _behind(keys)


def _behind(keys: Sequence[tuple[str, bool]]) -> str:
    """(a, b) > (x, y), which an index answers; where some fall and others rise, spelled out."""
    if len({descending for _, descending in keys}) == 1:
        sign = "<" if keys[0][1] else ">"
        names, marks = ", ".join(f"g.{name}" for name, _ in keys), ", ".join(f":after_{name}" for name, _ in keys)
        return f"({names}) {sign} ({marks})"
    reached = []
    for depth, (name, descending) in enumerate(keys):
        before = [f"g.{other} = :after_{other}" for other, _ in keys[:depth]]
        reached.append(" AND ".join([*before, f"g.{name} {'<' if descending else '>'} :after_{name}"]))
    return "(" + " OR ".join(f"({one})" for one in reached) + ")"


def _bound(statement: str, values: dict[str, Any]) -> tuple[TextClause, dict[str, Any]]:
    """The statement with those of the values that it asks for."""
    used = {name: values[name] for name in NAMED.findall(statement)}
    return text(statement).bindparams(
        *[bindparam(name, type_=TYPES.get(name.removeprefix("after_"), String)) for name in used]
    ), used


def _entry(row: Sequence[Any], named: bool) -> Assignment:
    key: list[Any] = [*row[: len(KEY)]]
    key[4] = bool(key[4])
    if named:
        key.append(AssignmentNames(Named(*row[10:13]), Named(*row[13:16]), Named(*row[16:19])))
    return Assignment(*key)
