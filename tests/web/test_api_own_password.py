"""A user's own change of the password, the rules for new ones, and the rules that a log-in keeps."""

from __future__ import annotations

import pytest

from identity.errors import SettingsError
from identity.services.lockout import DAY
from identity.settings import SecurityCompliance
from identity.store import users
from tests.support.gateway import body_of, check_error, password_auth, password_of, project, token_auth


def rules(**values):
    return SecurityCompliance(**values)


def own(cloud, original, new, user="user-member", **more):
    return cloud.ask("POST", f"/v3/users/{user}/password", body={"user": {"original_password": original, "password": new, **more}})


def set_by_admin(cloud, **user):
    admin = cloud.login("admin", project("admin")).token
    answer = cloud.ask("PATCH", "/v3/users/user-member", token=admin, body={"user": user})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["user"]


def test_who_knows_the_password_may_change_it_without_a_token(cloud):
    held = cloud.login("member").token
    assert own(cloud, password_of("member"), "brand-new").status_code == 204
    check_error(cloud.show(cloud.login("admin", project("admin")).token, held), 404)
    check_error(cloud.post(password_auth("member")), 401)
    assert cloud.issue(password_auth("member", "brand-new")).token


@pytest.mark.parametrize(
    ("status", "user", "original", "new"),
    [
        (401, "user-member", "wrong", "brand-new"),
        (401, "gone", "wrong", "brand-new"),
        (401, "user-member", "", "brand-new"),
        (400, "user-member", password_of("member"), ""),
        (400, "user-member", password_of("member"), 7),
        (400, "user-member", None, "brand-new"),
        (400, "user-member", password_of("member"), "p" * 4097),
    ],
)
def test_a_change_that_is_refused_changes_nothing(cloud, status, user, original, new):
    check_error(own(cloud, original, new, user), status)
    assert cloud.login("member").token


def test_guessing_here_locks_the_account_too(make_cloud):
    cloud = make_cloud(security_compliance=rules(lockout_failure_attempts=2))
    for _ in range(2):
        check_error(own(cloud, "wrong", "brand-new"), 401)
        told = cloud.events.last()
        assert (told.outcome, told.user_id, told.reason) == ("failure", "user-member", "wrong password")
    check_error(own(cloud, password_of("member"), "brand-new"), 401)
    check_error(cloud.post(password_auth("member")), 401)


def test_a_locked_password_is_the_administrators_to_change(cloud):
    set_by_admin(cloud, options={"lock_password": True})
    check_error(own(cloud, password_of("member"), "brand-new"), 400)
    set_by_admin(cloud, password="given")
    assert cloud.issue(password_auth("member", "given")).token


def test_the_last_passwords_may_not_come_again(make_cloud):
    cloud = make_cloud(security_compliance=rules(unique_last_password_count=2))
    assert own(cloud, password_of("member"), "second").status_code == 204
    for used in ("second", password_of("member")):
        check_error(own(cloud, "second", used), 400)
    assert own(cloud, "second", "third").status_code == 204
    assert own(cloud, "third", password_of("member")).status_code == 204


def test_a_password_that_the_user_chose_must_be_kept_for_a_while(make_cloud):
    cloud = make_cloud(security_compliance=rules(minimum_password_age=2))
    assert own(cloud, password_of("member"), "second").status_code == 204
    cloud.clock.turn(2 * DAY - 1)
    assert "in 1 day" in check_error(own(cloud, "second", "third"), 400)["message"]
    cloud.clock.turn(1)
    assert own(cloud, "second", "third").status_code == 204
    set_by_admin(cloud, password="given")
    assert own(cloud, "given", "fourth").status_code == 204


def test_new_passwords_must_match_the_rule_and_its_description_is_told(make_cloud):
    cloud = make_cloud(
        security_compliance=rules(password_regex=r"^(?=.*\d).{7,}$", password_regex_description="7 letters, a digit")
    )
    assert "7 letters, a digit" in check_error(own(cloud, password_of("member"), "digitless"), 400)["message"]
    assert own(cloud, password_of("member"), "digit-1").status_code == 204
    admin = cloud.login("admin", project("admin")).token
    for method, path in (("POST", "/v3/users"), ("PATCH", "/v3/users/user-nobody")):
        body = {"user": {"name": "new", "password": "digitless"}}
        check_error(cloud.ask(method, path, token=admin, body=body), 400)


def test_a_rule_that_is_no_regular_expression_stops_the_start(make_cloud):
    with pytest.raises(SettingsError, match="password_regex"):
        make_cloud(security_compliance=rules(password_regex="("))


def test_a_password_that_an_administrator_sets_must_be_changed_first(make_cloud):
    cloud = make_cloud(security_compliance=rules(change_password_upon_first_use=True))
    set_by_admin(cloud, password="given")
    check_error(cloud.post(password_auth("member", "given")), 401)
    assert own(cloud, "given", "chosen").status_code == 204
    assert cloud.issue(password_auth("member", "chosen")).token
    set_by_admin(cloud, password="given", options={"ignore_change_password_upon_first_use": True})
    assert cloud.issue(password_auth("member", "given")).token


def test_passwords_end_after_some_days_unless_the_user_is_exempt(make_cloud):
    cloud = make_cloud(security_compliance=rules(password_expires_days=3))
    assert own(cloud, password_of("member"), "second").status_code == 204
    cloud.clock.turn(3 * DAY)
    check_error(cloud.post(password_auth("member", "second")), 401)
    assert own(cloud, "second", "third").status_code == 204
    assert set_by_admin(cloud, password="given", options={"ignore_password_expiry": True})["password_expires_at"] is None
    cloud.clock.turn(30 * DAY)
    assert cloud.issue(password_auth("member", "given")).token


class TestAbsence:
    def test_an_account_that_nobody_uses_is_closed_until_it_is_switched_on(self, make_cloud):
        cloud = make_cloud(security_compliance=rules(disable_user_account_days_inactive=5))
        for _ in range(3):  # a log-in keeps it open
            cloud.clock.turn(4 * DAY)
            held = cloud.login("member").token
            assert cloud.login("admin").token
        cloud.clock.turn(5 * DAY - 3000)
        check_error(cloud.post(password_auth("member")), 401)
        check_error(cloud.post(token_auth(held)), 401, 404)
        assert cloud.events.last().reason
        assert set_by_admin_at(cloud)["enabled"] is True
        assert cloud.login("member").token

    def test_who_is_exempt_may_stay_away(self, make_cloud):
        cloud = make_cloud(security_compliance=rules(disable_user_account_days_inactive=5))
        assert set_by_admin(cloud, options={"ignore_user_inactivity": True})["enabled"] is True
        cloud.clock.turn(50 * DAY)
        assert cloud.login("member").token


def set_by_admin_at(cloud):
    """The administrator, too, was away: this test's own hand switches it on."""
    cloud.do(users.set_enabled, "user-admin", True, cloud.clock())
    admin = cloud.login("admin", project("admin")).token
    assert cloud.ask("GET", "/v3/users/user-member", token=admin).get_json()["user"]["enabled"] is False
    answer = cloud.ask("PATCH", "/v3/users/user-member", token=admin, body={"user": {"enabled": True}})
    return answer.get_json()["user"]


class TestSeveralMethods:
    def test_a_rule_asks_for_all_of_its_methods(self, cloud):
        held = cloud.login("member").token
        set_by_admin(cloud, options={"multi_factor_auth_rules": [["password", "token"]]})
        check_error(cloud.post(password_auth("member")), 401)
        assert cloud.events.last().reason == "the user's rules ask for further methods"
        both = password_auth("member")["auth"]["identity"] | {"methods": ["password", "token"], "token": {"id": held}}
        assert set(cloud.issue(body_of(both)).shown["methods"]) == {"password", "token"}

    @pytest.mark.parametrize(
        "options",
        [
            {"multi_factor_auth_rules": [["password", "token"]], "multi_factor_auth_enabled": False},
            {"multi_factor_auth_rules": [["password", "token"], ["password"]]},
            {"multi_factor_auth_rules": [["password", "retina"]]},
            {"multi_factor_auth_rules": [["retina"]]},
            {"multi_factor_auth_rules": []},
            {"multi_factor_auth_enabled": True},
        ],
    )
    def test_rules_that_are_off_met_or_unknown_stand_in_nobodys_way(self, cloud, options):
        set_by_admin(cloud, options=options)
        assert cloud.login("member").token

    def test_a_token_brings_the_methods_that_it_came_by(self, cloud):
        held = cloud.login("member").token
        set_by_admin(cloud, options={"multi_factor_auth_rules": [["password", "token"]]})
        assert cloud.rescope(held).token
