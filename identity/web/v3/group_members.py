"""Who is in which group."""

from __future__ import annotations

from identity import errors
from identity.model.account import Account, Group
from identity.store import accounts, groups
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply
from identity.web.route import route
from identity.web.v3.groups import ManyGroups, allowed_group, existing_group, group_shape, group_target
from identity.web.v3.user_shape import ManyUsers, user_shape
from identity.web.v3.users import allowed_user, existing_user, expiry_of, user_target

MEMBER = "/v3/groups/<group_id>/users/<user_id>"


@route(
    "GET",
    "/v3/groups/<group_id>/users",
    policy="identity:list_users_in_group",
    summary="List the users in a group; a token for a domain lists those of that domain.",
    reply=ManyUsers,
    filters=("domain_id", "enabled", "name"),
    query=("password_expires_at",),
    errors=(400, 401, 403, 404),
)
def list_members(call: Call) -> Reply:
    group = allowed_group(call)
    page, expires = page_of(call), expiry_of(call)
    with call.services.store.read() as db:
        domain_id = call.caller.access.claims.domain_id
        found, more = accounts.listed(db, page, domain_id=domain_id, group_id=group.id, expires=expires)
    return listed(call, "users", [user_shape(call, account) for account in found], more)


@route(
    "GET",
    "/v3/users/<user_id>/groups",
    policy="identity:list_groups_for_user",
    summary="List the groups that a user is in; a token for a domain lists those of that domain.",
    reply=ManyGroups,
    filters=("name",),
    errors=(400, 401, 403, 404),
)
def list_groups_of_user(call: Call) -> Reply:
    user = allowed_user(call)
    with call.services.store.read() as db:
        found, more = groups.listed(db, page_of(call), domain_id=call.caller.access.claims.domain_id, user_id=user.id)
    # No membership made here ever ends; one that a federated log-in gives will, and says when.
    members = [{**group_shape(call, group), "membership_expires_at": None} for group in found]
    return listed(call, "groups", members, more)


@route(
    "GET",
    MEMBER,
    policy="identity:check_user_in_group",
    summary="Check that a user is in a group.",
    errors=(401, 403, 404),
    status=204,
)
def check_member(call: Call) -> Reply:
    group, user = _both(call)
    with call.services.store.read() as db:
        if not groups.is_member(db, group.id, user.id):
            raise errors.NotFound(f"User {user.id} is not in group {group.id}.")
    return NO_CONTENT


@route(
    "PUT",
    MEMBER,
    policy="identity:add_user_to_group",
    summary="Put a user into a group, where that is not so yet.",
    errors=(401, 403, 404, 409),
    status=204,
)
def add_member(call: Call) -> Reply:
    group, user = _both(call)
    with call.services.store.begin() as tx:
        groups.add_member(tx, group.id, user.id, call.now)
    return NO_CONTENT


@route(
    "DELETE",
    MEMBER,
    policy="identity:remove_user_from_group",
    summary="Take a user out of a group; ends the tokens that rest on it.",
    errors=(401, 403, 404),
    status=204,
)
def remove_member(call: Call) -> Reply:
    group, user = _both(call)
    with call.services.store.begin() as tx:
        groups.remove_member(tx, group.id, user.id, call.now)
    return NO_CONTENT


def _both(call: Call) -> tuple[Group, Account]:
    """The path's group and user, once the policy has let the caller pass. Raises `Forbidden`, or else `NotFound`."""
    group_id, user_id = call.args["group_id"], call.args["user_id"]
    with call.services.store.read() as db:
        group, user = groups.get(db, group_id), accounts.get(db, user_id)
    call.enforce({**group_target(group), **user_target(user)})
    return existing_group(group, group_id), existing_user(user, user_id)
