"""Tokens over their life: rescoping, expiry, the window for services, revocation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from identity.settings import Token
from identity.store import users
from tests.support.gateway import NOW, Cloud, body_of, check_error, password_auth, password_of, project, token_auth

LIFE = 3600
UNKNOWN = "Could not recognize the token."


def test_three_rescopings_are_one_chain(cloud: Cloud):
    first = cloud.login("member")
    second = cloud.rescope(first.token, project("web"))
    third = cloud.rescope(second.token, {"domain": {"id": "default"}})
    fourth = cloud.rescope(third.token, "unscoped")
    chain = first.shown["audit_ids"][0]
    own = [made.shown["audit_ids"][0] for made in (first, second, third, fourth)]
    assert len(set(own)) == 4
    for made in (second, third, fourth):
        assert made.shown["audit_ids"][1:] == [chain]
        assert set(made.shown["methods"]) == {"password", "token"}
        assert cloud.show(made.token).get_json()["token"]["audit_ids"] == made.shown["audit_ids"]


def test_rescoping_never_lengthens_life(cloud: Cloud):
    made = cloud.login("member")
    ends = made.shown["expires_at"]
    for _ in range(3):
        cloud.clock.turn(1000)
        made = cloud.rescope(made.token, project("web"))
        assert made.shown["expires_at"] == ends
    cloud.clock.turn(LIFE - 3000 - 1)
    assert cloud.show(made.token).status_code == 200
    cloud.clock.turn(1)
    check_error(cloud.post(token_auth(made.token)), 404)


def test_a_token_and_a_password_together_live_as_long_as_the_token(cloud: Cloud):
    made = cloud.login("member")
    cloud.clock.turn(600)
    user = {"name": "member", "domain": {"id": "default"}, "password": password_of("member")}
    both = cloud.issue(body_of({"methods": ["password", "token"], "password": {"user": user}, "token": {"id": made.token}}))
    assert both.shown["expires_at"] == made.shown["expires_at"]
    assert both.shown["audit_ids"][1:] == made.shown["audit_ids"]


def test_a_token_does_not_outlive_its_password(cloud: Cloud):
    cloud.do(users.set_password, "user-member", cloud.hash("soon-over"), NOW, NOW + 100)
    made = cloud.issue(password_auth("member", "soon-over"))
    assert made.shown["expires_at"] == "2026-09-21T14:15:00.000000Z"
    assert made.shown["user"]["password_expires_at"] == "2026-09-21T14:15:00.250000"
    cloud.clock.turn(101)
    check_error(cloud.show(made.token), 401)
    check_error(cloud.post(password_auth("member", "soon-over")), 401)


@pytest.mark.parametrize("warm", [True, False])
def test_an_expired_token(cloud: Cloud, warm: bool):
    admin = cloud.login("admin", project("admin"))
    cloud.clock.turn(10)
    member = cloud.login("member")
    if warm:
        assert cloud.show(admin.token, member.token).status_code == 200
    cloud.clock.turn(LIFE - 10 - 0.25)
    check_error(cloud.show(admin.token, member.token), 401)  # the caller's own has ended now
    cloud.clock.turn(10)
    fresh = cloud.login("admin", project("admin"))
    assert check_error(cloud.show(fresh.token, member.token), 404)["message"] == UNKNOWN
    check_error(cloud.show(member.token), 401)
    check_error(cloud.post(token_auth(member.token)), 404)
    assert cloud.show(fresh.token, member.token, method="HEAD").status_code == 404
    check_error(cloud.show(fresh.token, member.token, method="DELETE"), 404)


class TestExpired:
    """`?allow_expired=1`: for a service whose user's token ran out while a long job was on its way."""

    ASK = "?allow_expired=1"

    @pytest.fixture
    def old(self, cloud: Cloud):
        made = cloud.login("member", project("web"))
        cloud.clock.turn(LIFE + 60)
        return made

    @pytest.mark.parametrize("warm", [True, False])
    def test_a_service_and_an_admin_may(self, cloud: Cloud, old, warm: bool):
        for name, scope in (("nova", project("service")), ("admin", project("admin"))):
            caller = cloud.login(name, scope)
            answer = cloud.show(caller.token, old.token, self.ASK)
            assert answer.status_code == 200
            assert answer.get_json()["token"]["expires_at"] == old.shown["expires_at"]
            if warm:
                assert cloud.show(caller.token, old.token, "?allow_expired=True").status_code == 200
            check_error(cloud.show(caller.token, old.token), 404)
            check_error(cloud.show(caller.token, old.token, "?allow_expired=0"), 404)
            check_error(cloud.show(caller.token, old.token, "?allow_expired=perhaps"), 404)
            check_error(cloud.show(caller.token, old.token, "?allow_expired="), 404)

    def test_nobody_else_may(self, cloud: Cloud, old):
        service = cloud.login("nova", project("service"))
        assert cloud.show(service.token, old.token, self.ASK).status_code == 200  # and is remembered
        for name, scope in (("member", project("web")), ("reader", {"system": {"all": True}}), ("nova", "unscoped")):
            caller = cloud.login(name, scope)
            check_error(cloud.show(caller.token, old.token, self.ASK), 404)

    def test_it_does_not_bring_the_caller_back(self, cloud: Cloud, old):
        service = cloud.login("nova", project("service"))
        cloud.clock.turn(LIFE)
        check_error(cloud.show(service.token, old.token, self.ASK), 401)

    def test_it_does_not_let_an_old_token_in(self, cloud: Cloud, old):
        service = cloud.login("nova", project("service"))
        assert cloud.show(service.token, old.token, self.ASK).status_code == 200
        check_error(cloud.show(old.token), 401)
        check_error(cloud.ask("GET", "/v3/auth/projects", token=old.token), 401)
        check_error(cloud.post(token_auth(old.token)), 404)
        check_error(cloud.show(service.token, old.token, self.ASK, method="DELETE"), 404)

    def test_the_window_ends(self, cloud: Cloud, old):
        window = cloud.settings.token.allow_expired_window
        cloud.clock.turn(window - 60 - 1)
        service = cloud.login("nova", project("service"))
        assert cloud.show(service.token, old.token, self.ASK).status_code == 200
        cloud.clock.turn(1)
        check_error(cloud.show(service.token, old.token, self.ASK), 404)

    def test_not_for_one_that_was_revoked(self, cloud: Cloud):
        made = cloud.login("member", project("web"))
        assert cloud.show(made.token, method="DELETE").status_code == 204
        cloud.clock.turn(LIFE + 60)
        service = cloud.login("nova", project("service"))
        check_error(cloud.show(service.token, made.token, self.ASK), 404)

    def test_not_once_its_user_is_disabled(self, cloud: Cloud, old):
        service = cloud.login("nova", project("service"))
        assert cloud.show(service.token, old.token, self.ASK).status_code == 200
        cloud.do(users.set_enabled, "user-member", False, cloud.clock())
        check_error(cloud.show(service.token, old.token, self.ASK), 404)

    def test_in_every_spelling(self, make_cloud):
        for spelling in ("uuid", "jws"):
            cloud = make_cloud(token=Token(provider=spelling))
            old = cloud.login("member", project("web"))
            cloud.clock.turn(LIFE + 60)
            service = cloud.login("nova", project("service"))
            assert cloud.show(service.token, old.token, self.ASK).status_code == 200
            check_error(cloud.show(service.token, old.token), 404)


def test_revoking_ends_whatever_was_made_from_it(cloud: Cloud):
    first = cloud.login("member")
    second = cloud.rescope(first.token, project("web"))
    third = cloud.rescope(first.token, {"domain": {"id": "default"}})
    apart = cloud.login("member")
    answer = cloud.show(first.token, method="DELETE")
    assert (answer.status_code, answer.data) == (204, b"")
    for made in (first, second, third):
        check_error(cloud.show(made.token), 401)
        check_error(cloud.post(token_auth(made.token)), 404)
        check_error(cloud.show(apart.token, made.token), 404)
    assert cloud.show(apart.token).status_code == 200
    assert cloud.show(cloud.login("member").token).status_code == 200


def test_revoking_a_token_spares_the_one_that_it_was_made_from(cloud: Cloud):
    first = cloud.login("member")
    second = cloud.rescope(first.token, project("web"))
    third = cloud.rescope(first.token, {"domain": {"id": "default"}})
    assert cloud.show(second.token, method="DELETE").status_code == 204
    assert [cloud.show(made.token).status_code for made in (first, second, third)] == [200, 401, 200]


@pytest.mark.parametrize("word", ["false", "0", "False", "no"])
def test_without_cascade_only_this_one_ends(cloud: Cloud, word: str):
    first = cloud.login("member")
    second = cloud.rescope(first.token, project("web"))
    third = cloud.rescope(second.token)
    assert cloud.show(second.token, query=f"?cascade={word}", method="DELETE").status_code == 204
    assert [cloud.show(made.token).status_code for made in (first, second, third)] == [200, 401, 200]


def test_revoking_the_first_one_alone_spares_the_rest(cloud: Cloud):
    first = cloud.login("member")
    second = cloud.rescope(first.token, project("web"))
    assert cloud.show(first.token, query="?cascade=false", method="DELETE").status_code == 204
    assert [cloud.show(made.token).status_code for made in (first, second)] == [401, 200]


def test_revoking_twice_is_a_404(cloud: Cloud):
    admin = cloud.login("admin", project("admin"))
    made = cloud.login("member")
    assert cloud.show(admin.token, made.token, method="DELETE").status_code == 204
    check_error(cloud.show(admin.token, made.token, method="DELETE"), 404)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("subject", [None, "", "rubbish", "x" * 60_000])
def test_no_or_an_unknown_subject_is_a_404(shared_cloud: Cloud, method: str, subject: str | None):
    admin = shared_cloud.login("admin", project("admin"))
    answer = shared_cloud.ask(method, "/v3/auth/tokens", token=admin.token, subject=subject)
    assert answer.status_code == 404
    if method != "HEAD":
        check_error(answer, 404)


def test_rescoping_can_be_switched_off_for_scoped_tokens(make_cloud):
    cloud = make_cloud(token=Token(allow_rescope_scoped_token=False))
    unscoped = cloud.login("member")
    scoped = cloud.rescope(unscoped.token, project("web"))
    for scope in (project("web"), "unscoped", None):
        check_error(cloud.post(token_auth(scoped.token, scope)), 403)
    assert cloud.events.last().outcome == "failure"


def test_a_shorter_life_holds_for_new_tokens_only(cloud: Cloud):
    long = cloud.login("member")
    short = cloud.second(token=replace(cloud.settings.token, expiration=60))
    made = short.login("member")
    cloud.clock.turn(61)
    check_error(cloud.show(made.token), 401)
    assert short.show(long.token).status_code == 200


def test_every_token_is_another(cloud: Cloud):
    tokens = {cloud.login("member").token for _ in range(20)}
    assert len(tokens) == 20
