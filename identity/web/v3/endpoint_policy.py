"""What a policy is set on (OS-ENDPOINT-POLICY): an endpoint, a service, or a service in a region."""

from __future__ import annotations

from sqlalchemy import Connection

from identity import errors
from identity.model.catalog import PolicyTarget
from identity.store import endpoints, policies, regions, services
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.endpoint_shape import FILTERS, ManyEndpoints, endpoint_shape, existing_endpoint
from identity.web.v3.policies import OnePolicy, existing_policy, policy_shape


@route(
    "GET",
    "/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/endpoints",
    policy="identity:list_endpoints_for_policy",
    summary="List the endpoints that a policy is set on: themselves, or by their service or region.",
    reply=ManyEndpoints,
    filters=FILTERS,
    errors=(400, 401, 403, 404),
)
def list_endpoints_of_policy(call: Call) -> Reply:
    call.enforce()
    id = call.args["policy_id"]
    with call.services.store.read() as db:
        existing_policy(policies.get(db, id), call)
        found, more = endpoints.listed(db, page_of(call), policies.endpoints_of(id))
    return listed(call, "endpoints", [endpoint_shape(call, endpoint) for endpoint in found], more)


@route(
    "GET",
    "/v3/endpoints/<endpoint_id>/OS-ENDPOINT-POLICY/policy",
    policy="identity:get_policy_for_endpoint",
    summary="Show the policy of an endpoint: its own, else that of its service in the nearest region, else that of its service.",
    reply=OnePolicy,
    errors=(401, 403, 404),
)
def show_policy_of_endpoint(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        endpoint = existing_endpoint(endpoints.get(db, call.args["endpoint_id"]), call)
        policy = policies.holds_for(db, endpoint)
    if policy is None:
        raise errors.NotFound(f"No policy is set on the endpoint {endpoint.id}.")
    return json_reply({"policy": policy_shape(call, policy)})


@route(
    "GET",
    "/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/endpoints/<endpoint_id>",
    policy="identity:check_policy_association_for_endpoint",
    summary="Ask whether a policy is set on an endpoint.",
    errors=(401, 403, 404),
    status=204,
)
@route(
    "GET",
    "/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/services/<service_id>",
    policy="identity:check_policy_association_for_service",
    summary="Ask whether a policy is set on a service.",
    errors=(401, 403, 404),
    status=204,
)
@route(
    "GET",
    "/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/services/<service_id>/regions/<region_id>",
    policy="identity:check_policy_association_for_region_and_service",
    summary="Ask whether a policy is set on a service in a region, and in all below it.",
    errors=(401, 403, 404),
    status=204,
)
def check_association(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        target = _target(db, call)
        if policies.found_on(db, target) != call.args["policy_id"]:
            raise errors.NotFound("The policy is not set on this.")
    return NO_CONTENT


@route(
    "PUT",
    "/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/endpoints/<endpoint_id>",
    policy="identity:create_policy_association_for_endpoint",
    summary="Set a policy, in place of any other, on an endpoint.",
    errors=(401, 403, 404),
    status=204,
)
@route(
    "PUT",
    "/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/services/<service_id>",
    policy="identity:create_policy_association_for_service",
    summary="Set a policy, in place of any other, on a service.",
    errors=(401, 403, 404),
    status=204,
)
@route(
    "PUT",
    "/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/services/<service_id>/regions/<region_id>",
    policy="identity:create_policy_association_for_region_and_service",
    summary="Set a policy, in place of any other, on a service in a region, and in all below it.",
    errors=(401, 403, 404),
    status=204,
)
def put_association(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        policies.put_on(tx, call.args["policy_id"], _target(tx, call))
    return NO_CONTENT


@route(
    "DELETE",
    "/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/endpoints/<endpoint_id>",
    policy="identity:delete_policy_association_for_endpoint",
    summary="Take a policy, if it is set there, from an endpoint.",
    errors=(401, 403, 404),
    status=204,
)
@route(
    "DELETE",
    "/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/services/<service_id>",
    policy="identity:delete_policy_association_for_service",
    summary="Take a policy, if it is set there, from a service.",
    errors=(401, 403, 404),
    status=204,
)
@route(
    "DELETE",
    "/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/services/<service_id>/regions/<region_id>",
    policy="identity:delete_policy_association_for_region_and_service",
    summary="Take a policy, if it is set there, from a service in a region, and in all below it.",
    errors=(401, 403, 404),
    status=204,
)
def delete_association(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        policies.take_off(tx, call.args["policy_id"], _target(tx, call))
    return NO_CONTENT


def _target(db: Connection, call: Call) -> PolicyTarget:
    """What the URL names. Raises `errors.NotFound` for the policy, or any part of it."""
    existing_policy(policies.get(db, call.args["policy_id"]), call)
    endpoint_id, service_id, region_id = (call.args.get(name) for name in ("endpoint_id", "service_id", "region_id"))
    if endpoint_id is not None:
        existing_endpoint(endpoints.get(db, endpoint_id), call)
    if service_id is not None and services.get(db, service_id) is None:
        raise errors.missing("service", service_id)
    if region_id is not None and regions.get(db, region_id) is None:
        raise errors.missing("region", region_id)
    return PolicyTarget(endpoint_id, service_id, region_id)
