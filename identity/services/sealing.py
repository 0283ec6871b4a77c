"""Stored secrets under a new key."""

from __future__ import annotations

from dataclasses import dataclass

from identity.store import sealed
from identity.store.engine import Store
from identity.tokens.vault import Unopened, Vault


@dataclass(frozen=True, slots=True)
class Renewal:
    """How many secrets were sealed anew, and how many no key opens: those stay as they are."""

    renewed: int
    lost: int


def renew(store: Store, vault: Vault) -> Renewal:
    """Seal every stored secret with the newest key, some hundreds in a transaction, so that requests go on meanwhile.

    May be cut off and run again. Raises `errors.Unavailable`.
    """
    renewed = lost = 0
    for column in sealed.COLUMNS:
        after = None
        while True:
            with store.read() as db:
                found = sealed.some(db, column, after)
            changes = []
            for secret in found:
                try:
                    fresh = vault.renewed(secret.sealed)
                except Unopened:
                    lost += 1
                    continue
                if fresh is not None:
                    changes.append((secret, fresh))
            if changes:
                with store.begin() as tx:
                    sealed.replace(tx, column, changes)
            renewed += len(changes)
            if len(found) < sealed.WIDTH:
                break
            after = found[-1].key
    return Renewal(renewed, lost)
