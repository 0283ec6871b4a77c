"""OAuth 1.0a (RFC 5849): consumers, and the tokens that users authorise for them. Secrets are sealed."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Index, LargeBinary, String, Table

from .columns import ID, id_column, json_object, metadata, moment, optional_text

consumer = Table(
    "oauth_consumer",
    metadata,
    id_column(),
    Column("secret", LargeBinary, nullable=False),
    optional_text("description"),
    json_object("extra"),
)

request_token = Table(
    "oauth_request_token",
    metadata,
    id_column(),
    Column("secret", LargeBinary, nullable=False),
    Column("consumer_id", ID, ForeignKey("oauth_consumer.id", ondelete="CASCADE"), nullable=False),
    Column("requested_project_id", ID, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("verifier", String(64), nullable=True),
    Column("authorizing_user_id", ID, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=True),
    Column("role_ids", JSON, nullable=True),
    moment("expires_at", nullable=True),
    Index("ix_oauth_request_token_consumer_id", "consumer_id"),
)

access_token = Table(
    "oauth_access_token",
    metadata,
    id_column(),
    Column("secret", LargeBinary, nullable=False),
    Column("consumer_id", ID, ForeignKey("oauth_consumer.id", ondelete="CASCADE"), nullable=False),
    Column("authorizing_user_id", ID, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("project_id", ID, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("role_ids", JSON, nullable=False),
    moment("expires_at", nullable=True),
    Index("ix_oauth_access_token_consumer_id", "consumer_id"),
    Index("ix_oauth_access_token_authorizing_user_id", "authorizing_user_id"),
)

oauth_nonce = Table(
    "oauth_nonce",
    metadata,
    # "consumer/token/timestamp/nonce", hashed: RFC 5849, section 3.3, has each combination taken once.
    Column("digest", String(64), primary_key=True),
    moment("seen_at"),
    Index("ix_oauth_nonce_seen_at", "seen_at"),
)
