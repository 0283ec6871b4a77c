"""Domains and projects: where a project may stand, what it may be called, when it may be switched on or off, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from ..errors import BadRequest, Forbidden
from ..model.tenancy import ProjectRecord
from ..settings import Settings
from ..store import domains, project_tree, projects, tenancy

URL_RESERVED = frozenset(":/?#[]@!$&'()*+,;=")
"""RFC 3986, section 2.2."""
FEDERATED = "federated"
"""The name that tokens of federated users give to a domain that is none, in any case of letters."""
TWO_LEVELS = 2
NO_PARENT = "The parent of the project does not exist in this domain."


@dataclass(frozen=True, slots=True)
class Rules:
    """`deepest`: levels of projects below a domain."""

    deepest: int
    projects_url_safe: bool
    domains_url_safe: bool
    default_domain_id: str


def rules_of(settings: Settings) -> Rules:
    """What the operator has set."""
    resource = settings.resource
    strict = settings.unified_limit.enforcement_model == "strict_two_level"
    return Rules(
        min(resource.max_project_tree_depth, TWO_LEVELS) if strict else resource.max_project_tree_depth,
        resource.project_name_url_safe != "off",
        resource.domain_name_url_safe != "off",
        settings.identity.default_domain_id,
    )


def create(tx: Connection, wanted: ProjectRecord, rules: Rules, now: float) -> ProjectRecord:
    """Store a new domain or project; gives it as it is stored.

    A project that names a parent alone is in its parent's domain. Raises `BadRequest`, `Forbidden` where the tree would be too
    deep, `Conflict` for a name or an id that is taken.
    """
    name = _name(wanted, rules)
    if wanted.is_domain:
        if wanted.parent_id is not None or wanted.domain_id is not None:
            raise BadRequest("A project that acts as a domain has neither a parent nor a domain.")
        made = domains.create(
            tx,
            id=wanted.id or None,
            name=name,
            now=now,
            enabled=wanted.enabled,
            description=wanted.description,
            options=wanted.options,
            extra=wanted.extra,
            tags=wanted.tags,
        )
        return replace(wanted, id=made, name=name)
    domain_id, parent_id = _place(tx, wanted, rules)
    made = projects.create(
        tx,
        name=name,
        now=now,
        domain_id=domain_id,
        parent_id=parent_id,
        enabled=wanted.enabled,
        description=wanted.description,
        options=wanted.options,
        extra=wanted.extra,
        tags=wanted.tags,
    )
    return replace(wanted, id=made, name=name, domain_id=domain_id, parent_id=parent_id)


def save(tx: Connection, before: ProjectRecord, after: ProjectRecord, rules: Rules, now: float) -> ProjectRecord:
    """Write what a domain or project is to be. Raises `Forbidden` where the switch of another project stands against this one."""
    if after.name != before.name:
        after = replace(after, name=_name(after, rules))
    if after.enabled and not before.enabled:
        if not all(parent.enabled for parent in project_tree.parents(tx, after.id)):
            raise Forbidden("The project cannot be enabled while a project above it is disabled.")
    elif before.enabled and not after.enabled and not after.is_domain and project_tree.enabled_below(tx, after.id):
        raise Forbidden("The project cannot be disabled while there are enabled projects below it.")
    tenancy.save(tx, before, after, now)
    return after


def delete(tx: Connection, stored: ProjectRecord, rules: Rules, now: float) -> None:
    """Remove a project, or a disabled domain with all that is in it, and whatever refers to them. Raises `Forbidden`."""
    if stored.immutable:
        raise Forbidden(f"The {stored.what} is immutable; take its option 'immutable' off first.")
    if stored.is_domain:
        if stored.id == rules.default_domain_id:
            raise Forbidden("The default domain cannot be deleted.")
        domains.delete(tx, stored.id, now)
        return
    if project_tree.has_children(tx, stored.id):
        raise Forbidden("The project has projects below it; delete those first.")
    projects.delete(tx, stored.id, now)


def check_mutable(stored: ProjectRecord, sent: Mapping[str, Any]) -> None:
    """Raises `Forbidden` for a change of what is immutable, unless it takes just that option off. `sent`: the body's members."""
    if not stored.immutable:
        return
    options = sent.get("options")
    if len(sent) == 1 and isinstance(options, Mapping) and options.get("immutable", True) in (False, None):
        return
    raise Forbidden(f"The {stored.what} is immutable; take its option 'immutable' off first, in a change of its own.")


def _place(tx: Connection, wanted: ProjectRecord, rules: Rules) -> tuple[str, str]:
    """The domain and the parent of a new project. What is in another domain looks as if it were not there."""
    parent_id = wanted.parent_id or wanted.domain_id
    parent = tenancy.pinned(tx, parent_id) if parent_id else None
    if parent is None:
        raise BadRequest(NO_PARENT)
    chain = [parent, *project_tree.parents(tx, parent.id)]
    domain = chain[-1]
    if wanted.domain_id not in (None, domain.id):
        raise BadRequest(NO_PARENT)
    if not all(place.enabled for place in chain):
        raise BadRequest("A project cannot be made below one that is disabled.")
    if len(chain) > rules.deepest:
        raise Forbidden(f"Projects may stand {rules.deepest} deep below their domain at most.")
    return domain.id, parent.id


def _name(wanted: ProjectRecord, rules: Rules) -> str:
    name = wanted.name.strip()
    if (rules.domains_url_safe if wanted.is_domain else rules.projects_url_safe) and URL_RESERVED & set(name):
        raise BadRequest(f"The name of a {wanted.what} may not hold characters that are reserved in URLs.")
    if wanted.is_domain and FEDERATED in (name.lower(), wanted.id.lower()):
        raise BadRequest("This name is reserved for federated users.")
    return name
