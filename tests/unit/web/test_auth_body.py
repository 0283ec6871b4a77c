"""The body of a log-in, read into what the services understand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from identity import errors
from identity.model.auth import AuthRequest, DomainRef, ProjectRef, ScopeRequest
from identity.web.v3 import auth_body


def read(body: Any) -> AuthRequest:
    return auth_body.decode(body if isinstance(body, bytes) else json.dumps(body).encode())


def body(scope: Any = None, **identity: Any) -> dict[str, Any]:
    auth: dict[str, Any] = {"identity": {"methods": ["say"], "say": {"word": "yes"}, **identity}}
    return {"auth": auth if scope is None else {**auth, "scope": scope}}


@pytest.mark.parametrize(
    ("scope", "meaning"),
    [
        (None, ScopeRequest()),
        ("unscoped", ScopeRequest(unscoped=True)),
        ({"unscoped": {}}, ScopeRequest(unscoped=True)),
        ({"system": {"all": True}}, ScopeRequest(system=True)),
        ({"domain": {"id": "d"}}, ScopeRequest(domain=DomainRef(id="d"))),
        ({"domain": {"name": "D"}}, ScopeRequest(domain=DomainRef(name="D"))),
        ({"domain": {"id": "d", "name": "D"}}, ScopeRequest(domain=DomainRef(name="D"))),
        ({"project": {"id": "p"}}, ScopeRequest(project=ProjectRef(id="p"))),
        ({"project": {"id": "p", "domain": {"id": "d"}}}, ScopeRequest(project=ProjectRef(id="p"))),
        ({"project": {"name": "P", "domain": {"id": "d"}}}, ScopeRequest(project=ProjectRef(name="P", domain=DomainRef(id="d")))),
        (
            {"project": {"id": "p", "name": "P", "domain": {"name": "D"}}},
            ScopeRequest(project=ProjectRef(name="P", domain=DomainRef(name="D"))),
        ),
        ({"project": {"id": "p"}, "other": 1}, ScopeRequest(project=ProjectRef(id="p"))),
    ],
)
def test_the_scope(scope: Any, meaning: ScopeRequest):
    assert read(body(scope)).scope == meaning


def test_methods_keep_their_order_and_come_once():
    found = read(body(methods=["b", "a", "b"], a={"word": "1"}, b={"word": "2"}))
    assert found.methods == ("b", "a")
    assert found.payloads == {"a": {"word": "1"}, "b": {"word": "2"}}


def test_a_payload_may_be_absent_for_a_face_that_decides_the_proof():
    found = read({"auth": {"identity": {"methods": ["say"]}}})
    assert (found.methods, found.payloads) == (("say",), {})


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'"\\ud800"', b"[" * 90_000, b'{"auth":' * 9_000, b"nul", b"1e", b"\x00"])
def test_what_is_not_json(raw: bytes):
    with pytest.raises(errors.BadRequest):
        read(raw)


def test_a_mistake_is_told_by_its_place_and_never_by_its_value():
    for spoiled in (
        body({"project": "hunter2"}),
        {"auth": "hunter2"},
        body("hunter2"),
    ):
        with pytest.raises(errors.BadRequest) as caught:
            read(spoiled)
        assert "hunter2" not in caught.value.message + str(caught.value.reason)


def test_a_payload_nobody_asked_for_is_not_handed_on():
    assert read(body(other=[[[1]]], password=None)).payloads == {"say": {"word": "yes"}}
