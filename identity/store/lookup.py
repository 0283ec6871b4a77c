"""Finding a thing by the reference that a client wrote: by id, or by name within a domain that is named by id or name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, Select, Table, bindparam

from ..model.auth import DomainRef, ProjectRef, UserRef
from .tables import project
from .text import findable

# The domain that a user or project belongs to.
home = project.alias("home")


class Finder:
    """Three statements made of one: by id, by name and domain id, by name and domain name. Names are compared exactly as stored."""

    def __init__(self, rows: Select[Any], owned: Table, domain: FromClause = home) -> None:
        named = rows.where(owned.c.name == bindparam("ref_name"))
        self.by_id = rows.where(owned.c.id == bindparam("ref_id"))
        self.by_domain_id = named.where(owned.c.domain_id == bindparam("ref_domain"))
        # No domain is inside another: said so that the unique index finds it, where else every project would be looked at.
        self.by_domain_name = named.where(
            domain.c.name == bindparam("ref_domain"), domain.c.is_domain, domain.c.domain_id.is_(None)
        )

    def statement(self, ref: UserRef | ProjectRef) -> tuple[Select[Any], dict[str, str]] | None:
        """The one that answers `ref`, with its parameters; None if no row can. An id beats a name."""
        place = ref.domain or DomainRef()
        if not findable(ref.id, ref.name, place.id, place.name):
            return None
        if ref.id is not None:
            return self.by_id, {"ref_id": ref.id}
        if ref.name is not None and place.id is not None:
            return self.by_domain_id, {"ref_name": ref.name, "ref_domain": place.id}
        if ref.name is not None and place.name is not None:
            return self.by_domain_name, {"ref_name": ref.name, "ref_domain": place.name}
        return None
