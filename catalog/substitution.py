"""Fills in the URL of an endpoint for one project and user.

Templates are written as `$(name)s` or `%(name)s`, and `%%` stands for one percent sign: what Keystone accepts. Python's
own formatting is not used, since a bare `%s` would print the whole table of values and `%(x)9999999s` would eat memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

PROJECT_NAMES: Final = frozenset({"project_id", "tenant_id"})
USER_NAMES: Final = frozenset({"user_id"})
KNOWN: Final = PROJECT_NAMES | USER_NAMES

_PART = re.compile(r"%(?:%|\((?P<name>[^()]*)\)s)?")


def fault(template: str) -> str | None:
    """Why this template can never be filled in, as a clause for an operator; None if it can."""
    for part in _PART.finditer(_canonical(template)):
        if part[0] == "%":
            return "a percent sign or `$(` that begins no `$(name)s`; a percent sign itself is written `%%`"
        if part["name"] is not None and part["name"] not in KNOWN:
            return f"unknown name `{part['name']}`; known are {', '.join(sorted(KNOWN))}"
    return None


def fill(template: str, values: Mapping[str, str]) -> str | None:
    """The URL, or None where the template is malformed or asks for a value that is not there. Never raises."""
    text = _canonical(template)
    pieces: list[str] = []
    end = 0
    for part in _PART.finditer(text):
        pieces.append(text[end : part.start()])
        end = part.end()
        if part[0] == "%%":
            pieces.append("%")
            continue
        value = values.get(part["name"]) if part["name"] in KNOWN else None
        if value is None:
            return None
        pieces.append(value)
    pieces.append(text[end:])
    return "".join(pieces)


def _canonical(template: str) -> str:
    return template.replace("$(", "%(")
