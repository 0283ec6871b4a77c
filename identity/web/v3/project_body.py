"""What bodies of domains and projects have in common: tags, options, and which members were sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from identity import errors
from identity.store.text import findable
from identity.web.body import Unset, present
from identity.web.v3.collection import ProjectOptions

MOST_TAGS = 80
WRITTEN = ("name", "enabled", "description", "options", "tags")


def changed(known: msgspec.Struct, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the client sent of what can be written, as it is stored; with `extra`, those members too."""
    sent = present(known, *WRITTEN)
    if "tags" in sent:
        sent["tags"] = tags_of(sent["tags"])
    if "options" in sent:
        sent["options"] = present(sent["options"])
    return {**sent, **(extra or {})}


def tags_of(sent: list[str] | Unset) -> tuple[str, ...]:
    """The tags, in order. Raises `errors.BadRequest` for one that is blank or named twice."""
    if isinstance(sent, msgspec.UnsetType):
        return ()
    names = [name.strip() for name in sent]
    if not findable(*names):
        raise errors.BadRequest("Invalid input: a tag holds a character that cannot be stored.")
    if not all(names):
        raise errors.BadRequest("Invalid input: a tag may not be blank.")
    if len(set(names)) != len(names):
        raise errors.BadRequest("Invalid input: each tag may be named only once.")
    if len(names) > MOST_TAGS:
        raise errors.BadRequest(f"Invalid input: a project may have {MOST_TAGS} tags at most.")
    return tuple(sorted(names))


def options_of(sent: ProjectOptions | Unset, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The options as they are to be: null takes one off."""
    wanted = {**(before or {}), **({} if isinstance(sent, msgspec.UnsetType) else present(sent))}
    return {name: value for name, value in wanted.items() if value is not None}
