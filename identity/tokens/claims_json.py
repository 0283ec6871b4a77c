"""Claims as JSON, under the claim names of Keystone's JWS provider; the UUID provider stores the same text."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from ..errors import TokenNotFound
from ..model.token import Claims
from .claims_codec import MAX_TIME, one_scope

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Time = Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME)]


class _Group(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    id: _Text


class _Wire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """The claims on the wire. An unknown claim is refused: it may be a restriction that only a newer version knows."""

    sub: _Text
    iat: _Time
    exp: _Time
    openstack_methods: tuple[_Text, ...]
    openstack_audit_ids: Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1)]
    openstack_system: _Text | None = None
    openstack_domain_id: _Text | None = None
    openstack_project_id: _Text | None = None
    openstack_trust_id: _Text | None = None
    openstack_group_ids: tuple[_Group, ...] | None = None
    openstack_idp_id: _Text | None = None
    openstack_protocol_id: _Text | None = None
    openstack_access_token_id: _Text | None = None
    openstack_app_cred_id: _Text | None = None
    openstack_thumbprint: _Text | None = None


_DECODER: Final = msgspec.json.Decoder(_Wire)
_ENCODER: Final = msgspec.json.Encoder()


def to_json(claims: Claims) -> bytes:
    """The claims in JSON; ValueError for more than one scope or for what `from_json` would refuse."""
    wire = _Wire(
        sub=claims.user_id,
        iat=claims.issued_at,
        exp=claims.expires_at,
        openstack_methods=claims.methods,
        openstack_audit_ids=claims.audit_ids,
        openstack_system=claims.system,
        openstack_domain_id=claims.domain_id,
        openstack_project_id=claims.project_id,
        openstack_trust_id=claims.trust_id,
        openstack_group_ids=tuple(map(_Group, claims.group_ids)) or None,
        openstack_idp_id=claims.idp_id,
        openstack_protocol_id=claims.protocol_id,
        openstack_access_token_id=claims.access_token_id,
        openstack_app_cred_id=claims.app_cred_id,
        openstack_thumbprint=claims.thumbprint,
    )
    text = _ENCODER.encode(wire)
    try:
        from_json(text)
    except TokenNotFound as fault:
        raise ValueError(fault.reason) from None
    return text


def from_json(text: bytes) -> Claims:
    """The claims of a JSON text; TokenNotFound for any other text."""
    try:
        wire = _DECODER.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as fault:
        raise TokenNotFound(reason=f"token claims malformed: {type(fault).__name__}") from None
    claims = Claims(
        user_id=wire.sub,
        methods=wire.openstack_methods,
        issued_at=wire.iat,
        expires_at=wire.exp,
        audit_ids=wire.openstack_audit_ids,
        project_id=wire.openstack_project_id,
        domain_id=wire.openstack_domain_id,
        system=wire.openstack_system,
        group_ids=tuple(group.id for group in wire.openstack_group_ids or ()),
        idp_id=wire.openstack_idp_id,
        protocol_id=wire.openstack_protocol_id,
        trust_id=wire.openstack_trust_id,
        access_token_id=wire.openstack_access_token_id,
        app_cred_id=wire.openstack_app_cred_id,
        thumbprint=wire.openstack_thumbprint,
    )
    if not one_scope(claims):
        raise TokenNotFound(reason="token claims malformed: more than one scope")
    return claims
