"""EC2 key pairs of a user (OS-EC2): the same rows as in version 3."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.credential import EC2, KeptSecret
from identity.model.delegation import is_delegated
from identity.services import credentials as blobs
from identity.store import credentials
from identity.web.context import Call
from identity.web.listing import page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v2.gate import tenant, user
from identity.web.v2.lists import many

PAIRS = "/v2.0/users/<user_id>/credentials/OS-EC2"


class WantedKeys(msgspec.Struct):
    """The whole body: it has no outer member."""

    tenant_id: Annotated[str, Meta(min_length=1, max_length=64)]


class KeysShape(msgspec.Struct):
    access: str | None
    secret: str | None
    user_id: str
    tenant_id: str | None
    trust_id: str | None


class OneKeys(msgspec.Struct):
    credential: KeysShape


class ManyKeys(msgspec.Struct):
    credentials: list[KeysShape]
    credentials_links: list[dict[str, str]]


@route(
    "GET",
    PAIRS,
    policy="identity:ec2_list_credentials",
    summary="List a user's EC2 key pairs. The marker is a credential's id, as the link to the next page has it.",
    reply=ManyKeys,
    filters=(),
    errors=(400, 401, 403, 404, 503),
)
def list_pairs(call: Call) -> Reply:
    call.enforce()
    found, more = kept_pairs(call)
    members = [pair_shape(call, kept) for kept in found]
    return many(call, "credentials", members, more, found[-1].id if found else None)


@route(
    "POST",
    PAIRS,
    policy="identity:ec2_create_credential",
    summary="Make an EC2 key pair for a user and a tenant.",
    body=WantedKeys,
    reply=OneKeys,
    errors=(400, 401, 403, 404, 503),
)
def create_pair(call: Call) -> Reply:
    authorise_owner(call)
    try:
        wanted = msgspec.json.decode(call.body(), type=WantedKeys)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise errors.BadRequest('The body must be an object with the text member "tenant_id".') from None
    new = store_pair(call, wanted.tenant_id, uuid4().hex, uuid4().hex)
    return json_reply({"credential": pair_shape(call, new)})


@route(
    "GET",
    f"{PAIRS}/<credential_id>",
    policy="identity:ec2_get_credential",
    summary="Show an EC2 key pair by its access key.",
    reply=OneKeys,
    errors=(401, 403, 404, 503),
)
def show_pair(call: Call) -> Reply:
    return json_reply({"credential": pair_shape(call, _allowed(call))})


@route(
    "DELETE",
    f"{PAIRS}/<credential_id>",
    policy="identity:ec2_delete_credential",
    summary="Delete an EC2 key pair by its access key.",
    errors=(401, 403, 404),
    status=204,
)
def delete_pair(call: Call) -> Reply:
    kept = _allowed(call)
    with call.services.store.begin() as tx:
        credentials.remove(tx, kept.id)
    return NO_CONTENT


def pair_shape(call: Call, kept: KeptSecret) -> dict[str, Any]:
    keys = blobs.ec2_keys(call.services.vault, kept)
    return {
        "access": keys.access,
        "secret": keys.secret,
        "user_id": kept.user_id,
        "tenant_id": kept.project_id,
        "trust_id": keys.trust_id,
    }


def kept_pairs(call: Call) -> tuple[list[KeptSecret], bool]:
    """The pairs of the user in the path, and whether there are more; the policy has been asked. Raises `Forbidden`, `NotFound`."""
    refuse_delegated(call)
    page, user_id = page_of(call), call.args["user_id"]
    with call.services.store.read() as db:
        if user(call, db, user_id) is None:
            raise errors.missing("user", user_id)
        return credentials.ec2_listed(db, user_id, page)


def authorise_owner(call: Call) -> None:
    """Whether the caller may make a pair for the user in the path."""
    call.enforce({"target.credential.user_id": call.args["user_id"]}, "identity:ec2_create_credential")
    refuse_delegated(call)


def store_pair(call: Call, tenant_id: str, access: str, secret: str, before: str | None = None) -> KeptSecret:
    """Keep the pair for the user in the path, in place of the one with the id `before`.

    Raises `NotFound`, `Conflict` or `Forbidden`.
    """
    user_id, blob = call.args["user_id"], json.dumps({"access": access, "secret": secret, "trust_id": None})
    with call.services.store.begin() as tx:
        if user(call, tx, user_id) is None:
            raise errors.missing("user", user_id)
        if tenant(call, tx, tenant_id) is None:
            raise errors.missing("tenant", tenant_id)
        if before is not None:
            credentials.remove(tx, before)
        new = KeptSecret(blobs.id_of(EC2, blob), user_id, tenant_id, EC2, blobs.seal(call.services.vault, EC2, blob))
        blobs.create(tx, new, call.services.settings.credential.user_limit)
    return new


def refuse_delegated(call: Call) -> None:
    """Who acts with what another handed on, or with a share of himself, would draw all of the user's secrets from it."""
    if is_delegated(call.caller.access.claims):
        raise errors.Forbidden("A token that came of a delegation cannot be used for credentials.")


def _allowed(call: Call) -> KeptSecret:
    """The stored pair. Unlike in version 3 the user in the path must be its owner; the owner is whom the policy is asked about."""
    access, user_id = call.args["credential_id"], call.args["user_id"]
    with call.services.store.read() as db:
        kept = credentials.get(db, blobs.access_id(access))
        owner = user(call, db, user_id)
    if kept is None or kept.type != EC2 or owner is None or kept.user_id != user_id:
        raise errors.missing("EC2 access key", access)
    target = {"id": kept.id, "user_id": kept.user_id, "project_id": kept.project_id, "type": kept.type}
    call.enforce({f"target.credential.{name}": value for name, value in target.items()})
    refuse_delegated(call)
    return kept
