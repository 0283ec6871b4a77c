"""Delegation and federation: trusts, application credentials, OAuth, identity and service providers, mappings.

Only adds tables: the code of 0002 runs on this schema too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.String(length=64)
NAME = sa.String(length=255)


def upgrade() -> None:
    _trusts()
    _application_credentials()
    _access_rules()
    _oauth()
    _federation()
    _service_providers()
    _federated_users()


def _trusts() -> None:
    op.create_table(
        "trust",
        sa.Column("id", ID, nullable=False),
        sa.Column("trustor_user_id", ID, nullable=False),
        sa.Column("trustee_user_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("impersonation", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("remaining_uses", sa.Integer(), nullable=True),
        sa.Column("redelegated_trust_id", ID, nullable=True),
        sa.Column("redelegation_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_trust_project_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["redelegated_trust_id"], ["trust.id"], name="fk_trust_redelegated_trust_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trustee_user_id"], ["user_account.id"], name="fk_trust_trustee_user_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trustor_user_id"], ["user_account.id"], name="fk_trust_trustor_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_trust"),
    )
    op.create_index("ix_trust_project_id", "trust", ["project_id"])
    op.create_index("ix_trust_redelegated_trust_id", "trust", ["redelegated_trust_id"])
    op.create_index("ix_trust_trustee_user_id", "trust", ["trustee_user_id"])
    op.create_index("ix_trust_trustor_user_id", "trust", ["trustor_user_id"])
    op.create_table(
        "trust_role",
        sa.Column("trust_id", ID, nullable=False),
        sa.Column("role_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="fk_trust_role_role_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trust_id"], ["trust.id"], name="fk_trust_role_trust_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trust_id", "role_id", name="pk_trust_role"),
    )
    op.create_index("ix_trust_role_role_id", "trust_role", ["role_id"])


def _application_credentials() -> None:
    op.create_table(
        "application_credential",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.Column("unrestricted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_application_credential_project_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_application_credential_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_application_credential"),
        sa.UniqueConstraint("user_id", "name", name="uq_application_credential_user_id_name"),
    )
    op.create_index("ix_application_credential_project_id", "application_credential", ["project_id"])
    op.create_table(
        "application_credential_role",
        sa.Column("application_credential_id", ID, nullable=False),
        sa.Column("role_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["application_credential_id"],
            ["application_credential.id"],
            name="fk_application_credential_role_application_credential_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="fk_application_credential_role_role_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("application_credential_id", "role_id", name="pk_application_credential_role"),
    )
    op.create_index("ix_application_credential_role_role_id", "application_credential_role", ["role_id"])


def _access_rules() -> None:
    op.create_table(
        "access_rule",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("service", NAME, nullable=False),
        sa.Column("path", sa.String(length=128), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_access_rule_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_access_rule"),
        sa.UniqueConstraint("user_id", "service", "path", "method", name="uq_access_rule_user_id_service_path_method"),
    )
    op.create_table(
        "application_credential_access_rule",
        sa.Column("application_credential_id", ID, nullable=False),
        sa.Column("access_rule_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["access_rule_id"], ["access_rule.id"], name="fk_application_credential_access_rule_access_rule_id"
        ),
        sa.ForeignKeyConstraint(
            ["application_credential_id"],
            ["application_credential.id"],
            name="fk_application_credential_access_rule_application_credential_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("application_credential_id", "access_rule_id", name="pk_application_credential_access_rule"),
    )
    op.create_index(
        "ix_application_credential_access_rule_access_rule_id", "application_credential_access_rule", ["access_rule_id"]
    )


def _oauth() -> None:
    op.create_table(
        "oauth_consumer",
        sa.Column("id", ID, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("extra", sa.JSON(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_oauth_consumer"),
    )
    op.create_table(
        "oauth_nonce",
        sa.Column("digest", ID, nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_oauth_nonce"),
    )
    op.create_index("ix_oauth_nonce_seen_at", "oauth_nonce", ["seen_at"])
    op.create_table(
        "oauth_request_token",
        sa.Column("id", ID, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("consumer_id", ID, nullable=False),
        sa.Column("requested_project_id", ID, nullable=False),
        sa.Column("verifier", ID, nullable=True),
        sa.Column("authorizing_user_id", ID, nullable=True),
        sa.Column("role_ids", sa.JSON(), nullable=True),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["authorizing_user_id"], ["user_account.id"], name="fk_oauth_request_token_authorizing_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["consumer_id"], ["oauth_consumer.id"], name="fk_oauth_request_token_consumer_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["requested_project_id"], ["project.id"], name="fk_oauth_request_token_requested_project_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_oauth_request_token"),
    )
    op.create_index("ix_oauth_request_token_consumer_id", "oauth_request_token", ["consumer_id"])
    op.create_table(
        "oauth_access_token",
        sa.Column("id", ID, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("consumer_id", ID, nullable=False),
        sa.Column("authorizing_user_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("role_ids", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["authorizing_user_id"], ["user_account.id"], name="fk_oauth_access_token_authorizing_user_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["consumer_id"], ["oauth_consumer.id"], name="fk_oauth_access_token_consumer_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name="fk_oauth_access_token_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_oauth_access_token"),
    )
    op.create_index("ix_oauth_access_token_authorizing_user_id", "oauth_access_token", ["authorizing_user_id"])
    op.create_index("ix_oauth_access_token_consumer_id", "oauth_access_token", ["consumer_id"])


def _federation() -> None:
    op.create_table(
        "identity_provider",
        sa.Column("id", ID, nullable=False),
        sa.Column("domain_id", ID, nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("authorization_ttl", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["domain_id"], ["project.id"], name="fk_identity_provider_domain_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_identity_provider"),
    )
    op.create_index("ix_identity_provider_domain_id", "identity_provider", ["domain_id"])
    op.create_table(
        "identity_provider_remote_id",
        sa.Column("remote_id", NAME, nullable=False),
        sa.Column("identity_provider_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["identity_provider_id"],
            ["identity_provider.id"],
            name="fk_identity_provider_remote_id_identity_provider_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("remote_id", name="pk_identity_provider_remote_id"),
    )
    op.create_index("ix_identity_provider_remote_id_identity_provider_id", "identity_provider_remote_id", ["identity_provider_id"])
    op.create_table(
        "mapping",
        sa.Column("id", ID, nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("schema_version", sa.String(length=5), server_default="1.0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mapping"),
    )
    op.create_table(
        "federation_protocol",
        sa.Column("identity_provider_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("mapping_id", ID, nullable=False),
        sa.Column("remote_id_attribute", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["identity_provider_id"],
            ["identity_provider.id"],
            name="fk_federation_protocol_identity_provider_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("identity_provider_id", "id", name="pk_federation_protocol"),
    )


def _service_providers() -> None:
    op.create_table(
        "service_provider",
        sa.Column("id", ID, nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("auth_url", sa.String(length=256), nullable=False),
        sa.Column("sp_url", sa.String(length=256), nullable=False),
        sa.Column("relay_state_prefix", sa.String(length=256), server_default="ss:mem:", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service_provider"),
    )


def _federated_users() -> None:
    op.create_table(
        "federated_user",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("identity_provider_id", ID, nullable=False),
        sa.Column("protocol_id", ID, nullable=False),
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["identity_provider_id", "protocol_id"],
            ["federation_protocol.identity_provider_id", "federation_protocol.id"],
            name="fk_federated_user_protocol",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_federated_user_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "identity_provider_id", "protocol_id", name="pk_federated_user"),
        sa.UniqueConstraint(
            "identity_provider_id", "protocol_id", "unique_id", name="uq_federated_user_identity_provider_id_protocol_id_unique_id"
        ),
    )
