"""Domains and projects as the resource API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """One stored project. `enabled` is its own flag, whatever its ancestors' are.

    One that acts as a domain has neither `domain_id` nor `parent_id`; one at the top of its domain has the domain as its parent.
    """

    id: str
    name: str
    domain_id: str | None = None
    parent_id: str | None = None
    is_domain: bool = False
    enabled: bool = True
    description: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()

    @property
    def immutable(self) -> bool:
        """Neither changed nor deleted before this option is taken off."""
        return self.options.get("immutable") is True

    @property
    def what(self) -> str:
        return "domain" if self.is_domain else "project"


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Which tags a listed project must have (`all`, `any`) and must not (`not_all`: not all of them, `not_any`: none of them).

    An empty condition is none.
    """

    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    not_all: tuple[str, ...] = ()
    not_any: tuple[str, ...] = ()


NO_TAGS_ASKED = TagFilter()
