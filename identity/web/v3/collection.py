"""Domains and projects as they stand in an answer, and as a policy's target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from identity.model.tenancy import ProjectRecord
from identity.web.body import UNSET, Unset
from identity.web.context import Call

Tag = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^,/]*$")]
Tags = Annotated[list[Tag], Meta(max_length=80)]


class ProjectOptions(msgspec.Struct, forbid_unknown_fields=True):
    immutable: bool | Unset | None = UNSET


class DomainShape(msgspec.Struct):
    id: str
    name: str
    description: str
    enabled: bool
    tags: list[str]
    options: ProjectOptions
    links: dict[str, str]


class ProjectShape(msgspec.Struct):
    id: str
    name: str
    domain_id: str | None
    parent_id: str | None
    description: str
    enabled: bool
    is_domain: bool
    tags: list[str]
    options: ProjectOptions
    links: dict[str, str]


class ManyDomains(msgspec.Struct):
    domains: list[DomainShape]
    links: dict[str, str | None]
    truncated: bool | Unset = UNSET


class ManyProjects(msgspec.Struct):
    projects: list[ProjectShape]
    links: dict[str, str | None]
    truncated: bool | Unset = UNSET


def project_shape(call: Call, project: ProjectRecord) -> dict[str, Any]:
    return {
        **project.extra,
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "parent_id": project.parent_id,
        "description": project.description,
        "enabled": project.enabled,
        "is_domain": project.is_domain,
        "tags": project.tags,
        "options": project.options,
        "links": {"self": f"{call.base}/v3/projects/{project.id}"},
    }


def domain_shape(call: Call, domain: ProjectRecord) -> dict[str, Any]:
    return {
        **domain.extra,
        "id": domain.id,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "tags": domain.tags,
        "options": domain.options,
        "links": {"self": f"{call.base}/v3/domains/{domain.id}"},
    }


def project_target(project: ProjectRecord | None) -> Mapping[str, Any]:
    """What a policy may ask of a project; nothing where there is none."""
    if project is None:
        return {}
    return {
        "target.project.id": project.id,
        "target.project.name": project.name,
        "target.project.domain_id": project.domain_id,
        "target.project.parent_id": project.parent_id,
        "target.project.is_domain": project.is_domain,
        "target.project.enabled": project.enabled,
    }


def domain_target(domain: ProjectRecord | None) -> Mapping[str, Any]:
    """The same for a domain."""
    if domain is None:
        return {}
    return {"target.domain.id": domain.id, "target.domain.name": domain.name, "target.domain.enabled": domain.enabled}
