"""Rules for several methods, compared with Keystone's own judgement; and when an account counts as unused."""

from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keystone.auth import core as keystone_auth

from identity.model.account import Account
from identity.services.account_rules import enough
from identity.services.lockout import DAY, is_inactive
from identity.settings import SecurityCompliance

KNOWN = ("password", "token", "totp")
METHODS = st.sampled_from([*KNOWN, "retina", "voice"])
RULES = st.lists(st.lists(METHODS, min_size=1, max_size=3, unique=True), max_size=3)


def keystone_says(options: dict[str, object], shown: set[str]) -> bool:
    providers = mock.Mock()
    providers.identity_api.get_user.return_value = {"id": "u", "options": options}
    with (
        mock.patch.object(keystone_auth, "PROVIDERS", providers),
        mock.patch.object(keystone_auth, "AUTH_PLUGINS_LOADED", True),
        mock.patch.object(keystone_auth, "AUTH_METHODS", dict.fromkeys(KNOWN)),
    ):
        return bool(keystone_auth.UserMFARulesValidator.check_auth_methods_against_rules("u", shown))


@given(RULES, st.sampled_from([None, True, False]), st.sets(st.sampled_from(KNOWN)))
def test_rules_are_judged_as_keystone_does(rules, enabled, shown):
    options = {"multi_factor_auth_rules": rules} | ({} if enabled is None else {"multi_factor_auth_enabled": enabled})
    assert enough(Account("u", "u", "d", options=options), shown, frozenset(KNOWN)) is keystone_says(options, shown)


@pytest.mark.parametrize(
    ("days", "account", "expected"),
    [
        (0, Account("u", "u", "d"), False),
        (5, Account("u", "u", "d", created_at=6 * DAY - 1), True),
        (5, Account("u", "u", "d", created_at=6 * DAY), False),
        (5, Account("u", "u", "d", last_active_at=8.0 * DAY), False),
        (5, Account("u", "u", "d", created_at=9.0 * DAY, last_active_at=1.0), True),
        (5, Account("u", "u", "d", options={"ignore_user_inactivity": True}), False),
    ],
)
def test_an_account_is_unused_after_so_many_days(days, account, expected):
    policy = SecurityCompliance(disable_user_account_days_inactive=days)
    assert is_inactive(account, policy, 10.5 * DAY) is expected
