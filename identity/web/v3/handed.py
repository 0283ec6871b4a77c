"""What the resources of delegation have in common: roles as they are named and shown, and who may not hand on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.assignment import RoleEntry
from identity.model.delegation import RoleRef, is_delegated
from identity.web.body import UNSET, Id, Name, Unset, optional
from identity.web.context import Call


class RoleBody(msgspec.Struct, forbid_unknown_fields=True):
    """A role by its id or by its name, not by both."""

    id: Id | Unset = UNSET
    name: Name | Unset = UNSET


RolesBody = Annotated[list[RoleBody], Meta(max_length=256)]


def refs(given: Sequence[RoleBody] | Unset) -> tuple[RoleRef, ...]:
    """The roles that the client named. Raises `errors.BadRequest`."""
    found = []
    for role in () if isinstance(given, Unset) else given:
        if isinstance(role.id, str) == isinstance(role.name, str):
            raise errors.BadRequest("Invalid input: each of the roles needs either an id or a name.")
        found.append(RoleRef(optional(role.id, None), optional(role.name, None)))
    return tuple(found)


def role_shape(role: RoleEntry) -> dict[str, Any]:
    """A role without its links, as application credentials show it."""
    return {
        **role.extra,
        "id": role.id,
        "name": role.name,
        "domain_id": role.domain_id,
        "description": role.description or None,
        "options": role.options,
    }


def refuse_delegated(call: Call, message: str) -> None:
    """Raise `errors.Forbidden` for a token that somebody was handed: it is worth less than its user (CWE-269)."""
    claims = call.caller.access.claims
    if is_delegated(claims):
        raise errors.Forbidden(message, reason="the caller's token is delegated")
