"""Making trusts: who may hand on what, and how often it may be handed on again."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from sqlalchemy import Connection

from identity import errors
from identity.model.auth import UserRef
from identity.model.delegation import Trust, WantedTrust
from identity.store import handed_roles, projects, subjects, trusts, users

MOST_REDELEGATIONS: Final = 3
"""How often a trust may be handed on, as Keystone's `[trust] max_redelegation_count`."""


def make(tx: Connection, wanted: WantedTrust, caller_id: str, now: float, parent: Trust | None = None) -> Trust:
    """Store the trust that the caller gives; `parent` is the trust of the caller's own token, if it came of one.

    Raises `errors.Forbidden` for what the caller may not hand on, `NotFound` for a user, project or role that is not there or
    not the trustor's, `BadRequest`.
    """
    if wanted.project_id and not wanted.roles:
        raise errors.Forbidden("A trust on a project needs at least one role.")
    if wanted.trustor_user_id != caller_id:
        raise errors.Forbidden("Only the trustor can make the trust.")
    if users.find(tx, UserRef(id=wanted.trustee_user_id)) is None:
        raise errors.missing("user", wanted.trustee_user_id)
    role_ids = handed_roles.named(tx, wanted.roles)
    _check_held(tx, wanted, role_ids)
    new = Trust(
        id=uuid4().hex,
        trustor_user_id=wanted.trustor_user_id,
        trustee_user_id=wanted.trustee_user_id,
        project_id=wanted.project_id or None,
        impersonation=wanted.impersonation,
        expires_at=expiry(wanted, parent),
        created_at=now,
        remaining_uses=wanted.remaining_uses,
        redelegated_trust_id=parent.id if parent else None,
        redelegation_count=redelegations(wanted, parent),
        extra=wanted.extra,
        roles=handed_roles.existing(tx, role_ids),
    )
    if parent is not None:
        check_share(parent, new)
    trusts.create(tx, new)
    return new


def redelegations(wanted: WantedTrust, parent: Trust | None) -> int:
    """How often the new trust may be handed on. Raises `errors.Forbidden`, `BadRequest`."""
    asked = wanted.redelegation_count
    if not wanted.allow_redelegation or asked == 0:
        return 0
    if asked is not None and asked > MOST_REDELEGATIONS:
        raise errors.Forbidden(f"A trust can be handed on at most {MOST_REDELEGATIONS} times.")
    if wanted.remaining_uses is not None:
        raise errors.BadRequest("remaining_uses must not be set for a trust that may be handed on.")
    if parent is None:
        return MOST_REDELEGATIONS if asked is None else asked
    left = parent.redelegation_count - 1
    if asked is not None and asked != left:
        raise errors.Forbidden("redelegation_count follows from the trust that is handed on: leave it out.")
    return left


def expiry(wanted: WantedTrust, parent: Trust | None) -> float | None:
    """The end of the new trust: as asked, or else its parent's. Raises `errors.Forbidden` for one after its parent's."""
    ends = parent.expires_at if parent else None
    if wanted.expires_at is None or ends is None:
        return ends if wanted.expires_at is None else wanted.expires_at
    if wanted.expires_at > ends:
        raise errors.Forbidden("A trust cannot last longer than the one that it hands on.")
    return wanted.expires_at


def check_share(parent: Trust, new: Trust) -> None:
    """Hold a trust against the one that it hands on. Raises `errors.Forbidden`."""
    why = None
    if not 0 < parent.redelegation_count <= MOST_REDELEGATIONS:
        why = "The trust may not be handed on again."
    elif new.remaining_uses is not None:
        why = "remaining_uses must not be set where a trust is handed on."
    elif new.project_id != parent.project_id:
        why = "A trust is handed on for its own project only."
    elif not {role.id for role in new.roles} <= {role.id for role in parent.roles}:
        why = "A trust can hand on only roles that it has itself."
    elif new.impersonation and not parent.impersonation:
        why = "A trust without impersonation cannot hand it on."
    if why:
        raise errors.Forbidden(why)


def _check_held(tx: Connection, wanted: WantedTrust, role_ids: list[str]) -> None:
    """A role that the trustor does not have is not told from one that does not exist."""
    held: set[str] = set()
    if wanted.project_id:
        if projects.get(tx, wanted.project_id) is None:
            raise errors.missing("project", wanted.project_id)
        held = subjects.roles_held(tx, wanted.trustor_user_id, wanted.project_id)
    for role_id in role_ids:
        if role_id not in held:
            raise errors.missing("role", role_id)
