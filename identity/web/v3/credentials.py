"""Credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.credential import EC2, KeptSecret
from identity.model.delegation import is_delegated
from identity.services import credentials as blobs
from identity.store import credentials
from identity.web.body import UNSET, Name, Unset, given, kept, optional, present
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3 import handed

Owner = Annotated[str, Meta(min_length=1, max_length=64)]


class NewCredentialBody(msgspec.Struct):
    blob: str
    type: Name
    user_id: Owner
    project_id: Owner | Unset | None = UNSET
    id: str | Unset = UNSET  # taken, and of no effect


class CredentialBody(msgspec.Struct):
    """Beside the blob, only what is stored already may be sent: the stock client repeats all of it."""

    blob: str
    type: str | Unset = UNSET
    user_id: str | Unset = UNSET
    project_id: str | Unset | None = UNSET
    id: str | Unset = UNSET


class CredentialShape(msgspec.Struct):
    id: str
    user_id: str
    project_id: str | None
    type: str
    blob: str
    links: dict[str, str]


class OneCredential(msgspec.Struct):
    credential: CredentialShape


class ManyCredentials(msgspec.Struct):
    credentials: list[CredentialShape]
    links: dict[str, str | None]


class WantedNewCredential(msgspec.Struct):
    credential: NewCredentialBody


class WantedCredential(msgspec.Struct):
    credential: CredentialBody


@route(
    "GET",
    "/v3/credentials",
    policy="identity:list_credentials",
    summary="List the credentials that the caller may see.",
    reply=ManyCredentials,
    filters=("user_id", "type"),
    errors=(400, 401, 403, 503),
)
def list_credentials(call: Call) -> Reply:
    subject = call.caller.access.subject
    call.enforce({} if subject.system else {"target.credential.user_id": subject.user.id})
    page = page_of(call)
    if is_delegated(call.caller.access.claims):
        return listed(call, "credentials", [])
    with call.services.store.read() as db:
        found, more = credentials.listed(db, page, **_owners(call))
    seen = [shape(call, kept) for kept in found if _visible(call, target_of(kept))]
    return listed(call, "credentials", seen, more, found[-1].id if found else None)


@route(
    "GET",
    "/v3/credentials/<credential_id>",
    policy="identity:get_credential",
    summary="Show a credential.",
    reply=OneCredential,
    errors=(401, 403, 404, 503),
)
def show_credential(call: Call) -> Reply:
    return json_reply({"credential": shape(call, _allowed(call))})


@route(
    "POST",
    "/v3/credentials",
    policy="identity:create_credential",
    summary="Keep a secret for a user. The id of an EC2 credential is the SHA-256 of its access key.",
    body=WantedNewCredential,
    reply=OneCredential,
    errors=(400, 401, 403, 409, 503),
    status=201,
)
def create_credential(call: Call) -> Reply:
    body = given(call, "credential", NewCredentialBody)
    known = body.known
    project_id = optional(known.project_id, None)
    wanted = {"user_id": known.user_id, "project_id": project_id, "type": known.type}
    call.enforce({f"target.credential.{name}": value for name, value in wanted.items()})
    refuse_delegated(call)
    if known.type.lower() == EC2 and project_id is None:
        raise errors.BadRequest("An EC2 credential needs a project_id.")
    vault = call.services.vault
    extra = kept(body.extra)
    id, sealed = blobs.id_of(known.type, known.blob), blobs.seal(vault, known.type, known.blob)
    new = KeptSecret(id, known.user_id, project_id, known.type, sealed, extra)
    with call.services.store.begin() as tx:
        blobs.create(tx, new, call.services.settings.credential.user_limit)
    return json_reply({"credential": shape(call, new)}, 201)


@route(
    "PATCH",
    "/v3/credentials/<credential_id>",
    policy="identity:update_credential",
    summary="Change what a credential holds. Owner, project and type stay for its life.",
    body=WantedCredential,
    reply=OneCredential,
    errors=(400, 401, 403, 404, 503),
)
def update_credential(call: Call) -> Reply:
    kept = _allowed(call)
    body = given(call, "credential", CredentialBody)
    for name, value in (*present(body.known).items(), *body.extra.items()):
        if name != "blob" and (name in body.extra or value != getattr(kept, name)):
            raise errors.BadRequest(f"The {name[:64]} of a credential cannot be changed, only its blob: make another credential.")
    vault = call.services.vault
    blobs.check_change(kept.type, blobs.open_blob(vault, kept), body.known.blob)
    sealed = blobs.seal(vault, kept.type, body.known.blob)
    with call.services.store.begin() as tx:
        credentials.reseal(tx, kept.id, sealed)
    return json_reply({"credential": shape(call, replace(kept, sealed=sealed))})


@route(
    "DELETE",
    "/v3/credentials/<credential_id>",
    policy="identity:delete_credential",
    summary="Delete a credential.",
    errors=(401, 403, 404),
    status=204,
)
def delete_credential(call: Call) -> Reply:
    kept = _allowed(call)
    with call.services.store.begin() as tx:
        credentials.remove(tx, kept.id)
    return NO_CONTENT


def shape(call: Call, kept: KeptSecret) -> dict[str, Any]:
    return {
        **kept.extra,
        "id": kept.id,
        "user_id": kept.user_id,
        "project_id": kept.project_id,
        "type": kept.type,
        "blob": blobs.open_blob(call.services.vault, kept),
        "links": {"self": f"{call.base}/v3/credentials/{kept.id}"},
    }


def target_of(kept: KeptSecret | None) -> dict[str, Any]:
    """What a policy may ask of a stored credential; nothing of one that is not there."""
    if kept is None:
        return {}
    names = ("id", "user_id", "project_id", "type")
    return {f"target.credential.{name}": getattr(kept, name) for name in names}


def refuse_delegated(call: Call) -> None:
    """Who acts with what another handed on, or with a share of himself, would draw all of the user's secrets from it."""
    handed.refuse_delegated(call, "A token that came of a delegation cannot be used for credentials.")


def _allowed(call: Call) -> KeptSecret:
    """The stored credential, once the policy lets the caller act on it."""
    with call.services.store.read() as db:
        kept = credentials.get(db, call.args["credential_id"])
    call.enforce(target_of(kept))
    if kept is None:
        raise errors.missing("credential", call.args["credential_id"])
    refuse_delegated(call)
    return kept


def _visible(call: Call, target: Mapping[str, Any]) -> bool:
    try:
        call.services.enforcer.check("identity:get_credential", call.caller.credentials, target)
    except errors.Forbidden:
        return False
    return True


def _owners(call: Call) -> dict[str, str | None]:
    """Whose credentials to read from the store: everybody's only for who may see those of a stranger. Each one is decided again."""
    subject = call.caller.access.subject
    stranger = {f"target.credential.{name}": "" for name in ("id", "user_id", "project_id", "type")}
    if _visible(call, stranger):
        return {}
    own = subject.project.id if subject.project is not None else None
    if own is not None and not _visible(call, stranger | {"target.credential.project_id": own}):
        own = None
    return {"user_id": subject.user.id, "project_id": own}
