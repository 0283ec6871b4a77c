"""Whose tokens end when groups or roles are deleted.

The change must name what is still there afterwards: once a group is gone, nobody's snapshot has its tags any more.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, Select, select

from ..model import revocation
from .tables import membership, role_grant, role_implication

Changes = list[tuple[str, str, bool]]


def by_groups(tx: Connection, groups: Select[tuple[str]], given: Mapping[str, str]) -> Changes:
    """For groups that hold a role anywhere: each member, and each group itself for those whom a federated login put into it.

    `groups` selects their ids, with the parameters `given`: a list of them would be longer than SQLite takes, in a large domain.
    """
    granted = select(role_grant.c.actor_id).where(role_grant.c.actor_kind == "group", role_grant.c.actor_id.in_(groups)).distinct()
    members = select(membership.c.user_id).where(membership.c.group_id.in_(granted)).distinct()
    return [(revocation.GRANT, f"{id}/*", True) for ids in (granted, members) for id in tx.execute(ids, given).scalars()]


def by_roles(tx: Connection, roles: Select[tuple[str]], given: Mapping[str, str]) -> Changes:
    """The roles themselves, every grant of them, and the roles that implied them. `roles` as for groups."""
    held = select(role_grant.c.actor_id, role_grant.c.target_id).where(role_grant.c.role_id.in_(roles)).distinct()
    priors = select(role_implication.c.prior_id).where(role_implication.c.implied_id.in_(roles)).distinct()
    grants = [(revocation.GRANT, f"{actor}/{target}", True) for actor, target in tx.execute(held, given)]
    touched = {*tx.execute(roles, given).scalars(), *tx.execute(priors, given).scalars()}
    return grants + [(revocation.ROLE, id, True) for id in sorted(touched)]
