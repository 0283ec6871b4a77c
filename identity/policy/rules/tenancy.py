"""Domains with their configuration, projects with their tags."""

from __future__ import annotations

from typing import Final

from identity.policy.rules.blocks import (
    ADMIN,
    ADMIN_OR_SYSTEM_READER,
    EVERYONE,
    NO_DOMAIN,
    either,
    rule,
    within,
    within_real,
)

_SEE_PROJECT: Final = either(ADMIN_OR_SYSTEM_READER, within_real("reader", "project.domain_id"), "project_id:%(target.project.id)s")
_MANAGE_PROJECT: Final = either(ADMIN, within_real("manager", "project.domain_id"))

DOMAINS: Final = (
    rule(
        "get_domain",
        either(ADMIN_OR_SYSTEM_READER, "token.domain.id:%(target.domain.id)s", "token.project.domain.id:%(target.domain.id)s"),
        "Show a domain.",
        "GET /domains/{domain_id}",
    ),
    rule("list_domains", either(ADMIN_OR_SYSTEM_READER, within("reader", "domain.id")), "List domains.", "GET /domains"),
    rule("create_domain", ADMIN, "Make a domain.", "POST /domains", scopes=NO_DOMAIN),
    rule("update_domain", ADMIN, "Change a domain.", "PATCH /domains/{domain_id}", scopes=NO_DOMAIN),
    rule("delete_domain", ADMIN, "Delete a disabled domain.", "DELETE /domains/{domain_id}", scopes=NO_DOMAIN),
)

DOMAIN_CONFIG: Final = (
    rule("create_domain_config", ADMIN, "Set a domain's options.", "PUT /domains/{domain_id}/config", scopes=NO_DOMAIN),
    rule(
        "get_domain_config",
        ADMIN_OR_SYSTEM_READER,
        "Show a domain's options.",
        "GET /domains/{domain_id}/config",
        "GET /domains/{domain_id}/config/{group}",
        "GET /domains/{domain_id}/config/{group}/{option}",
        scopes=NO_DOMAIN,
    ),
    rule(
        "get_security_compliance_domain_config",
        EVERYONE,
        "Show what a domain asks of passwords.",
        "GET /domains/{domain_id}/config/security_compliance",
        "GET /domains/{domain_id}/config/security_compliance/{option}",
    ),
    rule(
        "update_domain_config",
        ADMIN,
        "Change a domain's options.",
        "PATCH /domains/{domain_id}/config",
        "PATCH /domains/{domain_id}/config/{group}",
        "PATCH /domains/{domain_id}/config/{group}/{option}",
        scopes=NO_DOMAIN,
    ),
    rule(
        "delete_domain_config",
        ADMIN,
        "Drop a domain's options.",
        "DELETE /domains/{domain_id}/config",
        "DELETE /domains/{domain_id}/config/{group}",
        "DELETE /domains/{domain_id}/config/{group}/{option}",
        scopes=NO_DOMAIN,
    ),
    rule(
        "get_domain_config_default",
        ADMIN_OR_SYSTEM_READER,
        "Show the options of a domain that sets none.",
        "GET /domains/config/default",
        "GET /domains/config/{group}/default",
        "GET /domains/config/{group}/{option}/default",
        scopes=NO_DOMAIN,
    ),
)

PROJECTS: Final = (
    rule("get_project", _SEE_PROJECT, "Show a project.", "GET /projects/{project_id}"),
    rule("list_projects", either(ADMIN_OR_SYSTEM_READER, within("reader", "domain_id")), "List projects.", "GET /projects"),
    rule("create_project", _MANAGE_PROJECT, "Make a project.", "POST /projects"),
    rule("update_project", _MANAGE_PROJECT, "Change a project.", "PATCH /projects/{project_id}"),
    rule("delete_project", _MANAGE_PROJECT, "Delete a project.", "DELETE /projects/{project_id}"),
    rule("list_project_tags", _SEE_PROJECT, "List a project's tags.", "GET /projects/{project_id}/tags"),
    rule("get_project_tag", _SEE_PROJECT, "Ask whether a project has a tag.", "GET /projects/{project_id}/tags/{value}"),
    rule("update_project_tags", _MANAGE_PROJECT, "Replace a project's tags.", "PUT /projects/{project_id}/tags"),
    rule("create_project_tag", _MANAGE_PROJECT, "Give a project a tag.", "PUT /projects/{project_id}/tags/{value}"),
    rule("delete_project_tags", _MANAGE_PROJECT, "Take all of a project's tags.", "DELETE /projects/{project_id}/tags"),
    rule("delete_project_tag", _MANAGE_PROJECT, "Take one of a project's tags.", "DELETE /projects/{project_id}/tags/{value}"),
)
