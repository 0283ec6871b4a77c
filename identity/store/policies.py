"""Policy blobs, and what each is set on: an endpoint, a service, or a service in a region with all regions below it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, insert, or_, select, text, update

from ..errors import NotFound
from ..model.catalog import Endpoint, PolicyBlob, PolicyTarget
from ..model.listing import EVERYTHING, Page
from .listing import Listing
from .pinning import pin
from .tables import endpoint, policy, policy_association, region
from .text import checked_id, findable

ROWS = select(policy.c.id, policy.c.type, policy.c.blob, policy.c.extra)
LISTING = Listing(ROWS, policy.c.id, {"type": policy.c.type}, ("id",))
GET = ROWS.where(policy.c.id == bindparam("this"))
CREATE = insert(policy)
CHANGE = update(policy).where(policy.c.id == bindparam("this"))
DELETE = delete(policy).where(policy.c.id == bindparam("this"))

SET = insert(policy_association)
AT = policy_association.c.target == bindparam("at")
SET_ON = select(policy_association.c.policy_id).where(AT)
SWITCH = update(policy_association).where(AT)
UNSET = delete(policy_association).where(AT, policy_association.c.policy_id == bindparam("policy"))
# What may hold for an endpoint: set on itself or on its service, in whatever region.
CANDIDATES = select(policy_association.c.target, policy_association.c.policy_id).where(
    or_(policy_association.c.endpoint_id == bindparam("endpoint"), policy_association.c.service_id == bindparam("service"))
)
PARENTS = text("""
WITH RECURSIVE above (id, parent_id) AS (
    SELECT id, parent_id FROM region WHERE id = :start
    UNION SELECT r.id, r.parent_id FROM above a JOIN region r ON r.id = a.parent_id
) SELECT id, parent_id FROM above
""")


def get(db: Connection, policy_id: str) -> PolicyBlob | None:
    """The policy, or None. One query."""
    row = db.execute(GET, {"this": policy_id}).first() if findable(policy_id) else None
    return _policy(row) if row is not None else None


def pinned(tx: Connection, policy_id: str) -> PolicyBlob | None:
    """As `get`, for a change: whoever wants to change it too waits until this transaction has ended."""
    pin(tx, policy, policy_id)
    return get(tx, policy_id)


def listed(db: Connection, page: Page = EVERYTHING) -> tuple[list[PolicyBlob], bool]:
    """The policies of that page, by id, and whether there are more."""
    found = LISTING.page(db, page)
    return [_policy(row) for row in found.rows], found.more


def create(tx: Connection, new: PolicyBlob) -> str:
    """Store a new policy; gives its id."""
    tx.execute(CREATE, {"id": checked_id(new.id), **_values(new)})
    return new.id


def save(tx: Connection, changed: PolicyBlob) -> None:
    """Write the policy as it is to be. Raises `NotFound`."""
    if tx.execute(CHANGE.values(**_values(changed)), {"this": changed.id}).rowcount == 0:
        raise NotFound(reason="no such policy")


def remove(tx: Connection, policy_id: str) -> None:
    """Remove a policy from the store and from all it is set on. Raises `NotFound`."""
    if not findable(policy_id) or tx.execute(DELETE, {"this": policy_id}).rowcount == 0:
        raise NotFound(reason="no such policy")


def found_on(db: Connection, target: PolicyTarget) -> str | None:
    """The id of the policy that is set on exactly this, or None. One query."""
    at = _spelled(target)
    return db.execute(SET_ON, {"at": at}).scalar() if findable(at) else None


def put_on(tx: Connection, policy_id: str, target: PolicyTarget) -> None:
    """Set a policy on something, in place of another one. Raises `NotFound` where one of them is not there."""
    at = _spelled(target)
    if tx.execute(SWITCH.values(policy_id=policy_id), {"at": at}).rowcount == 0:
        values = {"endpoint_id": target.endpoint_id, "service_id": target.service_id, "region_id": target.region_id}
        tx.execute(SET, {"target": at, "policy_id": policy_id, **values})


def take_off(tx: Connection, policy_id: str, target: PolicyTarget) -> bool:
    """End that; says whether the policy was set there."""
    return tx.execute(UNSET, {"at": _spelled(target), "policy": policy_id}).rowcount > 0


def holds_for(db: Connection, of: Endpoint) -> PolicyBlob | None:
    """The policy of an endpoint: its own, else its service's in its region or the nearest one above, else its service's.

    Three queries at most.
    """
    found = {at: id for at, id in db.execute(CANDIDATES, {"endpoint": of.id, "service": of.service_id})}
    if not found:
        return None
    targets = [PolicyTarget(endpoint_id=of.id)]
    if of.region_id is not None:
        parents: Mapping[str, str | None] = {id: parent for id, parent in db.execute(PARENTS, {"start": of.region_id})}
        region_id: str | None = of.region_id
        for _ in parents:
            if region_id is not None:
                targets.append(PolicyTarget(service_id=of.service_id, region_id=region_id))
                region_id = parents.get(region_id)
    targets.append(PolicyTarget(service_id=of.service_id))
    ids = [found[at] for target in targets if (at := _spelled(target)) in found]
    return get(db, ids[0]) if ids else None


def endpoints_of(policy_id: str) -> ColumnElement[bool]:
    """The condition on an endpoint that this policy is set on, directly or by its service or region."""
    set_here = select(policy_association).where(policy_association.c.policy_id == policy_id).subquery("set_here")
    below = (
        select(set_here.c.service_id, set_here.c.region_id)
        .where(set_here.c.service_id.is_not(None), set_here.c.region_id.is_not(None))
        .cte("below", recursive=True)
    )
    below = below.union(select(below.c.service_id, region.c.id).where(region.c.parent_id == below.c.region_id))
    services = select(set_here.c.service_id).where(set_here.c.service_id.is_not(None), set_here.c.region_id.is_(None))
    return or_(
        endpoint.c.id.in_(select(set_here.c.endpoint_id).where(set_here.c.endpoint_id.is_not(None))),
        endpoint.c.service_id.in_(services),
        exists().where(below.c.service_id == endpoint.c.service_id, below.c.region_id == endpoint.c.region_id),
    )


def _spelled(target: PolicyTarget) -> str:
    if target.endpoint_id is not None:
        return f"endpoint:{target.endpoint_id}"
    return f"service:{target.service_id}" if target.region_id is None else f"service:{target.service_id}/{target.region_id}"


def _policy(row: Any) -> PolicyBlob:
    id, type, blob, extra = row
    return PolicyBlob(id, type, json.loads(blob), extra)


def _values(wanted: PolicyBlob) -> dict[str, Any]:
    return {"type": wanted.type, "blob": json.dumps(wanted.blob), "extra": dict(wanted.extra)}
