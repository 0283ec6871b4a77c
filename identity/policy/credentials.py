"""What a verified token says of its bearer, under the names that policy files use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identity.model.subject import Domain, Subject
from identity.model.token import Claims


class Credentials(dict[str, Any]):
    """The values that a check may compare, and beside them the decisions already taken on them.

    Made once a token and not changed afterwards. `decided` belongs to the enforcer: the rules it was taken under, and
    the outcomes.
    """

    __slots__ = ("decided",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.decided: tuple[object, dict[object, bool]] = (None, {})


def credentials(claims: Claims, subject: Subject) -> Credentials:
    """The caller as Keystone's policy values have it: flat names, and the token itself under `token`.

    A value that the token does not have is absent, not None: `project_id:%(target.project.id)s` must never find "None"
    equal to "None".
    """
    user = subject.user
    values: dict[str, Any] = {
        "user_id": user.id,
        "user_domain_id": user.domain.id,
        "roles": [role.name for role in subject.roles],
        "is_admin_project": True,
        "token": _token(claims, subject),
    }
    if subject.project is not None:
        values["project_id"] = subject.project.id
        values["project_domain_id"] = subject.project.domain.id
    elif subject.domain is not None:
        values["domain_id"] = subject.domain.id
        values["domain_name"] = subject.domain.name
    elif subject.system:
        values["system_scope"] = "all"
    if claims.trust_id is not None:
        values["trust_id"] = claims.trust_id
    if claims.group_ids:
        values["group_ids"] = list(claims.group_ids)
    return Credentials(values)


def _token(claims: Claims, subject: Subject) -> dict[str, Any]:
    user = subject.user
    token: dict[str, Any] = {
        "user": {"id": user.id, "name": user.name, "domain": _domain(user.domain)},
        "methods": list(claims.methods),
        "roles": [{"id": role.id, "name": role.name} for role in subject.roles],
    }
    if subject.project is not None:
        project = subject.project
        token["project"] = {"id": project.id, "name": project.name, "domain": _domain(project.domain)}
        token["is_domain"] = project.is_domain
    elif subject.domain is not None:
        token["domain"] = _domain(subject.domain)
    elif subject.system:
        token["system"] = {"all": True}
    return token


def _domain(domain: Domain) -> dict[str, str]:
    return {"id": domain.id, "name": domain.name}
