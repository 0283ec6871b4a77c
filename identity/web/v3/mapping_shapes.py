"""The form of mapping rules, by schema version. What it does not name is refused: a misspelt condition would let everyone in."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from identity import errors
from identity.web.body import UNSET, Unset

Versions = Literal["1.0", "2.0", "3.0"]


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing that it does not name."""


class DomainRule(Shape):
    id: str | Unset = UNSET
    name: str | Unset = UNSET


class UserRule(Shape):
    id: str | Unset = UNSET
    name: str | Unset = UNSET
    email: str | Unset = UNSET
    domain: DomainRule | Unset = UNSET
    type: Literal["ephemeral", "local"] | Unset = UNSET


class GroupRule(Shape):
    """By its id, or by its name and domain."""

    id: str | Unset = UNSET
    name: str | Unset = UNSET
    domain: DomainRule | Unset = UNSET


class RoleRule(Shape):
    name: str


class ProjectRule(Shape):
    name: str
    roles: list[RoleRule]
    domain: DomainRule | Unset = UNSET  # since version 2.0


class LocalRule(Shape):
    user: UserRule | Unset = UNSET
    group: GroupRule | Unset = UNSET
    groups: str | Unset = UNSET
    group_ids: str | Unset = UNSET
    domain: DomainRule | Unset = UNSET
    projects: list[ProjectRule] | Unset = UNSET
    projects_json: str | Unset = UNSET  # since version 3.0


class RemoteRule(Shape):
    """An attribute of the assertion, with one condition at most."""

    type: str
    any_one_of: list[str] | Unset = UNSET
    not_any_of: list[str] | Unset = UNSET
    blacklist: list[str] | Unset = UNSET
    whitelist: list[str] | Unset = UNSET
    regex: bool | Unset = UNSET


class Rule(Shape):
    local: list[LocalRule]
    remote: Annotated[list[RemoteRule], Meta(min_length=1)]


Rules = Annotated[list[Rule], Meta(min_length=1)]


def check(rules: list[Rule], version: str) -> None:
    """What types cannot say. Raises `errors.BadRequest` with the place."""
    for place, rule in enumerate(rules):
        where = f"Invalid input: $.mapping.rules[{place}]"
        for local in rule.local:
            _check_local(local, version, where)
        for remote in rule.remote:
            _check_remote(remote, where)


def _check_local(local: LocalRule, version: str, where: str) -> None:
    group = local.group
    if isinstance(group, GroupRule):
        by_name = group.name is not UNSET and group.domain is not UNSET
        if (group.id is not UNSET) == by_name or (group.id is not UNSET and (group.name is not UNSET or group.domain is not UNSET)):
            raise errors.BadRequest(f"{where}.local: a group is named by its id, or by its name and domain.")
    if version == "1.0" and isinstance(local.projects, list) and any(project.domain is not UNSET for project in local.projects):
        raise errors.BadRequest(f"{where}.local: projects have a domain since schema_version 2.0.")
    if version != "3.0" and local.projects_json is not UNSET:
        raise errors.BadRequest(f"{where}.local: projects_json is known since schema_version 3.0.")


def _check_remote(remote: RemoteRule, where: str) -> None:
    given: list[Any] = [remote.any_one_of, remote.not_any_of, remote.blacklist, remote.whitelist]
    conditions = [values for values in given if values is not UNSET]
    if len(conditions) > 1 or (not conditions and remote.regex is not UNSET):
        raise errors.BadRequest(f"{where}.remote: one of any_one_of, not_any_of, blacklist and whitelist, or none and no regex.")
    if remote.regex is True:
        for pattern in conditions[0]:
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError):
                raise errors.BadRequest(f"{where}.remote: not a regular expression.") from None
