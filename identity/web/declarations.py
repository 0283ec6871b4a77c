"""Which modules declare the routes of which version of the API. A version that is not served is not loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Final

from identity.web.route import Route, routes_of

COMMON: Final = ("operations", "versions")
V3: Final = (
    "discovery",
    "auth",
    "access_rules",
    "application_credentials",
    "credentials",
    "domain_config",
    "domains",
    "ec2_credentials",
    "endpoint_filter",
    "endpoint_groups",
    "endpoint_policy",
    "endpoints",
    "federation_protocols",
    "grants",
    "group_members",
    "groups",
    "identity_providers",
    "implied_roles",
    "inherited_grants",
    "limits",
    "mappings",
    "oauth1",
    "policies",
    "project_tags",
    "projects",
    "regions",
    "registered_limits",
    "revocations",
    "role_assignments",
    "roles",
    "service_providers",
    "services",
    "simple_cert",
    "trusts",
    "user_password",
    "user_projects",
    "users",
)
V2: Final = (
    "discovery",
    "tokens",
    "tenants",
    "users",
    "user_roles",
    "role_references",
    "own_password",
    "ec2_credentials",
    "kept_credentials",
    "roles",
    "services",
    "endpoints",
)
PLACES: Final = {"v3": ("identity.web.v3", V3), "v2.0": ("identity.web.v2", V2)}


def declared(*versions: str) -> list[Route]:
    """What belongs to no version, and to these; without any named, to version 3."""
    routes = _of("identity.web", COMMON)
    for version in versions or ("v3",):
        routes += _of(*PLACES[version])
    return routes


def served(versions: Sequence[str]) -> list[Route]:
    """What a process serves that serves these versions, of which there may be none."""
    return declared(*versions) if versions else _of("identity.web", COMMON)


def _of(package: str, names: Iterable[str]) -> list[Route]:
    return routes_of(import_module(f"{package}.{name}") for name in names)
