"""OAuth 1.0a: consumers, and the tokens that users authorise for them. Secrets come and go sealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..errors import Unauthorized, missing
from ..model import revocation
from ..model.delegation import AccessToken, Consumer, RequestToken
from ..model.listing import EVERYTHING, Page
from . import epoch
from .listing import Listing
from .pinning import pin
from .tables import access_token, consumer, oauth_nonce, request_token
from .text import checked_description, findable

C, R, A = consumer.c, request_token.c, access_token.c
CONSUMERS = select(C.id, C.description, C.extra, C.secret)
CONSUMER_LIST = Listing(CONSUMERS, C.id, {"description": C.description}, ("id",))
GET_CONSUMER = CONSUMERS.where(C.id == bindparam("this"))
CREATE_CONSUMER = insert(consumer)
CHANGE_CONSUMER = update(consumer).where(C.id == bindparam("this"))
DELETE_CONSUMER = delete(consumer).where(C.id == bindparam("this"))
TOKENS_OF_CONSUMER = select(A.id).where(A.consumer_id == bindparam("this"))
GET_REQUEST = select(
    R.id, R.consumer_id, R.requested_project_id, R.secret, R.expires_at, R.verifier, R.authorizing_user_id, R.role_ids
).where(R.id == bindparam("this"))
CREATE_REQUEST = insert(request_token)
AUTHORIZE = update(request_token).where(R.id == bindparam("this"))
TAKE_REQUEST = delete(request_token).where(R.id == bindparam("this"), R.verifier == bindparam("shown"))
PURGE_REQUESTS = delete(request_token).where(R.expires_at < bindparam("before"))
TOKENS = select(A.id, A.consumer_id, A.authorizing_user_id, A.project_id, A.role_ids, A.expires_at)
TOKEN_LIST = Listing(TOKENS, A.id, {"consumer_id": A.consumer_id, "project_id": A.project_id}, ("id",))
MINE = (A.id == bindparam("this"), A.authorizing_user_id == bindparam("user"))
GET_TOKEN = TOKENS.where(*MINE)
CREATE_TOKEN = insert(access_token)
DELETE_TOKEN = delete(access_token).where(*MINE)
NOTE_NONCE = insert(oauth_nonce)
PURGE_NONCES = delete(oauth_nonce).where(oauth_nonce.c.seen_at < bindparam("before"))


def get_consumer(db: Connection, consumer_id: str) -> Consumer | None:
    """The consumer with its sealed secret, or None. One query."""
    row = db.execute(GET_CONSUMER, {"this": consumer_id}).first() if findable(consumer_id) else None
    return Consumer(*row) if row is not None else None


def pinned_consumer(tx: Connection, consumer_id: str) -> Consumer | None:
    """As `get_consumer`, for a change: whoever wants to change it too waits until this transaction has ended."""
    pin(tx, consumer, consumer_id)
    return get_consumer(tx, consumer_id)


def consumers(db: Connection, page: Page = EVERYTHING) -> tuple[list[Consumer], bool]:
    """The consumers of that page, by id, and whether there are more."""
    found = CONSUMER_LIST.page(db, page)
    return [Consumer(*row) for row in found.rows], found.more


def create_consumer(tx: Connection, new: Consumer) -> None:
    about = None if new.description is None else checked_description(new.description)
    tx.execute(CREATE_CONSUMER, {"id": new.id, "secret": new.secret, "description": about, "extra": dict(new.extra)})


def save_consumer(tx: Connection, changed: Consumer) -> None:
    """Write the description and the further attributes."""
    tx.execute(CHANGE_CONSUMER.values(description=changed.description, extra=dict(changed.extra)), {"this": changed.id})


def remove_consumer(tx: Connection, consumer_id: str, now: float) -> None:
    """Delete the consumer with its tokens, and end what was issued for them. Raises `NotFound`."""
    tokens = tx.execute(TOKENS_OF_CONSUMER, {"this": consumer_id}).scalars().all()
    if tx.execute(DELETE_CONSUMER, {"this": consumer_id}).rowcount == 0:
        raise missing("consumer", consumer_id)
    epoch.record(tx, now, [(revocation.ACCESS_TOKEN, id, True) for id in tokens])


def get_request(db: Connection, token_id: str) -> RequestToken | None:
    """The request token with its sealed secret, expired or not. One query."""
    row = db.execute(GET_REQUEST, {"this": token_id}).first() if findable(token_id) else None
    if row is None:
        return None
    return RequestToken(row[0], row[1], row[2], row[3], row[4], row[5], row[6], tuple(row[7] or ()))


def create_request(tx: Connection, new: RequestToken, now: float) -> None:
    """Store a question; those that have expired unanswered are dropped with it."""
    tx.execute(PURGE_REQUESTS, {"before": now})
    values = {"id": new.id, "secret": new.secret, "consumer_id": new.consumer_id, "expires_at": new.expires_at}
    tx.execute(CREATE_REQUEST, {**values, "requested_project_id": new.project_id})


def authorize(tx: Connection, token_id: str, user_id: str, role_ids: tuple[str, ...], verifier: str) -> None:
    """Note the user's answer. Raises `NotFound`."""
    answer = AUTHORIZE.values(authorizing_user_id=user_id, role_ids=list(role_ids), verifier=verifier)
    if tx.execute(answer, {"this": token_id}).rowcount == 0:
        raise missing("request token", token_id)


def exchange(tx: Connection, answered: RequestToken, new: AccessToken) -> None:
    """Put the access token in the request token's place. Raises `Unauthorized` where another request has done so meanwhile."""
    if tx.execute(TAKE_REQUEST, {"this": answered.id, "shown": answered.verifier}).rowcount == 0:
        raise Unauthorized(reason="the request token was taken meanwhile")
    values = {"id": new.id, "secret": new.secret, "consumer_id": new.consumer_id, "authorizing_user_id": new.user_id}
    tx.execute(CREATE_TOKEN, {**values, "project_id": new.project_id, "role_ids": list(new.role_ids), "expires_at": new.expires_at})


def get_token(db: Connection, user_id: str, token_id: str) -> AccessToken | None:
    """The user's access token without its secret, or None. One query."""
    row = db.execute(GET_TOKEN, {"user": user_id, "this": token_id}).first() if findable(user_id, token_id) else None
    return _token(row) if row is not None else None


def tokens(db: Connection, user_id: str, page: Page = EVERYTHING) -> tuple[list[AccessToken], bool]:
    """The user's access tokens of that page, by id, and whether there are more."""
    if not findable(user_id):
        return [], False
    found = TOKEN_LIST.page(db, page, A.authorizing_user_id == user_id)
    return [_token(row) for row in found.rows], found.more


def remove_token(tx: Connection, user_id: str, token_id: str, now: float) -> None:
    """Delete the user's access token, and end what was issued for it. Raises `NotFound`."""
    if tx.execute(DELETE_TOKEN, {"user": user_id, "this": token_id}).rowcount == 0:
        raise missing("access token", token_id)
    epoch.record(tx, now, [(revocation.ACCESS_TOKEN, token_id, True)])


def use_nonce(tx: Connection, digest: str, now: float, kept: float) -> None:
    """Note that this request was made; those older than `kept` seconds are dropped. Raises `Unauthorized` for one seen before.

    After that the transaction can only be given up.
    """
    tx.execute(PURGE_NONCES, {"before": now - kept})
    try:
        tx.execute(NOTE_NONCE, {"digest": digest, "seen_at": now})
    except IntegrityError:
        raise Unauthorized(reason="an OAuth request was sent twice") from None


def _token(row: Sequence[Any]) -> AccessToken:
    id, consumer_id, user_id, project_id, role_ids, expires_at = row
    return AccessToken(id, consumer_id, user_id, project_id, tuple(role_ids), expires_at)
