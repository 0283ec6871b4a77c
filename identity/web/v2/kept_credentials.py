"""EC2 key pairs at the URLs that the extensions OS-KSADM and OS-KSEC2 are documented with. Keystone itself never served these.

As documented, a user has one pair here: the first of those that OS-EC2 lists.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import uuid4

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.credential import KeptSecret
from identity.store import credentials
from identity.web.body import UNSET, Unset, given, optional
from identity.web.context import Call
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v2.ec2_credentials import authorise_owner, kept_pairs, pair_shape, store_pair
from identity.web.v2.lists import many

KEY: Final = "OS-KSEC2:ec2Credentials"
ALL: Final = "/v2.0/users/<user_id>/OS-KSADM/credentials"
ONE: Final = f"{ALL}/{KEY}"
Secret = Annotated[str, Meta(min_length=1, max_length=255)]


class PairBody(msgspec.Struct):
    """Keys that are not sent are made."""

    tenantId: Annotated[str, Meta(min_length=1, max_length=64)]
    access: Secret | Unset = UNSET
    secret: Secret | Unset = UNSET

    def __repr__(self) -> str:
        return "PairBody(...)"  # it holds a secret, and may stand in a traceback


class PairShape(msgspec.Struct):
    userId: str
    tenantId: str | None
    access: str | None
    secret: str | None


class OnePair(msgspec.Struct):
    pair: PairShape = msgspec.field(name=KEY)


class ManyPairs(msgspec.Struct):
    credentials: list[OnePair]
    credentials_links: list[dict[str, str]]


class WantedPair(msgspec.Struct):
    pair: PairBody = msgspec.field(name=KEY)


@route(
    "GET",
    ALL,
    policy="identity:ec2_list_credentials",
    summary="List a user's credentials.",
    reply=ManyPairs,
    filters=(),
    errors=(400, 401, 403, 404, 503),
)
@route(
    "GET",
    f"{ONE}/<type>",
    policy="identity:ec2_list_credentials",
    summary="List a user's credentials of a type, of which there is ec2 alone.",
    reply=ManyPairs,
    filters=(),
    errors=(400, 401, 403, 404, 503),
)
def list_credentials(call: Call) -> Reply:
    call.enforce()
    found, more = kept_pairs(call)
    if call.args.get("type", "ec2").lower() not in ("ec2", KEY.lower()):
        raise errors.missing("type of credentials", call.args["type"])
    return many(call, "credentials", [_shape(call, kept) for kept in found], more, found[-1].id if found else None)


@route(
    "POST",
    ALL,
    policy="identity:ec2_create_credential",
    summary="Add a credential to a user.",
    body=WantedPair,
    reply=OnePair,
    errors=(400, 401, 403, 404, 409, 503),
    status=201,
)
def add_credential(call: Call) -> Reply:
    return json_reply(_shape(call, _made(call)), 201)


@route(
    "GET",
    ONE,
    policy="identity:ec2_get_credential",
    summary="Show a user's EC2 key pair.",
    reply=OnePair,
    errors=(401, 403, 404, 503),
)
def show_credential(call: Call) -> Reply:
    return json_reply(_shape(call, _first(call)))


@route(
    "POST",
    ONE,
    policy="identity:ec2_create_credential",
    summary="Put another EC2 key pair in place of a user's.",
    body=WantedPair,
    reply=OnePair,
    errors=(400, 401, 403, 404, 409, 503),
)
def replace_credential(call: Call) -> Reply:
    """The pair before goes as the new one is kept: in an outage both happen or neither."""
    before = _first(call)
    return json_reply(_shape(call, _made(call, before.id)))


@route(
    "DELETE",
    ONE,
    policy="identity:ec2_delete_credential",
    summary="Delete a user's EC2 key pair.",
    errors=(401, 403, 404),
    status=204,
)
def delete_credential(call: Call) -> Reply:
    kept = _first(call)
    with call.services.store.begin() as tx:
        credentials.remove(tx, kept.id)
    return NO_CONTENT


def _first(call: Call) -> KeptSecret:
    """The user's first pair, once the policy has been asked about the user."""
    call.enforce({"target.credential.user_id": call.args["user_id"]})
    found, _ = kept_pairs(call)
    if not found:
        raise errors.missing("EC2 key pair of the user", call.args["user_id"])
    return found[0]


def _made(call: Call, before: str | None = None) -> KeptSecret:
    authorise_owner(call)
    wanted = given(call, KEY, PairBody).known
    access, secret = optional(wanted.access, None) or uuid4().hex, optional(wanted.secret, None) or uuid4().hex
    return store_pair(call, wanted.tenantId, access, secret, before)


def _shape(call: Call, kept: KeptSecret) -> dict[str, Any]:
    pair = pair_shape(call, kept)
    return {
        KEY: {"userId": pair["user_id"], "tenantId": pair["tenant_id"], "access": pair["access"], "secret": pair["secret"]},
    }
