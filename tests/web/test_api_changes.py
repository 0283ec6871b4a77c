"""The change log: what was taken away is refused by every worker at once, whatever their clocks say, at no growing cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from identity.manage import opening
from identity.model.auth import DomainRef
from identity.settings import Token
from identity.store import domains, epoch, grants, groups, projects, roles, users
from identity.store.grants import Grant
from identity.tokens import rotation
from tests.support import places
from tests.support.cost import Cost
from tests.support.gateway import NOW, Cloud, TurnableClock, check_error, password_auth, project, token_auth

ROOT = Path(__file__).resolve().parents[2]
ON_WEB = Grant("user", "user-member", "project", "web", "role-member")


def set_password(cloud: Cloud, now: float) -> None:
    hashed = cloud.hash("another-secret")
    cloud.do(users.set_password, "user-member", hashed, now)


# What happens, and the words with which one may log in again afterwards (None: not at all).
CHANGES: dict[str, tuple[Callable[[Cloud, float], Any], Callable[[Cloud, float], Any] | None, str | None]] = {
    "user disabled": (
        lambda cloud, now: cloud.do(users.set_enabled, "user-member", False, now),
        lambda cloud, now: cloud.do(users.set_enabled, "user-member", True, now),
        None,
    ),
    "password changed": (set_password, None, "another-secret"),
    "role taken away": (
        lambda cloud, now: cloud.do(grants.remove, ON_WEB, now),
        lambda cloud, now: cloud.do(grants.add, ON_WEB, now),
        None,
    ),
    "project disabled": (
        lambda cloud, now: cloud.do(places.set_enabled, "web", False, now),
        lambda cloud, now: cloud.do(places.set_enabled, "web", True, now),
        None,
    ),
    "domain disabled": (
        lambda cloud, now: cloud.do(places.set_enabled, "default", False, now),
        lambda cloud, now: cloud.do(places.set_enabled, "default", True, now),
        None,
    ),
    "implication taken away": (
        lambda cloud, now: cloud.do(roles.unimply, "role-member", "role-reader", now),
        lambda cloud, now: cloud.do(roles.imply, "role-member", "role-reader", now),
        None,
    ),
}
GONE: dict[str, Callable[[Cloud, float], Any]] = {
    "user deleted": lambda cloud, now: cloud.do(users.delete, "user-member", now),
    "project deleted": lambda cloud, now: cloud.do(projects.delete, "web", now),
    "role deleted": lambda cloud, now: cloud.do(roles.delete, "role-member", now),
}
OFFSETS = [0, -3600, 3600]


@pytest.fixture
def pair(cloud: Cloud, request: pytest.FixtureRequest):
    """Two workers on one database; the second one's clock is off by so many seconds."""
    other = cloud.second(clock=TurnableClock(NOW + getattr(request, "param", 0)))
    yield cloud, other
    other.close()


def outsider(worker: Cloud) -> str:
    return worker.login("stranger", project("shop")).token


@pytest.mark.parametrize("pair", OFFSETS, indirect=True)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_ends_older_tokens_everywhere_and_never_newer_ones(pair, change: str):
    here, there = pair
    spoil, mend, password = CHANGES[change]
    there.clock.turn(0.1)
    # Each worker makes one, and each has both in its cache. One that is an hour late would find the other's expired or not yet
    # begun: the life is long enough for both.
    old = here.login("member", project("web")), here.rescope(here.login("member").token, project("web"))
    for worker in pair:
        for made in old:
            assert worker.show(made.token).status_code == (200 if worker.clock() < NOW + 3600 else 401)
    spoil(there, there.clock())
    for worker in pair:
        for made in old:
            check_error(worker.show(made.token), 401)
    if mend is not None:
        mend(here, here.clock())
    # In the same second by either clock.
    new = here.issue(password_auth("member", password, scope=project("web")))
    young = there.issue(password_auth("member", password, scope=project("web")))
    for made in old:
        check_error(here.show(made.token), 401)
        check_error(there.show(made.token), 401)
        check_error(here.post(token_auth(made.token)), 404)
    assert here.show(new.token).status_code == 200
    assert there.show(young.token).status_code == 200


@pytest.mark.parametrize("pair", [-3600, 3599], indirect=True)
def test_the_clock_of_the_worker_that_asks_says_nothing_about_older_or_newer(pair):
    here, there = pair
    old = here.login("member", project("web"))
    there.do(users.set_enabled, "user-member", False, there.clock())
    there.do(users.set_enabled, "user-member", True, there.clock())
    new = here.login("member", project("web"))
    for worker in pair:
        check_error(worker.show(old.token), 401)
        assert worker.show(new.token).status_code == 200


@pytest.mark.parametrize("change", GONE)
def test_what_is_gone_takes_its_tokens_along(pair, change: str):
    here, there = pair
    made = here.login("member", project("web"))
    assert there.show(made.token).status_code == 200
    GONE[change](here, NOW)
    for worker in pair:
        check_error(worker.show(made.token), 401)
    check_error(here.post(password_auth("member", scope=project("web"))), 401)


def test_a_user_made_anew_with_the_same_id_does_not_inherit_tokens(pair):
    here, there = pair
    made = here.login("nobody")
    hashed = here.hash("second-life")
    here.do(users.delete, "user-nobody", NOW)
    here.do(users.create, id="user-nobody", name="nobody", domain_id="default", now=NOW, hash=hashed)
    for worker in pair:
        check_error(worker.show(made.token), 401)
    assert there.show(here.issue(password_auth("nobody", "second-life")).token).status_code == 200


@pytest.mark.parametrize("pair", OFFSETS, indirect=True)
def test_a_revoked_chain_is_refused_by_the_other_worker(pair):
    here, _ = pair
    first = here.login("member")
    second = here.rescope(first.token, project("web"))
    assert here.show(first.token, method="DELETE").status_code == 204
    for worker in pair:
        check_error(worker.show(first.token), 401)
        check_error(worker.show(second.token), 401)
    assert here.show(here.login("member").token).status_code == 200


def test_leaving_a_group_ends_the_tokens_that_rested_on_it(pair):
    here, there = pair
    here.do(groups.create, id="team", name="team", domain_id="default")
    here.do(groups.add_member, "team", "user-nobody", NOW)
    here.do(grants.add, Grant("group", "team", "project", "web", "role-reader"), NOW)
    made = here.login("nobody", project("web"))
    assert there.show(made.token).status_code == 200
    here.do(groups.remove_member, "team", "user-nobody", NOW)
    for worker in pair:
        check_error(worker.show(made.token), 401)


def test_a_role_given_is_seen_at_once_and_voids_nothing(pair):
    here, there = pair
    made = there.login("member", project("web"))
    assert len(there.show(made.token).get_json()["token"]["roles"]) == 2
    here.do(grants.add, Grant("user", "user-member", "project", "web", "role-service"), NOW)
    for worker in pair:
        shown = worker.show(made.token).get_json()["token"]
        assert {role["name"] for role in shown["roles"]} == {"member", "reader", "service"}


def test_a_name_changed_is_seen_at_once_and_voids_nothing(pair):
    here, there = pair
    made = there.login("member", project("web"))
    here.do(users.change, "user-member", {"name": "renamed"}, NOW)
    here.do(places.rename, "web", "net", NOW)
    here.do(places.rename, "default", "Standard", NOW)
    for worker in pair:
        shown = worker.show(made.token).get_json()["token"]
        assert (shown["user"]["name"], shown["project"]["name"], shown["user"]["domain"]["name"]) == ("renamed", "net", "Standard")


def test_one_users_change_ends_nobody_elses_tokens(pair):
    here, _ = pair
    others = [here.login(name, project("web")).token for name in ("reader", "homed")] + [outsider(here)]
    here.login("member", project("web"))
    here.do(users.set_enabled, "user-member", False, NOW)
    here.do(grants.remove, ON_WEB, NOW)
    for worker in pair:
        assert [worker.show(token).status_code for token in others] == [200, 200, 200]


def test_a_disabled_domain_ends_its_users_tokens_wherever_they_are_scoped(pair):
    here, there = pair
    here.do(grants.add, Grant("user", "user-stranger", "project", "web", "role-reader"), NOW)
    made = here.login("stranger", project("web"))
    assert there.show(made.token).status_code == 200
    here.do(places.set_enabled, "other", False, NOW)
    for worker in pair:
        check_error(worker.show(made.token), 401)
    with here.store.read() as db:
        assert domains.get(db, DomainRef(id="other")).enabled is False


def test_a_change_during_a_login_makes_its_token_void(cloud: Cloud, monkeypatch: pytest.MonkeyPatch):
    """The password was right when it was checked; it was changed before the token was made."""
    passwords = cloud.gateway.plugins["password"]._credentials
    honest = passwords.verify

    def slow(user, password):
        proven = honest(user, password)
        set_password(cloud, NOW)
        return proven

    monkeypatch.setattr(passwords, "verify", slow)
    check_error(cloud.post(password_auth("member")), 401)


def rotate(cloud: Cloud, most: int) -> None:
    for keys in opening.key_sources(cloud.settings, cloud.store).values():
        rotation.rotate(keys, most, lambda: NOW)


def test_the_keys_of_a_rotation_are_used_at_once(pair):
    here, there = pair
    old = here.login("member")
    assert there.show(old.token).status_code == 200
    for _ in range(2):
        rotate(here, 10)
        new = there.login("member")
        for worker in pair:
            assert worker.show(new.token).status_code == 200
            assert worker.show(old.token).status_code == 200


@pytest.mark.parametrize("spelling", ["fernet", "jws"])
def test_a_key_taken_away_takes_its_tokens_along_from_warm_workers_too(make_cloud, spelling: str):
    """An operator rotates a leaked key away: what was forged with it must not live on in a cache."""
    here = make_cloud(token=Token(provider=spelling))
    there = here.second()
    old = here.login("member")
    for worker in (here, there):
        assert worker.show(old.token).status_code == 200
    rotate(here, 2)  # the staged key seals now, and the first one is gone
    for worker in (here, there, here.second()):
        check_error(worker.show(old.token), 401)
    new = here.login("member", project("web"))
    rotate(here, 3)  # its key is kept beside the new one
    for worker in (here, there):
        assert worker.show(new.token).status_code == 200
    rotate(here, 3)
    for worker in (here, there):
        check_error(worker.show(new.token), 401)
    assert there.show(here.login("member").token).status_code == 200


def test_a_rotation_costs_no_query_for_a_token_whose_key_stays(cloud: Cloud):
    made = cloud.login("member", project("web"))
    cloud.show(made.token)
    rotate(cloud, 10)
    check_error(cloud.show("rubbish"), 401)  # reads the new keys
    cost = Cost(cloud.store)
    with cost.counted():
        assert cloud.show(made.token).status_code == 200
    assert cost.statements == []
    cloud.do(users.set_enabled, "user-member", False, NOW)
    check_error(cloud.show(made.token), 401)


def test_what_is_changed_after_a_rotation_is_seen(cloud: Cloud):
    """Between the rotation and the next use of the token its entry waits, and changes must reach it there, too."""
    made, other = cloud.login("member", project("web")), cloud.login("admin", project("admin"))
    cloud.show(made.token)
    rotate(cloud, 10)
    cloud.show(other.token)
    cloud.do(grants.add, Grant("user", "user-member", "project", "web", "role-service"), NOW)
    cloud.show(other.token)
    assert "service" in {role["name"] for role in cloud.show(made.token).get_json()["token"]["roles"]}
    rotate(cloud, 10)
    cloud.show(other.token)
    assert cloud.show(other.token, made.token, method="DELETE").status_code == 204
    check_error(cloud.show(made.token), 401)


def put_back(cloud: Cloud, seq: int) -> None:
    """What a restored backup does to the log."""
    with cloud.store.begin() as tx:
        tx.execute(text("DELETE FROM change WHERE seq > :seq"), {"seq": seq})
        tx.execute(text("UPDATE change_counter SET seq = :seq"), {"seq": seq})


def test_a_database_put_back_to_an_older_state_does_not_hide_what_comes_after(pair):
    here, there = pair
    made, owner = (here.login("member", project("web")) for _ in range(2))
    seq = here.store.sequence()
    for name in ("a", "b", "c"):
        here.do(users.change, "user-nobody", {"name": name}, NOW)
    for worker in pair:
        assert worker.show(made.token).status_code == 200
    put_back(here, seq)
    assert here.show(owner.token, made.token, method="DELETE").status_code == 204
    for worker in (here, there, here.second()):  # the first two had read further than the log now goes
        check_error(worker.show(made.token), 401)
        assert worker.show(owner.token).status_code == 200


def test_a_revocation_that_was_purged_is_not_forgotten(make_cloud):
    """`gatestone db purge` goes by today's settings; a token from the time of a longer life must not come back to life."""
    cloud = make_cloud(token=Token(expiration=30 * 86400))
    kept, ended = cloud.login("member", project("web")), cloud.login("member", project("web"))
    assert cloud.show(ended.token, method="DELETE").status_code == 204
    cloud.clock.turn(10 * 86400)
    cloud.do(users.change, "user-admin", {"name": "somebody"}, cloud.clock())
    with cloud.store.begin() as tx:
        tx.execute(text("UPDATE change SET at = 0 WHERE seq < (SELECT MAX(seq) FROM change)"))  # set-up used the real clock
        assert epoch.prune(tx, cloud.clock() - 4 * 86400) > 0
    worker = cloud.second(token=Token(expiration=3600))
    check_error(worker.show(ended.token), 401)
    check_error(worker.show(kept.token), 401)  # it may have been revoked as well: nobody knows any more
    fresh = worker.login("member", project("web"))
    assert worker.show(fresh.token).status_code == 200
