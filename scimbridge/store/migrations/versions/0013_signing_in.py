"""How operators sign in to the pages: passwords, one-time links, identity providers, and their sessions.

The previous release runs on this schema, and lets nobody in who is elsewhere.
"""

import sqlalchemy as sa
from alembic import op

from scimbridge.store.schema import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    _secrets()
    _sessions()


def _secrets() -> None:
    op.create_table(
        "operator_secrets",
        sa.Column("operator", sa.String(100), sa.ForeignKey("operators.name"), primary_key=True),
        sa.Column("password_hash", sa.Text()),
        sa.Column("password_at", UtcDateTime()),
        sa.Column("totp_secret", sa.String(64)),
        sa.Column("totp_step", sa.Integer()),
    )
    op.create_table(
        "operator_subjects",
        sa.Column("operator", sa.String(100), sa.ForeignKey("operators.name"), primary_key=True),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.UniqueConstraint("issuer", "subject", name="uq_operator_subjects_issuer_subject"),
    )
    op.create_table(
        "operator_links",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("operator", sa.String(100), sa.ForeignKey("operators.name"), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_operator_links_operator", "operator_links", ["operator"])
    op.create_table(
        "failed_sign_ins",
        sa.Column("name_digest", sa.String(64), primary_key=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_failed_sign_ins_last_at", "failed_sign_ins", ["last_at"])


def _sessions() -> None:
    op.create_table(
        "operator_sessions",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("operator", sa.String(100), sa.ForeignKey("operators.name"), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("browser", sa.String(200), nullable=False),
        sa.UniqueConstraint("digest", name="uq_operator_sessions_digest"),
    )
    op.create_index("ix_operator_sessions_operator", "operator_sessions", ["operator"])
    op.create_index("ix_operator_sessions_ends_at", "operator_sessions", ["ends_at"])
