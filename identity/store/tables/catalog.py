"""Regions, services and endpoints; which projects see which endpoints; and the policy blobs that services fetch."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from .columns import ID, NAME, description, enabled, id_column, json_object, metadata, name_column

region = Table(
    "region",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("parent_id", NAME, ForeignKey("region.id"), nullable=True),
    description(),
    json_object("extra"),
)

service = Table(
    "service",
    metadata,
    id_column(),
    Column("type", NAME, nullable=False),
    Column("name", NAME, nullable=False, server_default=""),
    enabled(),
    description(),
    json_object("extra"),
)

endpoint = Table(
    "endpoint",
    metadata,
    id_column(),
    Column("service_id", ID, ForeignKey("service.id", ondelete="CASCADE"), nullable=False),
    Column("region_id", NAME, ForeignKey("region.id"), nullable=True),
    Column("interface", String(8), nullable=False),
    Column("url", Text, nullable=False),
    enabled(),
    json_object("extra"),
    Index("ix_endpoint_service_id", "service_id"),
    Index("ix_endpoint_region_id", "region_id"),
)

endpoint_group = Table(
    "endpoint_group",
    metadata,
    id_column(),
    name_column(),
    description(),
    json_object("filters"),  # interface, service_id, region_id, enabled: whichever are set must all fit
)

project_endpoint = Table(
    "project_endpoint",
    metadata,
    Column("project_id", ID, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True),
    Column("endpoint_id", ID, ForeignKey("endpoint.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_project_endpoint_endpoint_id", "endpoint_id"),
)

project_endpoint_group = Table(
    "project_endpoint_group",
    metadata,
    Column("project_id", ID, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True),
    Column("endpoint_group_id", ID, ForeignKey("endpoint_group.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_project_endpoint_group_endpoint_group_id", "endpoint_group_id"),
)

policy = Table(
    "policy",
    metadata,
    id_column(),
    Column("type", NAME, nullable=False),
    Column("blob", Text, nullable=False),  # as the client sent it, in JSON
    json_object("extra"),
)

policy_association = Table(
    "policy_association",
    metadata,
    # What it is set on: "endpoint:ID", "service:ID" or "service:ID/REGION". One policy each.
    Column("target", Text, primary_key=True),
    Column("policy_id", ID, ForeignKey("policy.id", ondelete="CASCADE"), nullable=False),
    Column("endpoint_id", ID, ForeignKey("endpoint.id", ondelete="CASCADE"), nullable=True),
    Column("service_id", ID, ForeignKey("service.id", ondelete="CASCADE"), nullable=True),
    Column("region_id", NAME, ForeignKey("region.id", ondelete="CASCADE"), nullable=True),
    Index("ix_policy_association_policy_id", "policy_id"),
    Index("ix_policy_association_endpoint_id", "endpoint_id"),
    Index("ix_policy_association_service_id", "service_id"),
    Index("ix_policy_association_region_id", "region_id"),
)
