"""Registered limits (a resource's usual bound) and limits (that of one project or domain)."""

from __future__ import annotations

from typing import Final

from identity.policy.rules.blocks import ADMIN, ADMIN_OR_SYSTEM_READER, EVERYONE, NO_DOMAIN, either, rule

_OF_OWN_DOMAIN: Final = "domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s"
_OF_OWN_PROJECT: Final = "(project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)"

LIMITS: Final = (
    rule("get_registered_limit", EVERYONE, "Show a registered limit.", "GET /registered_limits/{registered_limit_id}"),
    rule("list_registered_limits", EVERYONE, "List registered limits.", "GET /registered_limits"),
    rule("create_registered_limits", ADMIN, "Make registered limits.", "POST /registered_limits", scopes=NO_DOMAIN),
    rule(
        "update_registered_limit",
        ADMIN,
        "Change a registered limit.",
        "PATCH /registered_limits/{registered_limit_id}",
        scopes=NO_DOMAIN,
    ),
    rule(
        "delete_registered_limit",
        ADMIN,
        "Delete a registered limit.",
        "DELETE /registered_limits/{registered_limit_id}",
        scopes=NO_DOMAIN,
    ),
    rule("get_limit_model", EVERYONE, "Show how limits add up in a tree of projects.", "GET /limits/model"),
    rule(
        "get_limit",
        either(ADMIN_OR_SYSTEM_READER, _OF_OWN_DOMAIN, _OF_OWN_PROJECT),
        "Show a limit.",
        "GET /limits/{limit_id}",
    ),
    rule("list_limits", EVERYONE, "List the limits that the caller's scope may see.", "GET /limits"),
    rule("create_limits", ADMIN, "Make limits.", "POST /limits", scopes=NO_DOMAIN),
    rule("update_limit", ADMIN, "Change a limit.", "PATCH /limits/{limit_id}", scopes=NO_DOMAIN),
    rule("delete_limit", ADMIN, "Delete a limit.", "DELETE /limits/{limit_id}", scopes=NO_DOMAIN),
)
