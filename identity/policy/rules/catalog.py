"""The catalogue (regions, services, endpoints), which projects see which endpoint, and stored policies."""

from __future__ import annotations

from typing import Final

from identity.policy.rules.blocks import ADMIN, ADMIN_OR_SYSTEM_READER, EVERYONE, NO_DOMAIN, Rule, rule


def _see(action: str, doc: str, *routes: str) -> Rule:
    return rule(action, ADMIN_OR_SYSTEM_READER, doc, *routes, scopes=NO_DOMAIN)


def _change(action: str, doc: str, *routes: str) -> Rule:
    return rule(action, ADMIN, doc, *routes, scopes=NO_DOMAIN)


CATALOG: Final = (
    rule("get_region", EVERYONE, "Show a region.", "GET /regions/{region_id}"),
    rule("list_regions", EVERYONE, "List regions.", "GET /regions"),
    _change("create_region", "Make a region.", "POST /regions", "PUT /regions/{region_id}"),
    _change("update_region", "Change a region.", "PATCH /regions/{region_id}"),
    _change("delete_region", "Delete a region.", "DELETE /regions/{region_id}"),
    _see("get_service", "Show a service.", "GET /services/{service_id}"),
    _see("list_services", "List services.", "GET /services"),
    _change("create_service", "Make a service.", "POST /services"),
    _change("update_service", "Change a service.", "PATCH /services/{service_id}"),
    _change("delete_service", "Delete a service and its endpoints.", "DELETE /services/{service_id}"),
    _see("get_endpoint", "Show an endpoint.", "GET /endpoints/{endpoint_id}"),
    _see("list_endpoints", "List endpoints.", "GET /endpoints"),
    _change("create_endpoint", "Make an endpoint.", "POST /endpoints"),
    _change("update_endpoint", "Change an endpoint.", "PATCH /endpoints/{endpoint_id}"),
    _change("delete_endpoint", "Delete an endpoint.", "DELETE /endpoints/{endpoint_id}"),
)

_GROUP: Final = "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}"
_PROJECT: Final = "/OS-EP-FILTER/projects/{project_id}"
_GROUP_IN_PROJECT: Final = f"{_GROUP}/projects/{{project_id}}"
_IN_PROJECT: Final = f"{_PROJECT}/endpoints/{{endpoint_id}}"

ENDPOINT_FILTER: Final = (
    _change("create_endpoint_group", "Make a group of endpoints.", "POST /OS-EP-FILTER/endpoint_groups"),
    _see("list_endpoint_groups", "List the groups of endpoints.", "GET /OS-EP-FILTER/endpoint_groups"),
    _see("get_endpoint_group", "Show a group of endpoints.", f"GET {_GROUP}"),
    _change("update_endpoint_group", "Change a group of endpoints.", f"PATCH {_GROUP}"),
    _change("delete_endpoint_group", "Delete a group of endpoints.", f"DELETE {_GROUP}"),
    _see("list_projects_associated_with_endpoint_group", "List the projects of an endpoint group.", f"GET {_GROUP}/projects"),
    _see("list_endpoints_associated_with_endpoint_group", "List the endpoints of an endpoint group.", f"GET {_GROUP}/endpoints"),
    _see("get_endpoint_group_in_project", "Show that a project has an endpoint group.", f"GET {_GROUP_IN_PROJECT}"),
    _see("list_endpoint_groups_for_project", "List the endpoint groups of a project.", f"GET {_PROJECT}/endpoint_groups"),
    _change("add_endpoint_group_to_project", "Give a project an endpoint group.", f"PUT {_GROUP_IN_PROJECT}"),
    _change("remove_endpoint_group_from_project", "Take a project's endpoint group.", f"DELETE {_GROUP_IN_PROJECT}"),
    _see("list_projects_for_endpoint", "List the projects of an endpoint.", "GET /OS-EP-FILTER/endpoints/{endpoint_id}/projects"),
    _change("add_endpoint_to_project", "Give a project an endpoint.", f"PUT {_IN_PROJECT}"),
    _see("check_endpoint_in_project", "Ask whether a project has an endpoint.", f"GET {_IN_PROJECT}"),
    _see("list_endpoints_for_project", "List the endpoints of a project.", f"GET {_PROJECT}/endpoints"),
    _change("remove_endpoint_from_project", "Take a project's endpoint.", f"DELETE {_IN_PROJECT}"),
)

_OF_POLICY: Final = "/policies/{policy_id}/OS-ENDPOINT-POLICY"


def _association(target: str, words: str, path: str) -> tuple[Rule, ...]:
    path = f"{_OF_POLICY}/{path}"
    return (
        _change(f"create_policy_association_for_{target}", f"Attach a policy to {words}.", f"PUT {path}"),
        _see(f"check_policy_association_for_{target}", f"Ask whether a policy is attached to {words}.", f"GET {path}"),
        _change(f"delete_policy_association_for_{target}", f"Detach a policy from {words}.", f"DELETE {path}"),
    )


STORED_POLICIES: Final = (
    _see("get_policy", "Show a policy that is stored for other services.", "GET /policies/{policy_id}"),
    _see("list_policies", "List the policies that are stored for other services.", "GET /policies"),
    _change("create_policy", "Store a policy.", "POST /policies"),
    _change("update_policy", "Change a stored policy.", "PATCH /policies/{policy_id}"),
    _change("delete_policy", "Delete a stored policy.", "DELETE /policies/{policy_id}"),
    *_association("endpoint", "an endpoint", "endpoints/{endpoint_id}"),
    *_association("service", "a service", "services/{service_id}"),
    *_association("region_and_service", "a service in a region", "services/{service_id}/regions/{region_id}"),
    _see("get_policy_for_endpoint", "Show the policy of an endpoint.", "GET /endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy"),
    _see("list_endpoints_for_policy", "List the endpoints of a policy.", f"GET {_OF_POLICY}/endpoints"),
)
