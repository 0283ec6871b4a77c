"""Tenants: what version 3 calls projects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from identity import errors
from identity.model.auth import DomainRef, Face, ProjectRef
from identity.model.tenancy import ProjectRecord
from identity.services import tenancy as rules
from identity.store import projects, tenancy, tenant_users, user_projects
from identity.web.body import UNSET, Description, ShortName, Unset, given, optional, present
from identity.web.context import Call
from identity.web.listing import page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v2.gate import allow, home, of_home, tenant
from identity.web.v2.lists import asked, many
from identity.web.v2.user_shape import ManyUsers, user_shape

TENANT = "/v2.0/tenants/<tenant_id>"
# Of version 3 alone: clients that send back what they were shown elsewhere do not set these.
NOT_HERE = frozenset({"id", "domain_id", "domain", "parent_id", "is_domain", "options", "tags", "links"})


class TenantBody(msgspec.Struct):
    """Other attributes are kept and shown again."""

    name: ShortName
    description: Description | Unset | None = UNSET
    enabled: bool | Unset = UNSET


class TenantChange(msgspec.Struct):
    name: ShortName | Unset = UNSET
    id: str | Unset = UNSET
    description: Description | Unset | None = UNSET
    enabled: bool | Unset = UNSET


class TenantShape(msgspec.Struct):
    id: str
    name: str
    description: str
    enabled: bool


class OneTenant(msgspec.Struct):
    tenant: TenantShape


class ManyTenants(msgspec.Struct):
    tenants: list[TenantShape]
    tenants_links: list[dict[str, str]]


class WantedTenant(msgspec.Struct):
    tenant: TenantBody


class ChangedTenant(msgspec.Struct):
    tenant: TenantChange


@route(
    "GET",
    "/v2.0/tenants",
    policy="identity:get_auth_projects",
    summary="List the tenants that the caller may use; at /admin, all tenants for administrators, or with `name` that one.",
    reply=ManyTenants,
    filters=(),
    query=("name",),
    errors=(400, 401, 403, 404),
)
def list_tenants(call: Call) -> Reply:
    """The two listeners of old, by the URL's prefix: on the administrators' the same request means something else."""
    if call.face is Face.ADMIN:
        return _list_all(call)
    call.enforce()
    with call.services.store.read() as db:
        found, more = user_projects.listed(db, call.caller.access.subject.user.id, page_of(call), domain_id=home(call))
    return many(call, "tenants", [tenant_shape(project) for project in found], more)


@route("GET", TENANT, policy="identity:get_project", summary="Show a tenant.", reply=OneTenant, errors=(401, 403, 404))
def show_tenant(call: Call) -> Reply:
    return json_reply({"tenant": tenant_shape(allowed_tenant(call))})


@route(
    "POST",
    "/v2.0/tenants",
    policy="identity:create_project",
    summary="Make a tenant.",
    body=WantedTenant,
    reply=OneTenant,
    errors=(400, 401, 403, 409),
)
def create_tenant(call: Call) -> Reply:
    allow(call, {"target.project.domain_id": home(call), "target.project.parent_id": home(call)})
    body = given(call, "tenant", TenantBody)
    wanted = ProjectRecord(
        id="",
        name=body.known.name,
        domain_id=home(call),
        enabled=optional(body.known.enabled, True),
        description=optional(body.known.description, None) or "",
        extra=_kept(body.extra),
    )
    with call.services.store.begin() as tx:
        made = rules.create(tx, wanted, rules.rules_of(call.services.settings), call.now)
    return json_reply({"tenant": tenant_shape(made)})


@route(
    "PUT",
    TENANT,
    policy="identity:update_project",
    summary="Change a tenant; an attribute that is not sent stays as it is.",
    body=ChangedTenant,
    reply=OneTenant,
    errors=(400, 401, 403, 404, 409),
)
@route(
    "POST",
    TENANT,
    policy="identity:update_project",
    summary="Change a tenant, as most clients ask for it.",
    body=ChangedTenant,
    reply=OneTenant,
    errors=(400, 401, 403, 404, 409),
)
def update_tenant(call: Call) -> Reply:
    id = allowed_tenant(call).id
    body = given(call, "tenant", TenantChange)
    if optional(body.known.id, id) != id:
        raise errors.BadRequest("The id of a tenant cannot be changed.")
    extra, sent = _kept(body.extra), present(body.known, "name", "description", "enabled")
    if "description" in sent:
        sent["description"] = sent["description"] or ""
    with call.services.store.begin() as tx:
        before = _existing(of_home(call, tenancy.pinned(tx, id)), id)
        rules.check_mutable(before, {**sent, **extra})
        after = replace(before, **sent, extra={**before.extra, **extra})
        stored = rules.save(tx, before, after, rules.rules_of(call.services.settings), call.now)
    return json_reply({"tenant": tenant_shape(stored)})


@route("DELETE", TENANT, policy="identity:delete_project", summary="Delete a tenant.", errors=(401, 403, 404, 409), status=204)
def delete_tenant(call: Call) -> Reply:
    id = allowed_tenant(call).id
    with call.services.store.begin() as tx:
        stored = _existing(of_home(call, tenancy.pinned(tx, id)), id)
        rules.delete(tx, stored, rules.rules_of(call.services.settings), call.now)
    return NO_CONTENT


@route(
    "GET",
    f"{TENANT}/users",
    policy="identity:list_role_assignments",
    summary="List the users who have a role in a tenant.",
    reply=ManyUsers,
    filters=(),
    errors=(400, 401, 403, 404),
)
def list_tenant_users(call: Call) -> Reply:
    """Direct roles count, and those of groups and from above; users of other domains are left out."""
    id = allowed_tenant(call).id
    with call.services.store.read() as db:
        found, more = tenant_users.listed(db, id, home(call), page_of(call))
    return many(call, "users", [user_shape(call, account) for account in found], more)


def allowed_tenant(call: Call) -> ProjectRecord:
    """The tenant that the path names, once the caller may act on it. Raises `Forbidden`, or else `NotFound`."""
    id = call.args["tenant_id"]
    with call.services.store.read() as db:
        found = tenant(call, db, id)
    allow(call, tenant_target(found))
    return _existing(found, id)


def tenant_shape(project: ProjectRecord) -> dict[str, Any]:
    described = {"id": project.id, "name": project.name, "description": project.description, "enabled": project.enabled}
    return {**{name: value for name, value in project.extra.items() if name not in NOT_HERE}, **described}


def tenant_target(project: ProjectRecord | None) -> Mapping[str, Any]:
    """What a policy may ask of it, in the words of version 3; nothing where there is none."""
    if project is None:
        return {}
    return {
        "project_id": project.id,
        "target.project.id": project.id,
        "target.project.name": project.name,
        "target.project.domain_id": project.domain_id,
        "target.project.parent_id": project.parent_id,
        "target.project.is_domain": project.is_domain,
        "target.project.enabled": project.enabled,
    }


def _list_all(call: Call) -> Reply:
    allow(call, {"target.domain_id": home(call)}, "identity:list_projects")
    name = asked(call, "name")
    with call.services.store.read() as db:
        if name is not None:
            id = projects.find(db, ProjectRef(name=name, domain=DomainRef(id=home(call))))
            return json_reply({"tenant": tenant_shape(_existing(tenant(call, db, id) if id else None, name))})
        found, more = tenancy.listed(db, page_of(call), is_domain=False, domain_id=home(call))
    return many(call, "tenants", [tenant_shape(project) for project in found], more)


def _existing(project: ProjectRecord | None, id: str) -> ProjectRecord:
    if project is None:
        raise errors.missing("tenant", id)
    return project


def _kept(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name not in NOT_HERE}
