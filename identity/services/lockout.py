"""When an account is locked, a password too old, or a user away for too long."""

from __future__ import annotations

from identity.model.account import Account
from identity.model.subject import Credential
from identity.settings import SecurityCompliance

DAY = 86400


def is_locked(credential: Credential, policy: SecurityCompliance, now: float) -> bool:
    """Whether wrong passwords have locked the account, and not yet for longer than the policy says."""
    if not policy.lockout_failure_attempts or credential.lockout_exempt:
        return False
    if credential.failed_count < policy.lockout_failure_attempts or credential.failed_at is None:
        return False
    return now < credential.failed_at + policy.lockout_duration


def password_end(policy: SecurityCompliance, now: float) -> float | None:
    """When a password that is set now expires, in seconds since the epoch; None: never."""
    return now + policy.password_expires_days * DAY if policy.password_expires_days else None


def is_password_expired(credential: Credential, now: float) -> bool:
    ends = credential.user.password_expires_at
    return ends is not None and not credential.password_expiry_exempt and ends <= now


def is_inactive(account: Account, policy: SecurityCompliance, now: float) -> bool:
    """Whether nobody has logged in for so many days that the account counts as switched off. Days are those of UTC."""
    if not policy.disable_user_account_days_inactive or account.options.get("ignore_user_inactivity"):
        return False
    last = account.created_at if account.last_active_at is None else account.last_active_at
    return now // DAY - last // DAY >= policy.disable_user_account_days_inactive
