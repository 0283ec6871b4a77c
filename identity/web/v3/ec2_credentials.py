"""EC2 key pairs of a user, as the older extension shows them: the same rows as `credentials`."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.credential import EC2, KeptSecret
from identity.services import credentials as blobs
from identity.store import credentials
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.credentials import refuse_delegated, target_of


class WantedKeys(msgspec.Struct):
    """The whole body: it has no outer member."""

    tenant_id: Annotated[str, Meta(min_length=1, max_length=64)]


class KeysShape(msgspec.Struct):
    access: str | None
    secret: str | None
    user_id: str
    tenant_id: str | None
    trust_id: str | None
    links: dict[str, str]


class OneKeys(msgspec.Struct):
    credential: KeysShape


class ManyKeys(msgspec.Struct):
    credentials: list[KeysShape]
    links: dict[str, str | None]


@route(
    "GET",
    "/v3/users/<user_id>/credentials/OS-EC2",
    policy="identity:ec2_list_credentials",
    summary="List a user's EC2 key pairs. The marker is a credential's id, as the link to the next page has it.",
    reply=ManyKeys,
    filters=(),
    errors=(400, 401, 403, 404, 503),
)
def list_ec2_credentials(call: Call) -> Reply:
    call.enforce()
    refuse_delegated(call)
    page, user_id = page_of(call), call.args["user_id"]
    with call.services.store.read() as db:
        if not credentials.there(db, user_id)[0]:
            raise errors.missing("user", user_id)
        found, more = credentials.ec2_listed(db, user_id, page)
    members = [shape(call, kept) for kept in found]
    return listed(call, "credentials", members, more, found[-1].id if found else None)


@route(
    "POST",
    "/v3/users/<user_id>/credentials/OS-EC2",
    policy="identity:ec2_create_credential",
    summary="Make an EC2 key pair for a user and a project.",
    body=WantedKeys,
    reply=OneKeys,
    errors=(400, 401, 403, 404, 503),
    status=201,
)
def create_ec2_credential(call: Call) -> Reply:
    user_id = call.args["user_id"]
    call.enforce({"target.credential.user_id": user_id})
    refuse_delegated(call)
    project_id = _wanted(call).tenant_id
    keys = {"access": uuid4().hex, "secret": uuid4().hex, "trust_id": None}
    blob = json.dumps(keys)
    with call.services.store.begin() as tx:
        user, project = credentials.there(tx, user_id, project_id)
        if not user:
            raise errors.missing("user", user_id)
        if not project:
            raise errors.missing("project", project_id)
        new = KeptSecret(blobs.id_of(EC2, blob), user_id, project_id, EC2, blobs.seal(call.services.vault, EC2, blob))
        blobs.create(tx, new, call.services.settings.credential.user_limit)
    return json_reply({"credential": shape(call, new)}, 201)


@route(
    "GET",
    "/v3/users/<user_id>/credentials/OS-EC2/<credential_id>",
    policy="identity:ec2_get_credential",
    summary="Show an EC2 key pair by its access key.",
    reply=OneKeys,
    errors=(401, 403, 404, 503),
)
def show_ec2_credential(call: Call) -> Reply:
    return json_reply({"credential": shape(call, _allowed(call))})


@route(
    "DELETE",
    "/v3/users/<user_id>/credentials/OS-EC2/<credential_id>",
    policy="identity:ec2_delete_credential",
    summary="Delete an EC2 key pair by its access key.",
    errors=(401, 403, 404),
    status=204,
)
def delete_ec2_credential(call: Call) -> Reply:
    kept = _allowed(call)
    with call.services.store.begin() as tx:
        credentials.remove(tx, kept.id)
    return NO_CONTENT


def shape(call: Call, kept: KeptSecret) -> dict[str, Any]:
    keys = blobs.ec2_keys(call.services.vault, kept)
    return {
        "access": keys.access,
        "secret": keys.secret,
        "user_id": kept.user_id,
        "tenant_id": kept.project_id,
        "trust_id": keys.trust_id,
        "links": {"self": f"{call.base}/v3/users/{kept.user_id}/credentials/OS-EC2/{keys.access}"},
    }


def _allowed(call: Call) -> KeptSecret:
    """The stored pair. An unknown access key is a 404 for everyone, as it has always been: it cannot be guessed.

    The user in the path need not be the owner; the owner is whom the policy is asked about.
    """
    access, user_id = call.args["credential_id"], call.args["user_id"]
    with call.services.store.read() as db:
        kept = credentials.get(db, blobs.access_id(access))
        user, _ = credentials.there(db, user_id)
    if kept is None or kept.type != EC2:
        raise errors.missing("EC2 access key", access)
    call.enforce(target_of(kept))
    if not user:
        raise errors.missing("user", user_id)
    refuse_delegated(call)
    return kept


def _wanted(call: Call) -> WantedKeys:
    try:
        return msgspec.json.decode(call.body(), type=WantedKeys)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise errors.BadRequest('The body must be an object with the text member "tenant_id".') from None
