"""Federation: who vouches for foreign users, how their attributes are mapped, and where our own users may go on to."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Table, Text, UniqueConstraint

from .columns import ID, NAME, enabled, flag, id_column, metadata, optional_text

identity_provider = Table(
    "identity_provider",
    metadata,
    id_column(),
    Column("domain_id", ID, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    flag("enabled"),
    optional_text("description"),
    Column("authorization_ttl", Integer, nullable=True),  # minutes
    Index("ix_identity_provider_domain_id", "domain_id"),
)

remote_id = Table(
    "identity_provider_remote_id",
    metadata,
    Column("remote_id", NAME, primary_key=True),  # each belongs to one provider only
    Column("identity_provider_id", ID, ForeignKey("identity_provider.id", ondelete="CASCADE"), nullable=False),
    Index("ix_identity_provider_remote_id_identity_provider_id", "identity_provider_id"),
)

mapping = Table(
    "mapping",
    metadata,
    id_column(),
    Column("rules", JSON, nullable=False),
    Column("schema_version", String(5), nullable=False, server_default="1.0"),
)

federation_protocol = Table(
    "federation_protocol",
    metadata,
    Column("identity_provider_id", ID, ForeignKey("identity_provider.id", ondelete="CASCADE"), primary_key=True),
    Column("id", ID, primary_key=True),
    Column("mapping_id", ID, nullable=False),  # no foreign key: a mapping may be deleted and made anew, as today
    Column("remote_id_attribute", String(64), nullable=True),
)

service_provider = Table(
    "service_provider",
    metadata,
    id_column(),
    enabled(),
    optional_text("description"),
    Column("auth_url", String(256), nullable=False),
    Column("sp_url", String(256), nullable=False),
    Column("relay_state_prefix", String(256), nullable=False, server_default="ss:mem:"),
)

federated_user = Table(
    "federated_user",
    metadata,
    Column("user_id", ID, ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True),
    Column("identity_provider_id", ID, primary_key=True),
    Column("protocol_id", ID, primary_key=True),
    Column("unique_id", Text, nullable=False),
    optional_text("display_name"),
    UniqueConstraint("identity_provider_id", "protocol_id", "unique_id"),
    ForeignKeyConstraint(
        ["identity_provider_id", "protocol_id"],
        ["federation_protocol.identity_provider_id", "federation_protocol.id"],
        ondelete="CASCADE",
        name="fk_federated_user_protocol",
    ),
)
