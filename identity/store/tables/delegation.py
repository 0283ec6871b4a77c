"""What users hand on: trusts to other users, application credentials to programs, and the routes that these may use."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from .columns import ID, NAME, flag, id_column, json_object, metadata, moment, name_column, optional_text

trust = Table(
    "trust",
    metadata,
    id_column(),
    Column("trustor_user_id", ID, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("trustee_user_id", ID, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("project_id", ID, ForeignKey("project.id", ondelete="CASCADE"), nullable=True),
    flag("impersonation"),
    moment("expires_at", nullable=True),
    moment("created_at"),
    Column("remaining_uses", Integer, nullable=True),
    Column("redelegated_trust_id", ID, ForeignKey("trust.id", ondelete="CASCADE"), nullable=True),
    Column("redelegation_count", Integer, nullable=False, server_default="0"),
    json_object("extra"),
    Index("ix_trust_trustor_user_id", "trustor_user_id"),
    Index("ix_trust_trustee_user_id", "trustee_user_id"),
    Index("ix_trust_project_id", "project_id"),
    Index("ix_trust_redelegated_trust_id", "redelegated_trust_id"),
)

trust_role = Table(
    "trust_role",
    metadata,
    Column("trust_id", ID, ForeignKey("trust.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ID, ForeignKey("role.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_trust_role_role_id", "role_id"),
)

application_credential = Table(
    "application_credential",
    metadata,
    id_column(),
    name_column(),
    Column("user_id", ID, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("project_id", ID, ForeignKey("project.id", ondelete="CASCADE"), nullable=True),  # None: the system
    Column("hash", Text, nullable=False),
    optional_text("description"),
    moment("created_at"),
    moment("expires_at", nullable=True),
    flag("unrestricted"),
    UniqueConstraint("user_id", "name"),
    Index("ix_application_credential_project_id", "project_id"),
)

application_credential_role = Table(
    "application_credential_role",
    metadata,
    Column("application_credential_id", ID, ForeignKey("application_credential.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ID, ForeignKey("role.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_application_credential_role_role_id", "role_id"),
)

access_rule = Table(
    "access_rule",
    metadata,
    id_column(),
    Column("user_id", ID, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("service", NAME, nullable=False),
    Column("path", String(128), nullable=False),
    Column("method", String(16), nullable=False),
    UniqueConstraint("user_id", "service", "path", "method"),
)

application_credential_access_rule = Table(
    "application_credential_access_rule",
    metadata,
    Column("application_credential_id", ID, ForeignKey("application_credential.id", ondelete="CASCADE"), primary_key=True),
    Column("access_rule_id", ID, ForeignKey("access_rule.id"), primary_key=True),
    Index("ix_application_credential_access_rule_access_rule_id", "access_rule_id"),
)
