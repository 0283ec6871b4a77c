"""What a verified token says of its bearer, under the names that policy files use."""

from __future__ import annotations

from typing import Any

from identity.model.subject import Subject
from identity.model.token import Claims


class Credentials(dict[str, Any]):
    """The values that a check may compare, and beside them the decisions already taken on them.

    Made once a token and not changed afterwards. `decided` belongs to the enforcer: the rules it was taken under, and
    the outcomes.
    """

    decided: tuple[object, dict[object, bool]] = (None, {})


def credentials(claims: Claims, subject: Subject) -> Credentials:
    """The caller as Keystone's policy values have it: flat names, and the token itself under `token`.

    A value that the token does not have is absent, not None: `project_id:%(target.project.id)s` must never find "None"
    equal to "None". Written without calls of ours: every new caller passes here (tests/perf).
    """
    user, project, domain = subject.user, subject.project, subject.domain
    names, roles = [], []
    for role in subject.roles:
        names.append(role.name)
        roles.append({"id": role.id, "name": role.name})
    home = {"id": user.domain.id, "name": user.domain.name}
    token: dict[str, Any] = {
        "user": {"id": user.id, "name": user.name, "domain": home},
        "methods": list(claims.methods),
        "roles": roles,
    }
    values = Credentials(user_id=user.id, user_domain_id=user.domain.id, roles=names, is_admin_project=True, token=token)
    if project is not None:
        values["project_id"] = project.id
        values["project_domain_id"] = project.domain.id
        owner = {"id": project.domain.id, "name": project.domain.name}
        token["project"] = {"id": project.id, "name": project.name, "domain": owner}
        token["is_domain"] = project.is_domain
    elif domain is not None:
        values["domain_id"] = domain.id
        values["domain_name"] = domain.name
        token["domain"] = {"id": domain.id, "name": domain.name}
    elif subject.system:
        values["system_scope"] = "all"
        token["system"] = {"all": True}
    if claims.trust_id is not None:
        values["trust_id"] = claims.trust_id
    if claims.group_ids:
        values["group_ids"] = list(claims.group_ids)
    return values
