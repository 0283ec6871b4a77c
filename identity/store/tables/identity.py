"""Users, their passwords, groups and membership."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from .columns import COUNT, ID, description, enabled, flag, id_column, json_object, metadata, moment, name_column

user_account = Table(
    "user_account",
    metadata,
    id_column(),
    name_column(),
    Column("domain_id", ID, ForeignKey("project.id"), nullable=False),
    enabled(),
    Column("default_project_id", ID, nullable=True),  # no foreign key: Keystone keeps the id of a project that is gone
    description(),
    json_object("extra"),
    json_object("options"),
    Column("failed_count", Integer, nullable=False, server_default="0"),
    moment("failed_at", nullable=True),
    moment("created_at"),
    moment("last_active_at", nullable=True),
    UniqueConstraint("domain_id", "name"),
    Index("ix_user_account_name_id", "name", "id"),  # the order of every listing
    Index("ix_user_account_default_project_id", "default_project_id"),
)

password = Table(
    "password",
    metadata,
    Column("id", COUNT, primary_key=True, autoincrement=True),  # the highest is the one in force
    Column("user_id", ID, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("hash", Text, nullable=False),
    moment("created_at"),
    moment("expires_at", nullable=True),
    flag("self_service"),
    Index("ix_password_user_id_id", "user_id", "id"),
)

user_group = Table(
    "user_group",
    metadata,
    id_column(),
    name_column(),
    Column("domain_id", ID, ForeignKey("project.id"), nullable=False),
    description(),
    json_object("extra"),
    UniqueConstraint("domain_id", "name"),
    Index("ix_user_group_name_id", "name", "id"),
)

membership = Table(
    "membership",
    metadata,
    Column("user_id", ID, ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", ID, ForeignKey("user_group.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_membership_group_id", "group_id"),
)
