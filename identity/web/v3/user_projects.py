"""The projects in which a user has a role."""

from __future__ import annotations

from identity.store import user_projects
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import Reply
from identity.web.route import route
from identity.web.v3.collection import ManyProjects, project_shape
from identity.web.v3.users import allowed_user


@route(
    "GET",
    "/v3/users/<user_id>/projects",
    policy="identity:list_user_projects",
    summary="List the projects in which a user has a role: direct, by a group, or inherited.",
    reply=ManyProjects,
    filters=("domain_id", "enabled", "name"),
    errors=(400, 401, 403, 404),
)
def list_projects_of_user(call: Call) -> Reply:
    user = allowed_user(call)
    with call.services.store.read() as db:
        found, more = user_projects.listed(db, user.id, page_of(call))
    return listed(call, "projects", [project_shape(call, project) for project in found], more)
