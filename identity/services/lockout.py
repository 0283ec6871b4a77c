"""Locking an account after too many wrong passwords."""

from __future__ import annotations

from identity.model.subject import Credential
from identity.settings import SecurityCompliance


def is_locked(credential: Credential, policy: SecurityCompliance, now: float) -> bool:
    """Whether wrong passwords have locked the account, and not yet for longer than the policy says."""
    if not policy.lockout_failure_attempts or credential.lockout_exempt:
        return False
    if credential.failed_count < policy.lockout_failure_attempts or credential.failed_at is None:
        return False
    return now < credential.failed_at + policy.lockout_duration


def is_password_expired(credential: Credential, now: float) -> bool:
    ends = credential.user.password_expires_at
    return ends is not None and not credential.password_expiry_exempt and ends <= now
