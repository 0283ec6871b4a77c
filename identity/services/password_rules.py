"""What a new password must be like, and when it ends. Pure: no store, no hashing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from identity import errors
from identity.model.account import FormerPassword
from identity.services.lockout import DAY, password_end
from identity.settings import SecurityCompliance


def check_pattern(policy: SecurityCompliance) -> None:
    """Raises `errors.SettingsError` where `password_regex` is no regular expression."""
    try:
        re.compile(policy.password_regex)
    except re.error as problem:
        raise errors.SettingsError([f"security_compliance.password_regex is not a regular expression: {problem}"]) from None


def check_form(policy: SecurityCompliance, password: str) -> None:
    """Raises `errors.BadRequest` for a password that `password_regex` does not match."""
    if policy.password_regex and re.match(policy.password_regex, password) is None:
        wanted = policy.password_regex_description or "ask your administrator what it must be like"
        raise errors.BadRequest(f"The password does not meet the requirements: {wanted}.")


def end_of_given(policy: SecurityCompliance, options: Mapping[str, Any], now: float) -> float | None:
    """When a password that an administrator sets now ends: at once, where it must be changed before its first use."""
    if policy.change_password_upon_first_use and not options.get("ignore_change_password_upon_first_use"):
        return now
    return end_of_chosen(policy, options, now)


def end_of_chosen(policy: SecurityCompliance, options: Mapping[str, Any], now: float) -> float | None:
    """When a password that the user chooses now ends; None: never."""
    return None if options.get("ignore_password_expiry") else password_end(policy, now)


def check_change(policy: SecurityCompliance, options: Mapping[str, Any], present: FormerPassword | None, now: float) -> None:
    """Whether the user may choose a new password now. Raises `errors.BadRequest`."""
    if options.get("lock_password"):
        raise errors.BadRequest("This password may not be changed by its user: ask an administrator for a new one.")
    if present is None or not present.self_service:
        return
    left = present.created_at + policy.minimum_password_age * DAY - now
    if left > 0:
        raise errors.BadRequest(
            f"The password is too new to be changed: try again in {ceil(left / DAY)} day(s), or ask an administrator."
        )
