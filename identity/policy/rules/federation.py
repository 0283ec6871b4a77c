"""Identity providers with their protocols, mappings, and the clouds that users are vouched for to."""

from __future__ import annotations

from typing import Final

from identity.policy.rules.blocks import ADMIN, ADMIN_OR_SYSTEM_READER, NO_DOMAIN, Rule, rule


def _resource(name: str, plural: str, words: tuple[str, str], path: str, key: str) -> tuple[Rule, ...]:
    """The five rules of a resource that is made under a name of the operator's choice; `words`: one of it, several."""
    one, several = words
    return (
        rule(f"create_{name}", ADMIN, f"Make {one}.", f"PUT {path}/{key}", scopes=NO_DOMAIN),
        rule(f"list_{plural}", ADMIN_OR_SYSTEM_READER, f"List {several}.", f"GET {path}", scopes=NO_DOMAIN),
        rule(f"get_{name}", ADMIN_OR_SYSTEM_READER, f"Show {one}.", f"GET {path}/{key}", scopes=NO_DOMAIN),
        rule(f"update_{name}", ADMIN, f"Change {one}.", f"PATCH {path}/{key}", scopes=NO_DOMAIN),
        rule(f"delete_{name}", ADMIN, f"Delete {one}.", f"DELETE {path}/{key}", scopes=NO_DOMAIN),
    )


_PROVIDERS: Final = "/OS-FEDERATION/identity_providers"

FEDERATION: Final = (
    *_resource(
        "identity_provider",
        "identity_providers",
        ("an identity provider", "identity providers"),
        _PROVIDERS,
        "{idp_id}",
    ),
    *_resource(
        "protocol",
        "protocols",
        ("a protocol of an identity provider", "the protocols of an identity provider"),
        f"{_PROVIDERS}/{{idp_id}}/protocols",
        "{protocol_id}",
    ),
    *_resource("mapping", "mappings", ("a mapping", "mappings"), "/OS-FEDERATION/mappings", "{mapping_id}"),
    *_resource(
        "service_provider",
        "service_providers",
        ("a service provider", "service providers"),
        "/OS-FEDERATION/service_providers",
        "{service_provider_id}",
    ),
)
