"""Roles, what they imply, and who has them on what."""

from __future__ import annotations

from typing import Final

from identity.policy.rules.blocks import (
    ADMIN,
    ADMIN_OR_SYSTEM_READER,
    NO_DOMAIN,
    Rule,
    either,
    rule,
    within,
    within_real,
)


def _both_ends(role: str) -> str:
    """The role on the domain of both ends of a grant: the user or group, and the project or domain."""
    return either(
        *(within(role, f"{who}.domain_id", where) for who in ("user", "group") for where in ("project.domain_id", "domain.id"))
    )


_ROLE_IN_REACH: Final = "(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)"
_CHANGE_GRANT: Final = either(
    ADMIN,
    f"(({_both_ends('admin')}) and {_ROLE_IN_REACH})",
    f"(({_both_ends('manager')}) and rule:domain_managed_target_role)",
)
_SEE_ASSIGNMENTS: Final = either(ADMIN_OR_SYSTEM_READER, within_real("reader", "domain_id"))

_SUBJECTS: Final = ("users/{user_id}", "groups/{group_id}")
_PLACES: Final = ("projects/{project_id}", "domains/{domain_id}")


def _grant_routes(method: str) -> tuple[str, ...]:
    plain = [f"{place}/{subject}/roles/{{role_id}}" for place in _PLACES for subject in _SUBJECTS]
    return (*(f"{method} /{path}" for path in plain), *(f"{method} /OS-INHERIT/{path}/inherited_to_projects" for path in plain))


_LIST_GRANT_ROUTES: Final = (
    *(f"GET /{place}/{subject}/roles" for place in _PLACES for subject in _SUBJECTS),
    *(f"GET /OS-INHERIT/domains/{{domain_id}}/{subject}/roles/inherited_to_projects" for subject in _SUBJECTS),
)


def _system_grants(kind: str) -> tuple[Rule, ...]:
    one = f"/system/{kind}s/{{{kind}_id}}/roles/{{role_id}}"
    return (
        rule(
            f"list_system_grants_for_{kind}",
            ADMIN_OR_SYSTEM_READER,
            f"List the roles of a {kind} on the system.",
            f"GET /system/{kind}s/{{{kind}_id}}/roles",
            scopes=NO_DOMAIN,
        ),
        rule(
            f"check_system_grant_for_{kind}",
            ADMIN_OR_SYSTEM_READER,
            f"Ask whether a {kind} has a role on the system.",
            f"GET {one}",
            scopes=NO_DOMAIN,
        ),
        rule(f"create_system_grant_for_{kind}", ADMIN, f"Give a {kind} a role on the system.", f"PUT {one}", scopes=NO_DOMAIN),
        rule(f"revoke_system_grant_for_{kind}", ADMIN, f"Take a {kind}'s role on the system.", f"DELETE {one}", scopes=NO_DOMAIN),
    )


ROLES: Final = (
    rule(
        "get_role",
        either(ADMIN_OR_SYSTEM_READER, "(role:manager and rule:domain_managed_target_role)"),
        "Show a role of the whole cloud.",
        "GET /roles/{role_id}",
    ),
    rule(
        "list_roles",
        either(ADMIN_OR_SYSTEM_READER, "(role:manager and not domain_id:None)"),
        "List the roles of the whole cloud.",
        "GET /roles",
    ),
    rule("create_role", ADMIN, "Make a role of the whole cloud.", "POST /roles", scopes=NO_DOMAIN),
    rule("update_role", ADMIN, "Change a role of the whole cloud.", "PATCH /roles/{role_id}", scopes=NO_DOMAIN),
    rule("delete_role", ADMIN, "Delete a role of the whole cloud.", "DELETE /roles/{role_id}", scopes=NO_DOMAIN),
    rule("get_domain_role", ADMIN_OR_SYSTEM_READER, "Show a domain's own role.", "GET /roles/{role_id}", scopes=NO_DOMAIN),
    rule(
        "list_domain_roles",
        ADMIN_OR_SYSTEM_READER,
        "List a domain's own roles.",
        "GET /roles?domain_id={domain_id}",
        scopes=NO_DOMAIN,
    ),
    rule("create_domain_role", ADMIN, "Make a role of one domain.", "POST /roles", scopes=NO_DOMAIN),
    rule("update_domain_role", ADMIN, "Change a domain's own role.", "PATCH /roles/{role_id}", scopes=NO_DOMAIN),
    rule("delete_domain_role", ADMIN, "Delete a domain's own role.", "DELETE /roles/{role_id}", scopes=NO_DOMAIN),
)

IMPLIED_ROLES: Final = (
    rule(
        "get_implied_role",
        ADMIN_OR_SYSTEM_READER,
        "Show that one role implies another.",
        "GET /roles/{prior_role_id}/implies/{implied_role_id}",
        scopes=NO_DOMAIN,
    ),
    rule(
        "check_implied_role",
        ADMIN_OR_SYSTEM_READER,
        "Ask whether one role implies another.",
        "HEAD /roles/{prior_role_id}/implies/{implied_role_id}",
        scopes=NO_DOMAIN,
    ),
    rule(
        "list_implied_roles",
        ADMIN_OR_SYSTEM_READER,
        "List what a role implies.",
        "GET /roles/{prior_role_id}/implies",
        scopes=NO_DOMAIN,
    ),
    rule(
        "create_implied_role",
        ADMIN,
        "Let one role imply another.",
        "PUT /roles/{prior_role_id}/implies/{implied_role_id}",
        scopes=NO_DOMAIN,
    ),
    rule(
        "delete_implied_role",
        ADMIN,
        "Let one role no longer imply another.",
        "DELETE /roles/{prior_role_id}/implies/{implied_role_id}",
        scopes=NO_DOMAIN,
    ),
    rule(
        "list_role_inference_rules",
        ADMIN_OR_SYSTEM_READER,
        "List every role that implies another.",
        "GET /role_inferences",
        scopes=NO_DOMAIN,
    ),
)

GRANTS: Final = (
    rule(
        "check_grant",
        either(ADMIN_OR_SYSTEM_READER, f"(({_both_ends('reader')}) and {_ROLE_IN_REACH})"),
        "Ask whether a user or group has a role on a project or domain.",
        *_grant_routes("GET"),
    ),
    rule(
        "list_grants",
        either(ADMIN_OR_SYSTEM_READER, _both_ends("reader")),
        "List the roles of a user or group on a project or domain.",
        *_LIST_GRANT_ROUTES,
    ),
    rule("create_grant", _CHANGE_GRANT, "Give a user or group a role on a project or domain.", *_grant_routes("PUT")),
    rule("revoke_grant", _CHANGE_GRANT, "Take a user's or group's role on a project or domain.", *_grant_routes("DELETE")),
    *_system_grants("user"),
    *_system_grants("group"),
    rule("list_role_assignments", _SEE_ASSIGNMENTS, "List who has which role on what.", "GET /role_assignments"),
    rule(
        "list_role_assignments_for_tree",
        _SEE_ASSIGNMENTS,
        "The same for a project and all below it.",
        "GET /role_assignments?include_subtree",
    ),
)
