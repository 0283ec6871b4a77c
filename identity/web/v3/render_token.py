"""A token as version 3 shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from identity.model.access import Access
from identity.model.delegation import Confinement
from identity.services.token_cache import Entry
from identity.web.reply import encode

ISO = "%Y-%m-%dT%H:%M:%S.%fZ"  # as the API writes times: 2026-11-21T09:00:00.000000Z


def head(entry: Entry) -> bytes:
    """The token without its catalogue, kept with the entry; the body ends in two braces."""
    body = entry.rendered["v3"] = encode({"token": token_shape(entry.access)})
    return body


def token_shape(access: Access) -> dict[str, Any]:
    """The token's own members, in the order in which Keystone writes them. Without calls of ours: every new token passes here."""
    claims, subject = access.claims, access.subject
    user, project, domain = subject.user, subject.project, subject.domain
    expiry = user.password_expires_at
    shape: dict[str, Any] = {
        "methods": claims.methods,
        "user": {
            "domain": {"id": user.domain.id, "name": user.domain.name},
            "id": user.id,
            "name": user.name,
            "password_expires_at": None if expiry is None else datetime.fromtimestamp(expiry, UTC).strftime(ISO)[:-1],
        },
        "audit_ids": claims.audit_ids,
        "expires_at": datetime.fromtimestamp(claims.expires_at, UTC).strftime(ISO),
        "issued_at": datetime.fromtimestamp(claims.issued_at, UTC).strftime(ISO),
    }
    if project is not None:
        owner = {"id": project.domain.id, "name": project.domain.name}
        shape["project"] = {"domain": owner, "id": project.id, "name": project.name}
        shape["is_domain"] = project.is_domain
    elif domain is not None:
        shape["domain"] = {"id": domain.id, "name": domain.name}
    elif subject.system:
        shape["system"] = {"all": True}
    if project or domain or subject.system:
        shape["roles"] = subject.roles  # encoded field by field: id and name
    if subject.confinement is not None:
        shape["application_credential"] = _confinement(subject.confinement)
    return shape


def _confinement(held_to: Confinement) -> dict[str, Any]:
    shape: dict[str, Any] = {"id": held_to.id, "name": held_to.name, "restricted": not held_to.unrestricted}
    if held_to.access_rules:
        shape["access_rules"] = held_to.access_rules  # encoded field by field
    return shape
