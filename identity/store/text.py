"""Which strings may reach the database. PostgreSQL has no NUL in text, and lone surrogates have no UTF-8 (RFC 3629, section 3)."""

from __future__ import annotations

from uuid import uuid4

from ..errors import BadRequest


def findable(*values: str | None) -> bool:
    """Whether a row with these values can exist. Asked first, so that both databases say 'not found' to the same strings."""
    for value in values:
        if value is None or value.isascii():
            if value is not None and "\0" in value:
                return False
            continue
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            return False
    return True


def checked(value: str, limit: int, what: str) -> str:
    """`value`, fit to be stored. Raises `errors.BadRequest` when it is empty, too long or not text."""
    if not value.strip():
        raise BadRequest(f"The {what} may not be empty.")
    if len(value) > limit:
        raise BadRequest(f"The {what} may not be longer than {limit} characters.")
    if not findable(value):
        raise BadRequest(f"The {what} holds a character that cannot be stored.")
    return value


def checked_id(value: str | None) -> str:
    """A given id, or a fresh one. `/` and `*` part the tags of the change log, and 'system' is a target of its own there."""
    if value is None:
        return uuid4().hex
    if "/" in value or "*" in value or value == "system":
        raise BadRequest("The id is not allowed.")
    return checked(value, 64, "id")


def checked_name(value: str, limit: int = 255) -> str:
    return checked(value, limit, "name")


def checked_description(value: str) -> str:
    if not findable(value):
        raise BadRequest("The description holds a character that cannot be stored.")
    return value
