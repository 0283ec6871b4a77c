"""The database goes away before each step of a request in turn, for that step alone or from then on: what is answered is true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from identity import errors
from identity.settings import SecurityCompliance
from tests.support.gateway import Cloud, check_error, password_auth, password_of, project, token_auth
from tests.support.old_api import BOTH, OldCloud, old_password_auth

MOST = 40  # steps of one request; the longest takes half of them


class Faults:
    """Refuses the step numbered `at` of those that a store takes, counted from 0; and all after it, if it `lasts`.

    `over`: the last request did not come as far as that.
    """

    def __init__(self, store: Any) -> None:
        self.at, self.lasts, self.steps, self.over = -1, False, 0, False
        self._store, self._real = store, (store._transaction, store.execute)
        store._transaction, store.execute = self._transaction, self._execute

    @contextmanager
    def during(self, at: int, lasts: bool) -> Iterator[None]:
        self.at, self.lasts, self.steps = at, lasts, 0
        try:
            yield
        finally:
            self.over, self.at = self.steps <= at, -1

    def _step(self) -> None:
        number, self.steps = self.steps, self.steps + 1
        if self.at >= 0 and (number == self.at or (self.lasts and number > self.at)):
            raise errors.Unavailable(reason="database: away for this test")

    @contextmanager
    def _transaction(self, opening: tuple[str, ...]) -> Iterator[Any]:
        self._step()
        begin: Callable[..., AbstractContextManager[Any]] = self._real[0]
        with begin(opening) as db:
            yield db
            self._step()  # the commit is a step of its own

    def _execute(self, statement: Any, values: Any) -> Any:
        self._step()
        return self._real[1](statement, values)


@pytest.fixture
def old(make_cloud: Callable[..., Cloud]) -> OldCloud:
    return OldCloud(make_cloud(server=BOTH, security_compliance=SecurityCompliance(lockout_failure_attempts=100)))


def each(faults: Faults) -> Iterator[tuple[int, bool]]:
    """Every place and length of an outage, until a request ends before it."""
    for lasts in (False, True):
        for at in range(MOST):
            yield at, lasts
            if faults.over:
                break
        assert faults.over, "there are more steps than were tried"


def test_a_log_in_or_a_question_gets_its_true_answer_or_a_503(old: OldCloud) -> None:
    """Never a 401 or 404 for what is true, nor an answer that would have needed what could not be asked."""
    cloud = old.cloud
    admin, token = old.admin(), cloud.login("member", project("web")).token
    revoked = cloud.login("member", project("web")).token
    assert cloud.ask("DELETE", "/v3/auth/tokens", token=revoked, subject=revoked).status_code == 204
    questions: dict[str, tuple[int, Callable[[], Any]]] = {
        "right": (201, lambda: cloud.post(password_auth("member", scope=project("web")))),
        "wrong": (401, lambda: cloud.post(password_auth("reader", "wrong"))),
        "right, old": (200, lambda: old.ask("POST", "/tokens", body=old_password_auth("member", "web"))),
        "exchange": (201, lambda: cloud.post(token_auth(token, project("web")))),
        "revoked": (401, lambda: cloud.ask("GET", "/v3/auth/projects", token=revoked)),
        "validate": (200, lambda: cloud.show(admin, token)),
        "validate, old": (200, lambda: old.ask("GET", f"/tokens/{token}", admin)),
        "change": (401, lambda: cloud.ask("POST", "/v3/users/user-homed/password", body=NOT_THE_PASSWORD)),
    }
    faults = Faults(cloud.store)
    for name, (wanted, ask) in questions.items():
        assert ask().status_code == wanted, name
        for at, lasts in each(faults):
            cloud.gateway._cache._entries.clear()  # as if it had not been asked before
            with faults.during(at, lasts):
                found = ask().status_code
            assert found == wanted if faults.over else found in (wanted, 503), (name, at, lasts)


NOT_THE_PASSWORD = {"user": {"password": "another", "original_password": "wrong"}}


def test_a_failure_that_could_not_be_counted_is_not_told(make_cloud: Callable[..., Cloud]) -> None:
    """Else an outage of writes were the time for guessing: of right and wrong the first is told only where the second counts."""
    cloud = make_cloud(security_compliance=SecurityCompliance(lockout_failure_attempts=3))
    faults = Faults(cloud.store)
    cloud.login("nova")
    for step in (2, 3) * 4:  # the credential was read by then; the failure is to be written, or committed
        with faults.during(step, True):
            assert cloud.post(password_auth("member", "wrong")).status_code == 503
    assert cloud.post(password_auth("member", scope=project("web"))).status_code == 201


def test_an_own_password_is_never_changed_without_a_word(old: OldCloud) -> None:
    """What is told as "try again" has not happened: a second try with the old password would count as a guess."""
    faults = Faults(old.cloud.store)
    present = password_of("member")
    for number, (at, lasts) in enumerate(each(faults)):
        token = old.access("member", "web", password=present)["token"]["id"]
        body = {"user": {"password": f"fresh-{number}", "original_password": present}}
        with faults.during(at, lasts):
            answer = old.ask("PATCH", "/OS-KSCRUD/users/user-member", token, body)
        assert answer.status_code in (200, 503)
        changed = old.ask("POST", "/tokens", body=old_password_auth("member", "web", f"fresh-{number}")).status_code == 200
        told = answer.status_code == 200 or "has been changed" in check_error(answer, 503)["message"]
        assert changed == told, (at, lasts, answer.get_data(as_text=True))
        present = f"fresh-{number}" if changed else present


def test_a_key_pair_is_replaced_or_not(old: OldCloud) -> None:
    path, key = "/users/user-member/OS-KSADM/credentials", "OS-KSEC2:ec2Credentials"
    token, faults = old.token("member", "web"), Faults(old.cloud.store)
    assert old.ask("POST", path, token, {key: {"tenantId": "web"}}).status_code == 201
    for at, lasts in each(faults):
        with faults.during(at, lasts):
            status = old.ask("POST", f"{path}/{key}", token, {key: {"tenantId": "web"}}).status_code
        assert status in (200, 503)
        assert len(old.get(path, token)["credentials"]) == 1, (at, lasts, status)
