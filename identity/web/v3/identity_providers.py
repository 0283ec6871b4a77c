"""Identity providers: who may vouch for users from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.federation import IdentityProvider
from identity.store import domains, identity_providers
from identity.web.body import UNSET, Description, Id, Unset, given, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route

PATH = "/v3/OS-FEDERATION/identity_providers"
RemoteId = Annotated[str, Meta(min_length=1, max_length=255)]
Minutes = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class ProviderChange(msgspec.Struct, forbid_unknown_fields=True):
    enabled: bool | Unset = UNSET
    description: Description | Unset | None = UNSET
    authorization_ttl: Minutes | Unset | None = UNSET
    remote_ids: list[RemoteId] | Unset | None = UNSET


class NewProvider(ProviderChange, forbid_unknown_fields=True):
    domain_id: Id | Unset | None = UNSET


class WantedProvider(msgspec.Struct):
    identity_provider: NewProvider


class ChangedProvider(msgspec.Struct):
    identity_provider: ProviderChange


class ProviderShape(msgspec.Struct):
    id: str
    domain_id: str
    enabled: bool
    description: str | None
    remote_ids: list[str]
    authorization_ttl: int | None
    links: dict[str, str]


class OneProvider(msgspec.Struct):
    identity_provider: ProviderShape


class ManyProviders(msgspec.Struct):
    identity_providers: list[ProviderShape]
    links: dict[str, str | None]


@route(
    "GET",
    PATH,
    policy="identity:list_identity_providers",
    summary="List the identity providers.",
    reply=ManyProviders,
    filters=("id", "enabled", "domain_id"),
    errors=(400, 401, 403),
)
def list_providers(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found, more = identity_providers.listed(db, page_of(call))
    return listed(call, "identity_providers", [shape(call, provider) for provider in found], more)


@route(
    "GET",
    PATH + "/<idp_id>",
    policy="identity:get_identity_provider",
    summary="Show an identity provider.",
    reply=OneProvider,
    errors=(401, 403, 404),
)
def show_provider(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        return json_reply({"identity_provider": shape(call, existing(identity_providers.get(db, call.args["idp_id"]), call))})


@route(
    "PUT",
    PATH + "/<idp_id>",
    policy="identity:create_identity_provider",
    summary="Make an identity provider with the id that the URL names.",
    body=WantedProvider,
    reply=OneProvider,
    errors=(400, 401, 403, 404, 409),
    status=201,
)
def create_provider(call: Call) -> Reply:
    """Without a domain it gets one of its own, in which its users will be."""
    call.enforce()
    body, id = given(call, "identity_provider", NewProvider).known, call.args["idp_id"]
    with call.services.store.begin() as tx:
        domain_id = optional(body.domain_id, None)
        if domain_id is None:
            name = uuid4().hex
            about = f"The domain of the users of the identity provider {id[:64]}."
            domain_id = domains.create(tx, id=name, name=name, now=call.now, description=about)
        new = _changed(IdentityProvider(id, domain_id), body)
        identity_providers.create(tx, new)
    return json_reply({"identity_provider": shape(call, new)}, 201)


@route(
    "PATCH",
    PATH + "/<idp_id>",
    policy="identity:update_identity_provider",
    summary="Change an identity provider.",
    body=ChangedProvider,
    reply=OneProvider,
    errors=(400, 401, 403, 404, 409),
)
def update_provider(call: Call) -> Reply:
    call.enforce()
    body = given(call, "identity_provider", ProviderChange).known
    with call.services.store.begin() as tx:
        changed = _changed(existing(identity_providers.pinned(tx, call.args["idp_id"]), call), body)
        identity_providers.save(tx, changed)
    return json_reply({"identity_provider": shape(call, changed)})


@route(
    "DELETE",
    PATH + "/<idp_id>",
    policy="identity:delete_identity_provider",
    summary="Delete an identity provider with its protocols; its domain and users stay.",
    errors=(401, 403, 404),
    status=204,
)
def delete_provider(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        existing(identity_providers.get(tx, call.args["idp_id"]), call)
        identity_providers.remove(tx, call.args["idp_id"])
    return NO_CONTENT


def shape(call: Call, provider: IdentityProvider) -> dict[str, Any]:
    here = f"{call.base}{PATH}/{provider.id}"
    return {
        "id": provider.id,
        "domain_id": provider.domain_id,
        "enabled": provider.enabled,
        "description": provider.description,
        "remote_ids": provider.remote_ids,
        "authorization_ttl": provider.authorization_ttl,
        "links": {"self": here, "protocols": f"{here}/protocols"},
    }


def existing(provider: IdentityProvider | None, call: Call) -> IdentityProvider:
    """The provider that the URL names. Raises `errors.NotFound`."""
    if provider is None:
        raise errors.missing("identity provider", call.args["idp_id"])
    return provider


def _changed(stored: IdentityProvider, body: ProviderChange) -> IdentityProvider:
    sent = present(body, "enabled", "description", "authorization_ttl")
    if body.remote_ids is not UNSET:
        names = body.remote_ids or []
        if len(set(names)) < len(names):
            raise errors.BadRequest("Invalid input: remote_ids names one twice.")
        sent["remote_ids"] = tuple(names)
    return replace(stored, **sent)
