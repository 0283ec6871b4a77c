"""Limits: the default of each resource, and what single projects and domains have instead."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from .columns import ID, NAME, id_column, metadata, optional_text

registered_limit = Table(
    "registered_limit",
    metadata,
    id_column(),
    Column("service_id", ID, ForeignKey("service.id"), nullable=False),
    Column("region_id", NAME, ForeignKey("region.id"), nullable=True),
    Column("resource_name", NAME, nullable=False),
    Column("default_limit", Integer, nullable=False),
    optional_text("description"),
    UniqueConstraint("service_id", "region_id", "resource_name"),
    Index("ix_registered_limit_region_id", "region_id"),
)

# NULLs are never equal: a limit of no region needs an index of its own.
Index(
    "uq_registered_limit_no_region",
    registered_limit.c.service_id,
    registered_limit.c.resource_name,
    unique=True,
    sqlite_where=text("region_id IS NULL"),
    postgresql_where=text("region_id IS NULL"),
)

resource_limit = Table(
    "resource_limit",
    metadata,
    id_column(),
    Column("registered_limit_id", ID, ForeignKey("registered_limit.id"), nullable=False),
    Column("project_id", ID, ForeignKey("project.id", ondelete="CASCADE"), nullable=True),
    Column("domain_id", ID, ForeignKey("project.id", ondelete="CASCADE"), nullable=True),
    Column("resource_limit", Integer, nullable=False),
    optional_text("description"),
    UniqueConstraint("project_id", "registered_limit_id"),
    UniqueConstraint("domain_id", "registered_limit_id"),
    CheckConstraint("(project_id IS NULL) <> (domain_id IS NULL)", name="owner"),
    Index("ix_resource_limit_registered_limit_id", "registered_limit_id"),
)
