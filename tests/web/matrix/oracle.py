"""Who may do what, as the real Keystone's own rules decide it in the real oslo.policy.

The target is built here from rows that were read by plain SQL: neither our rules nor our handlers have a part in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from keystone.common import context, policies
from oslo_config import cfg
from oslo_policy import policy

from identity.web.route import PUBLIC, Route
from tests.web.matrix.seed import KINDS
from tests.web.matrix.world import DELEGATED, World

VARIABLE: Final = re.compile(r"<(\w+)>")
TABLES: Final = {
    "user": "user_account",
    "group": "user_group",
    "project": "project",
    "domain": "project",
    "role": "role",
    "trust": "trust",
    "limit": "resource_limit",
    "credential": "credential",
}
READ: Final = ("id", "name", "domain_id", "user_id", "project_id", "trustor_user_id", "trustee_user_id")
# A rule of its own for roles that belong to a domain.
DOMAIN_ROLES: Final = {f"identity:{verb}_role": f"identity:{verb}_domain_role" for verb in ("get", "update", "delete")}
# Where a thing would be made: what the target calls it.
MADE_IN: Final = {"identity:create_user": "user", "identity:create_group": "group", "identity:create_project": "project"}
# Which domain a list is asked for is said by a token for a domain.
LISTS: Final = {
    "identity:list_users": "target.domain_id",
    "identity:list_projects": "target.domain_id",
    "identity:list_role_assignments": "target.domain_id",
    "identity:list_groups": "target.group.domain_id",
    "identity:list_domains": "target.domain.id",
}
# Beside the policy: a delegated token neither reads secrets nor delegates further.
NOT_DELEGATED: Final = re.compile(
    r"\w+ /v3/credentials/|POST /v3/credentials|\w+ /v3/users/<user_id>/credentials/OS-EC2|\w+ /v3/OS-TRUST/trusts"
    r"|\w+ /v3/users/<user_id>/OS-OAUTH1/|PUT /v3/OS-OAUTH1/authorize/"
    r"|(POST|DELETE) /v3/users/<user_id>/application_credentials"  # it is a restricted one
)


class Oracle:
    """The real enforcer, with the defaults of the installed Keystone."""

    def __init__(self, world: World, directory: Path) -> None:
        conf = cfg.ConfigOpts()
        conf([], project="matrix", default_config_files=[], default_config_dirs=[])
        self._world = world
        self._enforcer = policy.Enforcer(conf, policy_file=str(directory / "none.yaml"))
        self._enforcer.suppress_deprecation_warnings = True
        self._enforcer.register_defaults(policies.list_rules())
        self._enforcer.load_rules()
        self._callers = {persona: self._caller(shown) for persona, shown in world.claims.items()}

    def allows(self, route: Route, ids: Mapping[str, str], persona: str) -> bool:
        """Whether the persona passes the route's rule for the things that `ids` names."""
        if route.policy == PUBLIC:
            return True
        if persona == DELEGATED and NOT_DELEGATED.match(f"{route.method} {route.path}"):
            return False
        role = self._world.stored("role", ids["role_id"]) if "<role_id>" in route.path else None
        rule = DOMAIN_ROLES.get(route.policy, route.policy) if role is not None and role["domain_id"] else route.policy
        return bool(self._enforcer.enforce(rule, dict(self._target(route, ids, persona)), self._callers[persona]))

    def _target(self, route: Route, ids: Mapping[str, str], persona: str) -> Iterator[tuple[str, Any]]:
        names = VARIABLE.findall(route.path)
        yield from ((name, ids[name]) for name in names)
        for name in names:
            kind = name.removesuffix("_id")
            if name.endswith("_id") and name not in KINDS and kind in TABLES:
                yield from self._facts(kind, ids[name])
        yield from self._particular(route, ids, names)
        home = self._world.claims[persona].get("domain")
        if home is not None and route.policy in LISTS:
            yield LISTS[route.policy], home["id"]
        if route.policy == "identity:list_credentials":
            yield "target.credential.user_id", self._world.claims[persona]["user"]["id"]

    def _particular(self, route: Route, ids: Mapping[str, str], names: list[str]) -> Iterator[tuple[str, Any]]:
        if route.policy in MADE_IN and self._world.stored("project", ids["domain_id"]):
            yield f"target.{MADE_IN[route.policy]}.domain_id", ids["domain_id"]
        if route.policy == "identity:create_credential":
            yield "target.credential.user_id", ids["user_id"]
        if route.policy == "identity:ec2_create_credential":
            yield "target.credential.user_id", ids["user_id"]
        if "<application_credential_id>" in route.path:
            stored = self._world.stored("application_credential", ids["application_credential_id"])
            yield "user_id", stored["user_id"] if stored else ids["user_id"]
        if route.path == "/v3/auth/tokens":
            yield "target.token.user_id", "user-member"
        if route.policy == "identity:create_trust":
            yield "target.trust.trustor_user_id", ids["user_id"]
        if "<limit_id>" in route.path:
            limit = self._world.stored("resource_limit", ids["limit_id"])
            owner = self._world.stored("project", limit["project_id"]) if limit else None
            if owner:
                yield "target.limit.project.domain_id", owner["domain_id"]
                yield "target.limit.domain.id", "none: it is of a project"

    def _facts(self, kind: str, id: str) -> Iterator[tuple[str, Any]]:
        row = self._world.stored(TABLES[kind], id)
        for name in READ if row is not None else ():
            if name in row and (row[name] is not None or (kind, name) == ("role", "domain_id")):
                yield f"target.{kind}.{name}", row[name]

    def _caller(self, shown: Mapping[str, Any]) -> Any:
        user, home, place = shown["user"], shown.get("domain"), shown.get("project")
        caller = context.RequestContext(
            user_id=user["id"],
            user_domain_id=user["domain"]["id"],
            roles=[role["name"] for role in shown.get("roles", ())],
            system_scope="all" if "system" in shown else None,
            domain_id=home and home["id"],
            project_id=place and place["id"],
            project_domain_id=place and place["domain"]["id"],
        )
        token: dict[str, Any] = {"user": {"id": user["id"], "domain": {"id": user["domain"]["id"]}}}
        token |= {name: shown[name] for name in ("domain", "project") if name in shown}
        caller.token_reference = {"token": token}
        return self._enforcer._map_context_attributes_into_creds(caller)


def rules_by_operation() -> dict[tuple[str, str], set[str]]:
    """{(method, path with its variables emptied): the names of Keystone's rules for it}."""
    found: dict[tuple[str, str], set[str]] = {}
    for rule in policies.list_rules():
        for operation in getattr(rule, "operations", None) or ():
            methods = operation["method"]
            for method in [methods] if isinstance(methods, str) else methods:
                path = re.sub(r"\{[^}]*\}", "{}", operation["path"].strip())
                found.setdefault((method.strip(), path), set()).add(rule.name)
    return found
