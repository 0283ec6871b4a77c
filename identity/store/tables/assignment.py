"""Roles, which role implies which, and who holds what where."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, String, Table, UniqueConstraint, text

from .columns import ID, description, id_column, json_object, metadata, name_column

role = Table(
    "role",
    metadata,
    id_column(),
    name_column(),
    Column("domain_id", ID, ForeignKey("project.id"), nullable=True),  # set: a role for use inside that domain, never in a token
    description(),
    json_object("extra"),
    json_object("options"),
    UniqueConstraint("domain_id", "name"),
)

# Global roles have no domain, and NULLs are never equal: their names need an index of their own.
Index(
    "uq_role_global_name",
    role.c.name,
    unique=True,
    sqlite_where=text("domain_id IS NULL"),
    postgresql_where=text("domain_id IS NULL"),
)

role_implication = Table(
    "role_implication",
    metadata,
    Column("prior_id", ID, ForeignKey("role.id", ondelete="CASCADE"), primary_key=True),
    Column("implied_id", ID, ForeignKey("role.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_role_implication_implied_id", "implied_id"),
)

role_grant = Table(
    "role_grant",
    metadata,
    Column("actor_kind", String(8), primary_key=True),
    Column("actor_id", ID, primary_key=True),
    Column("target_kind", String(8), primary_key=True),
    Column("target_id", ID, primary_key=True),
    Column("inherited", Boolean, primary_key=True),
    Column("role_id", ID, ForeignKey("role.id"), primary_key=True),
    CheckConstraint("actor_kind IN ('user', 'group')", name="actor"),
    CheckConstraint("target_kind IN ('project', 'domain', 'system')", name="target"),
    Index("ix_role_grant_target_id", "target_id"),
    Index("ix_role_grant_role_id", "role_id"),
)
