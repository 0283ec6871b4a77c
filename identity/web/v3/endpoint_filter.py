"""Which endpoints a project is shown (OS-EP-FILTER): single ones, and those of endpoint groups."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from identity import errors
from identity.store import endpoint_filter, endpoints, tenancy
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.collection import ManyProjects, project_shape
from identity.web.v3.endpoint_groups import ManyEndpointGroups, existing_group, group_shape
from identity.web.v3.endpoint_shape import FILTERS, ManyEndpoints, endpoint_shape, existing_endpoint

PROJECT_FILTERS = ("domain_id", "enabled", "name", "parent_id")


class AssociationShape(msgspec.Struct):
    project_id: str
    endpoint_group_id: str
    links: dict[str, str]


class OneAssociation(msgspec.Struct):
    project_endpoint_group: AssociationShape


@route(
    "GET",
    "/v3/OS-EP-FILTER/endpoints/<endpoint_id>/projects",
    policy="identity:list_projects_for_endpoint",
    summary="List the projects that are associated with an endpoint itself.",
    reply=ManyProjects,
    filters=PROJECT_FILTERS,
    errors=(400, 401, 403, 404),
)
def list_projects_of_endpoint(call: Call) -> Reply:
    call.enforce()
    id = call.args["endpoint_id"]
    with call.services.store.read() as db:
        existing_endpoint(endpoints.get(db, id), call)
        found, more = endpoint_filter.projects(db, page_of(call), endpoint_id=id)
    return listed(call, "projects", [project_shape(call, project) for project in found], more)


@route(
    "GET",
    "/v3/OS-EP-FILTER/endpoint_groups/<endpoint_group_id>/projects",
    policy="identity:list_projects_associated_with_endpoint_group",
    summary="List the projects that are associated with an endpoint group.",
    reply=ManyProjects,
    filters=PROJECT_FILTERS,
    errors=(400, 401, 403, 404),
)
def list_projects_of_group(call: Call) -> Reply:
    call.enforce()
    id = call.args["endpoint_group_id"]
    with call.services.store.read() as db:
        existing_group(endpoint_filter.get(db, id), call)
        found, more = endpoint_filter.projects(db, page_of(call), group_id=id)
    return listed(call, "projects", [project_shape(call, project) for project in found], more)


@route(
    "GET",
    "/v3/OS-EP-FILTER/projects/<project_id>/endpoints",
    policy="identity:list_endpoints_for_project",
    summary="List the endpoints that a project is associated with, itself or by an endpoint group.",
    reply=ManyEndpoints,
    filters=FILTERS,
    errors=(400, 401, 403, 404),
)
def list_endpoints_of_project(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        _check_project(db, call)
        theirs = endpoint_filter.of_project(db, call.args["project_id"])
        found, more = endpoints.listed(db, page_of(call), theirs)
    return listed(call, "endpoints", [endpoint_shape(call, endpoint) for endpoint in found], more)


@route(
    "GET",
    "/v3/OS-EP-FILTER/projects/<project_id>/endpoint_groups",
    policy="identity:list_endpoint_groups_for_project",
    summary="List the endpoint groups of a project.",
    reply=ManyEndpointGroups,
    filters=("name",),
    errors=(400, 401, 403, 404),
)
def list_groups_of_project(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        _check_project(db, call)
        found, more = endpoint_filter.listed(db, page_of(call), project_id=call.args["project_id"])
    return listed(call, "endpoint_groups", [group_shape(call, group) for group in found], more)


@route(
    "GET",
    "/v3/OS-EP-FILTER/projects/<project_id>/endpoints/<endpoint_id>",
    policy="identity:check_endpoint_in_project",
    summary="Ask whether a project is associated with an endpoint itself.",
    errors=(401, 403, 404),
    status=204,
)
def check_endpoint(call: Call) -> Reply:
    call.enforce()
    with call.services.store.read() as db:
        _check_both(db, call)
        if not endpoint_filter.has(db, call.args["project_id"], call.args["endpoint_id"]):
            raise errors.NotFound("The project is not associated with this endpoint.")
    return NO_CONTENT


@route(
    "PUT",
    "/v3/OS-EP-FILTER/projects/<project_id>/endpoints/<endpoint_id>",
    policy="identity:add_endpoint_to_project",
    summary="Associate a project with an endpoint: its catalogue shows only its own from then on.",
    errors=(401, 403, 404, 409),
    status=204,
)
def add_endpoint(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        _check_both(tx, call)
        endpoint_filter.add(tx, call.args["project_id"], call.args["endpoint_id"], call.now)
    return NO_CONTENT


@route(
    "DELETE",
    "/v3/OS-EP-FILTER/projects/<project_id>/endpoints/<endpoint_id>",
    policy="identity:remove_endpoint_from_project",
    summary="End a project's association with an endpoint.",
    errors=(401, 403, 404),
    status=204,
)
def remove_endpoint(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        endpoint_filter.take(tx, call.args["project_id"], call.args["endpoint_id"], call.now)
    return NO_CONTENT


@route(
    "GET",
    "/v3/OS-EP-FILTER/endpoint_groups/<endpoint_group_id>/projects/<project_id>",
    policy="identity:get_endpoint_group_in_project",
    summary="Show that a project is associated with an endpoint group.",
    reply=OneAssociation,
    errors=(401, 403, 404),
)
def show_group_of_project(call: Call) -> Reply:
    call.enforce()
    project_id, group_id = call.args["project_id"], call.args["endpoint_group_id"]
    with call.services.store.read() as db:
        _check_project_and_group(db, call)
        if not endpoint_filter.has_group(db, project_id, group_id):
            raise errors.NotFound("The project is not associated with this endpoint group.")
    link = f"{call.base}/v3/OS-EP-FILTER/endpoint_groups/{group_id}/projects/{project_id}"
    shown = {"project_id": project_id, "endpoint_group_id": group_id, "links": {"self": link}}
    return json_reply({"project_endpoint_group": shown})


@route(
    "PUT",
    "/v3/OS-EP-FILTER/endpoint_groups/<endpoint_group_id>/projects/<project_id>",
    policy="identity:add_endpoint_group_to_project",
    summary="Associate a project with an endpoint group.",
    errors=(401, 403, 404, 409),
    status=204,
)
def add_group(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        _check_project_and_group(tx, call)
        endpoint_filter.add_group(tx, call.args["project_id"], call.args["endpoint_group_id"], call.now)
    return NO_CONTENT


@route(
    "DELETE",
    "/v3/OS-EP-FILTER/endpoint_groups/<endpoint_group_id>/projects/<project_id>",
    policy="identity:remove_endpoint_group_from_project",
    summary="End a project's association with an endpoint group.",
    errors=(401, 403, 404),
    status=204,
)
def remove_group(call: Call) -> Reply:
    call.enforce()
    with call.services.store.begin() as tx:
        _check_project_and_group(tx, call)
        endpoint_filter.take_group(tx, call.args["project_id"], call.args["endpoint_group_id"], call.now)
    return NO_CONTENT


def _check_project(db: Connection, call: Call) -> None:
    if tenancy.get(db, call.args["project_id"]) is None:
        raise errors.missing("project", call.args["project_id"])


def _check_both(db: Connection, call: Call) -> None:
    existing_endpoint(endpoints.get(db, call.args["endpoint_id"]), call)
    _check_project(db, call)


def _check_project_and_group(db: Connection, call: Call) -> None:
    _check_project(db, call)
    existing_group(endpoint_filter.get(db, call.args["endpoint_group_id"]), call)
