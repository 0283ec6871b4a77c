"""Lists: what the query asks for, and the answer with its links. Every list of the API is read and written here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from identity import errors
from identity.model.listing import COMPARATORS, Filter, Page, Sort
from identity.web.context import Call
from identity.web.reply import Reply, json_reply

MOST_PARAMETERS = 64


def query_of(call: Call) -> list[tuple[str, str]]:
    """The query's names and values, in their order. Raises `errors.BadRequest`."""
    try:
        return parse_qsl(
            call.environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=MOST_PARAMETERS, errors="strict"
        )
    except ValueError:  # also UnicodeDecodeError
        raise errors.BadRequest("The query is not valid, or holds too many parameters.") from None


def flag(call: Call, name: str) -> bool:
    """Whether the query switches this on: `?name`, `?name=1` and `?name=true` do, `?name=0` and `?name=false` do not."""
    values = [value for given, value in query_of(call) if given == name]
    return bool(values) and values[-1].lower() not in ("0", "false", "f", "n", "no", "off")


def page_of(call: Call) -> Page:
    """Filters (those that the route declares; others are left aside), `sort_key`, `sort_dir`, `limit` and `marker`."""
    filters: list[Filter] = []
    keys: list[str] = []
    directions: list[str] = []
    limit = marker = None
    for name, value in query_of(call):
        match name:
            case "limit":
                limit = _limit(value)
            case "marker":
                marker = value or None
            case "sort_key":
                keys.append(value)
            case "sort_dir":
                directions.append(value)
            case _:
                wanted = _filter(call, name, value)
                if wanted is not None:
                    filters.append(wanted)
    most = call.services.settings.server.list_limit
    if most:
        limit = min(limit, most) if limit else most
    return Page(tuple(filters), _sort(keys, directions), limit, marker)


def listed(call: Call, key: str, members: Sequence[Any], more: bool = False, marker: str | None = None) -> Reply:
    """The answer. With `more`, it says that it is cut and where the next page is: behind `marker`, or the last member's id."""
    query = call.environ.get("QUERY_STRING", "")
    here = f"{call.base}{call.environ['PATH_INFO'].rstrip('/')}"
    links: dict[str, Any] = {"next": None, "self": f"{here}?{query}" if query else here, "previous": None}
    body: dict[str, Any] = {key: members, "links": links}
    if more and (members or marker):
        rest = [(name, value) for name, value in query_of(call) if name != "marker"]
        links["next"] = f"{here}?{urlencode([*rest, ('marker', marker or members[-1]['id'])])}"
        body["truncated"] = True
        body["next"] = links["next"]  # here openstacksdk looks for it: `links` it reads as a list of pairs, and ends with page one
    return json_reply(body)


def _limit(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9 or int(value) == 0:
        raise errors.BadRequest("limit must be a whole number of at least 1.")
    return int(value)


def _filter(call: Call, name: str, value: str) -> Filter | None:
    plain, _, comparator = name.partition("__")
    if plain not in (call.route.filters or ()):
        return None
    if not comparator:
        return Filter(plain, value)
    return Filter(plain, value, comparator) if comparator in COMPARATORS else None


def _sort(keys: list[str], directions: list[str]) -> tuple[Sort, ...]:
    """`sort_key=name&sort_dir=desc`, both may be repeated; also `sort_key=name:desc,id`, as the API guidelines have it.

    Named again, a key parts nothing that it has not parted before. It must not reach the database: the condition for a page
    grows with the square of the keys (CWE-1176).
    """
    wanted: dict[str, Sort] = {}
    plain = 0
    for part in [part for key in keys for part in key.split(",")]:
        name, _, direction = part.partition(":")
        if not direction and plain < len(directions):
            direction, plain = directions[plain], plain + 1
        if direction not in ("", "asc", "desc"):
            raise errors.BadRequest("sort_dir must be asc or desc.")
        wanted.setdefault(name, Sort(name, direction == "desc"))
    return tuple(wanted.values())
