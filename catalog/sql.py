"""The catalogue from the database.

Holds no rows itself: `catalog.snapshot` keeps them until the change log tells of a CATALOG change, so that each worker asks
once a change and not once a token.
"""

from __future__ import annotations

from collections.abc import Sequence

from identity.model.catalog import Service
from identity.store import services
from identity.store.engine import Store


class SqlCatalog:
    """Implements `ports.CatalogSource`: enabled services with their enabled endpoints, in one query.

    Raises `errors.Unavailable` while the database is away.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def services(self) -> Sequence[Service]:
        with self._store.read() as db:
            return services.catalogue(db)
