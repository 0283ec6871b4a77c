"""Which roles a user has in a tenant. Roles without a tenant are in the API, but were never done."""

from __future__ import annotations

from sqlalchemy import Connection

from identity import errors
from identity.model.account import Account
from identity.model.assignment import RoleEntry
from identity.model.tenancy import ProjectRecord
from identity.store import grants, handed_roles, subjects
from identity.store.grants import Grant
from identity.web.context import Call
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v2.gate import Unsupported, allow, role, tenant, user
from identity.web.v2.roles import ManyRoles, OneRole, existing_role, role_shape, role_target
from identity.web.v2.tenants import tenant_target
from identity.web.v2.user_shape import existing_user, user_target

IN_TENANT = "/v2.0/tenants/<tenant_id>/users/<user_id>/roles"
OF_USER = "/v2.0/users/<user_id>/roles"


@route(
    "GET",
    IN_TENANT,
    policy="identity:list_grants",
    summary="List the roles that a user has in a tenant: also by groups, from above, and implied ones.",
    reply=ManyRoles,
    errors=(401, 403, 404),
)
def list_roles_in_tenant(call: Call) -> Reply:
    tenant_id, user_id = call.args["tenant_id"], call.args["user_id"]
    with call.services.store.read() as db:
        ends = _Ends(call, db, tenant_id, user_id)
        ends.check(call)
        held = handed_roles.by_id(db, subjects.roles_held(db, user_id, tenant_id))
    shown = [RoleEntry(one.id, one.name, None, one.description, one.options, one.extra) for one in held if one.domain_id is None]
    return json_reply({"roles": [role_shape(one) for one in shown], "roles_links": []})


@route(
    "PUT",
    f"{IN_TENANT}/OS-KSADM/<role_id>",
    policy="identity:create_grant",
    summary="Give a user a role in a tenant.",
    reply=OneRole,
    errors=(401, 403, 404, 409),
)
def add_role_in_tenant(call: Call) -> Reply:
    return json_reply({"role": role_shape(give(call, call.args["tenant_id"], call.args["user_id"], call.args["role_id"]))})


@route(
    "DELETE",
    f"{IN_TENANT}/OS-KSADM/<role_id>",
    policy="identity:revoke_grant",
    summary="Take a role in a tenant from a user.",
    errors=(401, 403, 404),
    status=204,
)
def remove_role_in_tenant(call: Call) -> Reply:
    return take(call, call.args["tenant_id"], call.args["user_id"], call.args["role_id"])


@route(
    "GET",
    OF_USER,
    policy="identity:list_grants",
    summary="Formerly planned: a user's roles without a tenant.",
    errors=(401, 403, 501),
)
@route(
    "PUT",
    f"{OF_USER}/OS-KSADM/<role_id>",
    policy="identity:create_grant",
    summary="Formerly planned: give a user a role without a tenant.",
    errors=(401, 403, 501),
)
@route(
    "DELETE",
    f"{OF_USER}/OS-KSADM/<role_id>",
    policy="identity:revoke_grant",
    summary="Formerly planned: take a role without a tenant from a user.",
    errors=(401, 403, 501),
)
def refuse_roles_without_tenant(call: Call) -> Reply:
    allow(call)
    raise Unsupported("User roles are not supported without a tenant: name one, as in /tenants/{tenant_id}/users/{user_id}/roles.")


def give(call: Call, tenant_id: str, user_id: str, role_id: str) -> RoleEntry:
    """Grant it. Raises `Forbidden`, `NotFound`, or `Conflict` where the user has it already."""
    with call.services.store.read() as db:
        ends = _Ends(call, db, tenant_id, user_id, role_id)
    found = ends.check(call)
    with call.services.store.begin() as tx:
        if not grants.add(tx, Grant("user", user_id, "project", tenant_id, role_id), call.now):
            raise errors.Conflict("The user has that role in the tenant already.")
    return existing_role(found, role_id)


def take(call: Call, tenant_id: str, user_id: str, role_id: str) -> Reply:
    """Undo `give`. Raises `Forbidden` or `NotFound`."""
    with call.services.store.read() as db:
        ends = _Ends(call, db, tenant_id, user_id, role_id)
    ends.check(call)
    wanted = Grant("user", user_id, "project", tenant_id, role_id)
    with call.services.store.begin() as tx:
        if not grants.has(tx, wanted):
            raise errors.NotFound("The user has not been given that role in the tenant.")
        grants.remove(tx, wanted, call.now)
    return NO_CONTENT


class _Ends:
    """What is there of a grant's ends; all of them in the default domain, and the role of the whole cloud."""

    def __init__(self, call: Call, db: Connection, tenant_id: str, user_id: str, role_id: str | None = None) -> None:
        self._named = tenant_id, user_id, role_id
        self._tenant: ProjectRecord | None = tenant(call, db, tenant_id)
        self._user: Account | None = user(call, db, user_id)
        self._role: RoleEntry | None = role(db, role_id) if role_id is not None else None

    def check(self, call: Call) -> RoleEntry | None:
        """Ask the policy, then whether all are there; gives the role. Raises `Forbidden`, or else `NotFound`."""
        allow(call, {**tenant_target(self._tenant), **user_target(self._user), **role_target(self._role)})
        tenant_id, user_id, role_id = self._named
        if self._tenant is None:
            raise errors.missing("tenant", tenant_id)
        existing_user(self._user, user_id)
        return None if role_id is None else existing_role(self._role, role_id)
