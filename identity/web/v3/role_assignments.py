"""Who has which role on what, all in one list.

An assignment has no id. Its place in the list, for `marker`, is the assignment itself: its attributes in the list's order, in
base64. So a marker stays good while other assignments come and go, even when its own is gone; clients take it from `links.next`.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import fields
from typing import Any, Final

import msgspec

from identity import errors
from identity.model.assignment import Assignment, AssignmentQuery, Named
from identity.store import assignments, grants
from identity.store.text import findable
from identity.web.context import Call
from identity.web.listing import flag, listed, page_of, query_of
from identity.web.reply import Reply, encode
from identity.web.route import route

INHERITED: Final = "scope.OS-INHERIT:inherited_to"
IDS: Final = {
    "role.id": "role_id",
    "user.id": "user_id",
    "group.id": "group_id",
    "scope.project.id": "project_id",
    "scope.domain.id": "domain_id",
}
SWITCHES: Final = ("effective", "include_names", "include_subtree")
PLACE: Final = [field.name for field in fields(Assignment) if field.name != "names"]
LONGEST_MARKER: Final = 4096


class ScopeShape(msgspec.Struct, omit_defaults=True):
    project: dict[str, Any] = {}
    domain: dict[str, Any] = {}
    system: dict[str, bool] = {}
    inherited: str = msgspec.field(default="", name="OS-INHERIT:inherited_to")


class AssignmentShape(msgspec.Struct, omit_defaults=True):
    role: dict[str, Any]
    scope: ScopeShape
    links: dict[str, str]
    user: dict[str, Any] = {}
    group: dict[str, Any] = {}


class ManyAssignments(msgspec.Struct):
    role_assignments: list[AssignmentShape]
    links: dict[str, str | None]


@route(
    "GET",
    "/v3/role_assignments",
    policy="identity:list_role_assignments",
    summary="List who has which role on what.",
    reply=ManyAssignments,
    filters=(),
    query=(*IDS, "scope.system", INHERITED, *SWITCHES),
    errors=(400, 401, 403, 404),
)
def list_role_assignments(call: Call) -> Reply:
    """A domain's token sees its own domain and the projects in it."""
    inside = None
    if flag(call, "include_subtree"):
        _allow_tree(call)
    else:
        inside = call.caller.access.claims.domain_id
        call.enforce({} if inside is None else {"target.domain_id": inside})
    with call.services.store.read() as db:
        found = assignments.listed(db, _wanted(call, inside))
    root = f"{call.base}/v3"
    members = [msgspec.Raw(encode(_shape(root, entry))) for entry in found.entries]
    return listed(call, "role_assignments", members, bool(found.next_after), _marker(found.next_after))


def _allow_tree(call: Call) -> None:
    """Ask the rule for a tree, which looks at the project on top. Raises `Forbidden`, `NotFound`, or `BadRequest` without one."""
    id = dict(query_of(call)).get("scope.project.id", "")
    with call.services.store.read() as db:
        project = grants.party(db, "project", id)
    target = {} if project is None else {f"target.project.{name}": value for name, value in project.attributes}
    if project is not None:
        target["target.domain_id"] = project.domain_id
    call.enforce(target, "identity:list_role_assignments_for_tree")
    if not id:
        raise errors.BadRequest("include_subtree needs scope.project.id, the project on top.")
    if project is None:
        raise errors.missing("project", id)


def _wanted(call: Call, inside: str | None) -> AssignmentQuery:
    query = dict(query_of(call))
    ids = {attribute: query.get(name) for name, attribute in IDS.items()}
    for name, attribute in IDS.items():
        if ids[attribute] == "":
            raise errors.BadRequest(f"{name} must not be empty.")
    page = page_of(call)
    wanted = AssignmentQuery(
        **ids,
        system=query.get("scope.system") == "all",
        inherited=query[INHERITED] == "projects" if INHERITED in query else None,
        subtree=flag(call, "include_subtree"),
        inside=inside,
        effective=flag(call, "effective"),
        names=flag(call, "include_names"),
        sort=page.sort,
        limit=page.limit,
        after=_place(page.marker),
    )
    _check(wanted, bool(query.get("scope.system")))
    return wanted


def _check(wanted: AssignmentQuery, system: bool) -> None:
    """What could only ever give an empty list is a mistake."""
    if [wanted.domain_id is not None, wanted.project_id is not None, system].count(True) > 1:
        raise errors.BadRequest("Name one scope: a domain, a project or the system.")
    if wanted.user_id is not None and wanted.group_id is not None:
        raise errors.BadRequest("Name a user or a group, not both.")
    if wanted.effective and wanted.group_id is not None:
        raise errors.BadRequest("An effective assignment is a user's: leave out group.id, or effective.")
    if wanted.effective and wanted.inherited and wanted.domain_id is not None:
        raise errors.BadRequest("A domain inherits nothing: leave out scope.domain.id, effective, or the wish for inherited ones.")


def _marker(place: tuple[str | bool, ...]) -> str:
    return base64.urlsafe_b64encode(encode(place)).decode().rstrip("=") if place else ""


def _place(marker: str | None) -> tuple[str | bool, ...]:
    """What `_marker` wrote: all attributes, or the kind and id of the actor, for 'behind all of those'."""
    if marker is None:
        return ()
    try:
        padded = marker[:LONGEST_MARKER].encode("ascii") + b"=="
        values = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=list[str | bool])
    except (UnicodeError, binascii.Error, msgspec.MsgspecError):
        values = []
    fit = len(values) in (2, len(PLACE)) and all(isinstance(value, bool) is (n == 4) for n, value in enumerate(values))
    if not fit or not findable(*[value for value in values if isinstance(value, str)]):
        raise errors.BadRequest("The marker is not one of this list; take it from links.next.")
    return tuple(values)


def _shape(root: str, entry: Assignment) -> dict[str, Any]:
    names = entry.names
    actor = f"/{entry.actor_kind}s/{entry.actor_id}"
    shown: dict[str, Any] = {
        "role": _role(entry.role_id, names.role if names else None),
        entry.actor_kind: _named(entry.actor_id, names.actor if names else None),
    }
    links = {}
    if entry.target_kind == grants.SYSTEM:
        scope: dict[str, Any] = {"system": {"all": True}}
        place = "/system"
    else:
        scope = {entry.target_kind: _named(entry.target_id, names.target if names else None, entry.target_kind)}
        place = f"/{entry.source_kind or entry.target_kind}s/{entry.source_id or entry.target_id}"
    if entry.group_id:
        links["membership"] = f"{root}/groups/{entry.group_id}{actor}"
        actor = f"/groups/{entry.group_id}"
    grant = f"{place}{actor}/roles/{entry.prior_id or entry.role_id}"
    if entry.inherited or entry.source_id:
        scope["OS-INHERIT:inherited_to"] = "projects"
        grant = f"/OS-INHERIT{grant}/inherited_to_projects"
    links["assignment"] = root + grant
    if entry.prior_id:
        links["prior_role"] = f"{root}/roles/{entry.prior_id}/implies/{entry.role_id}"
    return {**shown, "scope": scope, "links": links}


def _named(id: str, named: Named | None, kind: str = "") -> dict[str, Any]:
    """Whoever is gone has empty names, as in Keystone; a domain is in no domain."""
    if named is None:
        return {"id": id}
    if kind == "domain":
        return {"id": id, "name": named.name}
    return {"id": id, "name": named.name, "domain": {"id": named.domain_id, "name": named.domain_name}}


def _role(id: str, named: Named | None) -> dict[str, Any]:
    if named is None or named.domain_id:
        return _named(id, named)
    return {"id": id, "name": named.name}
