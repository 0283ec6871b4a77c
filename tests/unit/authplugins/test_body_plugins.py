"""Methods whose proof is in the body: `password` and `token`."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from authplugins.password import Password, PasswordPayload
from authplugins.token import Token, TokenPayload
from identity.errors import BadRequest, PasswordTooLong, TokenNotFound, Unauthorized, Unavailable
from identity.model.auth import DomainRef, UserRef
from identity.model.evidence import AuthenticatedIdentity, Evidence, Peer
from identity.model.token import Claims

CLAIMS = Claims("u1", ("password",), 1000, 4600, ("audit", "chain"), project_id="p1")


class Accounts:
    """A CredentialReader over one account, which notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[UserRef] = []

    def verify(self, user: UserRef, password: str) -> tuple[str, float | None]:
        self.asked.append(user)
        if len(password.encode()) > 4096:
            raise PasswordTooLong
        if password != "geheim":
            raise Unauthorized(reason="wrong password")
        return "u1", 5000.0


class Tokens:
    """A TokenReader over one token."""

    def read(self, token: str) -> Claims:
        if token == "away":
            raise Unavailable
        if token != "good":
            raise TokenNotFound(reason="expired")
        return CLAIMS


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


def show(plugin: Any, payload: Any) -> AuthenticatedIdentity:
    return plugin.authenticate(Evidence(plugin.name, payload, {}, Peer("127.0.0.1")))


@pytest.mark.parametrize(
    ("user", "reference"),
    [
        ({"id": "u1"}, UserRef(id="u1")),
        ({"name": "alice", "domain": {"id": "default"}}, UserRef(name="alice", domain=DomainRef(id="default"))),
        ({"name": "alice", "domain": {"name": "Default"}}, UserRef(name="alice", domain=DomainRef(name="Default"))),
        (
            {"id": "u9", "name": "alice", "domain": {"id": "x", "name": "Default"}},
            UserRef(name="alice", domain=DomainRef(name="Default")),
        ),
        ({"id": "u1", "name": "", "domain": {}}, UserRef(id="u1")),
        ({"id": "u1", "extra": [1], "domain": {"id": "x", "extra": None}}, UserRef(id="u1")),
    ],
)
def test_a_user_is_named_as_in_keystone(accounts: Accounts, user: dict[str, Any], reference: UserRef) -> None:
    found = show(Password(accounts), {"user": user | {"password": "geheim"}, "extra": 1})
    assert (found.method, found.user_id, found.not_after, found.parent) == ("password", "u1", 5000.0, None)
    assert accounts.asked == [reference]


def test_a_payload_that_was_read_already_is_taken_as_it_is(accounts: Accounts) -> None:
    body = b'{"user": {"id": "u1", "password": "geheim"}}'
    assert show(Password(accounts), msgspec.json.decode(body, type=PasswordPayload)).user_id == "u1"
    assert show(Token(Tokens()), TokenPayload("good")).user_id == "u1"


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        (None, "identity.password has"),
        ([], "identity.password has"),
        ({}, "identity.password.user is missing"),
        ({"user": "s3cret"}, "identity.password.user has"),
        ({"user": {"id": "u1", "password": 5}}, "identity.password.user.password has"),
        ({"user": {"id": ["s3cret"], "password": "s3cret"}}, "identity.password.user.id has"),
        ({"user": {"name": "alice", "domain": "s3cret", "password": "s3cret"}}, "identity.password.user.domain has"),
        ({"user": {"name": "alice", "domain": {"id": 1}, "password": "s3cret"}}, "identity.password.user.domain.id has"),
        ({"user": {"name": "alice", "password": "s3cret"}}, "identity.password.user.domain is missing"),
        ({"user": {"name": "alice", "domain": {}, "password": "s3cret"}}, "identity.password.user.domain needs"),
        ({"user": {"password": "s3cret"}}, "identity.password.user needs"),
        ({"user": {"id": "", "password": "s3cret"}}, "identity.password.user needs"),
        ({"user": {"id": "s3cret\0", "password": "s3cret"}}, "identity.password.user.id holds"),
        ({"user": {"name": "s3cret\ud800", "domain": {"id": "x"}, "password": "s3cret"}}, "identity.password.user.name holds"),
        ({"user": {"name": "a", "domain": {"name": "\0"}, "password": "s3cret"}}, "identity.password.user.domain.name holds"),
        ({"user": {"name": "a", "domain": {"id": "\udfff"}, "password": "s3cret"}}, "identity.password.user.domain.id holds"),
    ],
)
def test_a_wrong_body_is_told_by_place_and_never_by_value(accounts: Accounts, payload: Any, place: str) -> None:
    with pytest.raises(BadRequest) as caught:
        show(Password(accounts), payload)
    assert caught.value.message.startswith(place)
    assert "s3cret" not in caught.value.message + caught.value.reason
    assert accounts.asked == []


@pytest.mark.parametrize("password", [{}, {"password": ""}, {"password": None}, {"password": "wrong"}])
def test_no_password_and_a_wrong_one_are_refused_alike(accounts: Accounts, password: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized) as caught:
        show(Password(accounts), {"user": {"id": "u1"} | password})
    assert caught.value.message == Unauthorized.public


def test_a_password_that_is_too_long_is_a_400(accounts: Accounts) -> None:
    with pytest.raises(PasswordTooLong):
        show(Password(accounts), {"user": {"id": "u1", "password": "x" * 4097}})


def test_secrets_are_not_in_a_payloads_repr() -> None:
    shown = msgspec.convert({"user": {"id": "u1", "password": "s3cret"}}, PasswordPayload)
    assert "s3cret" not in repr(shown) + repr(TokenPayload("s3cret")).replace("TokenPayload", "")


def test_a_token_passes_on_its_user_its_end_and_its_chain() -> None:
    found = show(Token(Tokens()), {"id": "good", "extra": 1})
    assert (found.method, found.user_id, found.not_after, found.parent) == ("token", "u1", 4600.0, CLAIMS)


def test_a_token_that_is_not_good_is_a_404() -> None:
    with pytest.raises(TokenNotFound) as caught:
        show(Token(Tokens()), {"id": "s3cret"})
    assert "expired" in caught.value.reason
    assert "s3cret" not in caught.value.message + caught.value.reason


def test_an_outage_is_not_told_as_a_bad_token() -> None:
    with pytest.raises(Unavailable):
        show(Token(Tokens()), {"id": "away"})


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"id": None}, {"id": ["s3cret"]}])
def test_a_wrong_token_body_is_a_400(payload: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        show(Token(Tokens()), payload)
    assert caught.value.message.startswith("identity.token")
    assert "s3cret" not in caught.value.message
