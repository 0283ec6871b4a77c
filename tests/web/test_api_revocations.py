"""Revocation events, and the tombstones of PKI tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from identity.model import revocation
from identity.store import epoch, grants, groups
from tests.support.gateway import NOW, Cloud, check_error, project

EVENTS = "/v3/OS-REVOKE/events"


@pytest.fixture
def admin(cloud):
    return cloud.login("admin", project("admin")).token


def at(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def happen(cloud: Cloud, *changes, now: float = NOW):
    with cloud.store.begin() as tx:
        epoch.record(tx, now, changes)


def told(cloud: Cloud, token: str, query: str = "") -> list:
    answer = cloud.ask("GET", f"{EVENTS}{query}", token=token)
    assert answer.status_code == 200, answer.get_json()
    events = answer.get_json()["events"]
    for event in events:
        assert event.pop("issued_before") == event["revoked_at"]
    return events


def test_each_kind_of_change_is_told_by_the_names_that_services_know(cloud, admin):
    later = NOW + 10
    changes = {
        ("user", "u"): {"user_id": "u"},
        ("project", "p"): {"project_id": "p"},
        ("domain", "d"): {"domain_id": "d"},
        ("role", "r"): {"role_id": "r"},
        ("audit", "a"): {"audit_id": "a"},
        ("chain", "c"): {"audit_chain_id": "c"},
        ("trust", "t"): {"OS-TRUST:trust_id": "t"},
        ("access_token", "o"): {"OS-OAUTH1:access_token_id": "o"},
        ("grant", "u/web"): {"user_id": "u", "project_id": "web"},
        ("grant", "u/other"): {"user_id": "u", "domain_id": "other"},
        ("grant", "u/system"): {"user_id": "u"},
        ("grant", "u2/*"): {"user_id": "u2"},
    }
    happen(cloud, *[(kind, id, True) for kind, id in changes], now=later)
    expected = {tuple(sorted({**event, "revoked_at": at(later)}.items())) for event in changes.values()}
    assert {tuple(sorted(event.items())) for event in told(cloud, admin, f"?since={at(NOW + 9)}")} == expected


def test_what_only_changes_a_token_is_not_told(cloud, admin):
    happen(cloud, (revocation.USER, "u", False), (revocation.CATALOG, "c", False), (revocation.KEYS, "k", False), now=NOW + 10)
    assert told(cloud, admin, f"?since={at(NOW + 9)}") == []


def test_a_group_is_told_as_its_members(cloud, admin):
    group = cloud.do(groups.create, name="team", domain_id="default")
    for user in ("user-member", "user-nobody"):
        cloud.do(groups.add_member, group, user, NOW)
    cloud.do(grants.add, grants.Grant("group", group, "project", "idle", "role-member"), NOW)
    cloud.do(grants.remove, grants.Grant("group", group, "project", "idle", "role-member"), NOW + 10)
    found = told(cloud, admin, f"?since={at(NOW + 9)}")
    assert {event["user_id"] for event in found} == {"user-member", "user-nobody"}
    assert {event["project_id"] for event in found} == {"idle"}


def test_a_token_that_was_revoked_is_told(cloud, admin):
    token = cloud.login("member", project("web"))
    cloud.clock.turn(5)
    assert cloud.ask("DELETE", "/v3/auth/tokens", token=token.token, subject=token.token).status_code == 204
    event = {"audit_chain_id": token.shown["audit_ids"][-1], "revoked_at": at(NOW + 5)}
    assert event in told(cloud, admin, f"?since={at(NOW + 4)}")


def test_since_and_pages(cloud, admin):
    for number in range(5):
        happen(cloud, (revocation.USER, f"u{number}", True), now=NOW + number + 10)
    since = f"since={quote(at(NOW + 10))}"
    assert [event["user_id"] for event in told(cloud, admin, f"?{since}")] == ["u1", "u2", "u3", "u4"]
    url, seen = f"{EVENTS}?{since}&limit=3", []
    while url:
        answer = cloud.ask("GET", url, token=admin).get_json()
        seen += [event["user_id"] for event in answer["events"]]
        url = (answer["links"]["next"] or "").removeprefix("https://id.example.org")
    assert seen == ["u1", "u2", "u3", "u4"]
    happen(cloud, (revocation.USER, "u1", True), now=NOW + 20)
    assert [event["user_id"] for event in told(cloud, admin, f"?{since}")] == ["u2", "u3", "u4", "u1"]


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "since=0001-01-01T00:00:00%2B23:59x",
        "since=%00",
        "marker=x",
        "marker=-1",
        f"marker={'9' * 30}",
        "limit=0",
    ],
)
def test_a_query_that_makes_no_sense_is_told_so(cloud, admin, query):
    check_error(cloud.ask("GET", f"{EVENTS}?{query}", token=admin), 400)


@pytest.mark.parametrize(
    "since", ["2020-01-01", "2020-01-01T00:00:00Z", "0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59", ""]
)
def test_every_form_of_a_time_is_understood(cloud, admin, since):
    assert cloud.ask("GET", f"{EVENTS}?since={since}", token=admin).status_code == 200


def test_who_may_read_events(cloud, admin):
    assert cloud.ask("GET", EVENTS, token=cloud.login("nova", project("service")).token).status_code == 200
    for login in (("member", project("web")), ("stranger", project("shop")), ("member", {"domain": {"id": "default"}})):
        check_error(cloud.ask("GET", EVENTS, token=cloud.login(*login).token), 403)
    check_error(cloud.ask("GET", EVENTS), 401)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v3/OS-SIMPLE-CERT/ca", 410), ("/v3/OS-SIMPLE-CERT/certificates", 410), ("/v3/auth/tokens/OS-PKI/revoked", 403)],
)
def test_tombstones_refuse_everybody(shared_cloud, path, status):
    admin = shared_cloud.login("admin", project("admin")).token
    for token in (None, admin, "rubbish"):
        check_error(shared_cloud.ask("GET", path, token=token), status)
        assert shared_cloud.ask("HEAD", path, token=token).status_code == status
