"""`--seed N`: fills the demo's database with a large cloud, with a bar that shows how far it is."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ...services.hashing import Hasher
from ...store import roles
from ...store.engine import Store
from ...store.seeding import Size, seed
from .. import opening
from .world import World

ROLES = ("member", "reader", "manager")


def add(screen: Console, world: World, users: int, proceed: Callable[[], None]) -> str:
    """Write the cloud for `users` users; gives the password of all of them. `proceed` may stop it between two transactions."""
    password = secrets.token_urlsafe(12)
    size = Size(users)
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with opening.opened(world.settings) as store, Progress(*columns, console=screen) as progress:
        bar = progress.add_task("seeding", total=size.rows)

        def tell(kind: str, rows: int) -> None:
            progress.update(bar, advance=rows, description=f"seeding {kind}")
            proceed()

        seed(store, size, _role_ids(store), Hasher(world.settings.identity).hash(password), time.time(), tell)
        progress.update(bar, description="seeded", completed=size.rows)
    screen.print(
        f"  seed-user-0 to seed-user-{users - 1}, {size.projects} projects and {size.domains} domains; "
        f"each of these users has the password {password}",
        soft_wrap=True,
    )
    return password


def _role_ids(store: Store) -> list[str]:
    with store.read() as db:
        return [found.id for name in ROLES if (found := roles.find(db, name)) is not None]
