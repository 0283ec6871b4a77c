"""Version 2.0 describes itself: the version document, and its extensions. Never challenged, as in version 3."""

from __future__ import annotations

from typing import Any, Final

from identity import errors
from identity.web.context import Call
from identity.web.reply import Reply, json_reply
from identity.web.route import PUBLIC, route
from identity.web.v2.version import version_document

NAMESPACE: Final = "https://docs.openstack.org/identity/api/ext"
# Alias: name, namespace below the one above, last change, what it is for.
EXTENSIONS: Final = {
    "OS-KSADM": (
        "OpenStack Keystone Admin",
        "OS-KSADM/v1.0",
        "2013-07-11T17:14:00-00:00",
        "Making, changing and deleting users, tenants, roles and services.",
    ),
    "OS-KSCRUD": (
        "OpenStack Keystone User CRUD",
        "OS-KSCRUD/v1.0",
        "2013-07-07T12:00:0-00:00",
        "Changing one's own password.",
    ),
    "OS-EC2": (
        "OpenStack EC2 API",
        "OS-EC2/v1.0",
        "2013-07-07T12:00:0-00:00",
        "EC2 key pairs of users.",
    ),
    "OS-KSEC2": (
        "OpenStack EC2 Credentials",
        "OS-KSEC2/v1.0",
        "2013-07-07T12:00:0-00:00",
        "The same key pairs among a user's credentials.",
    ),
}


@route("GET", "/v2.0", policy=PUBLIC, summary="Show version 2.0 of the API.")
def show_version(call: Call) -> Reply:
    return json_reply({"version": version_document(call.base)})


@route("GET", "/v2.0/extensions", policy=PUBLIC, summary="List the extensions that are served.")
def list_extensions(call: Call) -> Reply:
    return json_reply({"extensions": {"values": [extension(alias) for alias in EXTENSIONS]}})


@route(
    "GET",
    "/v2.0/extensions/<extension_alias>",
    policy=PUBLIC,
    summary="Show an extension.",
    errors=(404,),
)
def show_extension(call: Call) -> Reply:
    alias = call.args["extension_alias"]
    if alias not in EXTENSIONS:
        raise errors.missing("extension", alias)
    return json_reply({"extension": extension(alias)})


@route("GET", "/v2.0/openapi.json", policy=PUBLIC, summary="Describe version 2.0 as OpenAPI 3.1.")
def show_openapi(call: Call) -> Reply:
    return Reply(call.services.legacy_documents.openapi(call.base))


def extension(alias: str) -> dict[str, Any]:
    name, namespace, updated, description = EXTENSIONS[alias]
    return {
        "name": name,
        "namespace": f"{NAMESPACE}/{namespace}",
        "alias": alias,
        "updated": updated,
        "description": description,
        "links": [],
    }
