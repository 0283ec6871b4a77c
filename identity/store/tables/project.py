"""Projects and domains. A domain is a project row that is its own root, as in Keystone."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, UniqueConstraint, text

from .columns import ID, NAME, description, enabled, flag, id_column, json_object, metadata, moment, name_column

project = Table(
    "project",
    metadata,
    id_column(),
    name_column(),
    Column("domain_id", ID, ForeignKey("project.id"), nullable=True),
    # A project at the top of its domain has the domain as its parent, so one walk upwards meets everything it inherits from.
    Column("parent_id", ID, ForeignKey("project.id"), nullable=True),
    flag("is_domain"),
    enabled(),
    description(),
    json_object("extra"),
    json_object("options"),
    moment("created_at"),
    UniqueConstraint("domain_id", "name"),
    CheckConstraint("is_domain = (domain_id IS NULL) AND is_domain = (parent_id IS NULL)", name="root"),
    Index("ix_project_parent_id", "parent_id"),
    Index("ix_project_name_id", "name", "id"),  # the order of every listing
)

# A unique constraint takes no notice of rows with NULL in it (SQL:2016, 8.10), so domains need an index of their own.
Index("uq_project_domain_name", project.c.name, unique=True, sqlite_where=text("is_domain"), postgresql_where=text("is_domain"))

project_tag = Table(
    "project_tag",
    metadata,
    Column("project_id", ID, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True),
    Column("name", NAME, primary_key=True),
    Index("ix_project_tag_name", "name"),
)
