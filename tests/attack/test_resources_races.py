"""Writers who meet, on PostgreSQL: nothing is lost, nothing is left over, and nobody waits in a circle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from identity.model.delegation import ApplicationCredential
from identity.settings import Credential
from identity.store import application_credentials, grants, users
from tests.support.gateway import NOW, Cloud, project
from tests.support.meeting import PATIENCE, Meeting
from tests.support.postgres import Postgres

NEW = {
    "users": ("user_account", "user", {"name": "n"}),
    "groups": ("user_group", "group", {"name": "n"}),
    "projects": ("project", "project", {"name": "n"}),
    "domains": ("project", "domain", {"name": "n"}),
    "roles": ("role", "role", {"name": "n"}),
    "services": ("service", "service", {"type": "t", "name": "n"}),
    "regions": ("region", "region", {"description": "n"}),
    "policies": ("policy", "policy", {"type": "t", "blob": "n"}),
    "OS-OAUTH1/consumers": ("oauth_consumer", "consumer", {"description": "n"}),
}


@pytest.fixture
def meeting(postgres_cloud: Cloud, postgres: Postgres) -> Iterator[Meeting]:
    return Meeting(postgres_cloud, postgres)


def statuses(answers: list) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def rows(meeting: Meeting, question: str, **values: str) -> list:
    with meeting.cloud.store.read() as db:
        return db.execute(text(question), values).all()


@pytest.mark.parametrize("path", NEW)
def test_changes_of_one_thing_at_once_all_count(meeting: Meeting, path: str) -> None:
    table, one, body = NEW[path]
    id = meeting.make(path, **{one: {**body, "name": "busy"} if "name" in body else body})
    changes = [("PATCH", f"{path}/{id}", {one: {f"x{n}": n}}) for n in range(4)]
    assert statuses(meeting.at_once(table, id, *changes)) == {200: 4}
    shown = meeting.ask("GET", f"{path}/{id}").get_json()[one]
    assert {name: shown.get(name) for name in ("x0", "x1", "x2", "x3")} == {"x0": 0, "x1": 1, "x2": 2, "x3": 3}


def test_changes_of_a_user_by_both_versions_at_once_all_count(meeting: Meeting) -> None:
    id, token = meeting.make("users", user={"name": "old and new"}), meeting.cloud.login("admin", project("admin")).token
    changes = [("PUT", f"/v2.0/users/{id}", {"user": {f"x{n}": n}}, token) for n in range(2)]
    assert statuses(meeting.at_once("user_account", id, *changes, ("PATCH", f"users/{id}", {"user": {"x2": 2}}))) == {200: 3}
    shown = meeting.ask("GET", f"users/{id}").get_json()["user"]
    assert [shown.get(name) for name in ("x0", "x1", "x2")] == [0, 1, 2]


def test_changes_of_an_endpoint_at_once_all_count(meeting: Meeting) -> None:
    service = meeting.make("services", service={"type": "t", "name": "of the endpoint"})
    id = meeting.make("endpoints", endpoint={"service_id": service, "interface": "public", "url": "https://e.example"})
    changes = [
        ("PATCH", f"endpoints/{id}", {"endpoint": change}) for change in ({"x": 1}, {"interface": "admin"}, {"enabled": False})
    ]
    assert statuses(meeting.at_once("endpoint", id, *changes)) == {200: 3}
    shown = meeting.ask("GET", f"endpoints/{id}").get_json()["endpoint"]
    assert (shown["x"], shown["interface"], shown["enabled"]) == (1, "admin", False)


def test_one_name_is_taken_once(meeting: Meeting) -> None:
    for path, one in (("users", "user"), ("groups", "group"), ("projects", "project"), ("domains", "domain"), ("roles", "role")):
        new = ("POST", path, {one: {"name": "wanted by many"}})
        assert statuses(meeting.at_once("project", "default", *[new] * 4)) == {201: 1, 409: 3}, path


def test_what_may_be_said_twice_may_be_said_at_once(meeting: Meeting) -> None:
    group, home = meeting.make("groups", group={"name": "twice"}), meeting.make("projects", project={"name": "twice"})
    for table, id, request, status in (
        ("user_group", group, ("PUT", f"groups/{group}/users/user-lost"), 204),
        ("project", home, ("PUT", f"projects/{home}/tags/blue"), 201),
        ("project", home, ("PUT", f"projects/{home}/users/user-lost/roles/role-reader"), 204),
    ):
        assert statuses(meeting.at_once(table, id, *[request] * 3)) == {status: 3}, request
    assert meeting.ask("GET", f"projects/{home}/tags").get_json()["tags"] == ["blue"]


def test_two_that_set_the_whole_leave_no_mixture(meeting: Meeting) -> None:
    id = meeting.make("domains", domain={"name": "of two minds"})
    wholes = [{"ldap": {"url": "ldap://one.example"}}, {"ldap": {"user": "two"}}, {"identity": {"driver": "three"}}]
    answers = meeting.at_once("project", id, *[("PUT", f"domains/{id}/config", {"config": whole}) for whole in wholes])
    assert statuses(answers) == {201: 1, 200: 2}
    assert meeting.ask("GET", f"domains/{id}/config").get_json()["config"] in wholes


def test_no_more_credentials_than_allowed(meeting: Meeting) -> None:
    meeting.cloud = meeting.cloud.second(credential=replace(Credential(), user_limit=1))
    try:
        new = ("POST", "credentials", {"credential": {"blob": "x", "type": "cert", "user_id": "user-lost"}})
        assert statuses(meeting.at_once("user_account", "user-lost", *[new] * 3)) == {201: 1, 403: 2}
    finally:
        meeting.cloud.close()


def test_no_grant_is_left_on_a_project_that_goes(meeting: Meeting) -> None:
    home = meeting.make("projects", project={"name": "going"})
    path = f"projects/{home}/users/user-lost/roles"
    gone, *given = meeting.at_once(
        "project", home, ("DELETE", f"projects/{home}"), ("PUT", f"{path}/role-reader"), ("PUT", f"{path}/role-member")
    )
    assert gone.status_code == 204 and set(statuses(given)) <= {204, 404}
    assert rows(meeting, "SELECT role_id FROM role_grant WHERE target_id = :id", id=home) == []


def test_a_role_that_a_group_was_given_a_moment_before_it_goes_ends_with_it(meeting: Meeting) -> None:
    """Its members may have logged in with that role by the time that the group is deleted."""
    group = meeting.make("groups", group={"name": "short-lived"})
    assert meeting.ask("PUT", f"groups/{group}/users/user-lost").status_code == 204
    with ThreadPoolExecutor(1) as pool:
        with meeting.cloud.store.begin() as tx:
            grants.add(tx, grants.Grant("group", group, "project", "web", "role-member"), NOW)
            going = pool.submit(meeting.ask, "DELETE", f"groups/{group}")
            meeting.until_all_wait([going])
        assert going.result(PATIENCE).status_code == 204
    ended = rows(meeting, "SELECT tag FROM change WHERE revokes AND tag IN (:group, 'grant:user-lost/*')", group=f"grant:{group}/*")
    assert len(ended) == 2
    assert rows(meeting, "SELECT role_id FROM role_grant WHERE actor_id = :id", id=group) == []


def test_who_waits_for_a_role_does_not_make_all_other_writers_wait(meeting: Meeting) -> None:
    """Nor, with the other one, in a circle: who changes a role holds it, and only then asks for the counter."""
    prior, implied = (meeting.make("roles", role={"name": name}) for name in ("prior", "implied"))
    with ThreadPoolExecutor(1) as pool:
        with meeting.held("role", implied) as holder:
            implying = pool.submit(meeting.ask, "PUT", f"roles/{prior}/implies/{implied}")
            meeting.until_all_wait([implying])
            holder.execute("SELECT seq FROM change_counter FOR UPDATE NOWAIT")
        assert implying.result(PATIENCE).status_code == 201


def test_a_circle_of_roles_is_not_closed_by_two_at_once(meeting: Meeting) -> None:
    one, two = (meeting.make("roles", role={"name": name}) for name in ("one", "two"))
    with meeting.session() as holder, ThreadPoolExecutor(2) as pool:
        holder.execute("BEGIN")
        holder.execute("SELECT seq FROM change_counter FOR UPDATE")
        asked = [pool.submit(meeting.ask, "PUT", f"roles/{a}/implies/{b}") for a, b in ((one, two), (two, one))]
        meeting.until_all_wait(asked)
        holder.execute("ROLLBACK")
        assert statuses([answer.result(PATIENCE) for answer in asked]) == {201: 1, 400: 1}


def test_who_gives_a_role_waits_for_the_place_before_the_person(meeting: Meeting) -> None:
    """As the deletion of a domain takes its rows: else each might hold what the other waits for."""
    home, user = meeting.make("projects", project={"name": "the place"}), meeting.make("users", user={"name": "the person"})
    with ThreadPoolExecutor(1) as pool:
        with meeting.held("project", home) as holder:
            giving = pool.submit(meeting.ask, "PUT", f"projects/{home}/users/{user}/roles/role-reader")
            meeting.until_all_wait([giving])
            holder.execute("SELECT 1 FROM user_account WHERE id = %s FOR UPDATE NOWAIT", (user,))
        assert giving.result(PATIENCE).status_code == 204


def test_who_changes_an_endpoint_waits_for_its_service_before_it(meeting: Meeting) -> None:
    """As the deletion of the service takes them."""
    service = meeting.make("services", service={"type": "t", "name": "going"})
    id = meeting.make("endpoints", endpoint={"service_id": service, "interface": "public", "url": "https://e.example"})
    with ThreadPoolExecutor(1) as pool:
        with meeting.held("service", service) as holder:
            changing = pool.submit(meeting.ask, "PATCH", f"endpoints/{id}", {"endpoint": {"x": 1}})
            meeting.until_all_wait([changing])
            holder.execute("SELECT 1 FROM endpoint WHERE id = %s FOR UPDATE NOWAIT", (id,))
        assert changing.result(PATIENCE).status_code == 200


def test_who_links_a_user_waits_for_the_protocol_before_the_former_links(meeting: Meeting) -> None:
    rules = [{"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "REMOTE_USER"}]}]
    for path, body in (
        ("mappings/map", {"mapping": {"rules": rules}}),
        ("identity_providers/idp", {"identity_provider": {"domain_id": "default"}}),
        ("identity_providers/idp/protocols/going", {"protocol": {"mapping_id": "map"}}),
    ):
        assert meeting.ask("PUT", f"OS-FEDERATION/{path}", body).status_code == 201
    link = {"idp_id": "idp", "protocols": [{"protocol_id": "going", "unique_id": "somebody"}]}
    id = meeting.make("users", user={"name": "linked", "federated": [link]})
    with ThreadPoolExecutor(1) as pool:
        with meeting.held("federation_protocol", "going") as holder:
            linking = pool.submit(meeting.ask, "PATCH", f"users/{id}", {"user": {"federated": [link]}})
            meeting.until_all_wait([linking])
            holder.execute("SELECT 1 FROM federated_user WHERE user_id = %s FOR UPDATE NOWAIT", (id,))
        assert linking.result(PATIENCE).status_code == 200


def test_moves_of_regions_at_once_close_no_circle(meeting: Meeting) -> None:
    one, two = (meeting.make("regions", region={}) for _ in range(2))
    moves = [("PATCH", f"regions/{a}", {"region": {"parent_region_id": b}}) for a, b in ((one, two), (two, one))]
    assert statuses(meeting.at_once("region", one, *moves)) == {200: 1, 400: 1}


@pytest.mark.parametrize("first", ["made", "switched off"])
def test_no_application_credential_outlives_its_user_being_switched_off(meeting: Meeting, first: str) -> None:
    """A thief with a token makes them one after the other, while the account is switched off."""
    user = meeting.make("users", user={"name": f"robbed before it was {first}", "password": "a-long-enough-secret"})
    assert meeting.ask("PUT", f"projects/web/users/{user}/roles/role-member").status_code == 204
    identity = {"methods": ["password"], "password": {"user": {"id": user, "password": "a-long-enough-secret"}}}
    token = meeting.cloud.issue({"auth": {"identity": identity, "scope": project("web")}}).token
    off = ("PATCH", f"users/{user}", {"user": {"enabled": False}})
    more = ("POST", f"users/{user}/application_credentials", {"application_credential": {"name": "spare"}}, token)
    with ThreadPoolExecutor(1) as pool:
        with meeting.cloud.store.begin() as tx:
            if first == "made":
                made = ApplicationCredential(id=f"made-{user}"[:64], name="spare", user_id=user, project_id="web")
                application_credentials.create(tx, made, "x", NOW)
            else:
                users.change(tx, user, {"enabled": False}, NOW)
            other = pool.submit(meeting.ask, *(off if first == "made" else more))
            meeting.until_all_wait([other])
        assert other.result(PATIENCE).status_code == (200 if first == "made" else 403)
    assert rows(meeting, "SELECT id FROM application_credential WHERE user_id = :id", id=user) == []
