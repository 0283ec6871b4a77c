"""Lists, and the shapes of what stands in them."""

from __future__ import annotations

from typing import Any

from identity.model.subject import Domain, Project
from identity.web.context import Call
from identity.web.reply import Reply, json_reply


def collection(call: Call, key: str, path: str, members: list[dict[str, Any]]) -> Reply:
    links = {"next": None, "self": call.base + path, "previous": None}
    return json_reply({key: members, "links": links})


def project_shape(call: Call, project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain.id,
        "parent_id": project.parent_id,
        "description": project.description,
        "enabled": project.enabled,
        "is_domain": project.is_domain,
        "tags": [],
        "options": {},
        "links": {"self": f"{call.base}/v3/projects/{project.id}"},
    }


def domain_shape(call: Call, domain: Domain) -> dict[str, Any]:
    return {
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": [],
        "options": {},
        "links": {"self": f"{call.base}/v3/domains/{domain.id}"},
    }
