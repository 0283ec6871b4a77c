"""A token as version 2.0 shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from identity import errors
from identity.model.access import Access
from identity.services.token_cache import Entry
from identity.web.context import Call
from identity.web.reply import encode
from identity.web.v2.gate import can_be_told, home

EXPIRES = "%Y-%m-%dT%H:%M:%SZ"
ISSUED = "%Y-%m-%dT%H:%M:%S.%fZ"


def head(call: Call, entry: Entry) -> bytes:
    """The token without its catalogue, kept with the entry; the body ends in two braces.

    Raises `errors.TokenNotFound` for one that version 2.0 has no words for. Keystone said 401 to some of these, which the
    services that validate tokens take for a refusal of their own.
    """
    if not can_be_told(entry.access, home(call)):
        raise errors.TokenNotFound(reason="version 2.0 cannot tell of this token")
    body = entry.rendered["v2"] = encode({"access": access_shape(entry.token, entry.access)})
    return body


def access_shape(token: str, access: Access) -> dict[str, Any]:
    """All but the catalogue. A tenant's description is not among what a token's check reads, and so is not told."""
    claims, subject = access.claims, access.subject
    user, project = subject.user, subject.project
    shown: dict[str, Any] = {
        "issued_at": datetime.fromtimestamp(claims.issued_at, UTC).strftime(ISSUED),
        "expires": datetime.fromtimestamp(claims.expires_at, UTC).strftime(EXPIRES),
        "id": token,
        "audit_ids": claims.audit_ids,
    }
    if project is not None:
        shown["tenant"] = {"id": project.id, "name": project.name, "enabled": project.enabled}
    return {
        "token": shown,
        "user": {
            "username": user.name,
            "name": user.name,
            "id": user.id,
            "roles": [{"name": role.name} for role in subject.roles],
            "roles_links": [],
        },
        "metadata": {"is_admin": 0, "roles": [role.id for role in subject.roles]},
    }
