"""One stored thing of each kind, three times over: of the member itself, of a neighbour, and of another domain.

Written straight into the tables, so that what the matrix expects does not lean on the stores that it tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, insert

from identity.store import tables
from tests.support.gateway import NOW

SELF, NEAR, FAR, UNKNOWN = "self", "near", "far", "unknown"
STORED: Final = (SELF, NEAR, FAR)
"""Of `user-member`, who is a persona; of others in the same domain; of another domain. UNKNOWN is of nobody: it is not there."""

USERS: Final = {SELF: "user-member", NEAR: "user-lost", FAR: "user-stranger"}
TRUSTEES: Final = {SELF: "user-nobody", NEAR: "user-nobody", FAR: "user-friend"}
PROJECTS: Final = {SELF: "web", NEAR: "idle", FAR: "shop"}
DOMAINS: Final = {SELF: "default", NEAR: "default", FAR: "other"}
ROLES: Final = {SELF: "role-reader", NEAR: "role-near", FAR: "role-far"}

# Who is beside the people of tests/support/gateway.py: (user, home domain), and what they hold.
FURTHER: Final = (("user-boss", "default"), ("user-warden", "default"), ("user-chief", "other"), ("user-friend", "other"))
HELD: Final = (
    ("user-boss", "domain", "default", "role-manager"),
    ("user-boss", "project", "web", "role-manager"),
    ("user-warden", "domain", "default", "role-reader"),
    ("user-chief", "domain", "other", "role-manager"),
)
GROUP, OPTION, TAG = "ldap", "url", "tag"
# Where a path's variable has another name than the thing.
KINDS: Final = {"prior_role_id": "prior_role", "implied_role_id": "implied_role"}
# Whose ids are made up of the kind and the place.
OWN_KINDS: Final = (
    *("endpoint", "endpoint_group", "policy", "service", "limited", "region", "idp", "protocol", "mapping", "service_provider"),
    *("group", "limit", "registered_limit", "access_rule", "application_credential", "credential", "trust"),
    *("prior_role", "implied_role", "consumer", "access_token", "request_token"),
)


def ids_of(place: str) -> dict[str, str]:
    """The path's variables with the ids of the things at one place."""
    named = {
        "user_id": USERS,
        "project_id": PROJECTS,
        "domain_id": DOMAINS,
        "role_id": ROLES,
        "group": dict.fromkeys(STORED, GROUP),
        "option": dict.fromkeys(STORED, OPTION),
        "value": dict.fromkeys(STORED, TAG),
    }
    found = {f"{kind}_id": f"{kind.replace('_', '-')}-{place}" for kind in OWN_KINDS}
    return found | {name: places.get(place, f"{name.removesuffix('_id')}-{UNKNOWN}") for name, places in named.items()}


def fill(tx: Connection, hash: str) -> None:
    """Everything but credentials and application credentials, whose secrets only the service can seal."""
    for id, domain in FURTHER:
        _add(tx, "user_account", id=id, name=id, domain_id=domain, created_at=NOW)
        _add(tx, "password", user_id=id, hash=hash, created_at=NOW)
    _add(tx, "role", id="role-near", name="near")
    _add(tx, "role", id="role-far", name="far", domain_id="other")
    for user, kind, target, role in HELD:
        _grant(tx, ("user", user), (kind, target), role)
    for place in STORED:
        for table, row in _rows(ids_of(place), place):
            _add(tx, table, **row)
        _grants(tx, ids_of(place))


def _rows(ids: dict[str, str], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    project, domain, user = ids["project_id"], ids["domain_id"], ids["user_id"]
    yield from _catalog(ids, place)
    yield "user_group", {"id": ids["group_id"], "name": f"group-{place}", "domain_id": domain}
    yield "membership", {"group_id": ids["group_id"], "user_id": user}
    for role in ("prior_role_id", "implied_role_id"):
        yield "role", {"id": ids[role], "name": ids[role]}
    yield "role_implication", {"prior_id": ids["prior_role_id"], "implied_id": ids["implied_role_id"]}
    yield "project_tag", {"project_id": project, "name": TAG}
    if place != NEAR:  # who is of the same domain
        yield "domain_config", {"domain_id": domain, "group_name": GROUP, "option_name": OPTION, "value": "ldap://x.example"}
    # One that may be changed, and one that a project has a limit of its own for.
    for id, resource in ((ids["registered_limit_id"], "memory"), (f"cores-{place}", "cores")):
        yield "registered_limit", {"id": id, "service_id": ids["limited_id"], "resource_name": resource, "default_limit": 10}
    limit = {"id": ids["limit_id"], "registered_limit_id": f"cores-{place}", "resource_limit": 5}
    yield "resource_limit", {**limit, "project_id": project}
    yield "access_rule", {"id": ids["access_rule_id"], "user_id": user, "service": "compute", "path": "/x", "method": "GET"}
    trust = {"id": ids["trust_id"], "trustor_user_id": user, "trustee_user_id": TRUSTEES[place], "project_id": project}
    yield "trust", {**trust, "impersonation": True, "created_at": NOW}
    yield "trust_role", {"trust_id": ids["trust_id"], "role_id": ids["role_id"]}
    yield from _federation(ids, domain)
    yield from _oauth(ids, project, user)


def _catalog(ids: dict[str, str], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    service, region, endpoint, policy = ids["service_id"], ids["region_id"], ids["endpoint_id"], ids["policy_id"]
    yield "region", {"id": region}
    for id in (service, ids["limited_id"]):  # the second one cannot be deleted: there are limits for it
        yield "service", {"id": id, "type": f"type-{id}", "name": place}
    row = {"id": endpoint, "service_id": service, "region_id": "RegionOne", "interface": "public"}
    yield "endpoint", {**row, "url": "https://x.example"}
    yield "endpoint_group", {"id": ids["endpoint_group_id"], "name": place, "filters": {"interface": "public"}}
    yield "project_endpoint", {"project_id": ids["project_id"], "endpoint_id": endpoint}
    yield "project_endpoint_group", {"project_id": ids["project_id"], "endpoint_group_id": ids["endpoint_group_id"]}
    yield "policy", {"id": policy, "type": "text/plain", "blob": '"x"'}
    yield "policy_association", {"target": f"endpoint:{endpoint}", "policy_id": policy, "endpoint_id": endpoint}
    yield "policy_association", {"target": f"service:{service}", "policy_id": policy, "service_id": service}
    both = {"policy_id": policy, "service_id": service, "region_id": region}
    yield "policy_association", {"target": f"service:{service}/{region}", **both}


def _federation(ids: dict[str, str], domain: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "identity_provider", {"id": ids["idp_id"], "domain_id": domain, "enabled": True}
    rules = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "REMOTE_USER"}]}]
    yield "mapping", {"id": ids["mapping_id"], "rules": rules}
    yield "federation_protocol", {"identity_provider_id": ids["idp_id"], "id": ids["protocol_id"], "mapping_id": ids["mapping_id"]}
    urls = {"auth_url": "https://sp.example/auth", "sp_url": "https://sp.example/sso"}
    yield "service_provider", {"id": ids["service_provider_id"], **urls}


def _oauth(ids: dict[str, str], project: str, user: str) -> Iterator[tuple[str, dict[str, Any]]]:
    consumer = ids["consumer_id"]
    yield "consumer", {"id": consumer, "secret": b"sealed"}
    asked = {"id": ids["request_token_id"], "secret": b"sealed", "consumer_id": consumer, "requested_project_id": project}
    yield "request_token", {**asked, "expires_at": NOW + 3600}
    given = {"id": ids["access_token_id"], "secret": b"sealed", "consumer_id": consumer, "authorizing_user_id": user}
    yield "access_token", {**given, "project_id": project, "role_ids": [ids["role_id"]]}


def _grants(tx: Connection, ids: dict[str, str]) -> None:
    for actor in (("user", ids["user_id"]), ("group", ids["group_id"])):
        for target in (("project", ids["project_id"]), ("domain", ids["domain_id"])):
            for inherited in (False, True):
                _grant(tx, actor, target, ids["role_id"], inherited)
        _grant(tx, actor, ("system", "system"), ids["role_id"])


def _grant(tx: Connection, actor: tuple[str, str], target: tuple[str, str], role: str, inherited: bool = False) -> None:
    row = dict(zip(("actor_kind", "actor_id", "target_kind", "target_id"), (*actor, *target), strict=True))
    _add(tx, "role_grant", **row, role_id=role, inherited=inherited)


def _add(tx: Connection, table: str, **values: Any) -> None:
    tx.execute(insert(getattr(tables, table)), values)
