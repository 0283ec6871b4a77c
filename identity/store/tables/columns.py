"""The metadata, its naming rule, and the columns that several tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, Integer, MetaData, String, Text, false, true

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String(64)
"""An identifier: uuid4().hex as a rule, but any string up to 64 characters."""

NAME = String(255)

COUNT = BigInteger().with_variant(Integer, "sqlite")
"""A number that only grows. SQLite numbers rows by itself only where the type is spelled INTEGER; it holds 64 bits there too."""


def id_column() -> Column[Any]:
    return Column("id", ID, primary_key=True)


def name_column() -> Column[Any]:
    return Column("name", NAME, nullable=False)


def description() -> Column[Any]:
    return Column("description", Text, nullable=False, server_default="")


def optional_text(name: str) -> Column[Any]:
    """Text that may be left out, and is shown as null then."""
    return Column(name, Text, nullable=True)


def enabled() -> Column[Any]:
    return Column("enabled", Boolean, nullable=False, server_default=true())


def flag(name: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False, server_default=false())


def json_object(name: str) -> Column[Any]:
    """Attributes that nothing is looked up by."""
    return Column(name, JSON, nullable=False, server_default="{}")


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    """Seconds since the epoch, UTC."""
    return Column(name, Double, nullable=nullable)
