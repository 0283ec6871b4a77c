"""One request as a handler sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from catalog.snapshot import CatalogSnapshots
from identity import errors
from identity.model.auth import Face
from identity.model.evidence import Peer
from identity.policy.enforcer import Enforcer
from identity.ports import Clock
from identity.services.appcreds import ApplicationCredentials
from identity.services.authenticate import Authenticator
from identity.services.partners import Partners
from identity.services.passwords import Passwords
from identity.services.revoke import Revoker
from identity.services.token_cache import Entry
from identity.services.validate import Validator
from identity.settings import Settings
from identity.store.engine import Store
from identity.tokens.vault import Vault
from identity.web.documents import Documents
from identity.web.links import Links
from identity.web.route import Route

BODY_TYPES = ("", "application/json")
NO_TARGET: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Services:
    """What handlers may use; made once by `identity.app`."""

    settings: Settings
    clock: Clock
    store: Store
    validator: Validator
    authenticator: Authenticator
    passwords: Passwords
    app_creds: ApplicationCredentials
    revoker: Revoker
    vault: Vault
    enforcer: Enforcer
    catalog: CatalogSnapshots
    legacy_catalog: CatalogSnapshots
    partners: Partners
    links: Links
    documents: Documents
    legacy_documents: Documents
    health: Callable[[], Mapping[str, Any]]
    metrics: Callable[[], tuple[bytes, str]]
    allow_expired_window: int
    count_valid: Callable[[], None]
    count_refused: Callable[[], None]


class Call(msgspec.Struct, frozen=True):
    """The services, the WSGI environment, the path's arguments, the route, and the verified caller (None on a public route)."""

    services: Services
    environ: dict[str, Any]
    args: dict[str, str]
    route: Route
    caller: Entry

    @property
    def face(self) -> Face:
        face = self.environ.get("gatestone.face", Face.BARE)
        return face if isinstance(face, Face) else Face.BARE

    @property
    def peer(self) -> Peer:
        peer: Peer = self.environ["gatestone.peer"]
        return peer

    @property
    def base(self) -> str:
        return self.services.links.base(self.environ)

    @property
    def now(self) -> float:
        return self.services.clock()

    def enforce(self, target: Mapping[str, Any] = NO_TARGET, policy: str = "") -> None:
        """Ask the route's own policy about the path's arguments and `target`, a flat mapping made of stored objects, never of the
        body. `policy` names another rule, where the request has several meanings. Raises `errors.Forbidden`.
        """
        self.services.enforcer.check(
            policy or self.route.policy, self.caller.credentials, {**self.args, **target} if self.args else target
        )

    def body(self) -> bytes:
        """The body, read within the listener's bounds; only JSON is taken, as the API has it."""
        kind = self.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if kind not in BODY_TYPES and not (kind.startswith("application/") and kind.endswith("+json")):
            raise errors.BadRequest("Expecting to find application/json in Content-Type header.")
        body: bytes = self.environ["wsgi.input"].read()
        if not body:
            raise errors.BadRequest("Expecting to find valid JSON in the request body, which is empty.")
        return body
