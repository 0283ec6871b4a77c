"""Options of single domains. Which there may be, and which are secret, is decided above."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, null, select

from ..model.domain_config import DomainOption
from .tables import domain_config
from .text import findable

TABLE = domain_config.c
OF_DOMAIN = TABLE.domain_id == bindparam("this")
LOAD = (
    select(TABLE.group_name, TABLE.option_name, TABLE.value, TABLE.sealed)
    .where(OF_DOMAIN)
    .order_by(TABLE.group_name, TABLE.option_name)
)
CLEAR = delete(domain_config).where(OF_DOMAIN)
ADD = insert(domain_config)


def load(db: Connection, domain_id: str) -> list[DomainOption]:
    """All options of the domain. One query."""
    return [DomainOption(*row) for row in db.execute(LOAD, {"this": domain_id})] if findable(domain_id) else []


def put(tx: Connection, domain_id: str, options: Sequence[DomainOption]) -> None:
    """Set these options, and leave the others. The domain must exist."""
    for option in options:
        clear(tx, domain_id, option.group, option.name)
    for option in options:
        place = {"domain_id": domain_id, "group_name": option.group, "option_name": option.name}
        tx.execute(ADD, {**place, "value": option.value if option.sealed is None else null(), "sealed": option.sealed})


def clear(tx: Connection, domain_id: str, group: str | None = None, name: str | None = None) -> int:
    """Drop the domain's options, or those of a group, or one; gives how many there were."""
    statement = CLEAR
    if group is not None:
        statement = statement.where(TABLE.group_name == group)
    if name is not None:
        statement = statement.where(TABLE.option_name == name)
    return int(tx.execute(statement, {"this": domain_id}).rowcount)
