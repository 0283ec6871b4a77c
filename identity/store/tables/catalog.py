"""Regions, services and endpoints."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from .columns import ID, NAME, description, enabled, id_column, json_object, metadata

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
)
