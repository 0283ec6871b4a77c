"""A token as version 3 shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from identity.model.access import Access
from identity.model.subject import Domain, Project
from identity.services.token_cache import Entry
from identity.web.reply import encode

HEAD = "v3"


def isotime(seconds: float) -> str:
    """Seconds since the epoch as the API writes times: 2026-11-21T09:00:00.000000Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def with_catalog(entry: Entry, catalog: bytes) -> bytes:
    """The token with its catalogue, which is spliced in ready-made; an unscoped token shows none."""
    head = entry.rendered.get(HEAD) or without_catalog(entry)
    claims = entry.access.claims
    if claims.project_id or claims.domain_id or claims.system:
        return head[:-2] + b',"catalog":' + catalog + b"}}"
    return head


def without_catalog(entry: Entry) -> bytes:
    head = entry.rendered.get(HEAD)
    if head is None:
        head = entry.rendered[HEAD] = encode({"token": token_shape(entry.access)})
    return head


def token_shape(access: Access) -> dict[str, Any]:
    """The token's own members, in the order in which Keystone writes them."""
    claims, subject = access.claims, access.subject
    expiry = subject.user.password_expires_at
    shape: dict[str, Any] = {
        "methods": claims.methods,
        "user": {
            "domain": _domain(subject.user.domain),
            "id": subject.user.id,
            "name": subject.user.name,
            "password_expires_at": None if expiry is None else isotime(expiry)[:-1],
        },
        "audit_ids": claims.audit_ids,
        "expires_at": isotime(claims.expires_at),
        "issued_at": isotime(claims.issued_at),
    }
    if subject.project is not None:
        shape["project"] = _project(subject.project)
        shape["is_domain"] = subject.project.is_domain
    elif subject.domain is not None:
        shape["domain"] = _domain(subject.domain)
    elif subject.system:
        shape["system"] = {"all": True}
    if subject.project or subject.domain or subject.system:
        shape["roles"] = [{"id": role.id, "name": role.name} for role in subject.roles]
    return shape


def _domain(domain: Domain) -> dict[str, str]:
    return {"id": domain.id, "name": domain.name}


def _project(project: Project) -> dict[str, Any]:
    return {"domain": _domain(project.domain), "id": project.id, "name": project.name}
