"""Claims of every kind, and hypothesis strategies for them."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st

from identity.model.token import Claims
from identity.tokens.audit import audit_text, new_audit_id
from identity.tokens.methods import FURTHER_METHODS, KEYSTONE_METHODS

ISSUED: Final = 1_790_000_000


def hex_id() -> str:
    return uuid.uuid4().hex


def plain(**changes: object) -> Claims:
    """Unscoped claims with `changes` made."""
    base = Claims(hex_id(), ("password",), ISSUED, ISSUED + 3600, (new_audit_id(41), new_audit_id(40)))
    return replace(base, **changes)  # type: ignore[arg-type]


def every_kind() -> dict[str, Claims]:
    """One set of claims for each payload version, and those that need our own version."""
    project, federated = {"project_id": hex_id()}, {"idp_id": "cern", "protocol_id": "saml2", "group_ids": (hex_id(), "staff")}
    return {
        "unscoped": plain(),
        "domain": plain(domain_id=hex_id()),
        "default domain": plain(domain_id="default"),
        "project": plain(**project),
        "trust": plain(**project, trust_id=hex_id()),
        "federated": plain(**federated),
        "federated project": plain(**federated, **project),
        "federated domain": plain(**federated, domain_id="default"),
        "federated without groups": plain(idp_id=hex_id(), protocol_id="mapped"),
        "oauth1": plain(**project, access_token_id=hex_id()),
        "system": plain(system="all"),
        "application credential": plain(**project, app_cred_id=hex_id()),
        "oauth2": plain(**project, thumbprint="dGh1bWI="),
        "federated system": plain(**federated, system="all"),
        "federated trust": plain(**federated, **project, trust_id=hex_id()),
        "own chain": plain(audit_ids=(new_audit_id(1),)),
        "keystone audit id": plain(audit_ids=(audit_text(b"k" * 16),)),
        "no methods": plain(methods=()),
        "many methods": plain(methods=("kerberos", "token", "password")),
    }


def same(a: Claims, b: Claims) -> bool:
    """Equality, but that Fernet's payload keeps no order of methods."""
    return replace(a, methods=()) == replace(b, methods=()) and set(a.methods) == set(b.methods)


_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=64)
IDS = st.one_of(
    st.uuids().map(lambda value: value.hex),
    st.uuids().map(lambda value: value.hex.upper()),
    st.uuids().map(str),
    st.uuids().map(lambda value: value.urn),
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.just("default"),
    _TEXTS,
)
_AUDIT = st.one_of(st.binary(min_size=16, max_size=16), st.binary(min_size=19, max_size=19)).map(audit_text)
_SCOPES = st.one_of(
    st.just({}),
    IDS.map(lambda value: {"project_id": value}),
    IDS.map(lambda value: {"domain_id": value}),
    st.just({"system": "all"}),
)
_REST = st.fixed_dictionaries(
    {},
    optional={
        "group_ids": st.lists(IDS, max_size=4).map(tuple),
        "idp_id": IDS,
        "protocol_id": IDS,
        "trust_id": IDS,
        "access_token_id": IDS,
        "app_cred_id": IDS,
        "thumbprint": IDS,
    },
)


@st.composite
def claims(draw: st.DrawFn) -> Claims:
    """Any claims that a token may hold."""
    issued = draw(st.integers(0, 2**32 - 1))
    return Claims(
        user_id=draw(IDS),
        methods=tuple(draw(st.lists(st.sampled_from(KEYSTONE_METHODS + FURTHER_METHODS), unique=True, max_size=4))),
        issued_at=issued,
        expires_at=issued + draw(st.integers(0, 31536000)),
        audit_ids=tuple(draw(st.lists(_AUDIT, min_size=1, max_size=2))),
        **draw(_SCOPES),
        **draw(_REST),
    )
