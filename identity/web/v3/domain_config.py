"""Options that one domain has of its own, and those that hold for all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from identity import errors
from identity.services import domain_config
from identity.store import tenancy
from identity.web.body import given
from identity.web.context import Call
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.collection import domain_target

COMPLIANCE = "security_compliance"
OF_PASSWORDS = ("password_regex", "password_regex_description")
READ_ERRORS = (401, 403, 404)
WRITE_ERRORS = (400, 401, 403, 404, 409, 503)


class ConfigBody(msgspec.Struct):
    """All groups and options are open: which there are is checked against the table."""


class WantedConfig(msgspec.Struct):
    config: dict[str, Any]


class OneConfig(msgspec.Struct):
    config: dict[str, Any]


@route(
    "GET",
    "/v3/domains/<domain_id>/config",
    policy="identity:get_domain_config",
    summary="Show a domain's own options, without secrets.",
    reply=OneConfig,
    errors=READ_ERRORS,
)
@route(
    "GET",
    "/v3/domains/<domain_id>/config/<group>",
    policy="identity:get_domain_config",
    summary="Show a domain's own options of one group; of security_compliance, what the service asks of passwords.",
    reply=OneConfig,
    errors=READ_ERRORS,
)
@route(
    "GET",
    "/v3/domains/<domain_id>/config/<group>/<option>",
    policy="identity:get_domain_config",
    summary="Show one of a domain's own options; of security_compliance, what the service asks of passwords.",
    reply=OneConfig,
    errors=READ_ERRORS,
)
def show_config(call: Call) -> Reply:
    domain_id, group, option = call.args["domain_id"], call.args.get("group"), call.args.get("option")
    with call.services.store.read() as db:
        domain = tenancy.domain(db, domain_id)
        if group == COMPLIANCE:
            call.enforce(domain_target(domain), policy="identity:get_security_compliance_domain_config")
            return json_reply({"config": _compliance(call, domain_id, option)})
        call.enforce(domain_target(domain))
        if domain is None:
            raise errors.missing("domain", domain_id)
        return json_reply({"config": domain_config.show(db, domain_id, group, option)})


@route(
    "PUT",
    "/v3/domains/<domain_id>/config",
    policy="identity:create_domain_config",
    summary="Let these be all of a domain's own options: 201 where it had none.",
    body=WantedConfig,
    reply=OneConfig,
    errors=(200, *WRITE_ERRORS),
    status=201,
)
def put_config(call: Call) -> Reply:
    _enforced(call)
    wanted = given(call, "config", ConfigBody).extra
    with call.services.store.begin() as tx:
        tenancy.pinned(tx, call.args["domain_id"])  # else two that each set the whole would leave a mixture
        stored, fresh = domain_config.replace(tx, call.services.vault, call.args["domain_id"], wanted)
    return json_reply({"config": stored}, 201 if fresh else 200)


@route(
    "PATCH",
    "/v3/domains/<domain_id>/config",
    policy="identity:update_domain_config",
    summary="Set some of a domain's own options.",
    body=WantedConfig,
    reply=OneConfig,
    errors=WRITE_ERRORS,
)
@route(
    "PATCH",
    "/v3/domains/<domain_id>/config/<group>",
    policy="identity:update_domain_config",
    summary="Change a domain's own options of a group that it has.",
    body=WantedConfig,
    reply=OneConfig,
    errors=WRITE_ERRORS,
)
@route(
    "PATCH",
    "/v3/domains/<domain_id>/config/<group>/<option>",
    policy="identity:update_domain_config",
    summary="Change an option of its own that a domain has.",
    body=WantedConfig,
    reply=OneConfig,
    errors=WRITE_ERRORS,
)
def update_config(call: Call) -> Reply:
    _enforced(call)
    wanted = given(call, "config", ConfigBody).extra
    domain_id, group, option = call.args["domain_id"], call.args.get("group"), call.args.get("option")
    with call.services.store.begin() as tx:
        tenancy.pinned(tx, domain_id)
        stored = domain_config.merge(tx, call.services.vault, domain_id, wanted, group, option)
    return json_reply({"config": stored})


@route(
    "DELETE",
    "/v3/domains/<domain_id>/config",
    policy="identity:delete_domain_config",
    summary="Drop all of a domain's own options.",
    errors=READ_ERRORS,
    status=204,
)
@route(
    "DELETE",
    "/v3/domains/<domain_id>/config/<group>",
    policy="identity:delete_domain_config",
    summary="Drop a domain's own options of one group.",
    errors=READ_ERRORS,
    status=204,
)
@route(
    "DELETE",
    "/v3/domains/<domain_id>/config/<group>/<option>",
    policy="identity:delete_domain_config",
    summary="Drop one of a domain's own options.",
    errors=READ_ERRORS,
    status=204,
)
def delete_config(call: Call) -> Reply:
    _enforced(call)
    with call.services.store.begin() as tx:
        domain_config.remove(tx, call.args["domain_id"], call.args.get("group"), call.args.get("option"))
    return NO_CONTENT


@route(
    "GET",
    "/v3/domains/config/default",
    policy="identity:get_domain_config_default",
    summary="Show the options of domains that have none of their own.",
    reply=OneConfig,
    errors=(401, 403),
)
@route(
    "GET",
    "/v3/domains/config/<group>/default",
    policy="identity:get_domain_config_default",
    summary="Show one group of the options of domains that have none of their own.",
    reply=OneConfig,
    errors=(401, 403),
)
@route(
    "GET",
    "/v3/domains/config/<group>/<option>/default",
    policy="identity:get_domain_config_default",
    summary="Show one of the options of domains that have none of their own.",
    reply=OneConfig,
    errors=(401, 403),
)
def show_default(call: Call) -> Reply:
    call.enforce()
    return json_reply({"config": domain_config.default(call.args.get("group"), call.args.get("option"))})


def _enforced(call: Call) -> None:
    """Lets through whom the policy lets, for a domain that exists."""
    with call.services.store.read() as db:
        domain = tenancy.domain(db, call.args["domain_id"])
    call.enforce(domain_target(domain))
    if domain is None:
        raise errors.missing("domain", call.args["domain_id"])


def _compliance(call: Call, domain_id: str, option: str | None) -> Mapping[str, Any]:
    """What every user may know of the rules for passwords. They are the same everywhere, and told for the default domain."""
    settings = call.services.settings
    if domain_id != settings.identity.default_domain_id:
        raise errors.Forbidden("What is asked of passwords is shown for the default domain alone.")
    if option is not None and option not in OF_PASSWORDS:
        raise errors.Forbidden(f"Of {COMPLIANCE} only {' and '.join(OF_PASSWORDS)} are shown.")
    rules = settings.security_compliance
    shown = {"password_regex": rules.password_regex or None, "password_regex_description": rules.password_regex_description or None}
    return {option: shown[option]} if option is not None else {COMPLIANCE: shown}
