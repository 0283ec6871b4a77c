"""Roles that users and groups were given on projects, on domains and on the system."""

from __future__ import annotations

from identity.web.context import Call
from identity.web.reply import Reply
from identity.web.v3 import granting
from identity.web.v3.granting import GROUP_OF_SYSTEM, PLACES, USER_OF_SYSTEM, many_grants, one_grant

EACH = tuple(f"{place}/<role_id>" for place in PLACES)
USER_ON_SYSTEM = (f"{USER_OF_SYSTEM}/<role_id>",)
GROUP_ON_SYSTEM = (f"{GROUP_OF_SYSTEM}/<role_id>",)


@many_grants(PLACES, policy="identity:list_grants", summary="List the roles that were given here.")
@many_grants((USER_OF_SYSTEM,), policy="identity:list_system_grants_for_user", summary="List a user's roles on the system.")
@many_grants((GROUP_OF_SYSTEM,), policy="identity:list_system_grants_for_group", summary="List a group's roles on the system.")
def list_grants(call: Call) -> Reply:
    return granting.given_roles(call)


@one_grant("GET", EACH, policy="identity:check_grant", summary="Ask whether the role was given here.")
@one_grant(
    "GET", USER_ON_SYSTEM, policy="identity:check_system_grant_for_user", summary="Ask whether a user has the role on the system."
)
@one_grant(
    "GET",
    GROUP_ON_SYSTEM,
    policy="identity:check_system_grant_for_group",
    summary="Ask whether a group has the role on the system.",
)
def check_grant(call: Call) -> Reply:
    return granting.check(call)


@one_grant("PUT", EACH, policy="identity:create_grant", summary="Give the role here.")
@one_grant("PUT", USER_ON_SYSTEM, policy="identity:create_system_grant_for_user", summary="Give a user the role on the system.")
@one_grant("PUT", GROUP_ON_SYSTEM, policy="identity:create_system_grant_for_group", summary="Give a group the role on the system.")
def create_grant(call: Call) -> Reply:
    return granting.give(call)


@one_grant("DELETE", EACH, policy="identity:revoke_grant", summary="Take the role that was given here.")
@one_grant("DELETE", USER_ON_SYSTEM, policy="identity:revoke_system_grant_for_user", summary="Take a user's role on the system.")
@one_grant("DELETE", GROUP_ON_SYSTEM, policy="identity:revoke_system_grant_for_group", summary="Take a group's role on the system.")
def revoke_grant(call: Call) -> Reply:
    return granting.take(call)
