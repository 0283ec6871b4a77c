"""Which role implies which. Only what was declared is listed; what follows of it is for `role_assignments?effective`."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import msgspec

from identity import errors
from identity.model.assignment import Inference, RoleEntry
from identity.store import roles
from identity.web.context import Call
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.roles import target_of

ALL = "/v3/roles/<prior_role_id>/implies"
ONE = f"{ALL}/<implied_role_id>"


class RoleEnd(msgspec.Struct):
    id: str
    name: str
    links: dict[str, str]


class OneImplied(msgspec.Struct):
    prior_role: RoleEnd
    implies: RoleEnd


class ManyImplied(msgspec.Struct):
    prior_role: RoleEnd
    implies: list[RoleEnd]


class OneInference(msgspec.Struct):
    role_inference: OneImplied
    links: dict[str, str]


class PriorInferences(msgspec.Struct):
    role_inference: ManyImplied
    links: dict[str, str]


class ManyInferences(msgspec.Struct):
    role_inferences: list[ManyImplied]
    links: dict[str, str | None]


@route(
    "GET",
    "/v3/role_inferences",
    policy="identity:list_role_inference_rules",
    summary="List every role that implies others.",
    reply=ManyInferences,
    errors=(401, 403),
)
def list_role_inferences(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        found = roles.inferences(db)
    grouped = [_several(call, list(rules)) for _, rules in groupby(found, key=lambda rule: rule.prior.id)]
    links = {"next": None, "self": f"{call.base}/v3/role_inferences", "previous": None}
    return json_reply({"role_inferences": grouped, "links": links})


@route(
    "GET",
    ALL,
    policy="identity:list_implied_roles",
    summary="List what a role implies.",
    reply=PriorInferences,
    errors=(401, 403, 404),
)
def list_implied_roles(call: Call) -> Reply:
    (prior,) = _allowed(call, "prior_role")
    with call.services.store.read() as db:
        found = [_end(call, rule.implied) for rule in roles.implied_by(db, prior.id)]
    links = {"self": f"{call.base}/v3/roles/{prior.id}/implies"}
    return json_reply({"role_inference": {"prior_role": _end(call, prior), "implies": found}, "links": links})


@route(
    "HEAD",
    ONE,
    policy="identity:check_implied_role",
    summary="Ask whether one role implies another.",
    errors=(401, 403, 404),
    status=204,
)
def check_implied_role(call: Call) -> Reply:
    _one(call)
    return NO_CONTENT


@route(
    "GET",
    ONE,
    policy="identity:get_implied_role",
    summary="Show that one role implies another.",
    reply=OneInference,
    errors=(401, 403, 404),
)
def show_implied_role(call: Call) -> Reply:
    return _shown(call, _one(call))


@route(
    "PUT",
    ONE,
    policy="identity:create_implied_role",
    summary="Let one role imply another.",
    reply=OneInference,
    errors=(400, 401, 403, 404, 409),
    status=201,
)
def create_implied_role(call: Call) -> Reply:
    prior, implied = _ends(call)
    # Policies ask for roles without regard to case (oslo.policy): ADMIN is worth what admin is.
    if implied.name.lower() in {name.lower() for name in call.services.settings.assignment.prohibited_implied_role}:
        raise errors.Forbidden(f"No role may imply the role {implied.name[:64]} (assignment.prohibited_implied_role).")
    if prior.domain_id is None and implied.domain_id is not None:
        raise errors.Forbidden("A role of the whole cloud cannot imply one of a single domain.")
    with call.services.store.begin() as tx:
        if not roles.imply(tx, prior.id, implied.id, call.now):
            raise errors.Conflict("The one role implies the other already.")
    return _shown(call, Inference(prior, implied), 201)


@route(
    "DELETE",
    ONE,
    policy="identity:delete_implied_role",
    summary="Let one role no longer imply another.",
    errors=(401, 403, 404),
    status=204,
)
def delete_implied_role(call: Call) -> Reply:
    prior, implied = _ends(call)
    with call.services.store.begin() as tx:
        if roles.inference(tx, prior.id, implied.id) is None:
            raise _no_rule(prior, implied)
        roles.unimply(tx, prior.id, implied.id, call.now)
    return NO_CONTENT


def _allowed(call: Call, *places: str) -> list[RoleEntry]:
    """The roles of those places in the URL, once the policy has been asked. Raises `Forbidden`, `NotFound`."""
    with call.services.store.read() as db:
        found = {place: roles.entry(db, call.args[f"{place}_id"]) for place in places}
    call.enforce({name: value for place, role in found.items() for name, value in target_of(role, place).items()})
    for place, role in found.items():
        if role is None:
            raise errors.missing("role", call.args[f"{place}_id"])
    return [role for role in found.values() if role is not None]


def _ends(call: Call) -> tuple[RoleEntry, RoleEntry]:
    prior, implied = _allowed(call, "prior_role", "implied_role")
    return prior, implied


def _one(call: Call) -> Inference:
    prior, implied = _ends(call)
    with call.services.store.read() as db:
        found = roles.inference(db, prior.id, implied.id)
    if found is None:
        raise _no_rule(prior, implied)
    return found


def _no_rule(prior: RoleEntry, implied: RoleEntry) -> errors.NotFound:
    return errors.NotFound(f"The role {prior.id} does not imply the role {implied.id}.")


def _several(call: Call, rules: list[Inference]) -> dict[str, Any]:
    return {"prior_role": _end(call, rules[0].prior), "implies": [_end(call, rule.implied) for rule in rules]}


def _shown(call: Call, rule: Inference, status: int = 200) -> Reply:
    links = {"self": f"{call.base}/v3/roles/{rule.prior.id}/implies/{rule.implied.id}"}
    one = {"prior_role": _end(call, rule.prior), "implies": _end(call, rule.implied)}
    return json_reply({"role_inference": one, "links": links}, status)


def _end(call: Call, role: RoleEntry) -> dict[str, Any]:
    return {"id": role.id, "name": role.name, "links": {"self": f"{call.base}/v3/roles/{role.id}"}}
