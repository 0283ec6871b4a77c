"""The whole resource API: tags, endpoint filters, policies, limits, domain options, credentials.

Only adds tables and indexes: the code of 0001 runs on this schema too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.String(length=64)
NAME = sa.String(length=255)


def upgrade() -> None:
    _indexes()
    _tags()
    _catalogue()
    _limits()
    _domain_configs()
    _credentials()


def _indexes() -> None:
    op.create_index("ix_project_name_id", "project", ["name", "id"])
    op.create_index("ix_user_account_default_project_id", "user_account", ["default_project_id"])
    op.create_index("ix_user_account_name_id", "user_account", ["name", "id"])
    op.create_index("ix_user_group_name_id", "user_group", ["name", "id"])
    op.create_index("ix_endpoint_region_id", "endpoint", ["region_id"])


def _tags() -> None:
    op.create_table(
        "project_tag",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_project_tag_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_project_tag"),
    )
    op.create_index("ix_project_tag_name", "project_tag", ["name"])


def _catalogue() -> None:
    op.create_table(
        "endpoint_group",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("filters", sa.JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_endpoint_group"),
    )
    op.create_table(
        "policy",
        sa.Column("id", ID, nullable=False),
        sa.Column("type", NAME, nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy"),
    )
    op.create_table(
        "project_endpoint",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("endpoint_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoint.id"], name="fk_project_endpoint_endpoint_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_project_endpoint_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "endpoint_id", name="pk_project_endpoint"),
    )
    op.create_index("ix_project_endpoint_endpoint_id", "project_endpoint", ["endpoint_id"])
    op.create_table(
        "project_endpoint_group",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("endpoint_group_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_group_id"], ["endpoint_group.id"], name="fk_project_endpoint_group_endpoint_group_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_project_endpoint_group_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "endpoint_group_id", name="pk_project_endpoint_group"),
    )
    op.create_index("ix_project_endpoint_group_endpoint_group_id", "project_endpoint_group", ["endpoint_group_id"])
    op.create_table(
        "policy_association",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("policy_id", ID, nullable=False),
        sa.Column("endpoint_id", ID, nullable=True),
        sa.Column("service_id", ID, nullable=True),
        sa.Column("region_id", NAME, nullable=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoint.id"], name="fk_policy_association_endpoint_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"], name="fk_policy_association_policy_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name="fk_policy_association_region_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_policy_association_service_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("target", name="pk_policy_association"),
    )
    op.create_index("ix_policy_association_endpoint_id", "policy_association", ["endpoint_id"])
    op.create_index("ix_policy_association_policy_id", "policy_association", ["policy_id"])
    op.create_index("ix_policy_association_region_id", "policy_association", ["region_id"])
    op.create_index("ix_policy_association_service_id", "policy_association", ["service_id"])


def _limits() -> None:
    op.create_table(
        "registered_limit",
        sa.Column("id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("region_id", NAME, nullable=True),
        sa.Column("resource_name", NAME, nullable=False),
        sa.Column("default_limit", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name="fk_registered_limit_region_id"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_registered_limit_service_id"),
        sa.PrimaryKeyConstraint("id", name="pk_registered_limit"),
        sa.UniqueConstraint(
            "service_id", "region_id", "resource_name", name="uq_registered_limit_service_id_region_id_resource_name"
        ),
    )
    op.create_index("ix_registered_limit_region_id", "registered_limit", ["region_id"])
    op.create_index(
        "uq_registered_limit_no_region",
        "registered_limit",
        ["service_id", "resource_name"],
        unique=True,
        sqlite_where=sa.text("region_id IS NULL"),
        postgresql_where=sa.text("region_id IS NULL"),
    )
    op.create_table(
        "resource_limit",
        sa.Column("id", ID, nullable=False),
        sa.Column("registered_limit_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("domain_id", ID, nullable=True),
        sa.Column("resource_limit", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.CheckConstraint("(project_id IS NULL) <> (domain_id IS NULL)", name=op.f("ck_resource_limit_owner")),
        sa.ForeignKeyConstraint(["domain_id"], ["project.id"], name="fk_resource_limit_domain_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_resource_limit_project_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["registered_limit_id"], ["registered_limit.id"], name="fk_resource_limit_registered_limit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_resource_limit"),
        sa.UniqueConstraint("domain_id", "registered_limit_id", name="uq_resource_limit_domain_id_registered_limit_id"),
        sa.UniqueConstraint("project_id", "registered_limit_id", name="uq_resource_limit_project_id_registered_limit_id"),
    )
    op.create_index("ix_resource_limit_registered_limit_id", "resource_limit", ["registered_limit_id"])


def _domain_configs() -> None:
    op.create_table(
        "domain_config",
        sa.Column("domain_id", ID, nullable=False),
        sa.Column("group_name", NAME, nullable=False),
        sa.Column("option_name", NAME, nullable=False),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["domain_id"], ["project.id"], name="fk_domain_config_domain_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("domain_id", "group_name", "option_name", name="pk_domain_config"),
    )


def _credentials() -> None:
    op.create_table(
        "credential",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("type", NAME, nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_credential"),
    )
    op.create_index("ix_credential_project_id", "credential", ["project_id"])
    op.create_index("ix_credential_user_id", "credential", ["user_id"])
