"""OS-INHERIT: roles that were given for all projects below a project or in a domain, and not for the place itself."""

from __future__ import annotations

from identity.web.context import Call
from identity.web.reply import Reply
from identity.web.v3 import granting
from identity.web.v3.granting import GROUP_OF_DOMAIN, PLACES, USER_OF_DOMAIN, many_grants, one_grant

EACH = tuple(f"/v3/OS-INHERIT{place.removeprefix('/v3')}/<role_id>/inherited_to_projects" for place in PLACES)
LISTED = tuple(f"/v3/OS-INHERIT{place.removeprefix('/v3')}/inherited_to_projects" for place in (USER_OF_DOMAIN, GROUP_OF_DOMAIN))


@many_grants(LISTED, policy="identity:list_grants", summary="List the roles that were given for all projects of the domain.")
def list_inherited_grants(call: Call) -> Reply:
    return granting.given_roles(call, inherited=True)


@one_grant("GET", EACH, policy="identity:check_grant", summary="Ask whether the role was given for all projects below.")
def check_inherited_grant(call: Call) -> Reply:
    return granting.check(call, inherited=True)


@one_grant("PUT", EACH, policy="identity:create_grant", summary="Give the role for all projects below.")
def create_inherited_grant(call: Call) -> Reply:
    return granting.give(call, inherited=True)


@one_grant("DELETE", EACH, policy="identity:revoke_grant", summary="Take the role that was given for all projects below.")
def revoke_inherited_grant(call: Call) -> Reply:
    return granting.take(call, inherited=True)
