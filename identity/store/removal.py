"""Whose tokens end when groups or roles are deleted.

The change must name what is still there afterwards: once a group is gone, nobody's snapshot has its tags any more.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BindParameter, Connection, bindparam, select

from ..model import revocation
from .tables import membership, role_grant, role_implication

Changes = list[tuple[str, str, bool]]

GROUPS: BindParameter[Sequence[str]] = bindparam("groups", expanding=True)
ROLES: BindParameter[Sequence[str]] = bindparam("roles", expanding=True)
WITH_GRANTS = (role_grant.c.actor_kind == "group", role_grant.c.actor_id.in_(GROUPS))
GRANTED = select(role_grant.c.actor_id).where(*WITH_GRANTS).distinct()
MEMBERS = select(membership.c.user_id).where(membership.c.group_id.in_(GROUPS)).distinct()
HOLDERS = select(role_grant.c.actor_id, role_grant.c.target_id).where(role_grant.c.role_id.in_(ROLES)).distinct()
PRIORS = select(role_implication.c.prior_id).where(role_implication.c.implied_id.in_(ROLES)).distinct()


def by_groups(tx: Connection, group_ids: Sequence[str]) -> Changes:
    """For groups that hold a role anywhere: each member, and each group itself for those whom a federated login put into it."""
    granted = tx.execute(GRANTED, {"groups": list(group_ids)}).scalars().all()
    members = tx.execute(MEMBERS, {"groups": granted}).scalars().all()
    return [(revocation.GRANT, f"{id}/*", True) for id in (*granted, *members)]


def by_roles(tx: Connection, role_ids: Sequence[str]) -> Changes:
    """The roles themselves, every grant of them, and the roles that implied them."""
    given = {"roles": list(role_ids)}
    grants = [(revocation.GRANT, f"{actor}/{target}", True) for actor, target in tx.execute(HOLDERS, given)]
    roles = {*role_ids, *tx.execute(PRIORS, given).scalars()}
    return grants + [(revocation.ROLE, id, True) for id in sorted(roles)]
