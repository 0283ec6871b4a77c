"""Which versions of the API this process serves. Never challenged: a 401 here would hang stock clients for ever."""

from __future__ import annotations

from identity.web import home
from identity.web.context import Call
from identity.web.reply import Reply, json_reply
from identity.web.route import PUBLIC, route
from identity.web.v2 import version as v2
from identity.web.v3 import discovery as v3

DESCRIBED = {"v3": v3.version_document, "v2.0": v2.version_document}


@route("GET", "/", policy=PUBLIC, summary="List the API versions.", status=300)
def list_versions(call: Call) -> Reply:
    """The first that is configured is the one that the client is sent to."""
    served = call.services.settings.server.apis
    if "v3" in served and home.wanted(call.environ.get("HTTP_ACCEPT", "")):
        return v3.json_home(call, "/v3")
    base = call.base
    body = {"versions": {"values": [DESCRIBED[version](base) for version in served]}}
    return json_reply(body, 300, tuple(("Location", f"{base}/{version}/") for version in served[:1]))
