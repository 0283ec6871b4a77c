"""The one rule for a token's life: it ends no later than any proof or token it came from."""

from __future__ import annotations

from typing import Any

import pytest

from identity import errors
from identity.model.evidence import AuthenticatedIdentity
from identity.model.subject import Domain, Project, Subject, User
from identity.model.token import Claims
from identity.services.issue import Issuer
from identity.tokens.audit import sequence_of

NOW = 1_000_000.9
USER = User("u", "U", Domain("d", "D"))
UNSCOPED = Subject(USER)


class Spelled:
    name = "spelled"

    def seal(self, claims: Claims) -> str:
        return f"token of {claims.user_id}"

    def open(self, token: str) -> Claims:
        raise AssertionError

    def owns(self, token: str) -> bool:
        raise AssertionError


def parent(ends: int, **more: Any) -> Claims:
    return Claims("u", ("kerberos",), 999_000, ends, more.pop("audit_ids", ("own",)), **more)


def proof(**more: Any) -> AuthenticatedIdentity:
    return AuthenticatedIdentity(method=more.pop("method", "password"), user_id="u", **more)


def issue(*proofs: AuthenticatedIdentity, subject: Subject = UNSCOPED, seq: int = 41) -> Any:
    return Issuer(Spelled(), 3600, lambda: NOW, lambda names: tuple(sorted(set(names)))).issue(proofs, subject, seq)


@pytest.mark.parametrize(
    ("proofs", "ends"),
    [
        ([proof()], 1_003_600),
        ([proof(not_after=1_000_100.9)], 1_000_100),
        ([proof(not_after=2_000_000.0)], 1_003_600),
        ([proof(parent=parent(1_000_200))], 1_000_200),  # told by the parent alone
        ([proof(parent=parent(9_000_000))], 1_003_600),
        ([proof(not_after=1_000_300.0), proof(parent=parent(1_000_200))], 1_000_200),
        ([proof(not_after=1_000_100.0), proof(parent=parent(1_000_200))], 1_000_100),
    ],
)
def test_it_ends_with_the_first_that_ends(proofs: list[AuthenticatedIdentity], ends: int):
    claims = issue(*proofs).access.claims
    assert (claims.issued_at, claims.expires_at) == (1_000_000, ends)


@pytest.mark.parametrize("over", [{"not_after": 1_000_000.9}, {"not_after": 0.0}, {"parent": parent(1_000_000)}])
def test_what_is_over_makes_no_token(over: dict[str, Any]):
    with pytest.raises(errors.Unauthorized):
        issue(proof(**over))


def test_it_knows_its_sequence_its_chain_and_its_methods():
    alone = issue(proof(), seq=7).access.claims
    assert [sequence_of(audit) for audit in alone.audit_ids] == [7]
    claims = issue(proof(method="token", parent=parent(1_003_000, audit_ids=("own", "chain"))), seq=8).access.claims
    assert (sequence_of(claims.audit_ids[0]), claims.audit_ids[1:]) == (8, ("chain",))
    assert claims.methods == ("kerberos", "token")


def test_the_scope_is_the_subjects():
    home = Domain("d", "D")
    for subject, expected in (
        (UNSCOPED, (None, None, None)),
        (Subject(USER, project=Project("p", "P", home)), ("p", None, None)),
        (Subject(USER, domain=home), (None, "d", None)),
        (Subject(USER, system=True), (None, None, "all")),
    ):
        claims = issue(proof(), subject=subject).access.claims
        assert (claims.project_id, claims.domain_id, claims.system) == expected


def test_the_proofs_answers_go_on_the_reply():
    issued = issue(proof(response_headers=(("WWW-Authenticate", "Negotiate abc"),)), proof(response_headers=(("X", "y"),)))
    assert issued.response_headers == (("WWW-Authenticate", "Negotiate abc"), ("X", "y"))
    assert issued.token == "token of u"
