"""A small valid body for every route that takes one. A route without an entry fails the matrix, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.web.matrix.seed import OPTION

Ids = Mapping[str, str]
RULES: Final = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "REMOTE_USER"}]}]
URLS: Final = {"auth_url": "https://sp.example/auth", "sp_url": "https://sp.example/sso"}
CONFIG: Final = {"ldap": {"url": "ldap://y.example"}}
NEW: Final = "a-new-thing"

BODIES: Final[dict[tuple[str, str], Callable[[Ids], Any]]] = {
    ("POST", "/v3/auth/tokens"): lambda ids: {"auth": {"identity": {"methods": ["token"], "token": {"id": "none"}}}},
    ("POST", "/v3/users/<user_id>/application_credentials"): lambda ids: {"application_credential": {"name": NEW}},
    ("POST", "/v3/credentials"): lambda ids: {"credential": {"type": "cert", "blob": "x", "user_id": ids["user_id"]}},
    ("PATCH", "/v3/credentials/<credential_id>"): lambda ids: {"credential": {"blob": "y"}},
    ("PUT", "/v3/domains/<domain_id>/config"): lambda ids: {"config": CONFIG},
    ("PATCH", "/v3/domains/<domain_id>/config"): lambda ids: {"config": CONFIG},
    ("PATCH", "/v3/domains/<domain_id>/config/<group>"): lambda ids: {"config": CONFIG},
    ("PATCH", "/v3/domains/<domain_id>/config/<group>/<option>"): lambda ids: {"config": {OPTION: "ldap://y.example"}},
    ("POST", "/v3/domains"): lambda ids: {"domain": {"name": NEW}},
    ("PATCH", "/v3/domains/<domain_id>"): lambda ids: {"domain": {"description": "other"}},
    ("POST", "/v3/users/<user_id>/credentials/OS-EC2"): lambda ids: {"tenant_id": ids["project_id"]},
    ("POST", "/v3/OS-EP-FILTER/endpoint_groups"): lambda ids: {"endpoint_group": {"name": NEW, "filters": {"interface": "admin"}}},
    ("PATCH", "/v3/OS-EP-FILTER/endpoint_groups/<endpoint_group_id>"): lambda ids: {"endpoint_group": {"name": NEW}},
    ("POST", "/v3/endpoints"): lambda ids: {
        "endpoint": {"interface": "admin", "service_id": ids["service_id"], "url": "https://y.example"}
    },
    ("PATCH", "/v3/endpoints/<endpoint_id>"): lambda ids: {"endpoint": {"url": "https://y.example"}},
    ("PUT", "/v3/OS-FEDERATION/identity_providers/<idp_id>"): lambda ids: {"identity_provider": {"domain_id": ids["domain_id"]}},
    ("PATCH", "/v3/OS-FEDERATION/identity_providers/<idp_id>"): lambda ids: {"identity_provider": {"description": "other"}},
    ("PUT", "/v3/OS-FEDERATION/identity_providers/<idp_id>/protocols/<protocol_id>"): lambda ids: {
        "protocol": {"mapping_id": ids["mapping_id"]}
    },
    ("PATCH", "/v3/OS-FEDERATION/identity_providers/<idp_id>/protocols/<protocol_id>"): lambda ids: {
        "protocol": {"mapping_id": ids["mapping_id"]}
    },
    ("PUT", "/v3/OS-FEDERATION/mappings/<mapping_id>"): lambda ids: {"mapping": {"rules": RULES}},
    ("PATCH", "/v3/OS-FEDERATION/mappings/<mapping_id>"): lambda ids: {"mapping": {"rules": RULES}},
    ("PUT", "/v3/OS-FEDERATION/service_providers/<service_provider_id>"): lambda ids: {"service_provider": URLS},
    ("PATCH", "/v3/OS-FEDERATION/service_providers/<service_provider_id>"): lambda ids: {"service_provider": {"enabled": False}},
    ("POST", "/v3/groups"): lambda ids: {"group": {"name": NEW, "domain_id": ids["domain_id"]}},
    ("PATCH", "/v3/groups/<group_id>"): lambda ids: {"group": {"description": "other"}},
    ("POST", "/v3/limits"): lambda ids: {
        "limits": [
            {
                "service_id": ids["limited_id"],
                "resource_name": "cores",
                "resource_limit": 3,
                "domain_id": ids["domain_id"],
            }
        ]
    },
    ("PATCH", "/v3/limits/<limit_id>"): lambda ids: {"limit": {"resource_limit": 4}},
    ("POST", "/v3/policies"): lambda ids: {"policy": {"type": "text/plain", "blob": "x"}},
    ("PATCH", "/v3/policies/<policy_id>"): lambda ids: {"policy": {"blob": "y"}},
    ("PUT", "/v3/projects/<project_id>/tags"): lambda ids: {"tags": ["other"]},
    ("POST", "/v3/projects"): lambda ids: {"project": {"name": NEW, "domain_id": ids["domain_id"]}},
    ("PATCH", "/v3/projects/<project_id>"): lambda ids: {"project": {"description": "other"}},
    ("POST", "/v3/regions"): lambda ids: {"region": {"id": NEW}},
    ("PUT", "/v3/regions/<region_id>"): lambda ids: {"region": {"description": "other"}},
    ("PATCH", "/v3/regions/<region_id>"): lambda ids: {"region": {"description": "other"}},
    ("POST", "/v3/registered_limits"): lambda ids: {
        "registered_limits": [{"service_id": ids["service_id"], "resource_name": NEW, "default_limit": 3}]
    },
    ("PATCH", "/v3/registered_limits/<registered_limit_id>"): lambda ids: {"registered_limit": {"description": "other"}},
    ("POST", "/v3/roles"): lambda ids: {"role": {"name": NEW}},
    ("PATCH", "/v3/roles/<role_id>"): lambda ids: {"role": {"description": "other"}},
    ("POST", "/v3/services"): lambda ids: {"service": {"type": NEW}},
    ("PATCH", "/v3/services/<service_id>"): lambda ids: {"service": {"name": "other"}},
    ("POST", "/v3/OS-TRUST/trusts"): lambda ids: {
        "trust": {
            "trustor_user_id": ids["user_id"],
            "trustee_user_id": "user-nobody",
            "impersonation": True,
            "project_id": ids["project_id"],
            "roles": [{"id": "role-member"}],
        }
    },
    ("POST", "/v3/users/<user_id>/password"): lambda ids: {"user": {"original_password": "wrong", "password": "other"}},
    ("POST", "/v3/users"): lambda ids: {"user": {"name": NEW, "domain_id": ids["domain_id"]}},
    ("PATCH", "/v3/users/<user_id>"): lambda ids: {"user": {"description": "other"}},
    ("POST", "/v3/OS-OAUTH1/consumers"): lambda ids: {"consumer": {"description": NEW}},
    ("PATCH", "/v3/OS-OAUTH1/consumers/<consumer_id>"): lambda ids: {"consumer": {"description": "other"}},
    ("PUT", "/v3/OS-OAUTH1/authorize/<request_token_id>"): lambda ids: {"roles": [{"id": "role-member"}]},
}

# Not JSON: these are signed by their headers (RFC 5849), and answer 401 or 400 to everybody here.
NO_BODY: Final = {("POST", "/v3/OS-OAUTH1/request_token"), ("POST", "/v3/OS-OAUTH1/access_token")}


def body_of(method: str, path: str, takes_body: bool, ids: Ids) -> Any:
    """The body for one place's ids, or None where the route takes none."""
    make = BODIES.get((method, path))
    if make is None:
        assert not takes_body, f"{method} {path} takes a body: give it one in tests/web/matrix/bodies.py"
        assert method in ("GET", "HEAD", "DELETE", "PUT") or (method, path) in NO_BODY, f"{method} {path} has no entry"
        return None
    return make(ids)
