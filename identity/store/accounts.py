"""Users as the resource API reads them: one, and lists of them; and who they are at identity providers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from ..errors import BadRequest, Conflict
from ..model.account import Account, FederatedLink, FormerPassword
from ..model.listing import EVERYTHING, Filter, Page
from .listing import Listing, compared
from .pinning import pin
from .tables import federated_user, federation_protocol, membership, password, user_account
from .text import findable
from .users import newest

ROWS = select(
    user_account.c.id,
    user_account.c.name,
    user_account.c.domain_id,
    user_account.c.enabled,
    user_account.c.default_project_id,
    password.c.expires_at,
    user_account.c.options,
    user_account.c.extra,
    user_account.c.created_at,
    user_account.c.last_active_at,
).select_from(user_account.outerjoin(password, password.c.id == newest))
GET = ROWS.where(user_account.c.id == bindparam("this"))
LISTING = Listing(
    ROWS,
    user_account.c.id,
    {name: user_account.c[name] for name in ("name", "domain_id", "enabled", "default_project_id")},
)
FEDERATED = {
    "idp_id": federated_user.c.identity_provider_id,
    "protocol_id": federated_user.c.protocol_id,
    "unique_id": federated_user.c.unique_id,
}
LINKS = (
    select(*FEDERATED.values())
    .where(federated_user.c.user_id == bindparam("this"))
    .order_by(federated_user.c.identity_provider_id, federated_user.c.protocol_id)
)
PROTOCOLS = (
    select(federation_protocol.c.identity_provider_id, federation_protocol.c.id)
    .where(federation_protocol.c.identity_provider_id.in_(bindparam("idps", expanding=True)))
    .with_for_update(read=True, key_share=True)
)
UNLINK = delete(federated_user).where(federated_user.c.user_id == bindparam("this"))
LINK = insert(federated_user)
PASSWORDS = (
    select(password.c.hash, password.c.created_at, password.c.self_service)
    .where(password.c.user_id == bindparam("this"))
    .order_by(password.c.id.desc())
    .limit(bindparam("count"))
)


def get(db: Connection, user_id: str) -> Account | None:
    """The account with its federated links, or None. Two queries."""
    row = db.execute(GET, {"this": user_id}).first() if findable(user_id) else None
    return replace(_account(row), federated=links_of(db, user_id)) if row is not None else None


def pinned(tx: Connection, user_id: str) -> Account | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended."""
    pin(tx, user_account, user_id)
    return get(tx, user_id)


def listed(
    db: Connection,
    page: Page = EVERYTHING,
    *,
    domain_id: str | None = None,
    group_id: str | None = None,
    expires: tuple[str, float] | None = None,
) -> tuple[list[Account], bool]:
    """The users of that page, and whether there are more; only those of a domain, or in a group, if one is named.

    The filters `idp_id`, `protocol_id` and `unique_id` hold together for one federated link. `expires` is a comparison (lt, lte,
    gt, gte, eq, neq) of when the password expires with a time.
    """
    where: list[ColumnElement[bool]] = []
    if domain_id is not None:
        where.append(user_account.c.domain_id == domain_id)
    if group_id is not None:
        where.append(user_account.c.id.in_(select(membership.c.user_id).where(membership.c.group_id == group_id)))
    if expires is not None:
        where.append(_expiring(*expires))
    linked = [wanted for wanted in page.filters if wanted.name in FEDERATED]
    if linked:
        where.append(_linked(linked))
        page = replace(page, filters=tuple(wanted for wanted in page.filters if wanted.name not in FEDERATED))
    found = LISTING.page(db, page, *where)
    return [_account(row) for row in found.rows], found.more


def former_passwords(db: Connection, user_id: str, count: int) -> list[FormerPassword]:
    """The password in force and those before it that are still kept, at most `count`, newest first."""
    return [FormerPassword(*row) for row in db.execute(PASSWORDS, {"this": user_id, "count": count})]


def links_of(db: Connection, user_id: str) -> tuple[FederatedLink, ...]:
    return tuple(FederatedLink(*row) for row in db.execute(LINKS, {"this": user_id}))


def set_links(tx: Connection, user_id: str, name: str, links: Sequence[FederatedLink]) -> None:
    """Put these federated links in place of the user's former ones. Raises `BadRequest` for an unknown provider or protocol,
    `Conflict` for a link that another user has."""
    sound = all(findable(link.idp_id, link.protocol_id, link.unique_id) for link in links)
    idps = sorted({link.idp_id for link in links})
    known = {tuple(row) for row in tx.execute(PROTOCOLS, {"idps": idps})} if sound and idps else set()
    if any((link.idp_id, link.protocol_id) not in known for link in links):
        raise BadRequest("The user's federated entries name an identity provider or protocol that does not exist.")
    tx.execute(UNLINK, {"this": user_id})  # the protocols are held by now, as their deletion takes them: first
    rows = [
        {
            "user_id": user_id,
            "identity_provider_id": link.idp_id,
            "protocol_id": link.protocol_id,
            "unique_id": link.unique_id,
            "display_name": name,
        }
        for link in links
    ]
    try:
        if rows:
            tx.execute(LINK, rows)
    except IntegrityError as error:
        raise Conflict("Another user has one of these federated identities already.") from error


def _account(row: Sequence[Any]) -> Account:
    return Account(*row)


def _linked(wanted: Sequence[Filter]) -> ColumnElement[bool]:
    conditions = [
        compared(FEDERATED[one.name], one.comparator, one.value) if findable(one.value) else federated_user.c.user_id.is_(None)
        for one in wanted
    ]
    return user_account.c.id.in_(select(federated_user.c.user_id).where(and_(*conditions)))


def _expiring(comparison: str, at: float) -> ColumnElement[bool]:
    column = password.c.expires_at
    match comparison:
        case "lt":
            return column < at
        case "lte":
            return column <= at
        case "gt":
            return column > at
        case "gte":
            return column >= at
        case "neq":
            return column != at
        case _:
            return column == at
