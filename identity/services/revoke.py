"""Ending tokens before their time."""

from __future__ import annotations

from identity.model.revocation import AUDIT, CHAIN
from identity.model.token import Claims
from identity.ports import Clock
from identity.store import epoch
from identity.store.engine import Store


class Revoker:
    """Writes revocations to the change log: every worker refuses the token from the commit on."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def revoke(self, claims: Claims, *, cascade: bool = True) -> None:
        """End this token; with `cascade`, as Keystone's default is, also every token that was made from it by rescoping.

        Those name the first token of their chain only: what was made from a token in the middle lives on, as in Keystone.
        """
        changes = [(AUDIT, claims.audit_id, True)] + ([(CHAIN, claims.audit_id, True)] if cascade else [])
        with self._store.begin() as tx:
            epoch.record(tx, self._clock(), changes)
