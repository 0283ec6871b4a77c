"""Secrets that users keep here: EC2 key pairs, TOTP seeds, certificates. The blob is sealed."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from .columns import ID, NAME, id_column, json_object, metadata

credential = Table(
    "credential",
    metadata,
    id_column(),
    Column("user_id", ID, nullable=False),  # no foreign keys: a credential may be of a user that another directory holds
    Column("project_id", ID, nullable=True),
    Column("type", NAME, nullable=False),
    Column("blob", LargeBinary, nullable=False),
    json_object("extra"),
    Index("ix_credential_user_id", "user_id"),
    Index("ix_credential_project_id", "project_id"),
)
