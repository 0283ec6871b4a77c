"""Users."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from identity import errors
from identity.model.account import Account
from identity.model.auth import DomainRef
from identity.store import accounts, domains, users
from identity.web.body import UNSET, given, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of, query_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.user_shape import (
    ManyUsers,
    NewUserBody,
    OneUser,
    UserBody,
    WantedNewUser,
    WantedUser,
    extra_of,
    federated_of,
    options_of,
    user_shape,
)

FILTERS = ("domain_id", "enabled", "name", "idp_id", "protocol_id", "unique_id")
COMPARISONS = ("lt", "lte", "gt", "gte", "eq", "neq")


@route(
    "GET",
    "/v3/users",
    policy="identity:list_users",
    summary="List the users; a token for a domain lists that domain's.",
    reply=ManyUsers,
    filters=FILTERS,
    query=("password_expires_at",),
    errors=(400, 401, 403),
)
def list_users(call: Call) -> Reply:
    domain_id = call.caller.access.claims.domain_id
    call.enforce({"target.domain_id": domain_id} if domain_id else {})
    page, expires = page_of(call), expiry_of(call)
    with call.services.store.read() as db:
        found, more = accounts.listed(db, page, domain_id=domain_id, expires=expires)
    return listed(call, "users", [user_shape(call, account) for account in found], more)


@route(
    "GET",
    "/v3/users/<user_id>",
    policy="identity:get_user",
    summary="Show a user.",
    reply=OneUser,
    errors=(401, 403, 404),
)
def show_user(call: Call) -> Reply:
    return json_reply({"user": user_shape(call, allowed_user(call))})


@route(
    "POST",
    "/v3/users",
    policy="identity:create_user",
    summary="Make a user, in the domain that is named, or else the token's, or else the default one.",
    body=WantedNewUser,
    reply=OneUser,
    errors=(400, 401, 403, 404, 409),
    status=201,
)
def create_user(call: Call) -> Reply:
    body = given(call, "user", NewUserBody)
    known, named = body.known, optional(body.known.domain_id, None)
    domain_id = named or home_of(call)
    with call.services.store.read() as db:
        exists = domains.find(db, DomainRef(id=domain_id)) is not None
    call.enforce({"target.user.domain_id": named} if named and exists else {})
    if not exists:
        raise errors.missing("domain", domain_id)
    options = options_of(known, {})
    password = call.services.passwords.given(optional(known.password, None), options)
    with errors.taken("user", known.name), call.services.store.begin() as tx:
        _check_default_project(tx, known)
        id = users.create(
            tx,
            name=known.name.strip(),
            domain_id=domain_id,
            now=call.now,
            enabled=optional(known.enabled, True),
            default_project_id=optional(known.default_project_id, None),
            hash=password.hash,
            password_expires_at=password.expires_at,
            options=options,
            extra=extra_of(body, {}),
        )
        accounts.set_links(tx, id, known.name.strip(), federated_of(known))
        made = existing_user(accounts.get(tx, id), id)
    return json_reply({"user": user_shape(call, made)}, 201)


@route(
    "PATCH",
    "/v3/users/<user_id>",
    policy="identity:update_user",
    summary="Change a user; an attribute that is not sent stays as it is.",
    body=WantedUser,
    reply=OneUser,
    errors=(400, 401, 403, 404, 409),
)
def update_user(call: Call) -> Reply:
    stored = allowed_user(call)
    body = given(call, "user", UserBody)
    _check_change(stored, body.known, body.extra)
    password = None
    if body.known.password is not UNSET:
        password = call.services.passwords.given(optional(body.known.password, None), options_of(body.known, stored.options))
    with errors.taken("user", optional(body.known.name, stored.name)), call.services.store.begin() as tx:
        _check_default_project(tx, body.known)
        stored = existing_user(accounts.pinned(tx, stored.id), stored.id)
        values = present(body.known, "name", "enabled", "default_project_id")
        if "name" in values:
            values["name"] = values["name"].strip()
        values |= {"options": options_of(body.known, stored.options), "extra": extra_of(body, stored.extra)}
        if body.known.federated:
            accounts.set_links(tx, stored.id, values.get("name", stored.name), federated_of(body.known))
        users.change(tx, stored.id, values, call.now, password=password)
        changed = existing_user(accounts.get(tx, stored.id), stored.id)
    return json_reply({"user": user_shape(call, changed)})


@route(
    "DELETE",
    "/v3/users/<user_id>",
    policy="identity:delete_user",
    summary="Delete a user, with all that the user holds: passwords, roles, groups, credentials, trusts.",
    errors=(401, 403, 404),
    status=204,
)
def delete_user(call: Call) -> Reply:
    stored = allowed_user(call)
    with call.services.store.begin() as tx:
        users.delete(tx, stored.id, call.now)
    return NO_CONTENT


def allowed_user(call: Call) -> Account:
    """The user that the path names, once the route's policy has let the caller pass. Raises `Forbidden`, or else `NotFound`."""
    id = call.args["user_id"]
    with call.services.store.read() as db:
        account = accounts.get(db, id)
    call.enforce(user_target(account))
    return existing_user(account, id)


def existing_user(account: Account | None, id: str) -> Account:
    if account is None:
        raise errors.missing("user", id)
    return account


def user_target(account: Account | None) -> dict[str, Any]:
    """What policies may compare of a stored user; nothing of one that is not there."""
    if account is None:
        return {}
    return {
        "target.user.id": account.id,
        "target.user.name": account.name,
        "target.user.domain_id": account.domain_id,
        "target.user.enabled": account.enabled,
        "target.user.default_project_id": account.default_project_id,
    }


def home_of(call: Call) -> str:
    """The domain in which users and groups are made where the client names none."""
    return call.caller.access.claims.domain_id or call.services.settings.identity.default_domain_id


def expiry_of(call: Call) -> tuple[str, float] | None:
    """`password_expires_at=lt:2026-11-21T09:00:00Z` as a comparison and seconds since the epoch. Raises `errors.BadRequest`."""
    sent = [value for name, value in query_of(call) if name == "password_expires_at"]
    if not sent:
        return None
    comparison, colon, time = sent[-1].partition(":")
    if not colon or comparison[:1].isdigit():
        comparison, time = "eq", sent[-1]
    if comparison not in COMPARISONS:
        raise errors.BadRequest(f"password_expires_at is compared by {', '.join(COMPARISONS)}, as in lt:2026-11-21T09:00:00Z.")
    try:
        moment = datetime.fromisoformat(time)
        return comparison, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise errors.BadRequest("password_expires_at needs a time such as lt:2026-11-21T09:00:00Z.") from None


def _check_change(stored: Account, known: UserBody, extra: Mapping[str, Any]) -> None:
    if not extra and not present(known):
        raise errors.BadRequest("Invalid input: user names nothing to be changed.")
    if optional(known.domain_id, stored.domain_id) != stored.domain_id:
        raise errors.BadRequest("A user cannot be moved to another domain.")
    if extra.get("id") not in (None, stored.id):
        raise errors.BadRequest("The id of a user cannot be changed.")


def _check_default_project(tx: Connection, known: UserBody) -> None:
    wanted = optional(known.default_project_id, None)
    if wanted and domains.find(tx, DomainRef(id=wanted)) is not None:
        raise errors.BadRequest("The default project of a user cannot be a domain.")
