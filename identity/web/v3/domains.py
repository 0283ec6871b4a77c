"""Domains: each a name space of its own for users, groups and projects."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.tenancy import ProjectRecord
from identity.services import tenancy as rules
from identity.store import tenancy
from identity.web.body import UNSET, Description, ShortName, Unset, given, kept, optional
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.collection import DomainShape, ManyDomains, ProjectOptions, Tags, domain_shape, domain_target
from identity.web.v3.project_body import changed, options_of, tags_of

HexId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
NEVER_KEPT = frozenset({"is_domain", "domain_id", "parent_id", "links"})


class DomainBody(msgspec.Struct):
    name: ShortName
    id: str | Unset | None = UNSET
    explicit_domain_id: HexId | Unset | None = UNSET
    enabled: bool | Unset = UNSET
    description: Description | Unset | None = UNSET
    options: ProjectOptions | Unset = UNSET
    tags: Tags | Unset = UNSET


class DomainChange(msgspec.Struct):
    name: ShortName | Unset = UNSET
    id: str | Unset | None = UNSET
    enabled: bool | Unset = UNSET
    description: Description | Unset | None = UNSET
    options: ProjectOptions | Unset = UNSET
    tags: Tags | Unset = UNSET


class OneDomain(msgspec.Struct):
    domain: DomainShape


class WantedDomain(msgspec.Struct):
    domain: DomainBody


class ChangedDomain(msgspec.Struct):
    domain: DomainChange


@route(
    "GET",
    "/v3/domains",
    policy="identity:list_domains",
    summary="List the domains.",
    reply=ManyDomains,
    filters=("name", "enabled"),
    errors=(400, 401, 403),
)
def list_domains(call: Call) -> Reply:
    own = call.caller.access.claims.domain_id
    call.enforce({"target.domain.id": own} if own else {})
    with call.services.store.read() as db:
        found, more = tenancy.listed(db, page_of(call), is_domain=True, id=own)
    return listed(call, "domains", [domain_shape(call, domain) for domain in found], more)


@route(
    "GET",
    "/v3/domains/<domain_id>",
    policy="identity:get_domain",
    summary="Show a domain.",
    reply=OneDomain,
    errors=(401, 403, 404),
)
def show_domain(call: Call) -> Reply:
    with call.services.store.read() as db:
        stored = tenancy.domain(db, call.args["domain_id"])
    call.enforce(domain_target(stored))
    return json_reply({"domain": domain_shape(call, _existing(stored, call))})


@route(
    "POST",
    "/v3/domains",
    policy="identity:create_domain",
    summary="Make a domain.",
    body=WantedDomain,
    reply=OneDomain,
    errors=(400, 401, 403, 409),
    status=201,
)
def create_domain(call: Call) -> Reply:
    call.enforce()
    body = given(call, "domain", DomainBody)
    wanted = ProjectRecord(
        id=optional(body.known.explicit_domain_id, None) or "",
        name=body.known.name,
        is_domain=True,
        enabled=optional(body.known.enabled, True),
        description=optional(body.known.description, None) or "",
        options=options_of(body.known.options),
        extra=kept(body.extra, NEVER_KEPT),
        tags=tags_of(body.known.tags),
    )
    with errors.taken("domain", wanted.id or wanted.name), call.services.store.begin() as tx:
        made = rules.create(tx, wanted, rules.rules_of(call.services.settings), call.now)
    return json_reply({"domain": domain_shape(call, made)}, 201)


@route(
    "PATCH",
    "/v3/domains/<domain_id>",
    policy="identity:update_domain",
    summary="Change a domain; disabling it ends the tokens of its users and for its projects.",
    body=ChangedDomain,
    reply=OneDomain,
    errors=(400, 401, 403, 404, 409),
)
def update_domain(call: Call) -> Reply:
    id = call.args["domain_id"]
    with call.services.store.read() as db:
        stored = _existing(tenancy.domain(db, id), call)  # before the policy: Keystone tells everybody that there is none
    call.enforce(domain_target(stored))
    body = given(call, "domain", DomainChange)
    if optional(body.known.id, None) not in (None, id):
        raise errors.BadRequest("The id of a domain cannot be changed.")
    with errors.taken("domain", optional(body.known.name, "")), call.services.store.begin() as tx:
        before = _existing(tenancy.pinned_domain(tx, id), call)
        extra = kept(body.extra, NEVER_KEPT)
        rules.check_mutable(before, changed(body.known, extra))
        after = replace(before, **changed(body.known), extra={**before.extra, **extra})
        after = replace(after, options=options_of(body.known.options, before.options), description=after.description or "")
        stored = rules.save(tx, before, after, rules.rules_of(call.services.settings), call.now)
    return json_reply({"domain": domain_shape(call, stored)})


@route(
    "DELETE",
    "/v3/domains/<domain_id>",
    policy="identity:delete_domain",
    summary="Delete a disabled domain with all that is in it.",
    errors=(401, 403, 404, 409),
    status=204,
)
def delete_domain(call: Call) -> Reply:
    id = call.args["domain_id"]
    with call.services.store.read() as db:
        call.enforce(domain_target(tenancy.domain(db, id)))
    with call.services.store.begin() as tx:
        stored = _existing(tenancy.pinned_domain(tx, id), call)
        rules.delete(tx, stored, rules.rules_of(call.services.settings), call.now)
    return NO_CONTENT


def _existing(domain: ProjectRecord | None, call: Call) -> ProjectRecord:
    if domain is None:
        raise errors.missing("domain", call.args["domain_id"])
    return domain
