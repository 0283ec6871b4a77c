"""Users as version 2.0 writes them, and as clients send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from identity import errors
from identity.model.account import Account
from identity.services.lockout import is_inactive
from identity.web.body import UNSET, Given, Name, Unset, optional
from identity.web.context import Call

TenantId = Annotated[str, Meta(max_length=64)]
# Ours to write, of version 3 alone, or a secret that a client sends to the wrong route: not kept from a body, and not shown.
NOT_HERE = frozenset(
    {
        "id",
        "domain_id",
        "domain",
        "default_project_id",
        "options",
        "links",
        "federated",
        "password_expires_at",
        "original_password",
        "OS-KSADM:password",
    }
)


class UserBody(msgspec.Struct, kw_only=True):
    """`username` is another word for the name, `OS-KSADM:password` for the password. Other attributes are kept and shown again."""

    name: Name | Unset | None = UNSET
    username: Name | Unset | None = UNSET
    enabled: bool | Unset = UNSET
    tenantId: TenantId | Unset | None = UNSET
    password: str | Unset | None = UNSET
    other_password: str | Unset | None = msgspec.field(default=UNSET, name="OS-KSADM:password")
    id: str | Unset = UNSET

    def __repr__(self) -> str:
        return "UserBody(...)"  # it holds the password, and may stand in a traceback


class WantedUser(msgspec.Struct):
    user: UserBody


class UserShape(msgspec.Struct):
    """Attributes that clients stored, such as `email`, stand beside these."""

    id: str
    name: str
    username: str
    enabled: bool
    tenantId: str | Unset = UNSET


class OneUser(msgspec.Struct):
    user: UserShape


class ManyUsers(msgspec.Struct):
    users: list[UserShape]
    users_links: list[dict[str, str]]


def user_shape(call: Call, account: Account) -> dict[str, Any]:
    """An account that nobody has used for too long shows as switched off."""
    shown: dict[str, Any] = {
        **{name: value for name, value in account.extra.items() if name not in NOT_HERE},
        "id": account.id,
        "name": account.name,
        "username": account.name,
        "enabled": account.enabled and not is_inactive(account, call.services.settings.security_compliance, call.now),
    }
    if account.default_project_id is not None:
        shown["tenantId"] = account.default_project_id
    return shown


def user_target(account: Account | None) -> Mapping[str, Any]:
    """What a policy may ask of a user, in the words of version 3; nothing where there is none."""
    if account is None:
        return {}
    return {
        "target.user.id": account.id,
        "target.user.name": account.name,
        "target.user.domain_id": account.domain_id,
        "target.user.enabled": account.enabled,
        "target.user.default_project_id": account.default_project_id,
    }


def name_of(body: UserBody) -> str | None:
    """The name that was sent, under whichever word."""
    name = optional(body.name, None) or optional(body.username, None)
    return name.strip() if name else None


def password_of(body: UserBody) -> str | Unset | None:
    return body.password if body.other_password is UNSET else body.other_password


def kept_of(body: Given[UserBody], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes to be kept: those stored, overlaid by those sent."""
    return {**stored, **{name: value for name, value in body.extra.items() if name not in NOT_HERE}}


def existing_user(account: Account | None, id: str) -> Account:
    if account is None:
        raise errors.missing("user", id)
    return account
