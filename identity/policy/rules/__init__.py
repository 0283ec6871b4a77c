"""The default rules, under Keystone's names and with the meaning that Keystone gives them today.

Owns what each rule asks; must not depend on how it is decided. Personas: admin (anywhere), reader on the system, manager
and reader of a domain, service, and the user whom a thing belongs to. A file a topic; `blocks` has what they share.
"""

from __future__ import annotations

from typing import Final

from identity.policy.rules import accounts, assignments, catalog, delegation, federation, limits, tenancy, tokens
from identity.policy.rules.blocks import NAMED_BLOCKS, Rule

TOPICS: Final[tuple[tuple[str, tuple[Rule, ...]], ...]] = (
    ("Named blocks", NAMED_BLOCKS),
    ("Tokens", tokens.TOKENS),
    ("The caller's own scopes", tokens.OWN_SCOPES),
    ("Users", accounts.USERS),
    ("Groups", accounts.GROUPS),
    ("Domains", tenancy.DOMAINS),
    ("Domain configuration", tenancy.DOMAIN_CONFIG),
    ("Projects", tenancy.PROJECTS),
    ("Roles", assignments.ROLES),
    ("Implied roles", assignments.IMPLIED_ROLES),
    ("Grants and assignments", assignments.GRANTS),
    ("Catalogue", catalog.CATALOG),
    ("Endpoint filter", catalog.ENDPOINT_FILTER),
    ("Stored policies", catalog.STORED_POLICIES),
    ("Limits", limits.LIMITS),
    ("Trusts", delegation.TRUSTS),
    ("Application credentials", delegation.APPLICATION_CREDENTIALS),
    ("Access rules", delegation.ACCESS_RULES),
    ("Credentials", delegation.CREDENTIALS),
    ("OAuth 1.0a", delegation.OAUTH),
    ("Federation", federation.FEDERATION),
)
"""Headings of the reference, and the rules below each."""

DEFAULTS: Final[tuple[Rule, ...]] = tuple(one for _, rules in TOPICS for one in rules)

__all__ = ["DEFAULTS", "TOPICS", "Rule"]
