"""Users and their passwords. Whatever may end or alter a token is written to the change log in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update
from sqlalchemy import delete as remove

from ..errors import NotFound
from ..model import revocation
from ..model.account import Account, NewPassword
from ..model.auth import UserRef
from ..model.subject import Credential, Domain, User
from . import application_credentials, domains, epoch
from .lookup import Finder, home
from .pinning import pin_whole
from .tables import credential as credential_row
from .tables import password, role_grant, trust, user_account
from .text import checked_id, checked_name

newest = (
    select(password.c.id)
    .where(password.c.user_id == user_account.c.id)
    .order_by(password.c.id.desc())
    .limit(1)
    .correlate(user_account)
    .scalar_subquery()
)
ROWS = select(
    user_account.c.id,
    user_account.c.name,
    home.c.id,
    home.c.name,
    home.c.enabled,
    user_account.c.enabled,
    user_account.c.default_project_id,
    password.c.expires_at,
    password.c.hash,
    user_account.c.failed_count,
    user_account.c.failed_at,
    user_account.c.options,
    user_account.c.created_at,
    user_account.c.last_active_at,
).select_from(
    user_account.join(home, home.c.id == user_account.c.domain_id).outerjoin(password, password.c.id == newest),
)
FIND = Finder(ROWS, user_account)

THIS_ID: BindParameter[str] = bindparam("this")
THIS = user_account.c.id == THIS_ID
CREATE = insert(user_account)
ADD_PASSWORD = insert(password)
OLD_PASSWORDS = remove(password).where(
    password.c.user_id == bindparam("this"),
    password.c.id.not_in(
        select(password.c.id).where(password.c.user_id == bindparam("this")).order_by(password.c.id.desc()).limit(bindparam("keep"))
    ),
)
NO_PASSWORD = remove(password).where(password.c.user_id == bindparam("this"))
REPLACE_HASH = (
    update(password)
    .where(password.c.user_id == bindparam("this"), password.c.hash == bindparam("old"))
    .values(hash=bindparam("new"))
)
FAILED = (
    update(user_account)
    .where(THIS, user_account.c.failed_count < bindparam("limit"))
    .values(failed_count=user_account.c.failed_count + 1, failed_at=bindparam("now"))
    .returning(user_account.c.failed_count)
)
FAILED_ANEW = (
    update(user_account)
    .where(THIS, user_account.c.failed_at <= bindparam("before"))
    .values(failed_count=1, failed_at=bindparam("now"))
)
CLEARED = update(user_account).where(THIS).values(failed_count=0, failed_at=None)
ACTIVE = update(user_account).where(THIS).values(last_active_at=bindparam("now"))
FORGIVEN = CLEARED.where((user_account.c.failed_count < bindparam("limit")) | (user_account.c.failed_at <= bindparam("before")))
MOST_FAILURES = 2**31 - 1
IN_TOKENS = frozenset({"name", "enabled"})
DELETE = remove(user_account).where(THIS)
DELETE_GRANTS = remove(role_grant).where(role_grant.c.actor_kind == "user", role_grant.c.actor_id == bindparam("this"))

_trusts = (
    select(trust.c.id)
    .where((trust.c.trustor_user_id == THIS_ID) | (trust.c.trustee_user_id == THIS_ID))
    .cte("gone", recursive=True)
)
TRUSTS = select(_trusts.union(select(trust.c.id).join(_trusts, trust.c.redelegated_trust_id == _trusts.c.id)).c.id)
DELETE_CREDENTIALS = remove(credential_row).where(credential_row.c.user_id == bindparam("this"))


def find(db: Connection, ref: UserRef) -> User | None:
    """The user by id, or by name and domain. One query."""
    row = _row(db, ref)
    return _user(row) if row is not None else None


def account(db: Connection, ref: UserRef) -> Account | None:
    """The user as a log-in judges it: options and the last day of use, no further attributes. One query."""
    row = _row(db, ref)
    if row is None:
        return None
    id, name, domain_id, _, _, enabled, default_project_id, expires_at = row[:8]
    options, created_at, last_active_at = row[11:]
    return Account(id, name, domain_id, enabled, default_project_id, expires_at, options or {}, {}, created_at, last_active_at)


def credential(db: Connection, ref: UserRef) -> Credential | None:
    """What a log-in needs: the password in force, the failures counted, the user's options. One query."""
    row = _row(db, ref)
    if row is None:
        return None
    options = row[11] or {}
    return Credential(
        user=_user(row),
        hash=row[8],
        failed_count=row[9],
        failed_at=row[10],
        lockout_exempt=bool(options.get("ignore_lockout_failure_attempts")),
        password_expiry_exempt=bool(options.get("ignore_password_expiry")),
    )


def create(
    tx: Connection,
    *,
    name: str,
    domain_id: str,
    now: float,
    id: str | None = None,
    enabled: bool = True,
    default_project_id: str | None = None,
    hash: str | None = None,
    password_expires_at: float | None = None,
    options: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """Store a new user; gives its id. `options` have Keystone's names. Raises `Conflict` for a name that its domain has already."""
    domains.must_exist(tx, domain_id)
    values = {
        "id": checked_id(id),
        "name": checked_name(name),
        "domain_id": domain_id,
        "enabled": enabled,
        "default_project_id": default_project_id,
        "options": dict(options or {}),
        "extra": dict(extra or {}),
        "created_at": now,
    }
    tx.execute(CREATE, values)
    if hash is not None:
        _put_password(tx, str(values["id"]), NewPassword(hash, password_expires_at), now)
    epoch.record(tx, now, [(revocation.USER, str(values["id"]), False)])
    return str(values["id"])


def mark_active(tx: Connection, user_id: str, now: float) -> None:
    """Note when the user last logged in. No token is touched."""
    tx.execute(ACTIVE, {"this": user_id, "now": now})


def change(tx: Connection, user_id: str, values: Mapping[str, Any], now: float, *, password: NewPassword | None = None) -> None:
    """Write new `values` (by column: name, enabled, default_project_id, options, extra), and a new password if one is given.

    Switching off ends every token of the user and deletes the application credentials, as in Keystone; a new password ends the
    tokens too; switching on ends the lock-out. Raises `NotFound`, `Conflict` for a name that the domain has already.
    """
    written = dict(values)
    if "name" in written:
        written["name"] = checked_name(written["name"])
    if written.get("enabled"):
        written |= {"failed_count": 0, "failed_at": None, "last_active_at": now}
    if password is not None:
        written |= {"failed_count": 0, "failed_at": None}
    disabled = values.get("enabled") is False
    if disabled:
        pin_whole(tx, user_account, user_id)  # an application credential that is just being made goes, too
    if written and tx.execute(update(user_account).where(THIS).values(**written), {"this": user_id}).rowcount == 0:
        raise NotFound(reason="no such user")
    if password is not None:
        _put_password(tx, user_id, password, now)
    changes = application_credentials.remove_of_user(tx, user_id) if disabled else []
    revokes = disabled or (password is not None and password.hash is not None)
    if revokes or not IN_TOKENS.isdisjoint(values):
        epoch.record(tx, now, [*changes, (revocation.USER, user_id, revokes)])


def set_password(tx: Connection, user_id: str, hash: str, now: float, expires_at: float | None = None, *, keep: int = 0) -> None:
    """Put a new password in force, with `keep` former hashes left beside it; ends the lock-out and every token of the user."""
    change(tx, user_id, {}, now, password=NewPassword(hash, expires_at, keep))


def replace_hash(tx: Connection, user_id: str, old_hash: str, new_hash: str) -> bool:
    """Write the same password's better hash, if `old_hash` still stands. No token is touched."""
    return bool(tx.execute(REPLACE_HASH, {"this": user_id, "old": old_hash, "new": new_hash}).rowcount)


def record_failure(tx: Connection, user_id: str, now: float, *, limit: int = MOST_FAILURES, before: float = 0.0) -> int:
    """Count a wrong password; gives the number in a row (0: no such user, or locked).

    `limit` failures lock; from then on nothing is counted until the last one is from `before` or earlier: that ends the lock,
    and the count begins anew. Each step looks and writes in one statement, so that attempts at the same time all count.
    """
    counted = tx.execute(FAILED, {"this": user_id, "now": now, "limit": limit}).scalar()
    if counted is None:
        counted = tx.execute(FAILED_ANEW, {"this": user_id, "now": now, "before": before}).rowcount
    return int(counted)


def clear_failures(tx: Connection, user_id: str) -> None:
    """Forget the wrong passwords. Call it where `Credential.failed_count` is not 0."""
    tx.execute(CLEARED, {"this": user_id})


def forgive_failures(tx: Connection, user_id: str, *, limit: int, before: float) -> bool:
    """Forget the wrong passwords unless they lock the account now (see `record_failure`); False if they do."""
    return tx.execute(FORGIVEN, {"this": user_id, "limit": limit, "before": before}).rowcount > 0


def set_enabled(tx: Connection, user_id: str, enabled: bool, now: float) -> None:
    """Switch the account on or off; off ends every token that the user has."""
    change(tx, user_id, {"enabled": enabled}, now)


def delete(tx: Connection, user_id: str, now: float) -> None:
    """Remove the user with passwords, memberships, grants, credentials and what was delegated by or to it. Raises `NotFound`."""
    trusts = tx.execute(TRUSTS, {"this": user_id}).scalars().all()
    if tx.execute(DELETE, {"this": user_id}).rowcount == 0:
        raise NotFound(reason="no such user")
    # After the row itself, whose deletion waits for those who are just giving the user something.
    tx.execute(DELETE_GRANTS, {"this": user_id})
    tx.execute(DELETE_CREDENTIALS, {"this": user_id})
    epoch.record(tx, now, [(revocation.USER, user_id, True), *[(revocation.TRUST, id, True) for id in trusts]])


def _put_password(tx: Connection, user_id: str, new: NewPassword, now: float) -> None:
    if new.hash is None:
        tx.execute(NO_PASSWORD, {"this": user_id})
        return
    row = {"user_id": user_id, "hash": new.hash, "created_at": now, "expires_at": new.expires_at, "self_service": new.self_service}
    tx.execute(ADD_PASSWORD, row)
    tx.execute(OLD_PASSWORDS, {"this": user_id, "keep": new.keep + 1})


def _row(db: Connection, ref: UserRef) -> Sequence[Any] | None:
    found = FIND.statement(ref)
    return db.execute(*found).first() if found else None


def _user(row: Sequence[Any]) -> User:
    id, name, domain_id, domain_name, domain_enabled, enabled, default_project_id, expires_at = row[:8]
    return User(id, name, Domain(domain_id, domain_name, domain_enabled), enabled, default_project_id, expires_at)
