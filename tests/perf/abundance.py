"""A store with `many` of everything that the API lists, all of it around one user, one project, one domain and so on.

Written straight into the tables, so that twenty of everything take no longer than two. FOCUS holds the ids that every route's
path is filled in with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, insert

from identity.services.domain_options import DEFAULTS
from identity.store import epoch, tables
from tests.support.gateway import NOW, Cloud

USER, PROJECT, HOME, GROUP = "user-admin", "admin", "default", "group-0"
DOMAIN = "other"  # where grants are inherited from: it has one project, else what they come to would grow with the square
FOCUS: Final = {
    "user_id": USER,
    "project_id": PROJECT,
    "domain_id": DOMAIN,
    "group_id": GROUP,
    "role_id": "role-0",
    "prior_role_id": "role-prior",
    "implied_role_id": "role-0",
    "access_rule_id": "rule-0",
    "application_credential_id": "program-0",
    "group": "ldap",
    "option": "url",
    "endpoint_id": "endpoint-0",
    "endpoint_group_id": "filter-0",
    "policy_id": "policy-0",
    "service_id": "service-0",
    "region_id": "region-0",
    "idp_id": "idp-0",
    "protocol_id": "protocol-0",
    "limit_id": "limit-0",
    "registered_limit_id": "registered-0",
    "mapping_id": "mapping-0",
    "consumer_id": "consumer-0",
    "access_token_id": "access-0",
    "value": "tag-0",
    "service_provider_id": "partner-0",
    "trust_id": "trust-0",
}
Row = tuple[str, dict[str, Any]]


def fill(tx: Connection, many: int) -> None:
    """Everything but credentials, whose secrets only the service can seal."""
    _add(tx, "role", id="role-prior", name="prior")
    _add(tx, "role", id="role-implied", name="implied")
    for rows in (_people, _places, _catalog, _filters, _quotas, _federation, _oauth, _delegation):
        for number in range(many):
            for table, row in rows(number):
                _add(tx, table, **row)
    for group, options in DEFAULTS.items():
        for name in list(options)[:many]:
            _add(tx, "domain_config", domain_id=DOMAIN, group_name=group, option_name=name, value="x")
    epoch.record(tx, NOW, [("user", f"gone-{number}", True) for number in range(many)])


def credentials(cloud: Cloud, token: str, many: int) -> dict[str, str]:
    """So many of the user, and as many for EC2; gives the ids of one of each: for `credential_id`, and for that of EC2."""
    found = {}
    for number in range(many):
        body = {"credential": {"type": "cert", "blob": f"x{number}", "user_id": USER, "project_id": PROJECT}}
        kept = cloud.ask("POST", "/v3/credentials", token=token, body=body)
        pair = cloud.ask("POST", f"/v3/users/{USER}/credentials/OS-EC2", token=token, body={"tenant_id": PROJECT})
        assert (kept.status_code, pair.status_code) == (201, 201)
        found = {"credential_id": kept.get_json()["credential"]["id"], "access": pair.get_json()["credential"]["access"]}
    return found


def _people(n: int) -> Iterator[Row]:
    """Users in the group, groups of the user, and roles that both hold everywhere."""
    yield "user_account", {"id": f"user-{n}", "name": f"user-{n}", "domain_id": HOME, "created_at": NOW, "extra": {"n": n}}
    yield "password", {"user_id": f"user-{n}", "hash": "x", "created_at": NOW}
    yield "user_group", {"id": f"group-{n}", "name": f"group-{n}", "domain_id": HOME}
    yield "membership", {"user_id": USER, "group_id": f"group-{n}"}
    yield "membership", {"user_id": f"user-{n}", "group_id": GROUP}
    yield "role", {"id": f"role-{n}", "name": f"role-{n}"}
    yield "role_implication", {"prior_id": "role-prior", "implied_id": f"role-{n}"}
    yield "role_implication", {"prior_id": f"role-{n}", "implied_id": "role-implied"}
    for actor in (("user", USER), ("group", GROUP)):
        yield _grant(actor, ("system", "system"), n)
        yield _grant(actor, ("project", PROJECT), n)
        yield _grant(actor, ("domain", DOMAIN), n)
        yield _grant(actor, ("domain", DOMAIN), n, inherited=True)
        if n == 0:
            yield _grant(actor, ("project", PROJECT), n, inherited=True)


def _places(n: int) -> Iterator[Row]:
    """Domains, and projects below the project; the user has a role on each."""
    yield "project", {"id": f"domain-{n}", "name": f"domain-{n}", "is_domain": True, "created_at": NOW}
    place = {"domain_id": HOME, "parent_id": PROJECT, "created_at": NOW}
    yield "project", {"id": f"project-{n}", "name": f"project-{n}", **place}
    yield "project_tag", {"project_id": f"project-{n}", "name": "below"}
    yield "project_tag", {"project_id": PROJECT, "name": f"tag-{n}"}
    yield _grant(("user", USER), ("project", f"project-{n}"), 0)
    yield _grant(("user", USER), ("domain", f"domain-{n}"), 0)


def _catalog(n: int) -> Iterator[Row]:
    yield "region", {"id": f"region-{n}"}
    yield "service", {"id": f"service-{n}", "type": f"type-{n}", "name": f"service-{n}"}
    url = {"interface": "public", "url": f"https://{n}.example.org"}
    yield "endpoint", {"id": f"endpoint-{n}", "service_id": "service-0", "region_id": "region-0", **url}
    yield "policy", {"id": f"policy-{n}", "type": "text/plain", "blob": '"x"'}


def _filters(n: int) -> Iterator[Row]:
    """Which projects see which endpoints, and which endpoints have a policy."""
    yield "endpoint_group", {"id": f"filter-{n}", "name": f"filter-{n}", "filters": {"interface": "public"}}
    yield "project_endpoint", {"project_id": PROJECT, "endpoint_id": f"endpoint-{n}"}
    yield "project_endpoint", {"project_id": f"project-{n}", "endpoint_id": "endpoint-0"}
    yield "project_endpoint_group", {"project_id": PROJECT, "endpoint_group_id": f"filter-{n}"}
    yield "project_endpoint_group", {"project_id": f"project-{n}", "endpoint_group_id": "filter-0"}
    yield _governed(f"endpoint:endpoint-{n}", endpoint_id=f"endpoint-{n}")
    yield _governed(f"service:service-{n}", service_id=f"service-{n}")
    yield _governed(f"service:service-{n}/region-0", service_id=f"service-{n}", region_id="region-0")


def _quotas(n: int) -> Iterator[Row]:
    registered = {"service_id": "service-0", "resource_name": f"thing-{n}", "default_limit": 10}
    yield "registered_limit", {"id": f"registered-{n}", **registered}
    limit = {"registered_limit_id": f"registered-{n}", "project_id": PROJECT, "resource_limit": 5}
    yield "resource_limit", {"id": f"limit-{n}", **limit}


def _federation(n: int) -> Iterator[Row]:
    yield "identity_provider", {"id": f"idp-{n}", "domain_id": DOMAIN, "enabled": True}
    for side in "ab":
        yield "remote_id", {"remote_id": f"https://{side}.{n}.example.org", "identity_provider_id": f"idp-{n}"}
        yield "remote_id", {"remote_id": f"https://{side}.more.{n}.example.org", "identity_provider_id": "idp-0"}
    yield "mapping", {"id": f"mapping-{n}", "rules": [{"local": [], "remote": [{"type": "REMOTE_USER"}]}]}
    yield "federation_protocol", {"identity_provider_id": "idp-0", "id": f"protocol-{n}", "mapping_id": f"mapping-{n}"}
    for user, protocol in ((USER, f"protocol-{n}"), (f"user-{n}", "protocol-0")):
        link = {"identity_provider_id": "idp-0", "protocol_id": protocol, "unique_id": user}
        yield "federated_user", {"user_id": user, **link}
    urls = {"auth_url": "https://sp.example.org/auth", "sp_url": "https://sp.example.org/sso"}
    yield "service_provider", {"id": f"partner-{n}", **urls}


def _oauth(n: int) -> Iterator[Row]:
    yield "consumer", {"id": f"consumer-{n}", "secret": b"sealed"}
    given = {"consumer_id": f"consumer-{n}", "authorizing_user_id": USER, "project_id": PROJECT}
    yield "access_token", {"id": f"access-{n}", "secret": b"sealed", **given, "role_ids": ["role-0", f"role-{n}"]}


def _delegation(n: int) -> Iterator[Row]:
    parties = {"trustor_user_id": USER, "trustee_user_id": f"user-{n}", "project_id": PROJECT}
    yield "trust", {"id": f"trust-{n}", **parties, "impersonation": True, "created_at": NOW}
    yield "trust_role", {"trust_id": f"trust-{n}", "role_id": "role-prior"}
    yield "trust_role", {"trust_id": "trust-0", "role_id": f"role-{n}"}
    rule = {"service": "compute", "path": f"/v2.1/servers/{n}", "method": "GET"}
    yield "access_rule", {"id": f"rule-{n}", "user_id": USER, **rule}
    program = {"id": f"program-{n}", "name": f"program-{n}", "user_id": USER, "project_id": PROJECT}
    yield "application_credential", {**program, "hash": "x", "created_at": NOW}
    for role in ("role-prior", f"role-{n}"):
        yield "application_credential_role", {"application_credential_id": f"program-{n}", "role_id": role}
    for owner in {"program-0", f"program-{n}"}:
        yield "application_credential_access_rule", {"application_credential_id": owner, "access_rule_id": f"rule-{n}"}


def _grant(actor: tuple[str, str], target: tuple[str, str], role: int, inherited: bool = False) -> Row:
    row = dict(zip(("actor_kind", "actor_id", "target_kind", "target_id"), (*actor, *target), strict=True))
    return "role_grant", {**row, "role_id": f"role-{role}", "inherited": inherited}


def _governed(target: str, **on: str) -> Row:
    return "policy_association", {"target": target, "policy_id": "policy-0", **on}


def _add(tx: Connection, table: str, **values: Any) -> None:
    tx.execute(insert(getattr(tables, table)), values)
