"""Roles as they are stored, and who has them on what, as lists show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .listing import Sort


@dataclass(frozen=True, slots=True)
class RoleEntry:
    """A role with all its attributes. `domain_id`: it is for use inside that domain, and never in a token."""

    id: str
    name: str
    domain_id: str | None = None
    description: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def immutable(self) -> bool:
        return bool(self.options.get("immutable"))


@dataclass(frozen=True, slots=True)
class Inference:
    """Who has the role `prior` has the role `implied` too."""

    prior: RoleEntry
    implied: RoleEntry


@dataclass(frozen=True, slots=True)
class Named:
    """A user, group, project or domain by name. `domain_id` is empty where it has none, or is gone."""

    name: str
    domain_id: str
    domain_name: str


@dataclass(frozen=True, slots=True)
class AssignmentNames:
    actor: Named
    target: Named
    role: Named


@dataclass(frozen=True, slots=True)
class Assignment:
    """That a user or group (`actor_kind`) has a role on a project, a domain or the system (`target_kind`).

    `inherited`: it is stored on the target, for all projects below that. The others tell where an effective one comes from, and are
    empty where it is stored as it stands: the group that the user is in, the place (`source_kind`, `source_id`) that the project
    inherits it from, and the role `prior_id` that implies this one.
    """

    actor_kind: str
    actor_id: str
    target_kind: str
    target_id: str
    inherited: bool
    role_id: str
    prior_id: str = ""
    group_id: str = ""
    source_kind: str = ""
    source_id: str = ""
    names: AssignmentNames | None = None


@dataclass(frozen=True, slots=True)
class AssignmentQuery:
    """Which assignments are wanted; None, or False: whichever.

    `inherited`: only those that are for the projects below (or, if effective, come from above); False: only the others.
    `subtree`: the project and all below it. `inside`: only on this domain and its projects. `effective`: groups are replaced by
    their members, inherited ones by the projects that they are for, and implied roles are added; roles of one domain drop out, as
    they are in no token, and so does the system unless it is asked for. `after`: the leading values of the last assignment of the
    page before, in the order of its attributes.
    """

    role_id: str | None = None
    user_id: str | None = None
    group_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    inherited: bool | None = None
    subtree: bool = False
    inside: str | None = None
    effective: bool = False
    names: bool = False
    sort: tuple[Sort, ...] = ()
    limit: int | None = None
    after: tuple[str | bool, ...] = ()
