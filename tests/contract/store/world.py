"""A small cloud to ask questions about, and a counter of SQL statements."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from identity.model.subject import Subject
from identity.store import domains, grants, groups, projects, roles, subjects, users
from identity.store.engine import Store
from identity.store.grants import Grant

NOW = 1_700_000_000.0


class World:
    """Domain d1 with the user u1 in the group g1; the tree d1 > top > mid > leaf; the roles admin, member and reader.

    Nobody holds a role yet.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.begin() as tx:
            domains.create(tx, id="d1", name="One", now=NOW)
            for id, parent in (("top", "d1"), ("mid", "top"), ("leaf", "mid")):
                projects.create(tx, id=id, name=id, parent_id=parent, now=NOW)
            for role in ("admin", "member", "reader"):
                roles.create(tx, id=role, name=role, now=NOW)
            users.create(tx, id="u1", name="Ursula", domain_id="d1", now=NOW, hash="$hash$1")
            groups.create(tx, id="g1", name="Group", domain_id="d1")
            groups.add_member(tx, "g1", "u1", NOW)

    def do(self, action: Any, *args: Any, **values: Any) -> Any:
        """One write in a transaction of its own, at NOW."""
        with self.store.begin() as tx:
            return action(tx, *args, **values)

    def ask(self, action: Any, *args: Any, **values: Any) -> Any:
        with self.store.read() as db:
            return action(db, *args, **values)

    def grant(self, actor: str, target: str, role: str, *, inherited: bool = False) -> Grant:
        """`actor` is "user:ID" or "group:ID", `target` "project:ID", "domain:ID" or "system:system"."""
        made = Grant(*actor.split(":"), *target.split(":"), role, inherited)
        self.do(grants.add, made, NOW)
        return made

    def load(self, user: str = "u1", **scope: Any) -> Subject | None:
        scope.setdefault("since", 0)
        return self.ask(subjects.load, user, **scope)

    def roles(self, user: str = "u1", **scope: Any) -> list[str]:
        found = self.load(user, **scope)
        assert found is not None
        return [role.name for role in found.roles]

    def seq(self) -> int:
        return self.store.sequence()


class Queries:
    """Counts the statements that reach the driver."""

    def __init__(self, store: Store) -> None:
        self.engine = store.engine
        self.seen: list[tuple[str, Any]] = []

    @contextmanager
    def counted(self, expected: int):
        self.seen.clear()
        event.listen(self.engine, "before_cursor_execute", self._note)
        try:
            yield self
        finally:
            event.remove(self.engine, "before_cursor_execute", self._note)
        assert len(self.seen) == expected, [statement for statement, _ in self.seen]

    def _note(self, connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        self.seen.append((statement, parameters))
