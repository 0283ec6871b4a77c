"""Users as version 3 writes them, and as clients send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.account import Account, FederatedLink
from identity.services.lockout import is_inactive
from identity.web.body import UNSET, Description, Given, Id, Name, Unset, kept, present
from identity.web.context import Call

TIME = "%Y-%m-%dT%H:%M:%S.%f"  # as the API writes the end of a password: in UTC, but without the Z
# Members that are ours to write: what a client sends under these names is not kept. The last one is not ours, but a secret
# that a client sends to the wrong route, and must not become an attribute that everybody sees.
OURS = frozenset({"id", "links", "password_expires_at", "original_password"})

AnId = Annotated[str, Meta(max_length=64)]
Text = Annotated[str, Meta(min_length=1, max_length=255)]
Rule = Annotated[list[Annotated[str, Meta(max_length=255)]], Meta(min_length=1)]
Switch = bool | None | Unset


class OptionsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Null takes an option off."""

    ignore_change_password_upon_first_use: Switch = UNSET
    ignore_password_expiry: Switch = UNSET
    ignore_lockout_failure_attempts: Switch = UNSET
    lock_password: Switch = UNSET
    ignore_user_inactivity: Switch = UNSET
    multi_factor_auth_enabled: Switch = UNSET
    multi_factor_auth_rules: list[Rule] | Unset | None = UNSET


class ProtocolBody(msgspec.Struct):
    protocol_id: AnId
    unique_id: Text


class FederatedBody(msgspec.Struct):
    idp_id: AnId
    protocols: Annotated[list[ProtocolBody], Meta(min_length=1)]


class UserBody(msgspec.Struct, kw_only=True):
    """Other attributes are kept and shown again."""

    name: Name | Unset = UNSET
    domain_id: Id | Unset = UNSET
    enabled: bool | Unset = UNSET
    default_project_id: AnId | Unset | None = UNSET
    description: Description | Unset | None = UNSET
    password: str | Unset | None = UNSET
    options: OptionsBody | Unset = UNSET
    federated: list[FederatedBody] | Unset = UNSET

    def __repr__(self) -> str:
        return "UserBody(...)"  # it holds the password, and may stand in a traceback


class NewUserBody(UserBody, kw_only=True):
    name: Name


class WantedUser(msgspec.Struct):
    user: UserBody


class WantedNewUser(msgspec.Struct):
    user: NewUserBody


class UserShape(msgspec.Struct):
    """`password_expires_at` is in UTC; null: never. Attributes that clients stored stand beside these."""

    id: str
    name: str
    domain_id: str
    enabled: bool
    password_expires_at: str | None
    options: dict[str, Any]
    links: dict[str, str]
    default_project_id: str | Unset = UNSET
    federated: list[FederatedBody] | Unset = UNSET


class OneUser(msgspec.Struct):
    user: UserShape


class ManyUsers(msgspec.Struct):
    users: list[UserShape]
    links: dict[str, str | None]
    truncated: bool | Unset = UNSET


def user_shape(call: Call, account: Account) -> dict[str, Any]:
    """An account that nobody has used for too long shows as switched off."""
    ends = account.password_expires_at
    shape: dict[str, Any] = {
        **account.extra,
        "id": account.id,
        "name": account.name,
        "domain_id": account.domain_id,
        "enabled": account.enabled and not is_inactive(account, call.services.settings.security_compliance, call.now),
        "password_expires_at": None if ends is None else datetime.fromtimestamp(ends, UTC).strftime(TIME),
        "options": dict(account.options),
        "links": {"self": f"{call.base}/v3/users/{account.id}"},
    }
    if account.default_project_id is not None:
        shape["default_project_id"] = account.default_project_id
    if account.federated:
        shape["federated"] = federated_shape(account.federated)
    return shape


def federated_shape(links: Sequence[FederatedLink]) -> list[dict[str, Any]]:
    """By provider, and below it by protocol."""
    providers: dict[str, list[dict[str, str]]] = {}
    for link in links:
        providers.setdefault(link.idp_id, []).append({"protocol_id": link.protocol_id, "unique_id": link.unique_id})
    return [{"idp_id": id, "protocols": protocols} for id, protocols in providers.items()]


def federated_of(body: UserBody) -> tuple[FederatedLink, ...]:
    """The links that the client sent; none, where it sent no list."""
    sent = body.federated if isinstance(body.federated, list) else []
    return tuple(
        FederatedLink(provider.idp_id, protocol.protocol_id, protocol.unique_id)
        for provider in sent
        for protocol in provider.protocols
    )


def extra_of(body: Given[Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes to be kept: those stored, overlaid by those sent. The description is one of them, as in Keystone."""
    return {
        **stored,
        **kept(body.extra, OURS),
        **present(body.known, "description"),
    }


def options_of(body: UserBody, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The options to be kept. Raises `errors.BadRequest` for rules that say a thing twice."""
    if not isinstance(body.options, OptionsBody):
        return dict(stored)
    sent = present(body.options)
    rules = sent.get("multi_factor_auth_rules") or []
    if any(len(set(rule)) != len(rule) for rule in rules) or len({tuple(rule) for rule in rules}) != len(rules):
        raise errors.BadRequest("Invalid input: multi_factor_auth_rules names a rule twice, or a method twice in one rule.")
    return {name: value for name, value in {**stored, **sent}.items() if value is not None}
