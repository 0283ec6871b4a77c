"""The declared schema, one file a topic; migrations must arrive at exactly this.

Owns names, types, keys and indexes; depends on SQLAlchemy Core only, and holds no statement.
"""

from __future__ import annotations

from .assignment import role, role_grant, role_implication
from .catalog import endpoint, endpoint_group, policy, policy_association, project_endpoint, project_endpoint_group, region, service
from .change import change, change_counter
from .columns import metadata
from .credential import credential
from .delegation import (
    access_rule,
    application_credential,
    application_credential_access_rule,
    application_credential_role,
    trust,
    trust_role,
)
from .domain_config import domain_config
from .federation import federated_user, federation_protocol, identity_provider, mapping, remote_id, service_provider
from .identity import membership, password, user_account, user_group
from .limit import registered_limit, resource_limit
from .oauth import access_token, consumer, oauth_nonce, request_token
from .project import project, project_tag
from .token import signing_key, uuid_token

__all__ = [
    "access_rule",
    "access_token",
    "application_credential",
    "application_credential_access_rule",
    "application_credential_role",
    "change",
    "change_counter",
    "consumer",
    "credential",
    "domain_config",
    "endpoint",
    "endpoint_group",
    "federated_user",
    "federation_protocol",
    "identity_provider",
    "mapping",
    "membership",
    "metadata",
    "oauth_nonce",
    "password",
    "policy",
    "policy_association",
    "project",
    "project_endpoint",
    "project_endpoint_group",
    "project_tag",
    "region",
    "registered_limit",
    "remote_id",
    "request_token",
    "resource_limit",
    "role",
    "role_grant",
    "role_implication",
    "service",
    "service_provider",
    "signing_key",
    "trust",
    "trust_role",
    "user_account",
    "user_group",
    "uuid_token",
]
