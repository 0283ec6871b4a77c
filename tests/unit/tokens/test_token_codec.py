"""The claims codecs: what goes in comes out, and nothing else comes out."""

from dataclasses import fields, replace

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.errors import TokenNotFound
from identity.model.token import Claims
from identity.tokens.claims_codec import EVERYTHING, MAX_TIME, pack, unpack, version_for
from identity.tokens.claims_json import from_json, to_json
from identity.tokens.methods import MethodTable
from tests.support.claims import ISSUED, claims, every_kind, plain, same

TABLE = MethodTable()
VERSIONS = [0, 1, 1, 2, 3, 4, 5, 6, 4, 7, 8, 9, 10, EVERYTHING, EVERYTHING, 0, 0, 0, 0]


def test_each_kind_has_its_version():
    assert [version_for(each) for each in every_kind().values()] == VERSIONS


@settings(deadline=None)
@given(claims())
def test_payload_round_trip(each):
    assert same(unpack(pack(each, TABLE), each.issued_at, TABLE), each)


@settings(deadline=None)
@given(claims())
def test_json_round_trip(each):
    assert from_json(to_json(each)) == each


def test_no_field_is_ever_lost():
    """Dropping a trust or an application credential would make a token mightier: each field must change the payload."""
    full = plain(
        project_id="p",
        group_ids=("g",),
        idp_id="i",
        protocol_id="o",
        trust_id="t",
        access_token_id="a",
        app_cred_id="c",
        thumbprint="f",
    )
    bare = plain(methods=(), expires_at=ISSUED, audit_ids=full.audit_ids[:1])
    for field in fields(Claims):
        if field.name in {"issued_at", "domain_id", "system"}:
            continue
        less = replace(full, **{field.name: getattr(bare, field.name)})
        assert pack(less, TABLE) != pack(full, TABLE), field.name
        assert to_json(less) != to_json(full), field.name


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_payload_is_claims_or_no_token(raw):
    try:
        found = unpack(raw, ISSUED, TABLE)
    except TokenNotFound:
        return
    assert found.user_id and found.audit_ids


_ANY = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(max_size=40), st.binary(max_size=40)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.integers(-1, 65), st.lists(_ANY, max_size=14))
def test_any_well_formed_payload_is_claims_or_no_token(version, values):
    try:
        found = unpack(msgpack.packb([version, *values]), ISSUED, TABLE)
    except TokenNotFound:
        return
    assert isinstance(found.user_id, str)
    assert 0 <= found.expires_at <= MAX_TIME


@settings(deadline=None)
@given(st.sampled_from(list(every_kind().values())), st.data())
def test_one_field_of_another_type(each, data):
    values = msgpack.unpackb(pack(each, TABLE))
    values[data.draw(st.integers(0, len(values) - 1))] = data.draw(_ANY)
    try:
        found = unpack(msgpack.packb(values), ISSUED, TABLE)
    except TokenNotFound:
        return
    for field in ("user_id", "project_id", "domain_id", "system", "idp_id", "protocol_id", "trust_id", "app_cred_id", "thumbprint"):
        assert isinstance(getattr(found, field), str | None), field
    assert all(isinstance(group, str) for group in found.group_ids)


@pytest.mark.parametrize("end", [float("nan"), float("inf"), -1.0, 1e300, "soon", None])
def test_absurd_times(end):
    raw = msgpack.packb([0, [True, bytes(16)], 2, end, [bytes(19)]])
    with pytest.raises(TokenNotFound):
        unpack(raw, ISSUED, TABLE)
    with pytest.raises(TokenNotFound):
        unpack(pack(plain(), TABLE), MAX_TIME + 1, TABLE)


def test_a_fraction_of_a_second_never_lengthens_a_life():
    raw = msgpack.packb([0, [True, bytes(16)], 2, ISSUED + 0.999, [bytes(19)]])
    assert unpack(raw, ISSUED, TABLE).expires_at == ISSUED


@pytest.mark.parametrize(
    "bad",
    [
        {"project_id": "p", "domain_id": "d"},
        {"project_id": "p", "system": "all"},
        {"audit_ids": ()},
        {"user_id": ""},
        {"expires_at": -1},
        {"expires_at": MAX_TIME + 1},
    ],
)
def test_contradictory_claims_are_not_sealed(bad):
    with pytest.raises(ValueError):
        pack(plain(**bad), TABLE)
    with pytest.raises(ValueError):
        to_json(plain(**bad))


def test_an_audit_id_in_another_spelling_is_not_sealed():
    with pytest.raises(ValueError, match="audit id"):
        pack(plain(audit_ids=("not base64!",)), TABLE)


@pytest.mark.parametrize("id", ["A" * 32, "urn:uuid:" + "a1" * 16, "{" + "b2" * 16 + "}", "0" * 31 + "G", "Ä" * 16, "x"])
def test_only_the_usual_spelling_of_an_id_is_shortened(id):
    for each in (plain(user_id=id), plain(domain_id=id), plain(project_id=id, trust_id=id)):
        assert unpack(pack(each, TABLE), ISSUED, TABLE) == each


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_text_is_claims_or_no_token(raw):
    with pytest.raises(TokenNotFound):
        from_json(raw)


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"{}",
        b'{"sub":1}',
        b"[" * 100000,
        to_json(plain(system="all"))[:-1] + b',"openstack_project_id":"p"}',
        to_json(plain())[:-1] + b',"openstack_new_restriction":"x"}',
        to_json(plain()).replace(b'"iat":17', b'"iat":"17').replace(b',"exp"', b'","exp"'),
        to_json(plain()).replace(b'"iat":17', b'"iat":99999999999917'),
        to_json(plain(user_id="U")).replace(b'"sub":"U"', b'"sub":""'),
        to_json(plain(user_id="U")).replace(b'"sub":"U"', b'"sub":"\xff"'),
    ],
    ids=range(10),
)
def test_other_json_is_no_token(text):
    with pytest.raises(TokenNotFound):
        from_json(text)
