"""Options that one domain has of its own, such as the address of its directory."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, LargeBinary, Table

from .columns import ID, NAME, metadata

domain_config = Table(
    "domain_config",
    metadata,
    Column("domain_id", ID, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True),
    Column("group_name", NAME, primary_key=True),
    Column("option_name", NAME, primary_key=True),
    Column("value", JSON, nullable=True),
    Column("sealed", LargeBinary, nullable=True),  # instead of `value`, for an option that is a secret
)
