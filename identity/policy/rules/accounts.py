"""Users, groups and who belongs to them."""

from __future__ import annotations

from typing import Final

from identity.policy.rules.blocks import ADMIN, ADMIN_OR_SYSTEM_READER, PATH_USER, either, rule, user_is, within


def _in_own_domain(role: str) -> str:
    # Users are compared with the token's own domain object, as in Keystone: an override of either spelling means the same.
    return f"(role:{role} and token.domain.id:%(target.user.domain_id)s)"


_SEE_GROUP: Final = either(ADMIN_OR_SYSTEM_READER, within("reader", "group.domain_id"))
_MANAGE_GROUP: Final = either(ADMIN, within("manager", "group.domain_id"))
_MANAGE_MEMBERS: Final = either(ADMIN, within("manager", "group.domain_id", "user.domain_id"))
_MANAGE_USER: Final = either(ADMIN, _in_own_domain("manager"))

USERS: Final = (
    rule(
        "get_user",
        either(ADMIN_OR_SYSTEM_READER, _in_own_domain("reader"), user_is("user.id")),
        "Show a user.",
        "GET /users/{user_id}",
    ),
    rule("list_users", either(ADMIN_OR_SYSTEM_READER, within("reader", "domain_id")), "List users.", "GET /users"),
    rule("create_user", _MANAGE_USER, "Make a user.", "POST /users"),
    rule("update_user", _MANAGE_USER, "Change a user, a password included.", "PATCH /users/{user_id}"),
    rule("delete_user", _MANAGE_USER, "Delete a user.", "DELETE /users/{user_id}"),
    rule(
        "revoke_tokens_for_user",
        "rule:admin_or_owner",
        "Revoke every token of a user.",
        "DELETE /users/{user_id}/tokens",
    ),
    rule(
        "list_user_projects",
        either(ADMIN_OR_SYSTEM_READER, within("reader", "user.domain_id"), user_is("user.id")),
        "List the projects on which a user has a role.",
        "GET /users/{user_id}/projects",
    ),
)

GROUPS: Final = (
    rule("get_group", _SEE_GROUP, "Show a group.", "GET /groups/{group_id}"),
    rule("list_groups", _SEE_GROUP, "List groups.", "GET /groups"),
    rule(
        "list_groups_for_user",
        either(ADMIN_OR_SYSTEM_READER, within("reader", "user.domain_id"), PATH_USER),
        "List the groups that a user belongs to.",
        "GET /users/{user_id}/groups",
    ),
    rule("create_group", _MANAGE_GROUP, "Make a group.", "POST /groups"),
    rule("update_group", _MANAGE_GROUP, "Change a group.", "PATCH /groups/{group_id}"),
    rule("delete_group", _MANAGE_GROUP, "Delete a group.", "DELETE /groups/{group_id}"),
    rule("list_users_in_group", _SEE_GROUP, "List the members of a group.", "GET /groups/{group_id}/users"),
    rule(
        "check_user_in_group",
        either(ADMIN_OR_SYSTEM_READER, within("reader", "group.domain_id", "user.domain_id")),
        "Ask whether a user belongs to a group.",
        "GET /groups/{group_id}/users/{user_id}",
    ),
    rule("add_user_to_group", _MANAGE_MEMBERS, "Put a user into a group.", "PUT /groups/{group_id}/users/{user_id}"),
    rule("remove_user_from_group", _MANAGE_MEMBERS, "Take a user out of a group.", "DELETE /groups/{group_id}/users/{user_id}"),
)
