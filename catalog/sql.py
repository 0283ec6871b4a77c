"""The catalogue from the database.

Holds no rows itself: `catalog.snapshot` keeps them until the change log tells of a CATALOG change, so that each worker asks
once a change and not once a token.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog.versioned import lead_to
from identity.model.catalog import Service
from identity.store import endpoint_filter, services
from identity.store.engine import Store


class SqlCatalog:
    """Implements `ports.CatalogSource` and `snapshot.Choosing`: enabled services with their enabled endpoints.

    `identity_version` is "v3" or "v2.0" where the identity service is to be shown with that one, whatever is stored. Each method
    raises `errors.Unavailable` while the database is away.
    """

    def __init__(self, store: Store, identity_version: str = "") -> None:
        self._store = store
        self._identity_version = identity_version

    def services(self) -> Sequence[Service]:
        """One query."""
        with self._store.read() as db:
            found = services.catalogue(db)
        return lead_to(found, self._identity_version) if self._identity_version else found

    def choosers(self) -> frozenset[str]:
        """The projects with an association in OS-EP-FILTER. One query."""
        with self._store.read() as db:
            return endpoint_filter.choosers(db)

    def chosen(self, project_id: str) -> frozenset[str]:
        """The ids of the endpoints that such a project is associated with. Two queries."""
        with self._store.read() as db:
            return endpoint_filter.shown(db, project_id)
