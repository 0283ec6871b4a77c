"""A real private MIT realm for tests; `Realm` is what the demo runs too."""

from __future__ import annotations

import secrets

from identity.manage.demo.realm import Realm

__all__ = ["Realm", "trust"]


def trust(trusting: Realm, trusted: Realm) -> None:
    """Let principals of `trusted` get tickets for services of `trusting`; both must run."""
    shared = secrets.token_urlsafe(24)
    for realm in (trusting, trusted):
        realm.add_principal(f"krbtgt/{trusting.realm}@{trusted.realm}", shared)
    trusting.knows(trusted)
    trusted.knows(trusting)
