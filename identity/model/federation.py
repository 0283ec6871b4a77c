"""Who vouches for foreign users, how their attributes are mapped, and which other clouds take ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """`remote_ids` are the names by which its assertions call it; `authorization_ttl` is in minutes."""

    id: str
    domain_id: str
    enabled: bool = False
    description: str | None = None
    remote_ids: tuple[str, ...] = ()
    authorization_ttl: int | None = None


@dataclass(frozen=True, slots=True)
class FederationProtocol:
    """One way in which a provider vouches, such as saml2, and the mapping that reads it."""

    id: str
    identity_provider_id: str
    mapping_id: str
    remote_id_attribute: str | None = None


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """`rules` as the client wrote them, of the form that `schema_version` names."""

    id: str
    rules: Sequence[Mapping[str, Any]]
    schema_version: str = "1.0"


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """Another cloud: where to log in there, and where assertions for it are sent."""

    id: str
    auth_url: str
    sp_url: str
    enabled: bool = False
    description: str | None = None
    relay_state_prefix: str = "ss:mem:"
