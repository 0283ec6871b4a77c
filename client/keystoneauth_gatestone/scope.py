"""The keyword arguments that every v3 plugin takes beside its own proof."""

from typing import TypedDict


class Scope(TypedDict, total=False):
    """As keystoneauth1.identity.v3.Auth takes them; an absent key means its default."""

    unscoped: bool
    trust_id: str | None
    system_scope: str | None
    domain_id: str | None
    domain_name: str | None
    project_id: str | None
    project_name: str | None
    project_domain_id: str | None
    project_domain_name: str | None
    reauthenticate: bool
    include_catalog: bool
