"""Tags: words by which projects are found."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from identity import errors
from identity.model.tenancy import ProjectRecord
from identity.store import tenancy
from identity.web.context import Call
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.collection import Tag, Tags, project_target
from identity.web.v3.project_body import MOST_TAGS, tags_of


class WantedTags(msgspec.Struct):
    tags: Tags


class OneTag(msgspec.Struct):
    value: Tag


class ManyTags(msgspec.Struct):
    tags: list[str]
    links: dict[str, str | None]


@route(
    "GET",
    "/v3/projects/<project_id>/tags",
    policy="identity:list_project_tags",
    summary="List a project's tags.",
    reply=ManyTags,
    errors=(401, 403, 404),
)
def list_tags(call: Call) -> Reply:
    return _tags_reply(call, _seen(call).tags)


@route(
    "PUT",
    "/v3/projects/<project_id>/tags",
    policy="identity:update_project_tags",
    summary="Let these be a project's tags.",
    body=WantedTags,
    reply=ManyTags,
    errors=(400, 401, 403, 404),
)
def replace_tags(call: Call) -> Reply:
    _seen(call)
    try:
        wanted = tags_of(msgspec.json.decode(call.body(), type=WantedTags).tags)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise errors.BadRequest(
            f"Invalid input: the body must be an object with the member 'tags', a list of at most {MOST_TAGS} strings of 1 to 255 "
            "characters without comma or slash."
        ) from None
    with call.services.store.begin() as tx:
        tenancy.set_tags(tx, _writable(tenancy.pinned(tx, call.args["project_id"]), call).id, wanted)
    return _tags_reply(call, wanted)


@route(
    "DELETE",
    "/v3/projects/<project_id>/tags",
    policy="identity:delete_project_tags",
    summary="Take all of a project's tags away.",
    errors=(401, 403, 404),
    status=204,
)
def delete_tags(call: Call) -> Reply:
    _seen(call)
    with call.services.store.begin() as tx:
        tenancy.set_tags(tx, _writable(tenancy.pinned(tx, call.args["project_id"]), call).id, ())
    return NO_CONTENT


@route(
    "GET",
    "/v3/projects/<project_id>/tags/<value>",
    policy="identity:get_project_tag",
    summary="Say whether a project has a tag.",
    errors=(401, 403, 404),
    status=204,
)
def check_tag(call: Call) -> Reply:
    if call.args["value"] not in _seen(call).tags:
        raise errors.missing("project tag", call.args["value"])
    return NO_CONTENT


@route(
    "PUT",
    "/v3/projects/<project_id>/tags/<value>",
    policy="identity:create_project_tag",
    summary="Give a project a tag.",
    errors=(400, 401, 403, 404),
    status=201,
)
def add_tag(call: Call) -> Reply:
    _seen(call)
    try:
        asked = msgspec.convert({"value": call.args["value"]}, OneTag)
    except msgspec.ValidationError:
        raise errors.BadRequest("Invalid input: a tag is 1 to 255 characters long, without comma or slash.") from None
    (name,) = tags_of([asked.value])
    with call.services.store.begin() as tx:
        stored = _writable(tenancy.pinned(tx, call.args["project_id"]), call)
        if name not in stored.tags:
            if len(stored.tags) >= MOST_TAGS:
                raise errors.BadRequest(f"A project may have {MOST_TAGS} tags at most; take another one away first.")
            tenancy.add_tag(tx, stored.id, name)
    place = f"{call.base}/v3/projects/{quote(stored.id, safe='')}/tags/{quote(name, safe='')}"
    return Reply(b"", 201, (("Location", place),))


@route(
    "DELETE",
    "/v3/projects/<project_id>/tags/<value>",
    policy="identity:delete_project_tag",
    summary="Take one of a project's tags away.",
    errors=(401, 403, 404),
    status=204,
)
def delete_tag(call: Call) -> Reply:
    _seen(call)
    name = call.args["value"]
    with call.services.store.begin() as tx:
        stored = _writable(tenancy.pinned(tx, call.args["project_id"]), call)
        if name not in stored.tags:
            raise errors.missing("project tag", name)
        tenancy.remove_tag(tx, stored.id, name)
    return NO_CONTENT


def _seen(call: Call) -> ProjectRecord:
    """The project, for a caller whom the policy lets do this."""
    with call.services.store.read() as db:
        stored = tenancy.get(db, call.args["project_id"])
    call.enforce(project_target(stored))
    if stored is None:
        raise errors.missing("project", call.args["project_id"])
    return stored


def _writable(stored: ProjectRecord | None, call: Call) -> ProjectRecord:
    if stored is None:
        raise errors.missing("project", call.args["project_id"])
    if stored.immutable:
        raise errors.Forbidden("The project is immutable; take its option 'immutable' off before its tags are changed.")
    return stored


def _tags_reply(call: Call, tags: tuple[str, ...]) -> Reply:
    return json_reply({"tags": tags, "links": {"self": f"{call.base}/v3/projects/{quote(call.args['project_id'], safe='')}/tags"}})
