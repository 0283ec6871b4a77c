"""The large cloud that is written in bulk: as many of everything as promised, the same each time, whole chunks only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from identity.errors import Conflict
from identity.store import seeding, tables
from identity.store.seeding import Size
from tests.contract.store.world import NOW, World

SIZE = Size(2000)
TABLES = ("project", "user_account", "password", "user_group", "membership", "role_grant")
ROLES = ("admin", "member", "reader")


class Stopped(Exception):
    pass


def counts(world: World) -> dict[str, int]:
    with world.store.read() as db:
        return {name: db.execute(select(func.count()).select_from(getattr(tables, name))).scalar_one() for name in TABLES}


def seed(world: World, size: Size = SIZE, tell: Callable[[str, int], None] = lambda kind, rows: None) -> None:
    seeding.seed(world.store, size, ROLES, "$hash$", NOW, tell)


def test_it_holds_what_it_promises(world: World) -> None:
    before, changes, told = counts(world), world.seq(), Counter[str]()
    seed(world, tell=lambda kind, rows: told.update({kind: rows}))
    after = counts(world)
    made = {name: after[name] - before[name] for name in TABLES}
    assert made["user_account"] == made["password"] == made["membership"] == 2000
    assert made["project"] == SIZE.projects + SIZE.domains == 402
    assert made["user_group"] == SIZE.groups == 40
    assert 3 * 2000 * 0.98 <= made["role_grant"] <= 3 * 2000  # a few fall on the same place
    assert sum(told.values()) == sum(made.values()) <= SIZE.rows
    assert world.seq() == changes


def test_nothing_dangles(world: World) -> None:
    seed(world)
    grant, place, child = tables.role_grant.c, tables.project, tables.project.alias("child")
    actors = {"user": tables.user_account, "group": tables.user_group}
    with world.store.read() as db:
        for kind, table in actors.items():
            lost = select(grant.actor_id).where(grant.actor_kind == kind, grant.actor_id.not_in(select(table.c.id)))
            assert db.execute(lost).first() is None
        assert db.execute(select(grant.target_id).where(grant.target_id.not_in(select(place.c.id)))).first() is None
        assert db.execute(select(grant.role_id).where(grant.role_id.not_in(ROLES))).first() is None
        home = func.coalesce(place.c.domain_id, place.c.id)
        strayed = select(child.c.id).join(place, place.c.id == child.c.parent_id).where(child.c.domain_id != home)
        assert db.execute(strayed).first() is None
        deep = select(child.c.id).join(place, place.c.id == child.c.parent_id).where(~place.c.is_domain)
        assert len(db.execute(deep).all()) > SIZE.projects / 4
        assert set(db.execute(select(grant.actor_kind).where(grant.inherited)).scalars()) == {"group"}


def rows(world: World) -> dict[str, set[str]]:
    """All there is, but passwords, whose numbers only grow."""
    with world.store.read() as db:
        return {name: {repr(row) for row in db.execute(select(getattr(tables, name)))} for name in TABLES if name != "password"}


def test_the_same_size_gives_the_same_cloud(world: World) -> None:
    before = rows(world)
    seed(world, Size(300))
    first = rows(world)
    with world.store.begin() as tx:
        tx.execute(tables.role_grant.delete())
        for table in (tables.user_account, tables.user_group):
            tx.execute(table.delete().where(table.c.name.like("seed-%")))
        for kind in ("seed-project-%", "seed-domain-%"):
            tx.execute(tables.project.delete().where(tables.project.c.name.like(kind)))
    assert rows(world) == before
    seed(world, Size(300))
    assert rows(world) == first


def test_it_can_be_stopped_between_two_chunks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "CHUNK", 100)
    before = counts(world)

    def stop(kind: str, rows: int) -> None:
        if kind == "users":
            raise Stopped

    with pytest.raises(Stopped):
        seed(world, tell=stop)
    after = counts(world)
    assert after["user_account"] - before["user_account"] == 100
    assert after["password"] == before["password"] and after["role_grant"] == before["role_grant"]


def test_a_store_is_seeded_once(world: World) -> None:
    seed(world, Size(20))
    before = counts(world)
    with pytest.raises(Conflict, match="has been seeded before"):
        seed(world, Size(50))
    assert counts(world) == before
