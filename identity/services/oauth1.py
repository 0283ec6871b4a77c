"""OAuth 1.0a (RFC 5849): a consumer asks for a share of a user's roles, the user answers, the consumer fetches the answer."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection

from identity import errors
from identity.model.delegation import AccessToken, RequestToken, RoleRef
from identity.store import handed_roles, oauth, projects, subjects
from identity.store.engine import Store
from identity.tokens.vault import Vault

REQUEST_LIFE: Final = 28800.0
ACCESS_LIFE: Final = 86400.0
"""Seconds, as Keystone's `[oauth1] request_token_duration` and `access_token_duration`."""

FRESH: Final = 600.0
"""Seconds that a client's clock may be off; as long, both ways, must a nonce be remembered (RFC 5849, section 3.3)."""

METHODS: Final = {"HMAC-SHA1": "verify_hmac_sha1", "HMAC-SHA256": "verify_hmac_sha256"}
VERIFIER_LETTERS: Final = "".join(sorted(set(string.ascii_letters + string.digits) - set("jiIl1oO0")))
VERIFIER_LENGTH: Final = 8
LONGEST: Final = 255


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed request. `urls` are the spellings under which its sender may have known the address that it was sent to."""

    method: str
    urls: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    oauth: Mapping[str, str] = field(repr=False)

    def needed(self, name: str) -> str:
        value = self.oauth.get(name, "")
        if not value or len(value) > LONGEST:
            raise errors.BadRequest(f"Expecting to find {name} in the Authorization header.")
        return value


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new token with its secret, which is told this once. `expires_at` in seconds since the epoch."""

    id: str
    secret: str = field(repr=False)
    expires_at: float


def read(method: str, urls: tuple[str, ...], authorization: str, query: str, form: str) -> Signed:
    """A request taken apart. Raises `errors.BadRequest` for one that is not signed by the rules (RFC 5849, section 3.1)."""
    if not authorization[:6].lower() == "oauth ":
        raise errors.BadRequest("Expecting to find OAuth parameters in the Authorization header.")
    try:
        parameters = _signature().collect_parameters(
            uri_query=query, body=form or None, headers={"Authorization": authorization}, exclude_oauth_signature=False
        )
    except (ValueError, UnicodeError):
        raise errors.BadRequest("The OAuth parameters cannot be read.") from None
    named = [(name, value) for name, value in parameters if name.startswith("oauth_")]
    found = dict(named)
    if len(found) != len(named):
        raise errors.BadRequest("An OAuth parameter stands there twice.")
    if found.get("oauth_version", "1.0") != "1.0" or found.get("oauth_signature_method") not in METHODS:
        raise errors.BadRequest(f"Only OAuth 1.0 with one of these signature methods is taken: {', '.join(METHODS)}.")
    rest = tuple((name, value) for name, value in parameters if name != "oauth_signature")
    return Signed(method, urls, rest, found)


def request_token(store: Store, vault: Vault, asked: Signed, project_id: str, now: float) -> Fresh:
    """A consumer's question for roles on a project. Raises `errors.BadRequest`, `NotFound`, `Unauthorized`."""
    consumer_id = asked.needed("oauth_consumer_key")
    asked.needed("oauth_callback")
    digest = _digest(asked, now)
    with store.read() as db:
        consumer = oauth.get_consumer(db, consumer_id)
        project = projects.get(db, project_id)
    if consumer is None:
        raise errors.missing("consumer", consumer_id)
    _verify(asked, vault.open(consumer.secret).decode())
    if project is None:  # told only to those who have signed
        raise errors.missing("project", project_id)
    fresh = Fresh(uuid4().hex, uuid4().hex, now + REQUEST_LIFE)
    sealed = vault.seal(fresh.secret.encode())
    with store.begin() as tx:
        oauth.use_nonce(tx, digest, now, 2 * FRESH)
        oauth.create_request(tx, RequestToken(fresh.id, consumer_id, project.id, sealed, fresh.expires_at), now)
    return fresh


def authorize(tx: Connection, token_id: str, user_id: str, roles: tuple[RoleRef, ...], now: float) -> str:
    """The user's answer: these of the user's own roles on the project that was asked for. Gives the verifier.

    Raises `errors.NotFound`, and `Unauthorized` for a role that the user does not have.
    """
    asked = oauth.get_request(tx, token_id)
    if asked is None:
        raise errors.missing("request token", token_id)
    _check_open(asked, now)
    role_ids = handed_roles.named(tx, roles)
    if not subjects.roles_held(tx, user_id, asked.project_id).issuperset(role_ids):
        raise errors.Unauthorized("You do not have all of these roles on the project that was asked for.")
    verifier = "".join(secrets.choice(VERIFIER_LETTERS) for _ in range(VERIFIER_LENGTH))
    oauth.authorize(tx, token_id, user_id, tuple(role_ids), verifier)
    return verifier


def access_token(store: Store, vault: Vault, asked: Signed, now: float) -> Fresh:
    """The answer, fetched once with the verifier that the user passed on.

    Raises `errors.BadRequest`, `NotFound`, `Unauthorized`.
    """
    consumer_id, token_id = asked.needed("oauth_consumer_key"), asked.needed("oauth_token")
    verifier = asked.needed("oauth_verifier")
    digest = _digest(asked, now)
    with store.read() as db:
        answered = oauth.get_request(db, token_id)
        consumer = oauth.get_consumer(db, consumer_id)
    if answered is None:
        raise errors.missing("request token", token_id)
    if consumer is None or answered.consumer_id != consumer.id:
        raise errors.Unauthorized(reason="not the consumer that the request token was made for")
    _verify(asked, vault.open(consumer.secret).decode(), vault.open(answered.secret).decode())
    _check_open(answered, now)
    if answered.user_id is None or not hmac.compare_digest((answered.verifier or "").encode(), verifier.encode()):
        raise errors.Unauthorized(reason="wrong OAuth verifier")
    fresh = Fresh(uuid4().hex, uuid4().hex, now + ACCESS_LIFE)
    new = AccessToken(fresh.id, consumer.id, answered.user_id, answered.project_id, answered.role_ids, fresh.expires_at)
    sealed = replace(new, secret=vault.seal(fresh.secret.encode()))
    with store.begin() as tx:
        oauth.use_nonce(tx, digest, now, 2 * FRESH)
        oauth.exchange(tx, answered, sealed)
    return fresh


def _check_open(asked: RequestToken, now: float) -> None:
    if asked.expires_at is not None and asked.expires_at <= now:
        raise errors.Unauthorized("The request token has expired.")


def _digest(asked: Signed, now: float) -> str:
    """What is remembered of the request, so that it cannot be sent twice. Raises `errors.BadRequest` for one that is not of now."""
    stamp, nonce = asked.needed("oauth_timestamp"), asked.needed("oauth_nonce")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and abs(int(stamp) - now) <= FRESH):
        raise errors.BadRequest(f"oauth_timestamp differs from this server's clock by more than {FRESH:g} seconds.")
    named = [asked.oauth["oauth_consumer_key"], asked.oauth.get("oauth_token", ""), int(stamp), nonce]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def _verify(asked: Signed, consumer_secret: str, token_secret: str = "") -> None:
    """Raises `errors.Unauthorized` unless the request was signed with these secrets."""
    verify = getattr(_signature(), METHODS[asked.oauth["oauth_signature_method"]])
    signature = asked.needed("oauth_signature")
    for url in asked.urls:
        signed = SimpleNamespace(uri=url, http_method=asked.method, params=list(asked.parameters), signature=signature)
        try:
            if verify(signed, consumer_secret, token_secret):
                return
        except ValueError:  # a Host header that makes no URL
            continue
    raise errors.Unauthorized("Invalid signature.", reason="an OAuth signature does not fit")


@cache
def _signature() -> Any:
    """oauthlib's signatures, brought in by the first request that has one: the import takes a tenth of a second."""
    return import_module("oauthlib.oauth1.rfc5849.signature")
