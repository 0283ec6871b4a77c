"""OAuth consumers: the programs that may ask users for a share of their roles. Served through `oauth1`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec

from identity import errors
from identity.model.delegation import Consumer
from identity.store import oauth
from identity.web.body import UNSET, Description, Unset, given, kept, optional
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route

# Members that are ours to write: what a client sends under these names is not kept.
OURS = frozenset({"id", "links", "secret"})


class ConsumerBody(msgspec.Struct):
    """Other attributes are kept and shown again."""

    description: Description | Unset | None = UNSET


class ConsumerShape(msgspec.Struct):
    id: str
    description: str | None
    links: dict[str, str]
    secret: str | Unset = UNSET


class OneConsumer(msgspec.Struct):
    consumer: ConsumerShape


class ManyConsumers(msgspec.Struct):
    consumers: list[ConsumerShape]
    links: dict[str, str | None]


class WantedConsumer(msgspec.Struct):
    consumer: ConsumerBody


@route(
    "GET",
    "/v3/OS-OAUTH1/consumers",
    policy="identity:list_consumers",
    summary="List the OAuth consumers.",
    reply=ManyConsumers,
    filters=("description",),
    errors=(400, 401, 403),
)
def list_consumers(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found, more = oauth.consumers(db, page_of(call))
    return listed(call, "consumers", [shape(call, consumer) for consumer in found], more)


@route(
    "POST",
    "/v3/OS-OAUTH1/consumers",
    policy="identity:create_consumer",
    summary="Register an OAuth consumer. Its secret is shown this once.",
    body=WantedConsumer,
    reply=OneConsumer,
    errors=(400, 401, 403, 503),
    status=201,
)
def create_consumer(call: Call) -> Reply:
    call.enforce()
    body = given(call, "consumer", ConsumerBody)
    secret = uuid4().hex
    sealed = call.services.vault.seal(secret.encode())
    new = Consumer(uuid4().hex, optional(body.known.description, None), kept(body.extra, OURS), sealed)
    with call.services.store.begin() as tx:
        oauth.create_consumer(tx, new)
    return json_reply({"consumer": {**shape(call, new), "secret": secret}}, 201)


@route(
    "GET",
    "/v3/OS-OAUTH1/consumers/<consumer_id>",
    policy="identity:get_consumer",
    summary="Show an OAuth consumer, without its secret.",
    reply=OneConsumer,
    errors=(401, 403, 404),
)
def show_consumer(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        return json_reply({"consumer": shape(call, _existing(oauth.get_consumer(db, call.args["consumer_id"]), call))})


@route(
    "PATCH",
    "/v3/OS-OAUTH1/consumers/<consumer_id>",
    policy="identity:update_consumer",
    summary="Change an OAuth consumer, except for its secret.",
    body=WantedConsumer,
    reply=OneConsumer,
    errors=(400, 401, 403, 404),
)
def update_consumer(call: Call) -> Reply:
    call.enforce()
    body, id = given(call, "consumer", ConsumerBody), call.args["consumer_id"]
    if "secret" in body.extra:
        raise errors.BadRequest("The secret of a consumer cannot be changed: register a new one.")
    if body.extra.get("id", id) != id:
        raise errors.BadRequest("The id of a consumer cannot be changed.")
    if not body.extra and body.known.description is UNSET:
        raise errors.BadRequest("Invalid input: consumer names nothing to change.")
    with call.services.store.begin() as tx:
        stored = _existing(oauth.pinned_consumer(tx, id), call)
        changed = replace(
            stored,
            description=optional(body.known.description, stored.description),
            extra={**stored.extra, **kept(body.extra, OURS)},
        )
        oauth.save_consumer(tx, changed)
    return json_reply({"consumer": shape(call, changed)})


@route(
    "DELETE",
    "/v3/OS-OAUTH1/consumers/<consumer_id>",
    policy="identity:delete_consumer",
    summary="Delete an OAuth consumer, and take back all that users have authorised for it.",
    errors=(401, 403, 404),
    status=204,
)
def delete_consumer(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        oauth.remove_consumer(tx, call.args["consumer_id"], call.now)
    return NO_CONTENT


def shape(call: Call, consumer: Consumer) -> dict[str, Any]:
    return {
        **consumer.extra,
        "id": consumer.id,
        "description": consumer.description,
        "links": {"self": f"{call.base}/v3/OS-OAUTH1/consumers/{consumer.id}"},
    }


def _existing(consumer: Consumer | None, call: Call) -> Consumer:
    if consumer is None:
        raise errors.missing("consumer", call.args["consumer_id"])
    return consumer
