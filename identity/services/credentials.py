"""What may be in a credential's blob, and how it is sealed: as Keystone has it, so that either reads the other's rows."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection

from identity.errors import BadRequest, Forbidden
from identity.model.credential import EC2, Ec2Keys, KeptSecret
from identity.store import credentials
from identity.tokens.vault import Vault

_BOUND: Final = ("trust_id", "app_cred_id", "access_token_id", "access_id")
"""Members of an EC2 blob that hold it to a delegation: to change one would be to leave it."""


def id_of(type: str, blob: str) -> str:
    """The id of a new credential. Raises `errors.BadRequest` for an EC2 blob without an access key."""
    if type.lower() != EC2:
        return uuid4().hex
    return access_id(_access(blob))


def access_id(access: str) -> str:
    """The id of the EC2 credential with this access key."""
    return hashlib.sha256(access.encode("utf-8", "surrogatepass")).hexdigest()


def seal(vault: Vault, type: str, blob: str) -> bytes:
    """What to store; an EC2 blob is once more a JSON string inside."""
    return vault.seal((json.dumps(blob) if type == EC2 else blob).encode())


def open_blob(vault: Vault, kept: KeptSecret) -> str:
    """The blob as the client gave it. Rows of the oldest kind hold an object: that comes as its JSON."""
    plain = vault.open(kept.sealed).decode("utf-8", "replace")
    if kept.type != EC2:
        return plain
    try:
        inner = json.loads(plain)
    except ValueError:
        return plain
    return inner if isinstance(inner, str) else json.dumps(inner)


def ec2_keys(vault: Vault, kept: KeptSecret) -> Ec2Keys:
    """The pair of keys in an EC2 credential; a member that is no text is left out."""
    members = _members(open_blob(vault, kept))
    access, secret, trust_id = (_text(members.get(name)) for name in ("access", "secret", "trust_id"))
    return Ec2Keys(access, secret, trust_id)


def check_change(type: str, old: str, new: str) -> None:
    """Raises `errors.BadRequest` for a new blob that an EC2 credential may not get."""
    if type.lower() != EC2:
        return
    _access(new)
    before, after = _members(old), _members(new)
    for name in _BOUND:
        if before.get(name) != after.get(name):
            raise BadRequest(f"The {name} of an EC2 credential cannot be changed: make another credential.")


def create(tx: Connection, new: KeptSecret, user_limit: int) -> None:
    """Store a credential. Raises `errors.Conflict`; `errors.Forbidden` where the user has `user_limit` of them (-1: no limit)."""
    if user_limit >= 0 and credentials.counted(tx, new.user_id) >= user_limit:
        raise Forbidden(f"The user has {user_limit} credentials already, which is the most: delete one first.")
    credentials.create(tx, new)


def _access(blob: str) -> str:
    access = _members(blob).get("access")
    if not isinstance(access, str) or not access:
        raise BadRequest('The blob of an EC2 credential must be a JSON object with the text members "access" and "secret".')
    return access


def _members(blob: str) -> dict[str, Any]:
    try:
        members = json.loads(blob)
    except (ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
