"""Tokens that are kept in the database, and signing keys in wrapped form."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from .columns import id_column, metadata, moment

uuid_token = Table(
    "uuid_token",
    metadata,
    Column("digest", String(128), primary_key=True),  # of the token: a copy of this table lets nobody in
    Column("claims", Text, nullable=False),
    moment("expires_at"),
    Index("ix_uuid_token_expires_at", "expires_at"),
)

signing_key = Table(
    "signing_key",
    metadata,
    id_column(),
    Column("purpose", String(32), nullable=False),
    Column("position", Integer, nullable=False),  # as Keystone names key files: 0 is staged, the highest seals
    Column("blob", LargeBinary, nullable=False),
    moment("created_at"),
    UniqueConstraint("purpose", "position"),
)
