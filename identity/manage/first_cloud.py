"""The first domain, project, administrator, roles and endpoints: what a cloud needs before anybody can log in.

One transaction; what is there already is kept as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from ..errors import StartError
from ..model.auth import DomainRef, ProjectRef, UserRef
from ..model.catalog import Endpoint, Region, Service
from ..model.subject import Credential
from ..services.hashing import Hasher
from ..services.lockout import password_end
from ..settings import Settings
from ..store import domains, endpoints, grants, projects, regions, roles, services, users
from ..store.engine import Store

ROLES = ("admin", "manager", "member", "reader", "service")
IMPLIED = (("admin", "manager"), ("manager", "member"), ("member", "reader"))
_KEPT = {"immutable": True}  # Keystone's option: such a role is neither renamed nor deleted by mistake


@dataclass(frozen=True)
class Plan:
    """`password` None: there must be such a user already. `urls`: interface to URL of the identity service's endpoint.

    `reset_password`: give the password to a user who is there already, and switch the account on.
    """

    domain_id: str
    user: str = "admin"
    password: str | None = field(default=None, repr=False)
    project: str = "admin"
    role: str = "admin"
    service: str = "keystone"
    region: str | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    reset_password: bool = False


@dataclass
class Ids:
    """Ids of what is there at the end; `made` names what was not there before, `notes` what the operator may want to know."""

    domain: str = ""
    project: str = ""
    user: str = ""
    role: str = ""
    service: str = ""
    made: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def needs_password(store: Store, plan: Plan) -> bool:
    """Whether `make` would have to be given one."""
    return plan.reset_password or _credential(store, plan) is None


def make(store: Store, settings: Settings, plan: Plan, clock: Callable[[], float]) -> Ids:
    """Make what is missing. Raises StartError where a password is needed and none is given."""
    known = _credential(store, plan)
    hasher = Hasher(settings.identity)
    if plan.password is None and needs_password(store, plan):
        raise StartError(
            f"there is no user {plan.user} yet: give its password in OS_BOOTSTRAP_PASSWORD or with --bootstrap-password-file"
        )
    fits = known is not None and plan.password is not None and hasher.verify(known.hash, plan.password)[0]
    fresh = (
        hasher.hash(plan.password) if plan.password is not None and not fits and (known is None or plan.reset_password) else None
    )
    ids, now = Ids(), clock()
    end = password_end(settings.security_compliance, now)
    if known is not None and plan.password is not None and not fits and not plan.reset_password:
        ids.notes.append(f"the password given is not the one of user {plan.user}: --reset-password would set it")
    with store.begin() as tx:
        _domain(tx, plan, now, ids)
        _project(tx, plan, now, ids)
        _user(tx, plan, (known, fresh, end), now, ids)
        _roles(tx, plan, now, ids)
        _endpoints(tx, plan, now, ids)
    return ids


def _credential(store: Store, plan: Plan) -> Credential | None:
    with store.read() as db:
        return users.credential(db, UserRef(name=plan.user, domain=DomainRef(id=plan.domain_id)))


def _domain(tx: Connection, plan: Plan, now: float, ids: Ids) -> None:
    found = domains.find(tx, DomainRef(id=plan.domain_id))
    if found is None:
        found = domains.create(tx, id=plan.domain_id, name="Default", now=now, description="The default domain")
        ids.made.append("domain Default")
    ids.domain = found


def _project(tx: Connection, plan: Plan, now: float, ids: Ids) -> None:
    found = projects.find(tx, ProjectRef(name=plan.project, domain=DomainRef(id=ids.domain)))
    if found is None:
        found = projects.create(
            tx, name=plan.project, domain_id=ids.domain, now=now, description="Bootstrap project for initializing the cloud."
        )
        ids.made.append(f"project {plan.project}")
    ids.project = found


def _user(tx: Connection, plan: Plan, passwords: tuple[Credential | None, str | None, float | None], now: float, ids: Ids) -> None:
    known, fresh, end = passwords
    if known is None:
        ids.user = users.create(tx, name=plan.user, domain_id=ids.domain, now=now, hash=fresh, password_expires_at=end)
        ids.made.append(f"user {plan.user}")
        return
    ids.user = known.user.id
    if fresh is not None:
        users.set_password(tx, ids.user, fresh, now, end)
        ids.made.append(f"password of user {plan.user}")
    if plan.reset_password and not known.user.enabled:
        users.set_enabled(tx, ids.user, True, now)
        ids.made.append(f"user {plan.user} switched on")


def _roles(tx: Connection, plan: Plan, now: float, ids: Ids) -> None:
    """The default roles, each implying the next lower one; `plan.role` for the user, on its project and on the system."""
    found: dict[str, str] = {}
    fresh: set[str] = set()
    for name in dict.fromkeys((*ROLES, plan.role)):
        role = roles.find(tx, name)
        found[name] = role.id if role else roles.create(tx, name=name, now=now, options=_KEPT)
        if role is None:
            fresh.add(name)
            ids.made.append(f"role {name}")
    for prior, implied in IMPLIED:
        # An implication between roles that were there may have been taken away on purpose.
        if fresh & {prior, implied}:
            roles.imply(tx, found[prior], found[implied], now)
            ids.made.append(f"role {prior} implies {implied}")
    ids.role = found[plan.role]
    for kind, target in (("project", ids.project), ("system", grants.SYSTEM)):
        if grants.add(tx, grants.Grant("user", ids.user, kind, target, ids.role), now):
            ids.made.append(f"{plan.role} for {plan.user} on {'the system' if kind == 'system' else f'project {plan.project}'}")


def _endpoints(tx: Connection, plan: Plan, now: float, ids: Ids) -> None:
    if plan.region is not None and regions.get(tx, plan.region) is None:
        regions.create(tx, Region(plan.region), now)
        ids.made.append(f"region {plan.region}")
    found = services.find(tx, "identity", plan.service)
    if found is None:
        found = services.create(tx, Service(uuid4().hex, "identity", plan.service), now)
        ids.made.append(f"service {plan.service}")
    ids.service = found
    stored = {
        (one.interface, one.region_id): one.url
        for service in services.catalogue(tx)
        if service.id == found
        for one in service.endpoints
    }
    for interface, url in plan.urls.items():
        there = stored.get((interface, plan.region))
        if there is None:
            endpoints.create(tx, Endpoint(uuid4().hex, interface, plan.region, url, found), now)
            ids.made.append(f"{interface} endpoint {url}")
        elif there != url:
            ids.notes.append(f"the {interface} endpoint is {there} and stays so")


def as_json(ids: Ids) -> dict[str, Any]:
    return {
        "domain_id": ids.domain,
        "project_id": ids.project,
        "user_id": ids.user,
        "role_id": ids.role,
        "service_id": ids.service,
        "made": ids.made,
        "notes": ids.notes,
    }
