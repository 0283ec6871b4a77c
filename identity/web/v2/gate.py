"""Who may, and what there is: only what belongs to the default domain, whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from identity import errors
from identity.model.access import Access
from identity.model.account import Account
from identity.model.assignment import RoleEntry
from identity.model.delegation import is_delegated
from identity.model.subject import Subject
from identity.model.tenancy import ProjectRecord
from identity.store import accounts, roles, tenancy
from identity.web.context import NO_TARGET, Call

ADMIN: Final = "admin_required"
"""What version 2.0 asks of every administrative request, on top of the rule that version 3 has for it."""


class Unsupported(errors.Problem):
    """What the API names but no release of it has done."""

    status = 501
    title = "Not Implemented"
    public = "This is not implemented."


def allow(call: Call, target: Mapping[str, Any] = NO_TARGET, policy: str = "") -> None:
    """Let administrators pass whom the rule of version 3 lets pass too. Raises `errors.Forbidden`."""
    call.services.enforcer.check(ADMIN, call.caller.credentials, call.args)
    call.enforce(target, policy)


def home(call: Call) -> str:
    """The id of the one domain that version 2.0 knows."""
    return call.services.settings.identity.default_domain_id


def tenant(call: Call, db: Connection, id: str) -> ProjectRecord | None:
    """The project, unless it is of another domain or acts as one itself."""
    return of_home(call, tenancy.get(db, id))


def of_home(call: Call, found: ProjectRecord | None) -> ProjectRecord | None:
    return found if found is not None and not found.is_domain and found.domain_id == home(call) else None


def user(call: Call, db: Connection, id: str) -> Account | None:
    """The user, unless of another domain."""
    found = accounts.get(db, id)
    return found if found is not None and found.domain_id == home(call) else None


def role(db: Connection, id: str) -> RoleEntry | None:
    """The role, unless it is for use inside one domain."""
    found = roles.entry(db, id)
    return found if found is not None and found.domain_id is None else None


def can_be_told(access: Access, home: str) -> bool:
    """Whether version 2.0 has words for such a token: neither a domain, the system, a delegation nor a federated user is in it."""
    claims = access.claims
    if claims.idp_id is not None or claims.group_ids or is_delegated(claims):
        return False
    return is_at_home(access.subject, home)


def is_at_home(subject: Subject, home: str) -> bool:
    """Whether user and project are of that domain, and the scope is a project or none."""
    project = subject.project
    if subject.user.domain.id != home or subject.domain is not None or subject.system:
        return False
    return project is None or (project.domain.id == home and not project.is_domain)
