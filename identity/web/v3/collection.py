"""Lists, and the shapes of what stands in them."""

from __future__ import annotations

from typing import Any

from identity.store.domains import DomainRow
from identity.store.projects import ProjectRow
from identity.web.context import Call
from identity.web.reply import Reply, json_reply


def collection(call: Call, key: str, path: str, members: list[dict[str, Any]]) -> Reply:
    links = {"next": None, "self": call.base + path, "previous": None}
    return json_reply({key: members, "links": links})


def project_shape(call: Call, project: ProjectRow) -> dict[str, Any]:
    return {
        **project.extra,
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "parent_id": project.parent_id,
        "description": project.description,
        "enabled": project.enabled,
        "is_domain": project.is_domain,
        "tags": [],
        "options": project.options,
        "links": {"self": f"{call.base}/v3/projects/{project.id}"},
    }


def domain_shape(call: Call, domain: DomainRow) -> dict[str, Any]:
    return {
        **domain.extra,
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": [],
        "options": domain.options,
        "links": {"self": f"{call.base}/v3/domains/{domain.id}"},
    }
