"""The declared schema, one file a topic; migrations must arrive at exactly this.

Owns names, types, keys and indexes; depends on SQLAlchemy Core only, and holds no statement.
"""

from __future__ import annotations

from .assignment import role, role_grant, role_implication
from .catalog import endpoint, region, service
from .change import change, change_counter
from .columns import metadata
from .identity import membership, password, user_account, user_group
from .project import project
from .token import signing_key, uuid_token

__all__ = [
    "change",
    "change_counter",
    "endpoint",
    "membership",
    "metadata",
    "password",
    "project",
    "region",
    "role",
    "role_grant",
    "role_implication",
    "service",
    "signing_key",
    "user_account",
    "user_group",
    "uuid_token",
]
