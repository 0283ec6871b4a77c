"""Revocation events. Nothing here needs them, since a token is asked about; old services may read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from identity import errors
from identity.store import revocations
from identity.store.revocations import Revocation
from identity.web.context import Call
from identity.web.listing import listed, page_of, query_of
from identity.web.reply import Reply
from identity.web.route import route
from identity.web.v3.times import shown

MOST = 10_000
"""Changes that one answer tells of, where the client does not ask for fewer."""


class Event(msgspec.Struct, rename={"trust_id": "OS-TRUST:trust_id", "access_token_id": "OS-OAUTH1:access_token_id"}):
    """A token is void if it was issued before `issued_before` and meets all that the event names."""

    issued_before: str
    revoked_at: str
    audit_id: str | msgspec.UnsetType = msgspec.UNSET
    audit_chain_id: str | msgspec.UnsetType = msgspec.UNSET
    user_id: str | msgspec.UnsetType = msgspec.UNSET
    project_id: str | msgspec.UnsetType = msgspec.UNSET
    domain_id: str | msgspec.UnsetType = msgspec.UNSET
    role_id: str | msgspec.UnsetType = msgspec.UNSET
    trust_id: str | msgspec.UnsetType = msgspec.UNSET
    access_token_id: str | msgspec.UnsetType = msgspec.UNSET


class ManyEvents(msgspec.Struct):
    events: list[Event]
    links: dict[str, str | None]


@route(
    "GET",
    "/v3/OS-REVOKE/events",
    policy="identity:list_revoke_events",
    summary="List what was revoked after the time `since`. The marker is in the link to the next page.",
    reply=ManyEvents,
    filters=(),
    query=("since",),
    errors=(400, 401, 403),
)
def list_revocation_events(call: Call) -> Reply:
    call.enforce()
    page = page_of(call)
    marker = page.marker or "0"
    if not marker.isascii() or not marker.isdigit() or len(marker) > 18:
        raise errors.BadRequest("The marker is not one that this list has given.")
    since = [value for name, value in query_of(call) if name == "since" and value]
    moment = _moment(since[-1]) if since else 0.0
    with call.services.store.read() as db:
        found, rest = revocations.listed(db, since=moment, after=int(marker), limit=min(page.limit or MOST, MOST))
    return listed(call, "events", [_shape(event) for event in found], rest is not None, None if rest is None else str(rest))


def _shape(event: Revocation) -> dict[str, Any]:
    at = shown(event.at)
    return {**dict(event.keys), "issued_before": at, "revoked_at": at}


def _moment(text: str) -> float:
    """ISO 8601; in UTC where it names no zone."""
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise errors.BadRequest("since is not a time such as 2030-01-31T12:00:00.000000Z.") from None
