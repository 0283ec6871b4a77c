"""Whether a confined token's access rules allow a request to this API itself."""

from __future__ import annotations

import re
from typing import Final

from identity import errors
from identity.model.access import Access

SERVICE: Final = "identity"
LONGEST: Final = 1024
"""Characters of a path that is held against rules; no path of this API comes near it."""

_PARTS: Final = re.compile(r"\{[^}]*\}|\*\*|\*|.", re.DOTALL)
# What a place in a pattern takes: any number of characters, one that is not a slash, or any number of those.
_ALL, _ONE, _REST = object(), object(), object()


def check(access: Access, method: str, face: str, path: str) -> None:
    """Raise `errors.Unauthorized`, as Keystone does, unless a rule allows the request. A token may always be validated.

    `path` is that of the API (/v3/users); a rule may also have the face's prefix before it, as URLs in the catalogue do.
    """
    confinement = access.subject.confinement
    if confinement is None or not confinement.access_rules:
        return
    if method == "GET" and path == "/v3/auth/tokens":
        return
    for rule in confinement.access_rules:
        if rule.service == SERVICE and rule.method == method and (matches(rule.path, path) or matches(rule.path, face + path)):
            return
    raise errors.Unauthorized(reason="the access rules of the application credential do not allow this request")


def matches(pattern: str, path: str) -> bool:
    """Whether the path is one that the pattern means: `*` and `{name}` are one segment or a part of it, `**` is any rest.

    Walks the path once with all the places that the pattern may have reached, so that no pattern of a user's can take long,
    as a regular expression's backtracking could (CWE-1333).
    """
    if len(path) > LONGEST:
        return False
    places = _places(pattern)
    reached = _onward({0}, places)
    for letter in path:
        after = set()
        for at in reached:
            place = places[at] if at < len(places) else None
            if place is _ALL or (place is _REST and letter != "/"):
                after.add(at)
            elif place == letter or (place is _ONE and letter != "/"):
                after.add(at + 1)
        reached = _onward(after, places)
        if not reached:
            return False
    return len(places) in reached


def _places(pattern: str) -> list[object]:
    places: list[object] = []
    for part in _PARTS.findall(pattern):
        if part == "**":
            places.append(_ALL)
        elif part == "*" or len(part) > 1:
            places += [_ONE, _REST]
        else:
            places.append(part)
    return places


def _onward(reached: set[int], places: list[object]) -> set[int]:
    """With the places behind those that may take nothing."""
    for start in tuple(reached):
        at = start
        while at < len(places) and places[at] in (_ALL, _REST):
            at += 1
            reached.add(at)
    return reached
