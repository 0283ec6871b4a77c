"""Tokens, what their bearers may scope to, and the services that ask about them."""

from __future__ import annotations

from typing import Final

from identity.policy.rules.blocks import (
    ADMIN,
    ADMIN_OR_SYSTEM_READER,
    EVERYONE,
    NO_DOMAIN,
    SERVICE_OR_ADMIN,
    either,
    rule,
)

_SUBJECT: Final = "rule:token_subject"

TOKENS: Final = (
    rule("validate_token", either(ADMIN_OR_SYSTEM_READER, "rule:service_role", _SUBJECT), "Show a token.", "GET /auth/tokens"),
    rule("check_token", either(ADMIN_OR_SYSTEM_READER, _SUBJECT), "Ask whether a token is good.", "HEAD /auth/tokens"),
    rule("revoke_token", either(ADMIN, _SUBJECT), "Revoke a token.", "DELETE /auth/tokens"),
    rule(
        "revocation_list",
        SERVICE_OR_ADMIN,
        "List revoked PKI tokens: an interface of which only the refusal is left.",
        "GET /auth/tokens/OS-PKI/revoked",
        scopes=NO_DOMAIN,
    ),
    rule("list_revoke_events", SERVICE_OR_ADMIN, "List what was revoked lately.", "GET /OS-REVOKE/events", scopes=NO_DOMAIN),
    rule("ec2tokens_validate", SERVICE_OR_ADMIN, "Turn a request signed for EC2 into a token.", "POST /ec2tokens"),
    rule("s3tokens_validate", SERVICE_OR_ADMIN, "Turn a request signed for S3 into a token.", "POST /s3tokens"),
)

OWN_SCOPES: Final = (
    rule("get_auth_catalog", EVERYONE, "Show the caller's own catalogue.", "GET /auth/catalog", scopes=()),
    rule("get_auth_projects", EVERYONE, "List the projects that the caller may use.", "GET /auth/projects", scopes=()),
    rule("get_auth_domains", EVERYONE, "List the domains that the caller may use.", "GET /auth/domains", scopes=()),
    rule("get_auth_system", EVERYONE, "Say whether the caller may use the system scope.", "GET /auth/system", scopes=()),
    # Documented by Keystone beside get_auth_projects and get_auth_domains; no route asks them, there or here.
    rule("list_projects_for_user", EVERYONE, "An older name of get_auth_projects; not asked.", "GET /auth/projects", scopes=()),
    rule("list_domains_for_user", EVERYONE, "An older name of get_auth_domains; not asked.", "GET /auth/domains", scopes=()),
)
