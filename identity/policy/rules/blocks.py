"""What the checks are built from: the shape of a rule, Keystone's named blocks, and the personas.

`role:` asks for one of the caller's roles, `rule:` for another rule, and `name:%(target.x)s` compares a value of the
caller's token with the object that is acted upon; a value that is not there never fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """A named check. `scopes` are the kinds of token it may be met with ("system", "domain", "project"); none: any.

    An unscoped token counts as one of a project, as in oslo.policy. `routes` are the requests that it guards, such as
    "GET /v3/users"; HEAD is decided as GET where it is not named.
    """

    name: str
    check: str
    doc: str
    scopes: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()


ANY: Final = ("system", "domain", "project")
NO_DOMAIN: Final = ("system", "project")
PROJECT: Final = ("project",)

ADMIN: Final = "rule:admin_required"
SYSTEM_READER: Final = "(role:reader and system_scope:all)"
ADMIN_OR_SYSTEM_READER: Final = f"{ADMIN} or {SYSTEM_READER}"
SERVICE_OR_ADMIN: Final = "rule:service_or_admin"
PATH_USER: Final = "user_id:%(user_id)s"
EVERYONE: Final = ""


def within(role: str, *owners: str) -> str:
    """The role on the domain that all these attributes name: within("reader", "user.domain_id")."""
    return f"(role:{role}" + "".join(f" and domain_id:%(target.{owner})s" for owner in owners) + ")"


def within_real(role: str, owner: str) -> str:
    """As `within` of an attribute that may be None (a project that stands for a domain has no domain)."""
    return f"(role:{role} and domain_id:%(target.{owner})s and not None:%(target.{owner})s)"


def user_is(owner: str) -> str:
    """The caller is the user whom the target's attribute names."""
    return f"user_id:%(target.{owner})s"


def either(*checks: str) -> str:
    """One of the checks is enough."""
    return " or ".join(checks)


def rule(action: str, check: str, doc: str, *routes: str, scopes: tuple[str, ...] = ANY) -> Rule:
    """An API rule; each route is a method and a path below /v3."""
    return Rule(f"identity:{action}", check, doc, scopes, tuple(route.replace(" /", " /v3/", 1) for route in routes))


NAMED_BLOCKS: Final = (
    Rule("admin_required", "role:admin or is_admin:1", "An administrator, of whatever scope."),
    Rule("service_role", "role:service", "A service, such as the one that validates its users' tokens."),
    Rule("service_or_admin", "rule:admin_required or rule:service_role", "A service or an administrator."),
    Rule("owner", PATH_USER, "The user whom the URL names."),
    Rule("admin_or_owner", "rule:admin_required or rule:owner", "An administrator, or the user whom the URL names."),
    Rule("token_subject", user_is("token.user_id"), "The user whose token is asked about."),
    Rule("admin_or_token_subject", "rule:admin_required or rule:token_subject", "An administrator or the token's user."),
    Rule(
        "service_admin_or_token_subject",
        "rule:service_or_admin or rule:token_subject",
        "A service, an administrator or the token's user.",
    ),
    Rule(
        "domain_managed_target_role",
        either(*(f"'{name}':%(target.role.name)s" for name in ("manager", "member", "reader"))),
        "The roles that a manager of a domain may see, give and take; add none that is worth more than manager.",
    ),
)
