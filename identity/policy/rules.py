"""The default rules, under Keystone's names and with the meaning that Keystone gives them today.

`role:` asks for one of the caller's roles, `rule:` for another rule, and `name:%(target)s` compares a credential with
the object that is acted upon. Personas: admin (anywhere), reader on the system, service, and the token's own subject.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """A named check. `scopes` are the kinds of token it may be met with ("system", "domain", "project"); none: any.

    An unscoped token counts as one of a project, as in oslo.policy.
    """

    name: str
    check: str
    doc: str
    scopes: tuple[str, ...] = ()


_ANY_SCOPE: Final = ("system", "domain", "project")
_SYSTEM_READER: Final = "(role:reader and system_scope:all)"

BUILDING_BLOCKS: Final = (
    Rule("admin_required", "role:admin or is_admin:1", "An administrator, of whatever scope."),
    Rule("service_role", "role:service", "A service, such as the one that validates its users' tokens."),
    Rule("service_or_admin", "rule:admin_required or rule:service_role", "A service or an administrator."),
    Rule("owner", "user_id:%(user_id)s", "The user whom the URL names."),
    Rule("admin_or_owner", "rule:admin_required or rule:owner", "An administrator, or the user whom the URL names."),
    Rule("token_subject", "user_id:%(target.token.user_id)s", "The user whose token is asked about."),
    Rule("admin_or_token_subject", "rule:admin_required or rule:token_subject", "An administrator or the token's user."),
    Rule(
        "service_admin_or_token_subject",
        "rule:service_or_admin or rule:token_subject",
        "A service, an administrator or the token's user.",
    ),
    Rule(
        "domain_managed_target_role",
        " or ".join(f"'{role}':%(target.role.name)s" for role in ("manager", "member", "reader")),
        "The roles that a manager of a domain may give and take.",
    ),
)

TOKENS: Final = (
    Rule(
        "identity:validate_token",
        f"rule:admin_required or {_SYSTEM_READER} or rule:service_role or rule:token_subject",
        "Show a token (GET /v3/auth/tokens).",
        _ANY_SCOPE,
    ),
    Rule(
        "identity:check_token",
        f"rule:admin_required or {_SYSTEM_READER} or rule:token_subject",
        "Check a token (HEAD /v3/auth/tokens).",
        _ANY_SCOPE,
    ),
    Rule(
        "identity:revoke_token",
        "rule:admin_required or rule:token_subject",
        "Revoke a token (DELETE /v3/auth/tokens).",
        _ANY_SCOPE,
    ),
    Rule(
        "identity:revocation_list",
        "rule:service_or_admin",
        "List revoked PKI tokens (GET /v3/auth/tokens/OS-PKI/revoked): an interface of which only the refusal is left.",
        ("system", "project"),
    ),
)

OWN_SCOPES: Final = (
    Rule("identity:get_auth_catalog", "", "Show the caller's own catalogue (GET /v3/auth/catalog)."),
    Rule("identity:get_auth_projects", "", "List the projects that the caller may use (GET /v3/auth/projects)."),
    Rule("identity:get_auth_domains", "", "List the domains that the caller may use (GET /v3/auth/domains)."),
    Rule("identity:get_auth_system", "", "Say whether the caller may use the system scope (GET /v3/auth/system)."),
)

DEFAULTS: Final = BUILDING_BLOCKS + TOKENS + OWN_SCOPES
