"""Projects, which hold what services make, and the tree that they stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection

from identity import errors
from identity.model.tenancy import ProjectRecord, TagFilter
from identity.services import tenancy as rules
from identity.store import project_tree, projects, tenancy
from identity.web.body import UNSET, Description, Id, ShortName, Unset, given, kept, optional
from identity.web.context import Call
from identity.web.listing import flag, listed, page_of, query_of
from identity.web.reply import NO_CONTENT, Reply, json_reply
from identity.web.route import route
from identity.web.v3.collection import ManyProjects, ProjectOptions, ProjectShape, Tags, project_shape, project_target
from identity.web.v3.limits import LimitShape
from identity.web.v3.limits import shape as limit_shape
from identity.web.v3.project_body import changed, options_of, tags_of

TAG_QUERY = ("tags", "tags-any", "not-tags", "not-tags-any")
TREE_QUERY = ("parents_as_list", "parents_as_ids", "subtree_as_list", "subtree_as_ids")
LIMITS_QUERY = "include_limits"
NEVER_KEPT = frozenset({"links", "parents", "subtree"})  # what an answer shows of the tree, too, comes back with a change


class ProjectBody(msgspec.Struct):
    name: ShortName
    id: str | Unset | None = UNSET
    domain_id: Id | Unset | None = UNSET
    parent_id: Id | Unset | None = UNSET
    is_domain: bool | Unset = UNSET
    enabled: bool | Unset = UNSET
    description: Description | Unset | None = UNSET
    options: ProjectOptions | Unset = UNSET
    tags: Tags | Unset = UNSET


class ProjectChange(msgspec.Struct):
    name: ShortName | Unset = UNSET
    id: str | Unset | None = UNSET
    domain_id: Id | Unset | None = UNSET
    parent_id: Id | Unset | None = UNSET
    is_domain: bool | Unset = UNSET
    enabled: bool | Unset = UNSET
    description: Description | Unset | None = UNSET
    options: ProjectOptions | Unset = UNSET
    tags: Tags | Unset = UNSET


class ProjectInTree(ProjectShape):
    limits: list[LimitShape] | Unset = UNSET


class InTree(msgspec.Struct):
    project: ProjectInTree


class PlacedProject(ProjectShape):
    parents: list[InTree] | dict[str, Any] | Unset | None = UNSET
    subtree: list[InTree] | dict[str, Any] | Unset | None = UNSET


class OneProject(msgspec.Struct):
    project: ProjectShape


class OnePlacedProject(msgspec.Struct):
    project: PlacedProject


class WantedProject(msgspec.Struct):
    project: ProjectBody


class ChangedProject(msgspec.Struct):
    project: ProjectChange


@route(
    "GET",
    "/v3/projects",
    policy="identity:list_projects",
    summary="List the projects; those that act as domains only where the query asks for them.",
    reply=ManyProjects,
    filters=("domain_id", "enabled", "name", "parent_id", "is_domain"),
    query=TAG_QUERY,
    errors=(400, 401, 403),
)
def list_projects(call: Call) -> Reply:
    own = call.caller.access.claims.domain_id
    call.enforce({"target.domain_id": own} if own else {})
    asked = query_of(call)
    is_domain = None if any(name == "is_domain" for name, _ in asked) else False
    with call.services.store.read() as db:
        found, more = tenancy.listed(db, page_of(call), is_domain=is_domain, domain_id=own, tags=_tag_filter(asked))
    return listed(call, "projects", [project_shape(call, project) for project in found], more)


@route(
    "GET",
    "/v3/projects/<project_id>",
    policy="identity:get_project",
    summary="Show a project, and where it stands in the tree.",
    reply=OnePlacedProject,
    query=(*TREE_QUERY, LIMITS_QUERY),
    errors=(400, 401, 403, 404),
)
def show_project(call: Call) -> Reply:
    id = call.args["project_id"]
    with call.services.store.read() as db:
        stored = tenancy.get(db, id)
        call.enforce(project_target(stored))
        shown = project_shape(call, _existing(stored, call))
        shown.update(_tree(call, db, id))
    return json_reply({"project": shown})


@route(
    "POST",
    "/v3/projects",
    policy="identity:create_project",
    summary="Make a project below its parent, or at the top of its domain, or one that acts as a domain.",
    body=WantedProject,
    reply=OneProject,
    errors=(400, 401, 403, 409),
    status=201,
)
def create_project(call: Call) -> Reply:
    body = given(call, "project", ProjectBody)
    known = body.known
    wanted = ProjectRecord(
        id="",
        name=known.name,
        domain_id=optional(known.domain_id, None),
        parent_id=optional(known.parent_id, None),
        is_domain=optional(known.is_domain, False),
        enabled=optional(known.enabled, True),
        description=optional(known.description, None) or "",
        options=options_of(known.options),
        extra=kept(body.extra, NEVER_KEPT),
        tags=tags_of(known.tags),
    )
    with call.services.store.read() as db:
        call.enforce(_target_of_new(db, wanted))
    if not wanted.is_domain and wanted.domain_id is None and wanted.parent_id is None:
        home = call.caller.access.claims.domain_id or call.services.settings.identity.default_domain_id
        wanted = replace(wanted, domain_id=home)
    with errors.taken("project", wanted.name), call.services.store.begin() as tx:
        made = rules.create(tx, wanted, rules.rules_of(call.services.settings), call.now)
    return json_reply({"project": project_shape(call, made)}, 201)


@route(
    "PATCH",
    "/v3/projects/<project_id>",
    policy="identity:update_project",
    summary="Change a project; disabling it ends the tokens for it.",
    body=ChangedProject,
    reply=OneProject,
    errors=(400, 401, 403, 404, 409),
)
def update_project(call: Call) -> Reply:
    id = call.args["project_id"]
    with call.services.store.read() as db:
        call.enforce(project_target(tenancy.get(db, id)))
    body = given(call, "project", ProjectChange)
    with errors.taken("project", optional(body.known.name, "")), call.services.store.begin() as tx:
        before = _existing(tenancy.pinned(tx, id), call)
        extra = kept(body.extra, NEVER_KEPT)
        rules.check_mutable(before, changed(body.known, extra))
        _check_place(before, body.known)
        after = replace(before, **changed(body.known), extra={**before.extra, **extra})
        after = replace(after, options=options_of(body.known.options, before.options), description=after.description or "")
        stored = rules.save(tx, before, after, rules.rules_of(call.services.settings), call.now)
    return json_reply({"project": project_shape(call, stored)})


@route(
    "DELETE",
    "/v3/projects/<project_id>",
    policy="identity:delete_project",
    summary="Delete a project that has none below it, or a disabled one that acts as a domain.",
    errors=(401, 403, 404, 409),
    status=204,
)
def delete_project(call: Call) -> Reply:
    id = call.args["project_id"]
    with call.services.store.read() as db:
        call.enforce(project_target(tenancy.get(db, id)))
    with call.services.store.begin() as tx:
        rules.delete(tx, _existing(tenancy.pinned(tx, id), call), rules.rules_of(call.services.settings), call.now)
    return NO_CONTENT


def _target_of_new(db: Connection, wanted: ProjectRecord) -> Mapping[str, Any]:
    """The places that a new project names count where they exist: nothing else of the body does."""
    places = {"target.project.domain_id": wanted.domain_id, "target.project.parent_id": wanted.parent_id}
    return {name: id for name, id in places.items() if id is not None and tenancy.get(db, id) is not None}


def _tree(call: Call, db: Connection, id: str) -> Mapping[str, Any]:
    """Above and below, as the query asks. Lists hold only what the caller has a role in; ids say where it stands, and no more."""
    parents_list, parents_ids, below_list, below_ids = (flag(call, name) for name in TREE_QUERY)
    if (parents_list and parents_ids) or (below_list and below_ids):
        raise errors.BadRequest("Ask for parents and subtree each either as a list or as ids, not both.")
    shown: dict[str, Any] = {}
    members = _members_of(call, db, id) if parents_list or below_list else list
    if parents_list:
        shown["parents"] = members(project_tree.parents(db, id))
    elif parents_ids:
        shown["parents"] = project_tree.ids_above(project_tree.parents(db, id))
    if below_list:
        shown["subtree"] = members(project_tree.subtree(db, id))
    elif below_ids:
        shown["subtree"] = project_tree.ids_below(id, project_tree.subtree(db, id))
    return shown


def _members_of(call: Call, db: Connection, id: str) -> Callable[[Sequence[ProjectRecord]], list[Any]]:
    """Shows the members of such a list that the caller has a role in, with their limits where the query asks for these."""
    own = {project.id for project in projects.projects_of(db, call.caller.access.subject.user.id)}
    limits = project_tree.limits_around(db, id) if flag(call, LIMITS_QUERY) else None

    def members(found: Sequence[ProjectRecord]) -> list[Any]:
        shown = [project_shape(call, project) for project in found if project.id in own]
        if limits is not None:
            for project in shown:
                project["limits"] = [limit_shape(call, limit) for limit in limits.get(project["id"], ())]
        return [{"project": project} for project in shown]

    return members


def _tag_filter(asked: Sequence[tuple[str, str]]) -> TagFilter:
    """Tags part at commas; of a name given twice the first counts."""
    wanted: dict[str, tuple[str, ...]] = {}
    for name, value in asked:
        if name in TAG_QUERY and name not in wanted:
            wanted[name] = tuple(value.split(","))
    return TagFilter(*[wanted.get(name, ()) for name in TAG_QUERY])


def _check_place(before: ProjectRecord, known: ProjectChange) -> None:
    """A project stays where it is."""
    if optional(known.id, None) not in (None, before.id):
        raise errors.BadRequest("The id of a project cannot be changed.")
    if optional(known.domain_id, before.domain_id) != before.domain_id:
        raise errors.BadRequest("The domain of a project cannot be changed.")
    if optional(known.is_domain, before.is_domain) != before.is_domain:
        raise errors.BadRequest("Whether a project acts as a domain cannot be changed.")
    if optional(known.parent_id, before.parent_id) != before.parent_id:
        raise errors.Forbidden("The parent of a project cannot be changed.")


def _existing(project: ProjectRecord | None, call: Call) -> ProjectRecord:
    if project is None:
        raise errors.missing("project", call.args["project_id"])
    return project
