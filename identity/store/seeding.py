"""A large cloud in bulk, to try scale on: many users, projects, groups and grants, written past the API in a few seconds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Table, insert, select, text

from ..errors import Conflict
from .engine import Store
from .tables import membership, password, project, role_grant, user_account, user_group

CHUNK = 5000
Row = dict[str, Any]
Tell = Callable[[str, int], None]
THERE = select(project.c.id).where(project.c.name == "seed-domain-0", project.c.is_domain)


@dataclass(frozen=True, slots=True)
class Size:
    """For N users: N/5 projects (a third of them below another), N/50 groups, N/1000 domains, N memberships and 3N grants."""

    users: int

    @property
    def projects(self) -> int:
        return max(self.users // 5, 2)

    @property
    def groups(self) -> int:
        return max(self.users // 50, 1)

    @property
    def domains(self) -> int:
        return max(self.users // 1000, 1)

    @property
    def rows(self) -> int:
        """How many rows are written."""
        return self.domains + self.projects + self.groups + 6 * self.users


def seed(store: Store, size: Size, role_ids: Sequence[str], hash: str, now: float, tell: Tell) -> None:
    """Write it, 5,000 rows a transaction; `tell(kind, rows)` is called after each. The same size gives the same cloud.

    Names are seed-domain-0, seed-user-0 and so on; every user has the one password of `hash`. Nothing that a token may hold is
    altered, so no change is logged. Raises `errors.Conflict` where such a cloud, or a part of one, exists already.
    """
    with store.read() as db:
        if db.execute(THERE).first() is not None:
            raise Conflict("This store has been seeded before: there is a domain seed-domain-0. Seed an empty store.")
    chance = random.Random(size.users)  # noqa: S311 - shapes, not secrets
    place = _Places(size, chance)
    parts: tuple[tuple[str, Table, Iterator[Row]], ...] = (
        ("domains", project, place.domain_rows(now)),
        ("projects", project, place.project_rows(now)),
        ("groups", user_group, place.group_rows()),
        ("users", user_account, place.user_rows(now)),
        ("passwords", password, ({"user_id": id, "hash": hash, "created_at": now} for id in place.users)),
        ("memberships", membership, place.membership_rows()),
        ("grants", role_grant, place.grant_rows(role_ids)),
    )
    for kind, table, rows in parts:
        for chunk in _chunks(rows):
            with store.begin() as tx:
                tx.execute(insert(table), chunk)
            tell(kind, len(chunk))
    with store.begin() as tx:
        tx.execute(text("ANALYZE"))  # a planner without figures walks whole tables


class _Places:
    """Who and what is where, all by number."""

    def __init__(self, size: Size, chance: random.Random) -> None:
        def ids(count: int) -> list[str]:
            return [UUID(int=chance.getrandbits(128), version=4).hex for _ in range(count)]

        self.domains, self.projects, self.groups, self.users = map(ids, (size.domains, size.projects, size.groups, size.users))
        self._chance = chance

    def domain_rows(self, now: float) -> Iterator[Row]:
        for number, id in enumerate(self.domains):
            yield {"id": id, "name": f"seed-domain-{number}", "is_domain": True, "created_at": now}

    def project_rows(self, now: float) -> Iterator[Row]:
        """Every third stands below the one `len(domains)` before it, which is of the same domain."""
        step = len(self.domains)
        for number, id in enumerate(self.projects):
            home = self.domains[number % step]
            above = self.projects[number - step] if number >= step and (number // step) % 3 == 2 else home
            yield {"id": id, "name": f"seed-project-{number}", "domain_id": home, "parent_id": above, "created_at": now}

    def group_rows(self) -> Iterator[Row]:
        for number, id in enumerate(self.groups):
            yield {"id": id, "name": f"seed-group-{number}", "domain_id": self.domains[number % len(self.domains)]}

    def user_rows(self, now: float) -> Iterator[Row]:
        for number, id in enumerate(self.users):
            home = self.domains[number % len(self.domains)]
            extra = {"email": f"seed-user-{number}@example.org"}
            yield {"id": id, "name": f"seed-user-{number}", "domain_id": home, "extra": extra, "created_at": now}

    def membership_rows(self) -> Iterator[Row]:
        for number, id in enumerate(self.users):
            yield {"user_id": id, "group_id": self.groups[number % len(self.groups)]}

    def grant_rows(self, role_ids: Sequence[str]) -> Iterator[Row]:
        """Three a user, each on another project; for every tenth one is its group's instead, and half of those are inherited."""
        seen = set()
        for number, user in enumerate(self.users):
            for turn in range(3):
                target = self.projects[(number * 7 + turn * 13 + number // len(self.projects)) % len(self.projects)]
                role = role_ids[(number + turn) % len(role_ids)]
                kind, actor, inherited = "user", user, False
                if number % 10 == 0 and turn == 2:
                    kind, actor, inherited = "group", self.groups[number % len(self.groups)], number % 20 == 0
                key = (kind, actor, target, inherited, role)
                if key in seen:
                    continue
                seen.add(key)
                yield {
                    "actor_kind": kind,
                    "actor_id": actor,
                    "target_kind": "project",
                    "target_id": target,
                    "inherited": inherited,
                    "role_id": role,
                }


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
