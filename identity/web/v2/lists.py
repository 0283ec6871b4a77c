"""Lists as version 2.0 writes them: the members, and beside them the links to further pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from identity.web.context import Call
from identity.web.listing import query_of
from identity.web.reply import Reply, json_reply


def many(call: Call, key: str, members: Sequence[Mapping[str, Any]], more: bool, marker: str | None = None) -> Reply:
    """{key: [...], key_links: [...]}. With `more` there is a link to the page behind `marker`, or behind the last member."""
    links = []
    if more and (members or marker):
        rest = [(name, value) for name, value in query_of(call) if name != "marker"]
        query = urlencode([*rest, ("marker", marker or members[-1]["id"])])
        links.append({"rel": "next", "href": f"{call.base}{call.environ['PATH_INFO'].rstrip('/')}?{query}"})
    return json_reply({key: members, f"{key}_links": links})


def asked(call: Call, name: str) -> str | None:
    """The last value of a name in the query, if it has one."""
    return next((value for found, value in reversed(query_of(call)) if found == name and value), None)
