"""The service providers that every token tells of, as ready JSON; read again only after a change of the catalogue."""

from __future__ import annotations

import msgspec

from identity.store import service_providers
from identity.store.engine import Store


class Partners:
    """`member` is `,"service_providers":[...]` to be put into a token's body, b"" where there are none, None before it is read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.member: bytes | None = None

    def evict(self) -> None:
        """Forget them, after a CATALOG change."""
        self.member = None

    def load(self) -> bytes:
        """Read them. Raises `errors.Unavailable`."""
        with self._store.read() as db:
            found = service_providers.enabled(db)
        shown = [{"auth_url": partner.auth_url, "id": partner.id, "sp_url": partner.sp_url} for partner in found]
        self.member = member = b',"service_providers":' + msgspec.json.encode(shown) if shown else b""
        return member
