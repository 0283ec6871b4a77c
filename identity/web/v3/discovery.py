"""Which versions are served, and where. Never challenged: a 401 here would hang stock clients for ever."""

from __future__ import annotations

from typing import Any

from identity.web import docs_page, home
from identity.web.context import Call
from identity.web.reply import Reply, json_reply
from identity.web.route import PUBLIC, route

MEDIA_TYPE = "application/vnd.openstack.identity-v3+json"


def version_document(base: str) -> dict[str, Any]:
    """Version 3 as Keystone describes it; `base` carries the face's prefix, for clients log in at this link."""
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{base}/v3/"}],
        "media-types": [{"base": "application/json", "type": MEDIA_TYPE}],
    }


@route("GET", "/v3", policy=PUBLIC, summary="Show version 3 of the API.")
def show_version(call: Call) -> Reply:
    if home.wanted(call.environ.get("HTTP_ACCEPT", "")):
        return json_home(call, "")
    return json_reply({"version": version_document(call.base)})


@route("GET", "/v3/openapi.json", policy=PUBLIC, summary="Describe the API as OpenAPI 3.1.")
def show_openapi(call: Call) -> Reply:
    return Reply(call.services.documents.openapi(call.base))


@route("GET", "/v3/docs", policy=PUBLIC, summary="Describe the API as a page to read.")
def show_docs(call: Call) -> Reply:
    return Reply(call.services.documents.page(call.base), headers=docs_page.HEADERS, content_type="text/html; charset=utf-8")


def json_home(call: Call, prefix: str) -> Reply:
    """The relations of version 3, with hrefs that begin with `prefix`."""
    return Reply(call.services.documents.home(prefix), content_type=home.MEDIA_TYPE)
