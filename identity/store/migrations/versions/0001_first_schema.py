"""The first schema: accounts, assignments, services, the change log, kept tokens and keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.String(length=64)
NAME = sa.String(length=255)
COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _projects()
    _users()
    _groups()
    _roles()
    _grants()
    _services()
    _changes()
    _tokens()


def _projects() -> None:
    op.create_table(
        "project",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("domain_id", ID, nullable=True),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column("is_domain", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("options", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.CheckConstraint("is_domain = (domain_id IS NULL) AND is_domain = (parent_id IS NULL)", name=op.f("ck_project_root")),
        sa.ForeignKeyConstraint(["domain_id"], ["project.id"], name="fk_project_domain_id"),
        sa.ForeignKeyConstraint(["parent_id"], ["project.id"], name="fk_project_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
        sa.UniqueConstraint("domain_id", "name", name="uq_project_domain_id_name"),
    )
    op.create_index("ix_project_parent_id", "project", ["parent_id"])
    op.create_index(
        "uq_project_domain_name",
        "project",
        ["name"],
        unique=True,
        sqlite_where=sa.text("is_domain"),
        postgresql_where=sa.text("is_domain"),
    )


def _users() -> None:
    op.create_table(
        "user_account",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("domain_id", ID, nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("default_project_id", ID, nullable=True),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("options", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("failed_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed_at", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("last_active_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["domain_id"], ["project.id"], name="fk_user_account_domain_id"),
        sa.PrimaryKeyConstraint("id", name="pk_user_account"),
        sa.UniqueConstraint("domain_id", "name", name="uq_user_account_domain_id_name"),
    )
    op.create_table(
        "password",
        sa.Column("id", COUNT, autoincrement=True, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("self_service", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_password_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_password"),
    )
    op.create_index("ix_password_user_id_id", "password", ["user_id", "id"])


def _groups() -> None:
    op.create_table(
        "user_group",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("domain_id", ID, nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["domain_id"], ["project.id"], name="fk_user_group_domain_id"),
        sa.PrimaryKeyConstraint("id", name="pk_user_group"),
        sa.UniqueConstraint("domain_id", "name", name="uq_user_group_domain_id_name"),
    )
    op.create_table(
        "membership",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["user_group.id"], name="fk_membership_group_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_membership_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "group_id", name="pk_membership"),
    )
    op.create_index("ix_membership_group_id", "membership", ["group_id"])


def _roles() -> None:
    op.create_table(
        "role",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("domain_id", ID, nullable=True),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("options", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["domain_id"], ["project.id"], name="fk_role_domain_id"),
        sa.PrimaryKeyConstraint("id", name="pk_role"),
        sa.UniqueConstraint("domain_id", "name", name="uq_role_domain_id_name"),
    )
    op.create_index(
        "uq_role_global_name",
        "role",
        ["name"],
        unique=True,
        sqlite_where=sa.text("domain_id IS NULL"),
        postgresql_where=sa.text("domain_id IS NULL"),
    )
    op.create_table(
        "role_implication",
        sa.Column("prior_id", ID, nullable=False),
        sa.Column("implied_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["implied_id"], ["role.id"], name="fk_role_implication_implied_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["prior_id"], ["role.id"], name="fk_role_implication_prior_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("prior_id", "implied_id", name="pk_role_implication"),
    )
    op.create_index("ix_role_implication_implied_id", "role_implication", ["implied_id"])


def _grants() -> None:
    op.create_table(
        "role_grant",
        sa.Column("actor_kind", sa.String(length=8), nullable=False),
        sa.Column("actor_id", ID, nullable=False),
        sa.Column("target_kind", sa.String(length=8), nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("inherited", sa.Boolean(), nullable=False),
        sa.Column("role_id", ID, nullable=False),
        sa.CheckConstraint("actor_kind IN ('user', 'group')", name=op.f("ck_role_grant_actor")),
        sa.CheckConstraint("target_kind IN ('project', 'domain', 'system')", name=op.f("ck_role_grant_target")),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="fk_role_grant_role_id"),
        sa.PrimaryKeyConstraint("actor_kind", "actor_id", "target_kind", "target_id", "inherited", "role_id", name="pk_role_grant"),
    )
    op.create_index("ix_role_grant_role_id", "role_grant", ["role_id"])
    op.create_index("ix_role_grant_target_id", "role_grant", ["target_id"])


def _services() -> None:
    op.create_table(
        "region",
        sa.Column("id", NAME, nullable=False),
        sa.Column("parent_id", NAME, nullable=True),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["region.id"], name="fk_region_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_region"),
    )
    op.create_table(
        "service",
        sa.Column("id", ID, nullable=False),
        sa.Column("type", NAME, nullable=False),
        sa.Column("name", NAME, server_default="", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service"),
    )
    op.create_table(
        "endpoint",
        sa.Column("id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("region_id", NAME, nullable=True),
        sa.Column("interface", sa.String(length=8), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name="fk_endpoint_region_id"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_endpoint_service_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_endpoint"),
    )
    op.create_index("ix_endpoint_service_id", "endpoint", ["service_id"])


def _changes() -> None:
    op.create_table(
        "change_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", COUNT, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_change_counter_one")),
        sa.PrimaryKeyConstraint("id", name="pk_change_counter"),
    )
    op.create_table(
        "change",
        sa.Column("seq", COUNT, autoincrement=False, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("revokes", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_change"),
    )
    op.create_index(
        "ix_change_revoked", "change", ["tag", "seq"], sqlite_where=sa.text("revokes"), postgresql_where=sa.text("revokes")
    )
    op.execute("INSERT INTO change_counter (id, seq) VALUES (1, 0)")


def _tokens() -> None:
    op.create_table(
        "uuid_token",
        sa.Column("digest", sa.String(length=128), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_uuid_token"),
    )
    op.create_index("ix_uuid_token_expires_at", "uuid_token", ["expires_at"])
    op.create_table(
        "signing_key",
        sa.Column("id", ID, nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_key"),
        sa.UniqueConstraint("purpose", "position", name="uq_signing_key_purpose_position"),
    )
