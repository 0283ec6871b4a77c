"""The catalogue from the database.

Holds no rows itself: `catalog.snapshot` keeps them until the change log tells of a CATALOG change, so that each worker asks
once a change and not once a token.
"""

from __future__ import annotations

from collections.abc import Sequence

from identity.model.catalog import Service
from identity.store import endpoint_filter, services
from identity.store.engine import Store


class SqlCatalog:
    """Implements `ports.CatalogSource` and `snapshot.Choosing`: enabled services with their enabled endpoints.

    Each method raises `errors.Unavailable` while the database is away.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def services(self) -> Sequence[Service]:
        """One query."""
        with self._store.read() as db:
            return services.catalogue(db)

    def choosers(self) -> frozenset[str]:
        """The projects with an association in OS-EP-FILTER. One query."""
        with self._store.read() as db:
            return endpoint_filter.choosers(db)

    def chosen(self, project_id: str) -> frozenset[str]:
        """The ids of the endpoints that such a project is associated with. Two queries."""
        with self._store.read() as db:
            return endpoint_filter.shown(db, project_id)
