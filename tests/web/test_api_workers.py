"""Several threads at a time, a worker that may look away for a while, and a database that is away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from identity.settings import Keys, SecurityCompliance, Token
from identity.store import users
from tests.support.gateway import NOW, Cloud, check_error, password_auth, project, token_auth

X509 = {"gatestone.listener": "x509"}


def test_threads_never_see_a_revoked_token(cloud: Cloud):
    """Each thread logs in, rescopes, revokes and asks again, at two workers, while the others do the same."""
    workers = (cloud, cloud.second())

    def one_life(number: int) -> list[int]:
        mine, other = workers[number % 2], workers[1 - number % 2]
        name = ("member", "homed", "reader")[number % 3]
        first = mine.login(name)
        second = other.rescope(first.token, project("web"))
        seen = [mine.show(second.token).status_code, other.show(first.token).status_code]
        seen.append(mine.show(second.token, first.token, method="DELETE").status_code)
        seen += [worker.show(made.token).status_code for worker in workers for made in (first, second)]
        return seen

    with ThreadPoolExecutor(6) as pool:
        lives = list(pool.map(one_life, range(48)))
    assert lives == [[200, 200, 204, 401, 401, 401, 401]] * 48


def test_threads_that_guess_together_lock_the_account_all_the_same(make_cloud):
    cloud = make_cloud(security_compliance=SecurityCompliance(lockout_failure_attempts=5, lockout_duration=100))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: cloud.post(password_auth("member", f"guess-{number}")), range(24)))
    assert {answer.status_code for answer in answers} == {401}
    check_error(cloud.post(password_auth("member")), 401)


class TestStaleness:
    """`token.max_staleness`: how long a worker may rely on its last look at the change log."""

    @pytest.fixture
    def lazy(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
        worker = cloud.second(token=Token(max_staleness=5))
        monkeypatch.setattr(worker.gateway.feed, "_timer", cloud.clock, raising=False)
        return worker

    def test_a_change_shows_when_half_of_the_time_is_over(self, cloud: Cloud, lazy: Cloud):
        """The other half is kept for a database that is away."""
        made, owner = cloud.login("member"), cloud.login("member")
        assert lazy.show(made.token).status_code == 200
        assert cloud.show(owner.token, made.token, method="DELETE").status_code == 204
        cloud.clock.turn(2.4)
        check_error(cloud.show(made.token), 401)
        assert lazy.show(made.token).status_code == 200
        cloud.clock.turn(0.1)
        check_error(lazy.show(made.token), 401)

    def test_logging_in_always_looks(self, cloud: Cloud, lazy: Cloud):
        made = cloud.login("member")
        assert lazy.show(made.token).status_code == 200
        cloud.do(users.set_enabled, "user-member", False, NOW)
        check_error(lazy.post(token_auth(made.token)), 404)
        cloud.do(users.set_enabled, "user-member", True, NOW)
        fresh = lazy.login("member")
        for worker in (cloud, lazy):
            assert worker.show(fresh.token).status_code == 200
        check_error(lazy.post(token_auth(made.token)), 404)


@pytest.mark.parametrize("missing", ["change_counter", "role_grant", "user_account"])
def test_a_database_that_fails_is_a_503_and_never_a_refusal(cloud: Cloud, missing: str):
    """An untrue 401 would make a client drop a token that is good, an untrue 404 make a service refuse its user."""
    made, admin = cloud.login("member", project("web")), cloud.login("admin", project("admin"))
    worker = cloud.second()
    with cloud.store.begin() as tx:
        tx.execute(text("PRAGMA legacy_alter_table=ON"))
        tx.execute(text(f"ALTER TABLE {missing} RENAME TO away"))
    for ask in (
        lambda: worker.show(made.token),
        lambda: worker.show(admin.token, made.token),
        lambda: worker.post(password_auth("member", scope=project("web"))),
        lambda: worker.post(token_auth(made.token, project("web"))),
    ):
        answer = ask()
        check_error(answer, 503)
        assert answer.headers["Retry-After"] == "1"
        assert missing not in answer.get_data(as_text=True) and "sqlite" not in answer.get_data(as_text=True)
    assert worker.events.last().outcome == "failure"
    assert worker.ask("GET", "/v3").status_code == 200
    assert worker.ask("GET", "/healthcheck").status_code == (503 if missing == "change_counter" else 200)
    with cloud.store.begin() as tx:
        tx.execute(text("PRAGMA legacy_alter_table=ON"))
        tx.execute(text(f"ALTER TABLE away RENAME TO {missing}"))
    assert worker.show(admin.token, made.token).status_code == 200
    assert worker.login("member", project("web")).roles


def test_the_certificate_listener_serves_its_own_face_only(cloud: Cloud):
    for path, status in (("/x509", 300), ("/x509/", 300), ("/x509/v3", 200), ("/x509/v3/", 200)):
        answer = cloud.client.get(path, environ_overrides={**X509, "HTTP_HOST": "id.example.org"})
        assert answer.status_code == status
        assert "https://id.example.org/x509/v3/" in answer.get_data(as_text=True)
    for path in ("/", "/v3", "/main/v3", "/krb/v3", "/x509x/v3", "/healthcheck"):
        check_error(cloud.client.get(path, environ_overrides=X509), 404)
    for body in (password_auth("member"), token_auth("x")):
        answer = cloud.client.post("/x509/v3/auth/tokens", json=body, environ_overrides=X509)
        assert "/main/v3" in check_error(answer, 401)["message"]
    body = {"auth": {"identity": {"methods": [], "x509": {}}}}
    check_error(cloud.client.post("/x509/v3/auth/tokens", json=body, environ_overrides=X509), 401)


def test_a_stale_token_in_the_header_does_not_stand_in_the_way_of_a_login(cloud: Cloud):
    assert cloud.post(password_auth("member"), token="gAAAArubbish").status_code == 201


def test_options_is_answered_without_a_token(cloud: Cloud):
    answer = cloud.ask("OPTIONS", "/v3/auth/tokens")
    assert answer.status_code == 200
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == {"DELETE", "GET", "HEAD", "OPTIONS", "POST"}
    assert answer.data == b""


def test_a_worker_that_remembers_nothing_answers_the_same(cloud: Cloud):
    forgetful = cloud.second(token=replace(cloud.settings.token, cache_size=0))
    made = cloud.login("member", project("web"))
    for _ in range(2):
        assert forgetful.show(made.token).get_json()["token"] == made.shown
        check_error(forgetful.show("rubbish"), 401)
    assert cloud.show(made.token, method="DELETE").status_code == 204
    check_error(forgetful.show(made.token), 401)


def test_a_worker_that_cannot_read_the_keys_says_so(cloud: Cloud):
    """A load balancer must not send log-ins to a host with the wrong master key."""
    assert cloud.ask("GET", "/healthcheck").status_code == 200
    stranger = cloud.second(keys=Keys(master_key="B" * 43))
    answer = stranger.ask("GET", "/healthcheck")
    assert answer.status_code == 503
    assert list(answer.json["detail"]) == ["fernet keys", "credential keys"]
