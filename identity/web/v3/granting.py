"""What all routes of grants do. The path tells who (user or group) and where (project, domain or the system)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from identity import errors
from identity.model.assignment import RoleEntry
from identity.store import grants, roles
from identity.store.grants import Grant, Party
from identity.web.context import Call
from identity.web.listing import listed, page_of
from identity.web.reply import NO_CONTENT, Reply
from identity.web.route import Handler, route
from identity.web.v3.roles import ManyRoles, shape, target_of

USER_OF_PROJECT = "/v3/projects/<project_id>/users/<user_id>/roles"
GROUP_OF_PROJECT = "/v3/projects/<project_id>/groups/<group_id>/roles"
USER_OF_DOMAIN = "/v3/domains/<domain_id>/users/<user_id>/roles"
GROUP_OF_DOMAIN = "/v3/domains/<domain_id>/groups/<group_id>/roles"
USER_OF_SYSTEM = "/v3/system/users/<user_id>/roles"
GROUP_OF_SYSTEM = "/v3/system/groups/<group_id>/roles"
PLACES = (USER_OF_PROJECT, GROUP_OF_PROJECT, USER_OF_DOMAIN, GROUP_OF_DOMAIN)


def one_grant(method: str, paths: tuple[str, ...], *, policy: str, summary: str) -> Callable[[Handler], Handler]:
    """Declare one handler for the same request on each of these paths; it answers 204 or a problem."""
    errors_of = (400, 401, 403, 404) if method == "PUT" else (401, 403, 404)

    def declare(handler: Handler) -> Handler:
        for path in paths:
            route(method, path, policy=policy, summary=summary, errors=errors_of, status=204)(handler)
        return handler

    return declare


def many_grants(paths: tuple[str, ...], *, policy: str, summary: str) -> Callable[[Handler], Handler]:
    """Declare one handler that lists roles on each of these paths."""

    def declare(handler: Handler) -> Handler:
        for path in paths:
            route("GET", path, policy=policy, summary=summary, reply=ManyRoles, filters=("name",), errors=(400, 401, 403, 404))(
                handler
            )
        return handler

    return declare


def check(call: Call, *, inherited: bool = False) -> Reply:
    """204 where exactly this grant is stored."""
    wanted = _wanted(call, inherited)
    with call.services.store.read() as db:
        _allowed(call, db, wanted)
        if not grants.has(db, wanted):
            raise _no_grant(wanted)
    return NO_CONTENT


def give(call: Call, *, inherited: bool = False) -> Reply:
    """204, also where it was given before."""
    wanted = _wanted(call, inherited)
    with call.services.store.read() as db:
        ends = _allowed(call, db, wanted)
    _check_domain(call, ends)
    with call.services.store.begin() as tx:
        grants.add(tx, wanted, call.now)
    return NO_CONTENT


def take(call: Call, *, inherited: bool = False) -> Reply:
    """The user or group may be gone: what is left of it can be cleared away."""
    wanted = _wanted(call, inherited)
    with call.services.store.read() as db:
        _allowed(call, db, wanted, actor=False)
    with call.services.store.begin() as tx:
        if not grants.has(tx, wanted):
            raise _no_grant(wanted)
        grants.remove(tx, wanted, call.now)
    return NO_CONTENT


def given_roles(call: Call, *, inherited: bool = False) -> Reply:
    """The roles that were given on this very target; neither those of groups nor implied ones."""
    wanted = _wanted(call, inherited)
    with call.services.store.read() as db:
        _allowed(call, db, wanted)
        found, more = grants.held(db, wanted, page_of(call))
    return listed(call, "roles", [shape(call, role) for role in found], more)


@dataclass(frozen=True, slots=True)
class _Ends:
    """What is there of a grant's ends. `role` is not looked up for a list; the system needs no `place`."""

    role: RoleEntry | None
    actor: Party | None
    place: Party | None

    def target(self) -> dict[str, Any]:
        """What does not exist leaves its names out: then nothing compares equal to them, and only an administrator learns more."""
        found = target_of(self.role)
        for party in (self.actor, self.place):
            if party is not None:
                found.update({f"target.{party.kind}.{name}": value for name, value in party.attributes})
        return found

    def must_exist(self, wanted: Grant, actor: bool) -> None:
        if wanted.role_id and self.role is None:
            raise errors.missing("role", wanted.role_id)
        if actor and self.actor is None:
            raise errors.missing(wanted.actor_kind, wanted.actor_id)
        if wanted.target_kind != grants.SYSTEM and self.place is None:
            raise errors.missing(wanted.target_kind, wanted.target_id)


def _wanted(call: Call, inherited: bool) -> Grant:
    kind = "user" if "user_id" in call.args else "group"
    for place in ("project", "domain"):
        if f"{place}_id" in call.args:
            where = place, call.args[f"{place}_id"]
            break
    else:
        where = grants.SYSTEM, grants.SYSTEM
    return Grant(kind, call.args[f"{kind}_id"], *where, call.args.get("role_id", ""), inherited)


def _allowed(call: Call, db: Connection, wanted: Grant, *, actor: bool = True) -> _Ends:
    """The ends of the grant, once the policy has been asked. Raises `Forbidden`, then `NotFound` (for an actor if `actor`)."""
    ends = _Ends(
        roles.entry(db, wanted.role_id) if wanted.role_id else None,
        grants.party(db, wanted.actor_kind, wanted.actor_id),
        None if wanted.target_kind == grants.SYSTEM else grants.party(db, wanted.target_kind, wanted.target_id),
    )
    call.enforce(ends.target())
    ends.must_exist(wanted, actor)
    return ends


def _check_domain(call: Call, ends: _Ends) -> None:
    """A domain's own role is for the projects of that domain. On a domain Keystone takes any; here only from an administrator: a
    manager may give roles of certain names, and in another domain those may imply more than at home (CWE-269).
    """
    if ends.role is None or ends.role.domain_id is None:
        return
    if ends.place is None:
        raise errors.BadRequest("A role of one domain cannot be given on the system; give one of the whole cloud.")
    if ends.place.kind == "project" and ends.place.domain_id != ends.role.domain_id:
        raise errors.Forbidden("The role belongs to one domain and the project to another; give a role of the project's domain.")
    if ends.place.kind == "domain" and ends.place.id != ends.role.domain_id:
        call.enforce(policy="admin_required")


def _no_grant(wanted: Grant) -> errors.NotFound:
    return errors.NotFound(
        f"Could not find a grant of the role {wanted.role_id[:64]} to the {wanted.actor_kind} {wanted.actor_id[:64]} "
        f"on {wanted.target_kind} {wanted.target_id[:64]}."
    )
