"""What stands in the way of a user who has been proven: further methods to be shown, or too long an absence."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from identity import errors
from identity.model.account import Account
from identity.model.evidence import AuthenticatedIdentity
from identity.ports import Clock
from identity.services.lockout import DAY, is_inactive
from identity.settings import SecurityCompliance
from identity.store import users
from identity.store.engine import Store


class AccountRules:
    """`methods` are those that this service takes: a rule asks only for what can be shown here."""

    def __init__(self, store: Store, policy: SecurityCompliance, clock: Clock, methods: Collection[str]) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self._methods = frozenset(methods)

    def check(self, account: Account, proofs: Sequence[AuthenticatedIdentity]) -> None:
        """Raises `errors.Unauthorized` where these proofs are not enough, or the account counts as switched off."""
        if is_inactive(account, self._policy, self._clock()):
            raise errors.Unauthorized(reason="nobody has used the account for too long")
        shown = {proof.method for proof in proofs}.union(*[proof.parent.methods for proof in proofs if proof.parent is not None])
        if not enough(account, shown, self._methods):
            raise errors.Unauthorized(reason="the user's rules ask for further methods")

    def mark_active(self, account: Account) -> None:
        """Note the day of this log-in, where that is counted: one write a user a day."""
        now = self._clock()
        known = account.last_active_at
        if self._policy.disable_user_account_days_inactive and (known is None or known // DAY != now // DAY):
            with self._store.begin() as tx:
                users.mark_active(tx, account.id, now)


def enough(account: Account, shown: Collection[str], known: frozenset[str]) -> bool:
    """Whether the methods shown fulfil one of the user's rules, as far as its methods are known here.

    As in Keystone, a rule of unknown methods alone is left aside, and so are the rules where there is no other: a method that
    is switched off must not lock everybody out.
    """
    rules = account.options.get("multi_factor_auth_rules") or []
    if not rules or account.options.get("multi_factor_auth_enabled") is False:
        return True
    possible = [wanted for rule in rules if (wanted := known.intersection(rule))]
    return not possible or any(wanted.issubset(shown) for wanted in possible)
