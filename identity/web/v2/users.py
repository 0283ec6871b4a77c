"""Users. Whose tenant it is said to be is made a member of it, since old clients knew no other way to give a first role."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from identity import errors
from identity.model.account import Account, NewPassword
from identity.model.auth import DomainRef, UserRef
from identity.store import accounts, grants, roles, users
from identity.store.grants import Grant
from identity.web.body import UNSET, Given, given, optional
from identity.web.context import Call
from identity.web.listing import page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v2.gate import allow, home, tenant, user
from identity.web.v2.lists import asked, many
from identity.web.v2.tenants import tenant_target
from identity.web.v2.user_shape import (
    ManyUsers,
    OneUser,
    UserBody,
    WantedUser,
    existing_user,
    kept_of,
    name_of,
    password_of,
    user_shape,
    user_target,
)

USER = "/v2.0/users/<user_id>"
CHANGE_ERRORS = (400, 401, 403, 404, 409)


@route(
    "GET",
    "/v2.0/users",
    policy="identity:list_users",
    summary="List the users, or with `name` show that one.",
    reply=ManyUsers,
    filters=(),
    query=("name",),
    errors=(400, 401, 403, 404),
)
def list_users(call: Call) -> Reply:
    allow(call, {"target.domain_id": home(call)})
    name = asked(call, "name")
    with call.services.store.read() as db:
        if name is not None:
            found = users.find(db, UserRef(name=name, domain=DomainRef(id=home(call))))
            account = existing_user(user(call, db, found.id) if found else None, name)
            return json_reply({"user": user_shape(call, account)})
        listed, more = accounts.listed(db, page_of(call), domain_id=home(call))
    return many(call, "users", [user_shape(call, account) for account in listed], more)


@route("GET", USER, policy="identity:get_user", summary="Show a user.", reply=OneUser, errors=(401, 403, 404))
def show_user(call: Call) -> Reply:
    return json_reply({"user": user_shape(call, allowed_user(call))})


@route(
    "POST",
    "/v2.0/users",
    policy="identity:create_user",
    summary="Make a user; `tenantId` makes it a member of that tenant.",
    body=WantedUser,
    reply=OneUser,
    errors=CHANGE_ERRORS,
)
def create_user(call: Call) -> Reply:
    allow(call, {"target.user.domain_id": home(call)})
    body = given(call, "user", UserBody)
    name = name_of(body.known)
    if not name:
        raise errors.BadRequest("Invalid input: user.name is missing.")
    tenant_id = optional(body.known.tenantId, None) or None
    _check_tenant(call, tenant_id)
    password = call.services.passwords.given(optional(password_of(body.known), None), {})
    with call.services.store.begin() as tx:
        id = users.create(
            tx,
            name=name,
            domain_id=home(call),
            now=call.now,
            enabled=optional(body.known.enabled, True),
            default_project_id=tenant_id,
            hash=password.hash,
            password_expires_at=password.expires_at,
            extra=kept_of(body, {}),
        )
        if tenant_id is not None:
            _join(call, tx, id, tenant_id)
        made = existing_user(accounts.get(tx, id), id)
    return json_reply({"user": user_shape(call, made)})


@route(
    "PUT",
    USER,
    policy="identity:update_user",
    summary="Change a user; an attribute that is not sent stays as it is.",
    body=WantedUser,
    reply=OneUser,
    errors=CHANGE_ERRORS,
)
@route(
    "PUT",
    f"{USER}/OS-KSADM/password",
    policy="identity:update_user",
    summary="Set a user's password.",
    body=WantedUser,
    reply=OneUser,
    errors=CHANGE_ERRORS,
)
@route(
    "PUT",
    f"{USER}/password",
    policy="identity:update_user",
    summary="Set a user's password, at the URL of the oldest clients.",
    body=WantedUser,
    reply=OneUser,
    errors=CHANGE_ERRORS,
)
@route(
    "PUT",
    f"{USER}/OS-KSADM/enabled",
    policy="identity:update_user",
    summary="Switch a user on or off.",
    body=WantedUser,
    reply=OneUser,
    errors=CHANGE_ERRORS,
)
@route(
    "PUT",
    f"{USER}/enabled",
    policy="identity:update_user",
    summary="Switch a user on or off, at the URL of the oldest clients.",
    body=WantedUser,
    reply=OneUser,
    errors=CHANGE_ERRORS,
)
@route(
    "PUT",
    f"{USER}/OS-KSADM/tenant",
    policy="identity:update_user",
    summary="Make a tenant the user's own.",
    body=WantedUser,
    reply=OneUser,
    errors=CHANGE_ERRORS,
)
@route(
    "PUT",
    f"{USER}/tenant",
    policy="identity:update_user",
    summary="Make a tenant the user's own, at the URL of the oldest clients.",
    body=WantedUser,
    reply=OneUser,
    errors=CHANGE_ERRORS,
)
def update_user(call: Call) -> Reply:
    """All these URLs take the same body, as in Keystone; a tenant that is null is none to move to."""
    before = allowed_user(call)
    body = given(call, "user", UserBody)
    if optional(body.known.id, before.id) != before.id:
        raise errors.BadRequest("The id of a user cannot be changed.")
    tenant_id = optional(body.known.tenantId, None) or before.default_project_id
    moves = tenant_id != before.default_project_id
    if moves:
        _check_tenant(call, tenant_id)
    password = _password(call, body.known, before)
    with call.services.store.begin() as tx:
        stored = existing_user(accounts.pinned(tx, before.id), before.id)
        values = _values(body, stored)
        if moves:
            _move(call, tx, stored, tenant_id)
            values["default_project_id"] = tenant_id
        users.change(tx, stored.id, values, call.now, password=password)
        changed = existing_user(accounts.get(tx, stored.id), stored.id)
    return json_reply({"user": user_shape(call, changed)})


@route("DELETE", USER, policy="identity:delete_user", summary="Delete a user.", errors=(401, 403, 404), status=204)
def delete_user(call: Call) -> Reply:
    stored = allowed_user(call)
    with call.services.store.begin() as tx:
        users.delete(tx, stored.id, call.now)
    return NO_CONTENT


def allowed_user(call: Call) -> Account:
    """The user that the path names, once the caller may act on it. Raises `Forbidden`, or else `NotFound`."""
    id = call.args["user_id"]
    with call.services.store.read() as db:
        found = user(call, db, id)
    allow(call, user_target(found))
    return existing_user(found, id)


def _values(body: Given[UserBody], stored: Account) -> dict[str, Any]:
    values: dict[str, Any] = {"extra": kept_of(body, stored.extra)}
    name = name_of(body.known)
    if name and name != stored.name:
        values["name"] = name
    if body.known.enabled is not UNSET:
        values["enabled"] = body.known.enabled
    return values


def _password(call: Call, known: UserBody, stored: Account) -> NewPassword | None:
    sent = password_of(known)
    return None if sent is UNSET else call.services.passwords.given(optional(sent, None), stored.options)


def _check_tenant(call: Call, tenant_id: str | None) -> None:
    """Who names a tenant gives a role in it, so the rule for that is asked too."""
    if tenant_id is None:
        return
    with call.services.store.read() as db:
        found = tenant(call, db, tenant_id)
    call.enforce(tenant_target(found), "identity:create_grant")
    if found is None:
        raise errors.missing("tenant", tenant_id)


def _join(call: Call, tx: Connection, user_id: str, tenant_id: str) -> None:
    name = call.services.settings.assignment.member_role_name
    found = roles.find(tx, name)
    role_id = found.id if found is not None else roles.create(tx, name=name, now=call.now)
    grants.add(tx, Grant("user", user_id, "project", tenant_id, role_id), call.now)


def _move(call: Call, tx: Connection, stored: Account, tenant_id: str | None) -> None:
    """Out of the tenant before, as far as its member, and into the new one."""
    member = roles.find(tx, call.services.settings.assignment.member_role_name)
    if member is not None and stored.default_project_id is not None:
        held = Grant("user", stored.id, "project", stored.default_project_id, member.id)
        if grants.has(tx, held):
            grants.remove(tx, held, call.now)
    if tenant_id is not None:
        _join(call, tx, stored.id, tenant_id)
