"""Tokens and proofs by the thousand, made beside the server with its own keys: by log-in it would take longer than measuring."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import gssapi

from identity.manage import opening
from identity.ports import TokenProvider
from identity.store import epoch
from identity.tokens import sources
from identity.tokens.audit import new_audit_id

from .cloud import Cloud


class Mint:
    """Seals copies of a token: each a good token of its own, which no worker has seen."""

    def __init__(self, provider: TokenProvider, seq: int) -> None:
        self._provider = provider
        self._seq = seq

    def copies(self, token: str, count: int) -> list[str]:
        claims = self._provider.open(token)
        return [self._provider.seal(replace(claims, audit_ids=(new_audit_id(self._seq),))) for _ in range(count)]


@contextmanager
def mint(cloud: Cloud) -> Iterator[Mint]:
    settings = cloud.settings
    with opening.opened(settings) as store:
        name = settings.token.provider
        keys = sources.key_source(name, settings, store)
        provider = sources.provider(name, keys, store, sources.method_table(settings))
        with store.read() as db:
            seq = epoch.current(db)
        yield Mint(provider, seq)


def negotiate_headers(ccache: Path, count: int) -> list[str]:
    """So many Authorization values from one ticket; a service takes each of them once only (RFC 4120, section 3.2.3)."""
    ticket = gssapi.Credentials(usage="initiate", store={"ccache": f"FILE:{ccache}"})
    name = gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service)
    mechanism = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")  # SPNEGO
    flags = gssapi.RequirementFlag.mutual_authentication
    found = []
    for _ in range(count):
        context = gssapi.SecurityContext(name=name, creds=ticket, mech=mechanism, flags=flags, usage="initiate")
        found.append("Negotiate " + base64.b64encode(context.step()).decode())
    return found
