"""How the payload of `application_credential` is read."""

from __future__ import annotations

import pytest

from authplugins.application_credential import ApplicationCredential, ApplicationCredentialPayload
from identity.errors import BadRequest, Unauthorized
from identity.model.auth import DomainRef, UserRef
from identity.model.delegation import CredentialRef, StoredSecret
from identity.model.evidence import Evidence, Peer


class Reader:
    """Knows one credential, and what it was asked for."""

    asked = None

    def verify(self, ref, secret):
        self.asked = (ref, secret)
        if secret != "right":
            raise Unauthorized
        return StoredSecret("ac", "u", "p", "$hash", 99.5)


def ask(payload, reader=None):
    return ApplicationCredential(reader or Reader()).authenticate(
        Evidence("application_credential", payload, {}, Peer("192.0.2.1"))
    )


def test_what_is_proven():
    proven = ask({"id": "ac", "secret": "right"})
    assert (proven.user_id, proven.app_cred_id, proven.project_id, proven.not_after) == ("u", "ac", "p", 99.5)


BY_NAME = {"name": "mine", "secret": "right"}


@pytest.mark.parametrize(
    ("payload", "ref"),
    [
        ({"id": "ac", "name": "other", "user": {"id": "stranger"}, "secret": "right"}, CredentialRef(id="ac")),
        ({**BY_NAME, "user": {"id": "u"}}, CredentialRef(name="mine", user=UserRef(id="u"))),
        (
            {**BY_NAME, "user": {"name": "n", "domain": {"id": "d"}}},
            CredentialRef(name="mine", user=UserRef(name="n", domain=DomainRef(id="d"))),
        ),
        (
            {**BY_NAME, "user": {"name": "n", "domain": {"name": "D"}}},
            CredentialRef(name="mine", user=UserRef(name="n", domain=DomainRef(name="D"))),
        ),
    ],
)
def test_how_it_is_named(payload, ref):
    reader = Reader()
    ask(payload, reader)
    assert reader.asked == (ref, "right")


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"secret": "right"},
        {"id": 7, "secret": "right"},
        {"id": "a\0c", "secret": "right"},
        {"id": "ac", "secret": "\udc80"},
        BY_NAME,
        {**BY_NAME, "user": {}},
        {**BY_NAME, "user": {"name": "n"}},
        {**BY_NAME, "user": {"name": "n", "domain": {}}},
        {**BY_NAME, "user": "u"},
    ],
)
def test_what_cannot_be_read_is_told(payload):
    with pytest.raises(BadRequest) as problem:
        ask(payload)
    assert "right" not in str(problem.value)


@pytest.mark.parametrize("secret", [None, "", "wrong"])
def test_without_its_secret_nothing_is_proven(secret):
    with pytest.raises(Unauthorized):
        ask({"id": "ac", "secret": secret})


def test_the_payload_does_not_show_its_secret():
    assert "right" not in repr(ApplicationCredentialPayload(id="ac", secret="right"))
