"""No answer tells that a password is right to somebody whom it does not let in: at a cell, and where two proofs are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from identity.settings import Cell
from identity.store import users
from tests.support.gateway import Cloud, body_of, password_auth, password_of, project

LOGIN_URL = "https://site.example.org/main/v3"
# What may stand beside a password: a proof that fails, or that cannot even be read.
BESIDE: dict[str, Any] = {
    "a token that is none": ("token", {"id": "none"}),
    "a token without its id": ("token", {}),
    "a token that is a list": ("token", []),
    "a credential that is none": ("application_credential", {"id": "none", "secret": "x"}),
    "a credential without a name": ("application_credential", {}),
    "nobody's name": ("external", {}),
}


def two_proofs(password: str, beside: tuple[str, Any]) -> dict[str, Any]:
    name, payload = beside
    user = {"name": "member", "domain": {"id": "default"}, "password": password}
    return body_of({"methods": ["password", name], "password": {"user": user}, name: payload})


@pytest.fixture
def cell(make_cloud: Callable[..., Cloud]) -> Cloud:
    return make_cloud(cell=Cell(enabled=True, login_url=LOGIN_URL))


def told(cloud: Cloud, body: Any) -> tuple[int, bytes, list[str]]:
    """All that a client sees of an attempt, but for the request's id."""
    answer = cloud.post(body)
    return answer.status_code, answer.get_data(), sorted(f"{name}: {value}" for name, value in answer.headers if "Id" not in name)


@pytest.mark.parametrize("beside", BESIDE)
def test_at_a_cell_no_second_proof_tells_of_the_first(cell: Cloud, beside: str) -> None:
    """Else a cell, which counts nobody's failures for the site, is where passwords are tried (CWE-204)."""
    right, wrong = (told(cell, two_proofs(word, BESIDE[beside])) for word in (password_of("member"), "wrong"))
    assert right == wrong
    assert right[0] == 401 and LOGIN_URL.encode() in right[1]


@pytest.mark.parametrize("beside", BESIDE)
def test_who_needs_two_proofs_is_not_told_that_one_of_them_is_right(cloud: Cloud, beside: str) -> None:
    rules = {"multi_factor_auth_rules": [["password", "token"]], "multi_factor_auth_enabled": True}
    cloud.do(users.change, "user-member", {"options": rules}, cloud.clock())
    assert cloud.post(password_auth("member", scope=project("web"))).status_code == 401
    right, wrong = (told(cloud, two_proofs(word, BESIDE[beside])) for word in (password_of("member"), "wrong"))
    assert right == wrong and right[0] == 401
