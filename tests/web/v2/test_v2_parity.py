"""A token is one thing on both versions of the API: whatever ends it, through whichever, both refuse it, in every process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from identity.settings import SecurityCompliance
from tests.support.gateway import Cloud, check_error, password_auth, token_auth
from tests.support.old_api import BOTH, OldCloud, old_password_auth


class Pools:
    """One process of each version on the same database, as a site runs them."""

    def __init__(self, new: Cloud) -> None:
        self.new = new
        self.old = OldCloud(new.second(server=replace(BOTH, apis=["v2.0"])))
        self.admin = self.old.admin()

    def statuses(self, token: str) -> tuple[int, int]:
        """Of the token as a subject: on version 2.0, and on version 3."""
        return (
            self.old.ask("GET", f"/tokens/{token}", self.admin).status_code,
            self.new.show(self.admin, token).status_code,
        )

    def as_caller(self, token: str) -> tuple[int, int]:
        """Of the same token as the caller's."""
        return self.old.ask("GET", "/tenants", token).status_code, self.new.ask("GET", "/v3/auth/projects", token=token).status_code

    def issued(self) -> list[str]:
        """One of either version."""
        return [self.old.token("member", "web"), self.new.login("member", {"project": {"id": "web"}}).token]

    def on_old(self, method: str, path: str, body: Any = None, token: str | None = None) -> None:
        assert self.old.ask(method, path, token or self.admin, body).status_code in (200, 204)

    def on_new(self, method: str, path: str, body: Any = None, token: str | None = None) -> None:
        assert self.new.ask(method, f"/v3{path}", token=token or self.admin, body=body).status_code in (200, 204)


@pytest.fixture
def pools(make_cloud: Callable[..., Cloud]) -> Iterator[Pools]:
    made = Pools(make_cloud())
    yield made
    made.old.cloud.close()


OWN = {"password": "all-new-words", "original_password": "correct-member-horse"}
GRANT = "/projects/web/users/user-member/roles/role-member"
ENDS: dict[str, Callable[[Pools], None]] = {
    "user off, by the old": lambda pools: pools.on_old("PUT", "/users/user-member/OS-KSADM/enabled", {"user": {"enabled": False}}),
    "user off, by the new": lambda pools: pools.on_new("PATCH", "/users/user-member", {"user": {"enabled": False}}),
    "user gone, by the old": lambda pools: pools.on_old("DELETE", "/users/user-member"),
    "user gone, by the new": lambda pools: pools.on_new("DELETE", "/users/user-member"),
    "password set, by the old": lambda pools: pools.on_old(
        "PUT", "/users/user-member/OS-KSADM/password", {"user": {"password": "x"}}
    ),
    "password set, by the new": lambda pools: pools.on_new("PATCH", "/users/user-member", {"user": {"password": "x"}}),
    "own password, by the old": lambda pools: pools.on_old(
        "PATCH", "/OS-KSCRUD/users/user-member", {"user": OWN}, pools.old.token("member", "web")
    ),
    "own password, by the new": lambda pools: pools.on_new(
        "POST", "/users/user-member/password", {"user": OWN}, pools.new.login("member").token
    ),
    "tenant off, by the old": lambda pools: pools.on_old("PUT", "/tenants/web", {"tenant": {"enabled": False}}),
    "tenant off, by the new": lambda pools: pools.on_new("PATCH", "/projects/web", {"project": {"enabled": False}}),
    "tenant gone, by the old": lambda pools: pools.on_old("DELETE", "/tenants/web"),
    "tenant gone, by the new": lambda pools: pools.on_new("DELETE", "/projects/web"),
    "role taken, by the old": lambda pools: pools.on_old("DELETE", "/tenants/web/users/user-member/roles/OS-KSADM/role-member"),
    "role taken, by the new": lambda pools: pools.on_new("DELETE", GRANT),
    "role gone, by the old": lambda pools: pools.on_old("DELETE", "/OS-KSADM/roles/role-member"),
    "role gone, by the new": lambda pools: pools.on_new("DELETE", "/roles/role-member"),
}


@pytest.mark.parametrize("what", ENDS)
def test_what_ends_a_token_on_one_ends_it_on_both(pools: Pools, what: str):
    tokens = pools.issued()
    assert [pools.statuses(token) for token in tokens] == [(200, 200)] * 2
    ENDS[what](pools)
    pools.admin = pools.old.admin()  # the administrator had the role, too, that is deleted in two cases
    assert [pools.statuses(token) for token in tokens] == [(404, 404)] * 2
    assert [pools.as_caller(token) for token in tokens] == [(401, 401)] * 2


@pytest.mark.parametrize("by", ["old", "new"])
def test_a_revoked_token_and_those_made_from_it(pools: Pools, by: str):
    for token in pools.issued():
        child = pools.old.ask("POST", "/tokens", body={"auth": {"token": {"id": token}, "tenantId": "web"}})
        other = pools.new.post(token_auth(token, {"project": {"id": "web"}}))
        made = [child.get_json()["access"]["token"]["id"], other.headers["X-Subject-Token"]]
        assert [pools.statuses(one) for one in made] == [(200, 200)] * 2
        if by == "old":
            pools.on_old("DELETE", f"/tokens/{token}")
        else:
            assert pools.new.ask("DELETE", "/v3/auth/tokens", token=pools.admin, subject=token).status_code == 204
        assert [pools.statuses(one) for one in (token, *made)] == [(404, 404)] * 3


def test_a_token_ends_at_its_time_on_both(pools: Pools):
    tokens = pools.issued()
    pools.new.clock.turn(3599)
    admin, pools.admin = pools.admin, pools.old.admin()
    assert [pools.statuses(token) for token in tokens] == [(200, 200)] * 2
    pools.new.clock.turn(2)
    assert [pools.statuses(token) for token in (*tokens, admin)] == [(404, 404)] * 3


def test_a_lockout_counts_the_guesses_on_both(make_cloud: Callable[..., Cloud]):
    """Or the older version would be a second set of guesses."""
    pools = Pools(make_cloud(security_compliance=SecurityCompliance(lockout_failure_attempts=3, lockout_duration=60)))
    for guess in (pools.new.post(password_auth("member", "wrong")) for _ in range(2)):
        check_error(guess, 401)
    check_error(pools.old.ask("POST", "/tokens", body=old_password_auth("member", None, "wrong")), 401)
    check_error(pools.new.post(password_auth("member")), 401)
    check_error(pools.old.ask("POST", "/tokens", body=old_password_auth("member")), 401)
    pools.new.clock.turn(61)
    assert pools.old.token("member", "web")
    pools.old.cloud.close()
