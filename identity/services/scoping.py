"""Which scope a login gets, and whether its user may have it."""

from __future__ import annotations

from dataclasses import dataclass

from identity import errors
from identity.model.auth import ScopeRequest
from identity.model.subject import Subject, User
from identity.services.validate import check_usable
from identity.store import domains, projects, subjects
from identity.store.engine import Store


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope by id; all unset: unscoped."""

    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False


UNSCOPED = Scope()


class Scoping:
    """Turns a request's scope into a subject with roles. Every refusal is one and the same 401."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def subject(self, user_id: str, default_project_id: str | None, request: ScopeRequest, seq: int) -> Subject:
        """The user within the scope asked for; within the default project when none is asked for and it is usable."""
        scope = self._resolve(request)
        if scope is not None:
            return self._load(user_id, scope, seq)
        if default_project_id and not request.unscoped:
            try:
                return self._load(user_id, Scope(project_id=default_project_id), seq)
            except errors.Unauthorized:
                pass  # as Keystone: an unusable default project means an unscoped token, not a failure
        return self._load(user_id, UNSCOPED, seq)

    def confined(self, user_id: str, app_cred_id: str, project_id: str, seq: int) -> Subject:
        """The user within an application credential's project, with what remains of the roles that it hands on."""
        return self._load(user_id, Scope(project_id=project_id), seq, app_cred_id)

    def _resolve(self, request: ScopeRequest) -> Scope | None:
        found: str | None
        if request.system:
            return Scope(system=True)
        if request.project is not None:
            found = request.project.id
            if found is None:
                with self._store.read() as db:
                    found = projects.find(db, request.project)
            if not found:  # an empty id is a scope that was asked for and does not exist: it must not pass for none
                raise errors.Unauthorized(reason="no such project")
            return Scope(project_id=found)
        if request.domain is not None:
            found = request.domain.id
            if found is None:
                with self._store.read() as db:
                    found = domains.find(db, request.domain)
            if not found:
                raise errors.Unauthorized(reason="no such domain")
            return Scope(domain_id=found)
        return None

    def _load(self, user_id: str, scope: Scope, seq: int, app_cred_id: str | None = None) -> Subject:
        subject = subjects.load(
            self._store,
            user_id,
            project_id=scope.project_id,
            domain_id=scope.domain_id,
            system=scope.system,
            since=seq,
            app_cred_id=app_cred_id,
        )
        if subject is None:
            raise errors.Unauthorized(reason="no such user or scope")
        try:
            check_usable(subject)
        except errors.TokenNotFound as problem:
            raise errors.Unauthorized(reason=problem.reason) from None
        if subject.revoked_seq:
            # A change committed while this login was on its way: what it proved may no longer hold.
            raise errors.Unauthorized(reason="the account changed during the login")
        return subject


def usable(user: User) -> bool:
    """Whether a proven user may log in at all."""
    return user.enabled and user.domain.enabled
