"""Access rules: what a user's application credentials may call."""

from __future__ import annotations

from typing import Any

import msgspec

from identity import errors
from identity.model.auth import UserRef
from identity.model.delegation import AccessRule
from identity.store import access_rules, users
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.application_credentials import refuse_handed


class AccessRuleShape(msgspec.Struct):
    id: str
    service: str
    path: str
    method: str
    links: dict[str, str]


class OneAccessRule(msgspec.Struct):
    access_rule: AccessRuleShape


class ManyAccessRules(msgspec.Struct):
    access_rules: list[AccessRuleShape]
    links: dict[str, str | None]


@route(
    "GET",
    "/v3/users/<user_id>/access_rules",
    policy="identity:list_access_rules",
    summary="List the access rules of a user's application credentials.",
    reply=ManyAccessRules,
    filters=("service", "path", "method"),
    errors=(400, 401, 403),
)
def list_access_rules(call: Call) -> Reply:
    _enforce(call)
    with call.services.store.read() as db:
        found, more = access_rules.listed(db, call.args["user_id"], page_of(call))
    return listed(call, "access_rules", [shape(call, rule) for rule in found], more)


@route(
    "GET",
    "/v3/users/<user_id>/access_rules/<access_rule_id>",
    policy="identity:get_access_rule",
    summary="Show an access rule.",
    reply=OneAccessRule,
    errors=(401, 403, 404),
)
def show_access_rule(call: Call) -> Reply:
    _enforce(call)
    with call.services.store.read() as db:
        found = access_rules.get(db, call.args["user_id"], call.args["access_rule_id"])
    if found is None:
        raise errors.missing("access rule", call.args["access_rule_id"])
    return json_reply({"access_rule": shape(call, found)})


@route(
    "DELETE",
    "/v3/users/<user_id>/access_rules/<access_rule_id>",
    policy="identity:delete_access_rule",
    summary="Delete an access rule that no application credential has.",
    errors=(401, 403, 404),
    status=204,
)
def delete_access_rule(call: Call) -> Reply:
    _enforce(call)
    with call.services.store.begin() as tx:
        access_rules.remove(tx, call.args["user_id"], call.args["access_rule_id"])
    return NO_CONTENT


def shape(call: Call, rule: AccessRule) -> dict[str, Any]:
    return {**plain(rule), "links": {"self": f"{call.base}/v3/users/{call.args['user_id']}/access_rules/{rule.id}"}}


def plain(rule: AccessRule) -> dict[str, Any]:
    return {"id": rule.id, "service": rule.service, "path": rule.path, "method": rule.method}


def _enforce(call: Call) -> None:
    with call.services.store.read() as db:
        user = users.find(db, UserRef(id=call.args["user_id"]))
    call.enforce({} if user is None else {"target.user.id": user.id, "target.user.domain_id": user.domain.id})
    refuse_handed(call)
